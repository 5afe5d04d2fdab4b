"""Two at once: whoever loses is told so in words, and nothing is left half-done."""

import threading
from collections.abc import Callable, Sequence

import httpx
import pytest
from starlette.testclient import TestClient

from tests.content.given import repo
from tests.content.publishing import commit, file
from tests.fixtures.people import Cast

four_times = pytest.mark.parametrize("number", range(4))


def _at_once(calls: Sequence[Callable[[], httpx.Response]]) -> list[int]:
    """The statuses of ``calls``, started together."""
    gate, found = threading.Barrier(len(calls)), []

    def run(call: Callable[[], httpx.Response]) -> None:
        gate.wait()
        found.append(call().status_code)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(calls), "a call crashed"
    return sorted(found)


@four_times
def test_one_name_is_taken_once(client: TestClient, cast: Cast, number: int) -> None:
    """By two moves and two creations at once."""
    headers = cast.alice.headers
    first, second = repo(client, cast.alice, "first"), repo(client, cast.alice, "second")

    def move(old: str) -> httpx.Response:
        body = {"fromRepo": old, "toRepo": "alice/prize"}
        return client.post("/api/repos/move", json=body, headers=headers)

    def create(name: str) -> httpx.Response:
        return client.post("/api/repos/create", json={"name": name}, headers=headers)

    statuses = _at_once([lambda: move(first), lambda: move(second), lambda: create("prize"), lambda: create("PRIZE")])
    assert statuses == [200, 409, 409, 409]


@four_times
def test_a_repository_deleted_under_a_commit_takes_it_along(client: TestClient, cast: Cast, number: int) -> None:
    headers, path = cast.alice.headers, repo(client, cast.alice, "gone")
    statuses = _at_once(
        [
            lambda: client.request("DELETE", "/api/repos/delete", json={"name": "gone"}, headers=headers),
            lambda: commit(client, cast.alice, path, file("a", b"1")),
            lambda: commit(client, cast.alice, path, file("b", b"1")),
            lambda: client.post(f"/api/models/{path}/branch/topic", headers=headers),
            lambda: client.put(f"/api/models/{path}/settings", json={"private": True}, headers=headers),
        ]
    )
    assert set(statuses) <= {200, 404, 409}, statuses
    assert client.get(f"/api/models/{path}", headers=headers).status_code == 404
    assert repo(client, cast.alice, "gone") == path
