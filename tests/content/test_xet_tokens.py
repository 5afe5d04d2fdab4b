"""Who gets a Xet token, and what it opens."""

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from freehold.core import clock
from freehold.core.database import Database
from freehold.repos import service as repos
from tests.content.xet_client import Entry, Xet, create_repo, make_xorb
from tests.fixtures.people import Cast


@pytest.mark.parametrize("kind", ["model", "dataset", "space", "kernel"])
@pytest.mark.parametrize("scope", ["read", "write"])
def test_a_token_is_told_twice(client: TestClient, cast: Cast, kind: str, scope: str) -> None:
    body = {"name": "m", "type": kind} | ({"sdk": "static"} if kind == "space" else {})
    assert client.post("/api/repos/create", json=body, headers=cast.alice.headers).status_code == 200
    answer = Xet(client, cast.alice, "alice/m", f"{kind}s").token(scope)
    assert answer.status_code == 200
    told = answer.json()
    assert told["casUrl"] == answer.headers["X-Xet-Cas-Url"] == "http://hub.test/xet"
    assert told["accessToken"] == answer.headers["X-Xet-Access-Token"]
    assert str(told["exp"]) == answer.headers["X-Xet-Token-Expiration"]
    assert told["exp"] > clock.epoch_s() + 60
    assert answer.headers["Cache-Control"] == "no-store"


def test_who_gets_which_token(client: TestClient, cast: Cast) -> None:
    public = create_repo(client, cast.alice, "open")
    private = create_repo(client, cast.alice, "closed", private=True)

    def statuses(repo: str, scope: str, query: str = "", rev: str = "main") -> list[int]:
        people = (cast.alice, cast.charlie, cast.anonymous)
        return [Xet(client, person, repo, query=query).token(scope, rev).status_code for person in people]

    assert statuses(public, "read") == [200, 200, 200]
    assert statuses(public, "write") == [200, 403, 401]
    assert statuses(public, "write", "?create_pr=1", "None") == [200, 200, 401]
    assert statuses(private, "read") == [200, 404, 401]
    assert statuses(private, "write") == [200, 404, 401]
    assert statuses(private, "write", "?create_pr=1", "None") == [200, 404, 401]
    read_only = {"Authorization": f"Bearer {cast.alice.read_token}"}
    assert client.get(f"/api/models/{public}/xet-write-token/main", headers=read_only).status_code == 403


def test_the_storage_wants_its_own_token(client: TestClient, cast: Cast) -> None:
    repo = create_repo(client, cast.alice, "m")
    sealed = Xet(client, cast.alice, repo).headers("read")["Authorization"]
    forged = sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1]
    for authorization in ("", cast.alice.headers["Authorization"], forged, sealed.replace("Bearer", "Basic")):
        answer = client.get(f"/xet/v2/reconstructions/{'0' * 64}", headers={"Authorization": authorization})
        assert answer.status_code == 401, authorization


def test_a_read_token_writes_nothing(client: TestClient, cast: Cast) -> None:
    repo = create_repo(client, cast.alice, "m")
    headers = Xet(client, cast.alice, repo).headers("read")
    for address in (f"/xet/v1/xorbs/default/{'0' * 64}", "/xet/v1/shards", "/xet/v2/shards"):
        assert client.post(address, content=b"x", headers=headers).status_code == 403


def test_a_token_outlives_its_end_by_a_grace_only(client: TestClient, cast: Cast) -> None:
    repo = create_repo(client, cast.alice, "m")
    headers = Xet(client, cast.alice, repo).headers("write")
    made = make_xorb(1)
    address = "/xet/v1/telemetry"
    for minutes, status in ((59, 200), (119, 200), (121, 401)):
        with clock.frozen(clock.now() + timedelta(minutes=minutes)):
            assert client.post(address, content=made.body, headers=headers).status_code == status


def test_lost_rights_are_lost_at_once(client: TestClient, cast: Cast, database: Database) -> None:
    repo = create_repo(client, cast.alice, "m")
    entry = Entry([make_xorb(1).term()])
    Xet(client, cast.alice, repo).upload(entry)
    headers = Xet(client, cast.charlie, repo).headers("read")
    address = f"/xet/v2/reconstructions/{entry.name}"
    assert client.get(address, headers=headers).status_code == 200
    with database.write() as db:
        repos.change_settings(db, cast.alice.actor, repo, repos.Changes(visibility="private"), kind="model")
    assert client.get(address, headers=headers).status_code == 404
    with database.write() as db:
        repos.delete_repo(db, cast.alice.actor, repo, kind="model")
    assert client.get(address, headers=Xet(client, cast.alice, repo).client.headers).status_code == 401
    assert client.get(address, headers=headers).status_code == 404
