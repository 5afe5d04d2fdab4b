"""What the client's source distribution leaves out of its tests: one fixture, as a pytest plugin for its own suite."""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def new_repo_id(api: Any) -> Iterator[str]:
    """The id of a repository that does not exist yet; whatever the test makes of it is removed again."""
    # The client's own tree, which is on the path only while its suite runs.
    user = importlib.import_module("tests.testing_constants").USER
    repo_id = f"{user}/{importlib.import_module('tests.testing_utils').repo_name()}"
    yield repo_id
    api.delete_repo(repo_id, missing_ok=True)
