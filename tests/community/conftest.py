"""Repositories with real commits in them, as the tests of ``discover`` make them."""

from tests.discover.conftest import publish as publish
