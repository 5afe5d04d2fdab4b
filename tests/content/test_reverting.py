"""Commits that undo others."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.content.given import digest, repo
from tests.content.publishing import commit, committed, deleted, file, large, tree, uploaded
from tests.fixtures.people import Cast, Person


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    return repo(client, cast.alice, "m")


def revert(client: TestClient, who: Person, path: str, oid: str, query: str = "") -> Any:
    return client.post(f"/api/models/{path}/revert/{oid}{query}", headers=who.headers)


def test_what_a_commit_did_is_taken_back(client: TestClient, cast: Cast, path: str) -> None:
    committed(client, cast.alice, path, file("a", "1\n2\n3\n4\n5\n"), file("gone", "x"))
    bad = committed(
        client, cast.alice, path, file("a", "1\nBAD\n3\n4\n5\n"), file("new/b", "b"), deleted("gone"), summary="bad"
    )
    committed(client, cast.alice, path, file("a", "1\nBAD\n3\n4\nlater\n"), file("c", "stays"))
    answer = revert(client, cast.alice, path, bad[:8])
    assert answer.status_code == 200, answer.text
    assert tree(client, path) == [".gitattributes", "a", "c", "gone"]
    assert client.get(f"/{path}/resolve/main/a").text == "1\n2\n3\n4\nlater\n"
    (newest, *_) = client.get(f"/api/models/{path}/commits/main").json()
    assert (newest["title"], newest["id"]) == ('Revert "bad"', answer.json()["commitOid"])
    assert newest["message"] == f"This reverts commit {bad}."
    again = revert(client, cast.alice, path, bad)
    assert (again.status_code, "nothing to undo" in again.json()["error"]) == (409, True)


def test_what_changed_again_is_named(client: TestClient, cast: Cast, path: str) -> None:
    bad = committed(client, cast.alice, path, file("a", "1"), file("b", "1"))
    committed(client, cast.alice, path, file("a", "2"))
    answer = revert(client, cast.alice, path, bad)
    assert answer.status_code == 409
    assert answer.json()["filesWithConflicts"] == ["a"]
    assert tree(client, path) == [".gitattributes", "a", "b"]


def test_a_stranger_may_propose_it(client: TestClient, cast: Cast, path: str) -> None:
    bad = committed(client, cast.alice, path, file("a", "1"))
    assert revert(client, cast.charlie, path, bad).status_code == 403
    assert revert(client, cast.anonymous, path, bad, "?create_pr=1").status_code == 401
    answer = revert(client, cast.charlie, path, bad, "?create_pr=1")
    assert answer.json()["pullRequestUrl"].endswith(f"/{path}/discussions/1")
    assert tree(client, path, "refs%2Fpr%2F1") == [".gitattributes"]
    assert tree(client, path) == [".gitattributes", "a"]


def test_a_merge_is_undone_towards_one_side(client: TestClient, cast: Cast, path: str) -> None:
    commit(client, cast.alice, path, file("theirs", "1"), query="?create_pr=1")
    committed(client, cast.alice, path, file("ours", "1"))
    assert client.post(f"/api/models/{path}/discussions/1/merge", headers=cast.alice.headers).status_code == 200
    merge = client.get(f"/api/models/{path}/commits/main").json()[0]["id"]
    unsaid = revert(client, cast.alice, path, merge)
    assert (unsaid.status_code, "parent=1 to parent=2" in unsaid.json()["error"]) == (400, True)
    assert revert(client, cast.alice, path, merge, "?parent=3").status_code == 400
    assert revert(client, cast.alice, path, merge, "?parent=1").status_code == 200
    assert tree(client, path) == [".gitattributes", "ours"]


def test_large_files_come_back_while_they_are_held(client: TestClient, cast: Cast, path: str) -> None:
    uploaded(client, cast.alice, path, b"weights")
    committed(client, cast.alice, path, large("w.bin", b"weights"))
    bad = committed(client, cast.alice, path, deleted("w.bin"))
    assert revert(client, cast.alice, path, bad).status_code == 200
    assert client.get(f"/{path}/resolve/main/w.bin").content == b"weights"
    bad = committed(client, cast.alice, path, deleted("w.bin"))
    body = {"deletions": {"sha": [digest(b"weights")], "rewriteHistory": False}}
    client.post(f"/api/models/{path}/lfs-files/batch", json=body, headers=cast.alice.headers)
    answer = revert(client, cast.alice, path, bad)
    assert answer.status_code == 400 and "was not uploaded" in answer.text


def test_what_cannot_be_asked(client: TestClient, cast: Cast, path: str) -> None:
    oid = committed(client, cast.alice, path, file("a", "1"))
    for query, status in (("?branch=nope", 404), ("?parent=x", 400), ("?branch=%00", 400), ("?branch=" + oid, 404)):
        assert revert(client, cast.alice, path, oid, query).status_code == status, query
    missing = revert(client, cast.alice, path, "0" * 40)
    assert (missing.status_code, missing.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    first = client.get(f"/api/models/{path}/commits/main").json()[-1]["id"]
    assert revert(client, cast.alice, path, first).status_code == 200  # even the first commit
    assert tree(client, path) == ["a"]
