"""What a repository takes, by ref and revision, and what a deletion would free: then it is done, and compared."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Action
from freehold.content import queries
from freehold.content.service.collecting import Collector
from freehold.content.service.publishing import move_ref
from freehold.core import clock
from freehold.repos import service as repos
from tests.content.given import digest, repo
from tests.content.publishing import commit, committed, file, large, uploaded
from tests.fixtures.people import Cast, Person

OLD, NEW, SIDE, PULL = b"o" * 1000, b"n" * 2000, b"s" * 300, b"p" * 50


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    made = repo(client, cast.alice, "m")
    for data in (OLD, NEW, SIDE, PULL):
        uploaded(client, cast.alice, made, data)
    committed(client, cast.alice, made, large("model.bin", OLD), summary="old")
    committed(client, cast.alice, made, large("model.bin", NEW), summary="new")
    client.post(f"/api/models/{made}/branch/side", headers=cast.alice.headers)
    committed(client, cast.alice, made, large("side.bin", SIDE), file("words", "only here " * 500), rev="side")
    commit(client, cast.alice, made, large("pull.bin", PULL), query="?create_pr=1")
    uploaded(client, cast.alice, made, b"loose")
    return made


def storage(client: TestClient, who: Person, path: str, what: str = "", **query: Any) -> Any:
    return client.get(f"/api/models/{path}/storage{what}", params=query, headers=who.headers)


def used(client: TestClient, cast: Cast, path: str) -> int:
    return int(client.get(f"/api/models/{path}?expand=usedStorage", headers=cast.alice.headers).json()["usedStorage"])


def test_storage_by_ref(client: TestClient, cast: Cast, path: str) -> None:
    found = storage(client, cast.alice, path).json()
    assert found["largeFiles"] == {"files": 5, "bytes": 3355}
    assert found["superseded"] == {"files": 1, "bytes": 1000}
    assert found["unreferenced"] == {"files": 1, "bytes": 5}
    assert {ref["ref"]: (ref["largeFiles"]["bytes"], ref["unique"]["bytes"]) for ref in found["refs"]} == {
        "refs/heads/main": (3000, 0),
        "refs/heads/side": (3300, 300),
        "refs/pr/1": (3050, 50),
    }
    assert found["usedStorage"] == found["git"]["bytes"] + 3355 == used(client, cast, path)


def test_storage_by_revision(client: TestClient, cast: Cast, path: str) -> None:
    found = storage(client, cast.alice, path, "/revisions/side").json()
    assert [(item["title"], item["largeFiles"]["bytes"], item["added"]["bytes"]) for item in found] == [
        ("a change", 2300, 300),
        ("new", 2000, 2000),
        ("old", 1000, 1000),
        ("initial commit", 0, 0),
    ]
    missing = storage(client, cast.alice, path, "/revisions/nope")
    assert (missing.status_code, missing.headers["X-Error-Code"]) == (404, "RevisionNotFound")


def test_only_writers_are_told(client: TestClient, cast: Cast, path: str) -> None:
    for what in ("", "/plan", "/revisions/main"):
        assert storage(client, cast.charlie, path, what).status_code == 403
        assert storage(client, cast.anonymous, path, what).status_code == 401
    assert "storedBytes" not in storage(client, cast.alice, path, "/plan", squash="main").json()
    assert storage(client, cast.root, path, "/plan", delete="side").json()["storedBytes"] == 300


def test_plans_that_cannot_be(client: TestClient, cast: Cast, path: str) -> None:
    assert storage(client, cast.alice, path, "/plan", delete="main").status_code == 400
    for query in ({"delete": "nope"}, {"squash": "nope"}, {"file": digest(b"nope")}):
        assert storage(client, cast.alice, path, "/plan", **query).status_code == 404
    assert storage(client, cast.alice, path, "/plan", file="x").status_code == 422
    assert storage(client, cast.alice, path, "/plan").json()["largeFiles"] == {"files": 0, "bytes": 0}


@pytest.mark.parametrize(
    ("query", "files", "size"),
    [
        ({"delete": ["side"]}, ["side.bin"], 300),
        ({"delete": ["refs/pr/1"]}, ["pull.bin"], 50),
        ({"squash": ["main"]}, [], 0),  # the branch and the proposal still have the old weights
        ({"squash": ["main", "side", "refs/pr/1"]}, ["model.bin"], 1000),
        ({"squash": ["main"], "delete": ["side", "refs/pr/1"]}, ["model.bin", "pull.bin", "side.bin"], 1350),
    ],
)
def test_a_plan_is_what_happens(
    client: TestClient, cast: Cast, path: str, app: Starlette, query: dict[str, list[str]], files: list[str], size: int
) -> None:
    found = storage(client, cast.root, path, "/plan", **query).json()
    assert sorted(item["filename"] for item in found["files"]) == files
    assert found["largeFiles"] == {"files": len(files), "bytes": size}
    for ref in query.get("squash", []):
        assert client.post(f"/api/models/{path}/super-squash/{ref.replace('/', '%2F')}", headers=cast.alice.headers)
    for ref in query.get("delete", []):
        if ref.startswith("refs/pr/"):
            with app.state.database.write() as db:
                row = repos.load(db, cast.alice.actor, path, Action.WRITE)
                target = next(ref for ref in queries.refs(db, row) if ref.name == "refs/pr/1").target
                move_ref(db, cast.alice.actor, row, ref, target, None)
        else:
            client.delete(f"/api/models/{path}/branch/{ref}", headers=cast.alice.headers)
    with clock.frozen(clock.now() + timedelta(days=4)):
        report = Collector(app.state.database, app.state.kit).turn()
    assert report.doomed_bytes["large files"] == found["storedBytes"] + len(b"loose")
    assert report.ended_claims == len(files) + 1


def test_git_bytes_of_a_plan(client: TestClient, cast: Cast, path: str) -> None:
    found = storage(client, cast.alice, path, "/plan", delete="side").json()
    assert found["git"]["bytes"] > 100  # the words, two trees, a pointer and the commit, as they lie in the pack
