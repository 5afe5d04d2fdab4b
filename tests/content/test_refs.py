"""Branches, tags, and history made short."""

import json
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from freehold.content import rules
from freehold.content.tables import Push
from freehold.core.database import Database
from tests.content.given import repo
from tests.content.publishing import commit, committed, file, tree
from tests.fixtures.each import each
from tests.fixtures.people import Cast, Person


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    return repo(client, cast.alice, "m")


def refs(client: TestClient, path: str, query: str = "") -> Any:
    return client.get(f"/api/models/{path}/refs{query}").json()


def branch(client: TestClient, who: Person, path: str, name: str, **body: Any) -> Any:
    return client.post(f"/api/models/{path}/branch/{name}", json=body, headers=who.headers)


def tag(client: TestClient, who: Person, path: str, name: str, rev: str = "main", **body: Any) -> Any:
    content = json.dumps({"tag": name, **body})  # escapes what no UTF-8 can hold, as a hostile client would
    headers = who.headers | {"Content-Type": "application/json"}
    return client.post(f"/api/models/{path}/tag/{rev}", content=content, headers=headers)


def test_branches_start_where_asked(client: TestClient, cast: Cast, path: str) -> None:
    first = refs(client, path)["branches"][0]["targetCommit"]
    latest = committed(client, cast.alice, path, file("app.py", "content"))
    assert branch(client, cast.alice, path, "from-head").status_code == 200
    assert branch(client, cast.alice, path, "from-initial", startingPoint=first[:9]).status_code == 200
    assert branch(client, cast.alice, path, "from-branch", startingPoint="from-initial").status_code == 200
    assert {r["name"]: r["targetCommit"] for r in refs(client, path)["branches"]} == {
        "main": latest,
        "from-head": latest,
        "from-initial": first,
        "from-branch": first,
    }


def test_a_branch_needs_no_body(client: TestClient, cast: Cast, path: str) -> None:
    assert client.post(f"/api/models/{path}/branch/x", headers=cast.alice.headers).status_code == 200


def test_refs_name_everything(client: TestClient, cast: Cast, path: str) -> None:
    branch(client, cast.alice, path, "feat%2Fone")
    tag(client, cast.alice, path, "v1.0", message="first")
    commit(client, cast.charlie, path, file("a", "1"), query="?create_pr=1")
    shown = refs(client, path)
    assert [(r["name"], r["ref"]) for r in shown["branches"]] == [
        ("feat/one", "refs/heads/feat/one"),
        ("main", "refs/heads/main"),
    ]
    assert [(r["name"], r["ref"]) for r in shown["tags"]] == [("v1.0", "refs/tags/v1.0")]
    assert shown["converts"] == []
    assert "pullRequests" not in shown
    assert [r["ref"] for r in refs(client, path, "?include_prs=1")["pullRequests"]] == ["refs/pr/1"]


def test_a_branch_that_is_there(client: TestClient, cast: Cast, path: str) -> None:
    branch(client, cast.alice, path, "x")
    for name in ("x", "main"):
        answer = branch(client, cast.alice, path, name)
        assert answer.status_code == 409
        assert answer.json()["error"] == f"Reference refs/heads/{name} already exists"


def test_a_tag_of_the_same_name_is_fine(client: TestClient, cast: Cast, path: str) -> None:
    assert tag(client, cast.alice, path, "x").status_code == 200
    assert branch(client, cast.alice, path, "x").status_code == 200


def test_git_cannot_fetch_a_name_inside_a_name(client: TestClient, cast: Cast, path: str) -> None:
    branch(client, cast.alice, path, "a%2Fb")
    for name in ("a", "a%2Fb%2Fc"):
        answer = branch(client, cast.alice, path, name)
        assert (answer.status_code, "refs/heads/a/b exists" in answer.json()["error"]) == (409, True)
    assert branch(client, cast.alice, path, "a_").status_code == 200


BAD_NAMES = [
    "refs%2Fpr%2F5", "refs%2Fheads%2Fx", "HEAD", "@", "-x", "a..b", "a%20b", ".a", "a%2F.b", "a.lock", "a.", "a~1",
    "a%5Eb", "a:b", "a%3Fb", "a*b", "a[b", "a%5Cb", "a%2F%2Fb", "%2Fa", "a%2F", "a@%7Bb", "0" * 40, "x" * 201,
    "a%7F", "a%E2%80%A8b",
]  # fmt: skip


@each("name", BAD_NAMES)
def test_names_no_branch_can_have(client: TestClient, cast: Cast, path: str, name: str) -> None:
    answer = branch(client, cast.alice, path, name)
    assert answer.status_code == 400, answer.text
    assert "Invalid reference for a branch" in answer.json()["error"]


@each("name", ["invalid tag", "a\0b", "refs/tags/x", "..", "\ud800"])
def test_names_no_tag_can_have(client: TestClient, cast: Cast, path: str, name: str) -> None:
    answer = tag(client, cast.alice, path, name)
    assert answer.status_code in (400, 422), answer.text
    assert refs(client, path)["tags"] == []


@pytest.mark.parametrize("start", ["nope", "a\0b", "0" * 40])
def test_a_missing_start(client: TestClient, cast: Cast, path: str, start: str) -> None:
    answer = branch(client, cast.alice, path, "x", startingPoint=start)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")


def test_delete_a_branch(client: TestClient, cast: Cast, path: str, database: Database) -> None:
    branch(client, cast.alice, path, "a%2Fb")
    oid = committed(client, cast.alice, path, file("f", "1"), rev="a%2Fb")
    gone = client.delete(f"/api/models/{path}/branch/a%2Fb", headers=cast.alice.headers)
    assert gone.status_code == 200
    assert client.get(f"/api/models/{path}/tree/a%2Fb").headers["X-Error-Code"] == "RevisionNotFound"
    with database.read() as db:
        last = db.scalars(select(Push).order_by(Push.at.desc())).first()
        assert last and (last.ref, last.before, last.after) == ("refs/heads/a/b", oid, None)


def test_branches_that_cannot_be_deleted(client: TestClient, cast: Cast, path: str) -> None:
    tag(client, cast.alice, path, "a-tag")
    main = client.delete(f"/api/models/{path}/branch/main", headers=cast.alice.headers)
    assert (main.status_code, main.json()["error"]) == (403, "Cannot delete refs/heads/main")
    for name in ("nope", "a-tag", "refs%2Fpr%2F1", "x" * 400):
        answer = client.delete(f"/api/models/{path}/branch/{name}", headers=cast.alice.headers)
        assert answer.status_code == 400
        assert "Invalid rev id" in answer.json()["error"]


def test_tags_on_any_revision(client: TestClient, cast: Cast, path: str) -> None:
    oid = committed(client, cast.alice, path, file("f", "1"))
    made = commit(client, cast.alice, path, file("g", "1"), query="?create_pr=1").json()
    assert tag(client, cast.alice, path, "on-main").status_code == 200
    assert tag(client, cast.alice, path, "on-short", oid[:7]).status_code == 200
    assert tag(client, cast.alice, path, "on-pr", "refs%2Fpr%2F1").status_code == 200
    assert {r["name"]: r["targetCommit"] for r in refs(client, path)["tags"]} == {
        "on-main": oid,
        "on-short": oid,
        "on-pr": made["commitOid"],
    }


def test_tag_refusals(client: TestClient, cast: Cast, path: str) -> None:
    tag(client, cast.alice, path, "v1")
    assert tag(client, cast.alice, path, "v1").status_code == 409
    missing = tag(client, cast.alice, path, "invalid tag", "nope")
    assert (missing.status_code, missing.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    for name in ("main", "nope"):
        answer = client.delete(f"/api/models/{path}/tag/{name}", headers=cast.alice.headers)
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    assert client.delete(f"/api/models/{path}/tag/v1", headers=cast.alice.headers).status_code == 200
    assert refs(client, path)["tags"] == []


def test_strangers_and_readers_change_no_refs(client: TestClient, cast: Cast, path: str) -> None:
    for who, expected in ((cast.charlie.headers, 403), (cast.alice.read_headers, 403), ({}, 401)):
        for method, door, body in (
            ("POST", "branch/x", {}),
            ("DELETE", "branch/main", None),
            ("POST", "tag/main", {"tag": "x"}),
            ("DELETE", "tag/x", None),
            ("POST", "super-squash/main", {"message": "m"}),
        ):
            answer = client.request(method, f"/api/models/{path}/{door}", json=body, headers=who)
            assert answer.status_code == expected, (method, door)


def test_squashed_history_holds_what_the_branch_held(client: TestClient, cast: Cast, path: str) -> None:
    for n in range(3):
        committed(client, cast.alice, path, file("f", str(n)))
    branch(client, cast.alice, path, "v0.1")
    kept = committed(client, cast.alice, path, file("f", "foo"), rev="v0.1")
    before = tree(client, path)
    answer = client.post(
        f"/api/models/{path}/super-squash/main", json={"message": "all of it"}, headers=cast.alice.headers
    )
    assert answer.status_code == 200
    log = client.get(f"/api/models/{path}/commits/main").json()
    assert [(c["title"], c["id"]) for c in log] == [("all of it", answer.json()["commitOid"])]
    assert tree(client, path) == before
    assert client.get(f"/{path}/resolve/main/f").text == "2"
    others = client.get(f"/api/models/{path}/commits/v0.1").json()
    assert (len(others), others[0]["id"]) == (5, kept)


def test_squash_of_a_proposal_and_of_what_is_no_branch(client: TestClient, cast: Cast, path: str) -> None:
    commit(client, cast.alice, path, file("g", "1"), query="?create_pr=1")
    tag(client, cast.alice, path, "v1")
    done = client.post(f"/api/models/{path}/super-squash/refs%2Fpr%2F1", headers=cast.alice.headers)
    assert done.status_code == 200
    assert len(client.get(f"/api/models/{path}/commits/refs%2Fpr%2F1").json()) == 1
    for rev in ("nope", "v1", done.json()["commitOid"]):
        answer = client.post(f"/api/models/{path}/super-squash/{rev}", headers=cast.alice.headers)
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    for content in (b"{", b'{"message": 5}', b"[]", b'{"message": "' + b"x" * 5000 + b'"}'):
        answer = client.post(f"/api/models/{path}/super-squash/main", content=content, headers=cast.alice.headers)
        assert answer.status_code == 422


def test_the_head_comes_before_a_branch_called_like_a_commit(client: TestClient, cast: Cast, path: str) -> None:
    """An abbreviated id may read like a branch: then it is the branch."""
    oid = committed(client, cast.alice, path, file("f", "1"))
    branch(client, cast.alice, path, oid[:7])
    newer = committed(client, cast.alice, path, file("g", "1"), rev=oid[:7])
    assert tree(client, path, oid[:7]) == [".gitattributes", "f", "g"]
    assert rules.ref_candidates(oid[:7])[0] == f"refs/heads/{oid[:7]}"
    assert newer != oid
