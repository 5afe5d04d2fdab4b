"""What the tests with official clients share; the clients themselves are in ``tests/fixtures/clients.py``."""

import pytest


@pytest.fixture
def repo(request: pytest.FixtureRequest) -> str:
    """A repository id under Alice that no other test of this session uses."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name).strip("-")
    return f"alice/{name[:90].strip('-')}"
