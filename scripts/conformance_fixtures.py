"""What the client's source distribution leaves out of its tests: one fixture, as a pytest plugin for its own suite."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def new_repo_id(api: Any) -> Iterator[str]:
    """The id of a repository that does not exist yet; whatever the test makes of it is removed again."""
    from tests.testing_constants import USER  # the client's tree, on the path when its suite runs
    from tests.testing_utils import repo_name

    repo_id = f"{USER}/{repo_name()}"
    yield repo_id
    api.delete_repo(repo_id, missing_ok=True)
