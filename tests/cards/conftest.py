"""Repositories with commits in them, for the tests of this room."""

from tests.discover.conftest import publish as publish
