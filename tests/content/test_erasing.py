"""Large files listed over the whole history, and given up for good."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.service import erasing
from freehold.content.tables import RepoContent
from freehold.core.database import Database
from tests.content.given import batch, digest, recipe, repo
from tests.content.publishing import commit, committed, deleted, file, large, tree, uploaded
from tests.fixtures.people import Cast, Person

OLD, NEW, OTHER = b"old weights", b"new weights", b"other weights"


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    """Old weights, then new ones at the same path; other weights on a branch and in a proposal."""
    made = repo(client, cast.alice, "m")
    for data in (OLD, NEW, OTHER):
        uploaded(client, cast.alice, made, data)
    committed(client, cast.alice, made, large("dir/model.bin", OLD), file("a.txt", "1"), summary="old")
    committed(client, cast.alice, made, large("dir/model.bin", NEW), summary="new")
    client.post(f"/api/models/{made}/branch/side", headers=cast.alice.headers)
    committed(client, cast.alice, made, large("other.bin", OTHER), rev="side", summary="other")
    assert commit(client, cast.alice, made, large("pr.bin", OLD), query="?create_pr=1").status_code == 200
    return made


def listed(client: TestClient, who: Person, path: str) -> dict[str, Any]:
    answer = client.get(f"/api/models/{path}/lfs-files", headers=who.headers)
    assert answer.status_code == 200, answer.text
    return {item["fileOid"]: item for item in answer.json()}


def erase(client: TestClient, who: Person, path: str, *files: bytes, rewrite: bool = True) -> Any:
    body = {"deletions": {"sha": [digest(data) for data in files], "rewriteHistory": rewrite}}
    return client.post(f"/api/models/{path}/lfs-files/batch", json=body, headers=who.headers)


def history(client: TestClient, path: str, rev: str = "main") -> list[tuple[str, str, str]]:
    return [
        (found["title"], found["date"], found["authors"][0]["user"])
        for found in client.get(f"/api/models/{path}/commits/{rev}").json()
    ]


def test_every_large_file_of_the_history_is_listed(client: TestClient, cast: Cast, path: str) -> None:
    uploaded(client, cast.alice, path, b"sent, never committed")
    found = listed(client, cast.alice, path)
    assert {(item["filename"], item.get("ref"), item["size"]) for item in found.values()} == {
        ("dir/model.bin", "main", len(OLD)),
        ("dir/model.bin", "main", len(NEW)),
        ("other.bin", "side", len(OTHER)),
        ("", None, len(b"sent, never committed")),
    }
    first = client.get(f"/api/models/{path}/lfs-files?limit=3", headers=cast.alice.headers)
    second = client.get(first.links["next"]["url"], headers=cast.alice.headers)
    assert {item["fileOid"] for item in first.json() + second.json()} == set(found)
    assert "next" not in second.links


def test_history_without_a_file(client: TestClient, cast: Cast, path: str) -> None:
    before = {rev: history(client, path, rev) for rev in ("main", "side", "refs%2Fpr%2F1")}
    kept = client.get(f"/api/models/{path}/commits/side").json()[-1]["id"]
    answer = erase(client, cast.alice, path, OLD)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rewrittenCommits"] == 4  # old, new, other, and the proposal's
    assert {rev: history(client, path, rev) for rev in before} == before
    log = client.get(f"/api/models/{path}/commits/main").json()
    assert log[-1]["id"] == kept, "commits from before the file keep their ids"
    assert tree(client, path, log[1]["id"]) == [".gitattributes", "a.txt"]
    assert tree(client, path) == [".gitattributes", "a.txt", "dir/model.bin"]
    assert tree(client, path, "refs%2Fpr%2F1") == tree(client, path)
    assert client.get(f"/{path}/resolve/main/dir/model.bin").content == NEW
    assert set(listed(client, cast.alice, path)) == {digest(NEW), digest(OTHER)}


def test_no_door_leads_to_the_bytes(client: TestClient, cast: Cast, path: str, app: Starlette) -> None:
    data = b"rebuilt from chunks" * 20_000
    file_hash = recipe(app, path, data)
    committed(client, cast.alice, path, large("xet.bin", data))
    token = client.get(f"/api/models/{path}/xet-read-token/main", headers=cast.alice.headers).json()["accessToken"]
    plan = f"/xet/v1/reconstructions/{file_hash}"
    assert client.get(plan, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    old = client.get(f"/api/models/{path}/commits/main").json()[0]["id"]
    assert erase(client, cast.alice, path, data).status_code == 200
    assert client.get(plan, headers={"Authorization": f"Bearer {token}"}).status_code == 404
    for rev in ("main", old):
        answer = client.get(f"/{path}/resolve/{rev}/xet.bin")
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "EntryNotFound")
    (offer,) = batch(client, path, [data], cast.alice.headers, operation="download")
    assert offer["error"]["code"] == 404


def test_pointers_may_stay_and_lead_nowhere(client: TestClient, cast: Cast, path: str) -> None:
    before = client.get(f"/api/models/{path}/refs").json()
    assert erase(client, cast.alice, path, NEW, rewrite=False).status_code == 200
    assert client.get(f"/api/models/{path}/refs").json() == before
    assert "dir/model.bin" in tree(client, path)
    answer = client.get(f"/{path}/resolve/main/dir/model.bin")
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "EntryNotFound")
    assert digest(NEW) in answer.json()["error"] and "not on this hub any more" in answer.json()["error"]
    assert commit(client, cast.alice, path, large("again.bin", NEW)).status_code == 400
    uploaded(client, cast.alice, path, NEW)  # sent again, it is there again
    assert client.get(f"/{path}/resolve/main/dir/model.bin").content == NEW


def test_others_keep_what_they_hold(client: TestClient, cast: Cast, path: str) -> None:
    own = repo(client, cast.charlie, "own")
    uploaded(client, cast.charlie, own, NEW)
    committed(client, cast.charlie, own, large("mine.bin", NEW))
    assert erase(client, cast.alice, path, NEW).status_code == 200
    assert client.get(f"/{own}/resolve/main/mine.bin").content == NEW


def test_who_may_and_what_is_refused(client: TestClient, cast: Cast, path: str, database: Database) -> None:
    lab = "lab/shared"
    assert (
        client.post(
            "/api/repos/create", json={"name": "shared", "organization": "lab"}, headers=cast.alice.headers
        ).status_code
        == 200
    )
    uploaded(client, cast.bob, lab, NEW)
    assert listed(client, cast.bob, lab).keys() == {digest(NEW)}
    assert erase(client, cast.bob, lab, NEW).status_code == 403  # a member writes; what is for good is the owner's
    for who, status in ((cast.charlie, 403), (cast.anonymous, 401)):
        assert client.get(f"/api/models/{path}/lfs-files", headers=who.headers).status_code == status
        assert erase(client, who, path, NEW).status_code == status
    missing = erase(client, cast.alice, path, NEW, b"never sent")
    assert missing.status_code == 404
    assert digest(NEW) in listed(client, cast.alice, path), "nothing is done when one is unknown"
    for bad in (b"{", b'{"deletions": {"sha": ["x"]}}', b'{"deletions": {"sha": "\\u0000"}}', b"[]"):
        answer = client.post(f"/api/models/{path}/lfs-files/batch", content=bad, headers=cast.alice.headers)
        assert answer.status_code == 422, answer.text


def test_a_commit_that_comes_meanwhile_is_taken_along(
    client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch, app: Starlette
) -> None:
    rewrite, calls = erasing.without_blobs, []

    def raced(*given: Any) -> Any:
        done = rewrite(*given)
        if not calls:
            calls.append(committed(client, cast.alice, path, file("meanwhile", "1"), large("more.bin", OLD)))
        return done

    monkeypatch.setattr(erasing, "without_blobs", raced)
    assert erase(client, cast.alice, path, OLD).status_code == 200
    assert len(calls) == 1
    assert tree(client, path) == [".gitattributes", "a.txt", "dir/model.bin", "meanwhile"]
    with app.state.database.read() as db:
        assert {row.sha256 for row in db.query(RepoContent)} == {digest(NEW), digest(OTHER)}


def test_a_commit_prepared_before_finds_its_branch_moved(client: TestClient, cast: Cast, path: str) -> None:
    parent = client.get(f"/api/models/{path}/commits/main").json()[0]["id"]
    assert erase(client, cast.alice, path, OLD).status_code == 200
    assert commit(client, cast.alice, path, deleted("a.txt"), parent=parent).status_code == 412
