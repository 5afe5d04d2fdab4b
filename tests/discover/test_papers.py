"""Papers: none is kept here, and the answers say so in the shapes that clients read."""

import pytest
from starlette.testclient import TestClient

from tests.fixtures.each import each


@pytest.mark.parametrize(
    "path",
    [
        "/api/papers/search?q=attention&limit=3",
        "/api/daily_papers",
        "/api/daily_papers?date=2025-10-29&p=2&limit=10&sort=trending&submitter=alice",
        "/api/daily_papers?week=2025-W44",
        "/api/daily_papers?month=2025-10",
    ],
)
def test_lists_are_empty(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, [])


@each("query", ["date=2025-13-40", "date=tomorrow", "week=2025-W60", "month=2025-13", "week=2025", "sort=best"])
def test_what_is_not_in_the_calendar_is_told(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/daily_papers?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("path", ["/api/papers/2407.21783", "/papers/2407.21783.md"])
def test_every_paper_is_unknown(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "2407.21783" in answer.headers["x-error-message"]
