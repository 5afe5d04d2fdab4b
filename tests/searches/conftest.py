"""Repositories to be found, and a turn of the search for them."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from freehold.searches import matching
from tests.discover.conftest import publish as publish

MIT = "---\nlicense: mit\n---\n# A model\n"
APACHE = "---\nlicense: apache-2.0\n---\n# A model\n"


@pytest.fixture
def look_around(client: TestClient) -> Callable[[], None]:
    """What changed until now is held against all saved searches."""

    def turn() -> None:
        matching.turn(client.app.state.database)  # type: ignore[attr-defined]

    return turn
