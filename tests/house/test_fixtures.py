"""The ground the other tests stand on does what it says."""

import httpx
import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from freehold.accounts.tables import Account
from freehold.core.database import Database
from freehold.stores.store import Store
from tests.fixtures.people import Cast
from tests.fixtures.servers import Live
from tests.fixtures.tools import lacking


@pytest.mark.parametrize("again", [1, 2])
def test_each_test_has_an_empty_database(database: Database, again: int) -> None:
    with database.write() as db:
        assert db.scalar(select(func.count()).select_from(Account)) == 0
    # Left behind on purpose: the second run must not see it.
    from tests.fixtures.people import assemble

    assemble(database)


def test_cast_is_known_to_the_hub(client: TestClient, cast: Cast) -> None:
    for person in (cast.alice, cast.bob, cast.charlie, cast.root):
        assert client.get("/api/whoami-v2", headers=person.headers).json()["name"] == person.name
    assert client.get("/api/whoami-v2", headers=cast.anonymous.headers).status_code == 401


def test_each_store_keeps_bytes(each_store: Store) -> None:
    assert each_store.size("a/b") is None
    each_store.put_bytes("a/b", b"kept")
    assert each_store.get("a/b") == b"kept"


def test_live_server_answers_its_cast(live: Live) -> None:
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    assert httpx.get(f"{live.url}/api/whoami-v2", headers=headers).json()["name"] == "alice"


def test_a_killed_server_comes_back_with_its_data(serve) -> None:  # type: ignore[no-untyped-def]
    server: Live = serve()
    server.kill()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/health")
    server.start()
    headers = {"Authorization": f"Bearer {server.tokens['bob']}"}
    assert httpx.get(f"{server.url}/api/whoami-v2", headers=headers).json()["name"] == "bob"


def test_what_a_machine_lacks_is_left_out_for_a_person_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get"):
        lacking("run apt-get install x")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get"):
        lacking("run apt-get install x")
