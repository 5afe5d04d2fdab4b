"""Locks of git-lfs, through their door and as every commit meets them."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.content import given, publishing
from tests.fixtures.people import Cast, Person
from tests.fixtures.pushes import NULL, Made, head, push


@pytest.fixture
def repo(client: TestClient, cast: Cast) -> str:
    body = {"name": "model", "organization": "lab"}
    assert client.post("/api/repos/create", json=body, headers=cast.alice.headers).status_code == 200
    return "lab/model"


def call(client: TestClient, who: Person, repo: str, what: str, body: Any = None, *, get: bool = False) -> Any:
    address = f"/{repo}.git/info/lfs/locks{what}"
    headers = given.LFS | who.headers
    return client.get(address, headers=headers) if get else client.post(address, json=body, headers=headers)


def test_a_file_is_locked_listed_and_unlocked(client: TestClient, cast: Cast, repo: str) -> None:
    made = call(client, cast.bob, repo, "", {"path": "a.bin", "ref": {"name": "refs/heads/main"}})
    assert made.status_code == 201, made.text
    lock = made.json()["lock"]
    assert lock["path"] == "a.bin" and lock["owner"] == {"name": "bob"} and lock["locked_at"].endswith("Z")
    assert made.headers["content-type"] == "application/vnd.git-lfs+json"
    again = call(client, cast.alice, repo, "", {"path": "a.bin"})
    assert (again.status_code, again.json()["lock"]) == (409, lock)
    assert again.json()["message"] == "already created lock"
    second = call(client, cast.alice, repo, "", {"path": "b.bin"}).json()["lock"]
    for query, found in (("", 2), ("?path=a.bin", 1), (f"?id={second['id']}", 1), ("?path=none", 0)):
        assert len(call(client, cast.charlie, repo, query, get=True).json()["locks"]) == found
    page = call(client, cast.charlie, repo, "?limit=1", get=True).json()
    rest = call(client, cast.charlie, repo, f"?limit=1&cursor={page['next_cursor']}", get=True).json()
    assert {page["locks"][0]["id"], rest["locks"][0]["id"]} == {lock["id"], second["id"]}
    assert "next_cursor" not in rest
    whose = call(client, cast.bob, repo, "/verify", {}).json()
    assert ([one["path"] for one in whose["ours"]], [one["path"] for one in whose["theirs"]]) == (["a.bin"], ["b.bin"])
    assert call(client, cast.bob, repo, f"/{lock['id']}/unlock", {}).json()["lock"] == lock
    assert call(client, cast.bob, repo, f"/{lock['id']}/unlock", {}).status_code == 404


def test_who_may_do_what_with_locks(client: TestClient, cast: Cast, repo: str) -> None:
    lock = call(client, cast.bob, repo, "", {"path": "a.bin"}).json()["lock"]
    refused = call(client, cast.alice, repo, f"/{lock['id']}/unlock", {"force": False})
    assert refused.status_code == 403 and "locked by bob" in refused.json()["message"]
    assert call(client, cast.alice, repo, f"/{lock['id']}/unlock", {"force": True}).status_code == 200
    for who, status in ((cast.charlie, 403), (cast.anonymous, 401)):
        assert call(client, who, repo, "", {"path": "x"}).status_code == status
    assert call(client, cast.charlie, repo, "/verify", {}).status_code == 200, "asked before a proposal is pushed too"
    assert call(client, cast.anonymous, repo, "/verify", {}).status_code == 401
    for body in ({"path": "../x"}, {"path": ""}, {"path": "a\0b"}, {"path": "x" * 5000}, {}, [], {"path": 7}):
        assert call(client, cast.bob, repo, "", body).status_code == 422, body


def test_nobody_else_changes_what_is_locked(client: TestClient, cast: Cast, repo: str, tmp_path: Any) -> None:
    publishing.committed(client, cast.bob, repo, publishing.file("data/a.txt", "one"))
    call(client, cast.bob, repo, "", {"path": "data/a.txt"})
    for line in (
        publishing.file("data/a.txt", "x"),
        publishing.deleted("data/a.txt"),
        publishing.deleted("data/", folder=True),
    ):
        answer = publishing.commit(client, cast.alice, repo, line)
        assert answer.status_code == 409 and "'data/a.txt' is locked by bob" in answer.json()["error"], answer.text
    made = Made(tmp_path)
    tree = made.tree(("40000", b"data", made.tree(("100644", b"a.txt", made.blob(b"two")))))
    at = head(client, cast.alice, repo)
    commit, pack = made.commit(tree, at), made.pack()
    reply = push(client, cast.alice, repo, "refs/heads/main", commit, pack, old=at)
    assert reply.refs == {"refs/heads/main": "locked by somebody else"} and "is locked by bob" in reply.words
    assert push(client, cast.alice, repo, "refs/for/main", commit, pack, old=NULL).refs == {"refs/for/main": None}
    publishing.committed(client, cast.alice, repo, publishing.file("data/b.txt", "free"))
    publishing.committed(client, cast.bob, repo, publishing.file("data/a.txt", "by its owner"))
