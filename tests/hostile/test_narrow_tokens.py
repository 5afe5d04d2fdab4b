"""A token for one repository is a token for one repository."""

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.core.database import Database
from freehold.repos.tables import Repo
from tests.content.given import digest, large_file, repo
from tests.content.publishing import commit, file, large
from tests.fixtures.people import Cast, Person

DATA = b"private weights" * 300


@pytest.fixture
def narrow(client: TestClient, cast: Cast, database: Database) -> Person:
    """Alice, by a token that writes ``alice/named`` only. She owns the private ``alice/other`` too."""
    repo(client, cast.alice, "named", private=True)
    other = repo(client, cast.alice, "other", private=True)
    large_file(client, other, cast.alice, DATA)
    with database.write() as db:
        named = db.scalars(select(Repo).where(Repo.path_key == "alice/named")).one()
        user = accounts.account(db, "alice")
        _, secret = accounts.create_token(db, user, "narrow", "write", repo_ids=[named.id])
    return Person("alice", cast.alice.id, secret)


def test_it_does_everything_where_it_is_named(client: TestClient, narrow: Person) -> None:
    assert commit(client, narrow, "alice/named", file("a", b"1")).status_code == 200
    assert client.get("/api/models/alice/named/xet-write-token/main", headers=narrow.headers).status_code == 200


def test_the_rest_is_not_there_for_it(client: TestClient, narrow: Person) -> None:
    other = "/api/models/alice/other"
    assert commit(client, narrow, "alice/other", file("a", b"1")).status_code == 404
    for address in (other, f"{other}/tree/main", f"{other}/refs", f"{other}/xet-write-token/main", "/alice/other"):
        assert client.get(address, headers=narrow.headers).status_code == 404, address
    body = {"operation": "download", "objects": [{"oid": digest(DATA), "size": len(DATA)}]}
    batch = client.post("/alice/other.git/info/lfs/objects/batch", json=body, headers=narrow.headers)
    assert batch.status_code == 404
    listed = client.get("/api/models?author=alice", headers=narrow.headers).json()
    assert [item["id"] for item in listed] == ["alice/named"]


def test_it_reaches_nothing_through_what_its_person_owns_elsewhere(client: TestClient, narrow: Person) -> None:
    """Bytes of the other repository are not handed over by any road that saves sending them."""
    objects = [{"oid": digest(DATA), "size": len(DATA)}]
    body = {"operation": "upload", "objects": objects, "ref": {"name": "main"}}
    answer = client.post("/alice/named.git/info/lfs/objects/batch", json=body, headers=narrow.headers)
    assert "actions" in answer.json()["objects"][0], "asked for the bytes, as of anybody"
    assert commit(client, narrow, "alice/named", large("stolen.bin", DATA)).status_code in (400, 404, 422)
    copies = {"target": {"type": "model", "name": "alice/named"}, "files": [{"sha256": digest(DATA)}]}
    answer = client.post("/api/models/alice/other/lfs-files/duplicate", json=copies, headers=narrow.headers)
    assert answer.status_code == 404


def test_it_makes_nothing_new_and_moves_nothing_out(client: TestClient, cast: Cast, narrow: Person) -> None:
    headers = narrow.headers
    assert client.post("/api/repos/create", json={"name": "new"}, headers=headers).status_code == 403
    move = {"fromRepo": "alice/named", "toRepo": "alice/renamed"}
    assert client.post("/api/repos/move", json=move, headers=headers).status_code == 403
    move = {"fromRepo": "alice/other", "toRepo": "alice/mine"}
    assert client.post("/api/repos/move", json=move, headers=headers).status_code == 404
    gone = {"name": "other"}
    assert client.request("DELETE", "/api/repos/delete", json=gone, headers=headers).status_code == 404
    settings = client.put("/api/models/alice/other/settings", json={"private": False}, headers=headers)
    assert settings.status_code == 404


def test_no_token_makes_tokens_or_opens_a_session(client: TestClient, narrow: Person) -> None:
    form = {"name": "wide", "scope": "write", "days": "0", "csrf": ""}
    for headers in (narrow.headers, narrow.headers | {"Origin": "http://hub.test"}):
        assert client.post("/settings/tokens", data=form, headers=headers).status_code == 403
    assert "set-cookie" not in client.get("/login", headers=narrow.headers).headers
