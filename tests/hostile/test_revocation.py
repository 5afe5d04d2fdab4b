"""A right that ends has ended at the very next request, at every door, warm memories or not."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, update
from starlette.testclient import TestClient

from freehold.accounts.tables import Account, Membership, Token
from freehold.core import clock
from freehold.core.database import Database
from freehold.xetkit import hashes
from tests.content.given import digest, large_file, repo
from tests.content.publishing import commit, file, large
from tests.content.xet_client import Entry, Xet, make_xorb
from tests.fixtures.people import Cast, Person

DATA = b"large bytes of the lab" * 500
CARD = "---\nlicense: mit\ntags: [lab-only]\n---\n# The lab's card\n"


def _furnish(client: TestClient, cast: Cast, *, private: bool) -> tuple[str, Entry]:
    """``lab/model``: a card, a large file by LFS and one by Xet."""
    made = client.post(
        "/api/repos/create",
        json={"name": "model", "organization": "lab", "private": private},
        headers=cast.alice.headers,
    )
    assert made.status_code == 200
    path, entry = "lab/model", Entry([make_xorb(7).term()])
    large_file(client, path, cast.alice, DATA)
    Xet(client, cast.alice, path).upload(entry)
    lines = file("README.md", CARD), large("whole.bin", DATA), large("chunks.bin", entry.data)
    assert commit(client, cast.alice, path, *lines).status_code == 200
    return path, entry


def _doors(path: str, entry: Entry) -> dict[str, tuple[str, str, dict[str, object] | None]]:
    lfs = {"operation": "download", "objects": [{"oid": digest(DATA), "size": len(DATA)}]}
    api = f"/api/models/{path}"
    return {
        "head": ("HEAD", f"/{path}/resolve/main/README.md", None),
        "head of a large file": ("HEAD", f"/{path}/resolve/main/whole.bin", None),
        "get": ("GET", f"/{path}/resolve/main/chunks.bin", None),
        "raw": ("HEAD", f"/{path}/raw/main/whole.bin", None),
        "info": ("GET", api, None),
        "info at main": ("GET", f"{api}/revision/main", None),
        "tree": ("GET", f"{api}/tree/main", None),
        "refs": ("GET", f"{api}/refs", None),
        "commits": ("GET", f"{api}/commits/main", None),
        "paths": ("POST", f"{api}/paths-info/main", {"paths": ["README.md"]}),
        "xet token": ("GET", f"{api}/xet-read-token/main", None),
        "auth check": ("GET", f"{api}/auth-check", None),
        "lfs": ("POST", f"/{path}.git/info/lfs/objects/batch", lfs),
        "page": ("GET", f"/{path}", None),
        "files page": ("GET", f"/{path}/tree/main", None),
        "file page": ("GET", f"/{path}/blob/main/README.md", None),
        "history page": ("GET", f"/{path}/commits/main", None),
    }


def _statuses(client: TestClient, who: Person, path: str, entry: Entry) -> dict[str, int]:
    """Asked twice, so that whatever is kept is kept and used."""
    for _ in range(2):
        found = {
            name: client.request(method, address, json=body, headers=who.headers).status_code
            for name, (method, address, body) in _doors(path, entry).items()
        }
    return found


def _private(client: TestClient, cast: Cast, database: Database, path: str) -> None:
    settings = {"private": True}
    answer = client.put(f"/api/models/{path}/settings", json=settings, headers=cast.alice.headers)
    assert answer.status_code == 200


def _deleted(client: TestClient, cast: Cast, database: Database, path: str) -> None:
    names = {"name": "model", "organization": "lab"}
    assert client.request("DELETE", "/api/repos/delete", json=names, headers=cast.alice.headers).status_code == 200


def _dismissed(client: TestClient, cast: Cast, database: Database, path: str) -> None:
    with database.write() as db:
        db.execute(delete(Membership).where(Membership.user_id == cast.bob.id))


def _revoked(client: TestClient, cast: Cast, database: Database, path: str) -> None:
    with database.write() as db:
        db.execute(delete(Token).where(Token.user_id.in_([cast.bob.id, cast.charlie.id])))


def _expired(client: TestClient, cast: Cast, database: Database, path: str) -> None:
    with database.write() as db:
        db.execute(update(Token).where(Token.user_id == cast.bob.id).values(expires_at=clock.now()))


def _disabled(client: TestClient, cast: Cast, database: Database, path: str) -> None:
    with database.write() as db:
        db.execute(update(Account).where(Account.id == cast.bob.id).values(is_disabled=True))


Event = Callable[[TestClient, Cast, Database, str], None]


@pytest.mark.parametrize(
    ("who", "private", "event", "refusals"),
    [
        pytest.param("charlie", False, _private, {404}, id="made private, to a stranger"),
        pytest.param("anonymous", False, _private, {401}, id="made private, to anonymous"),
        pytest.param("charlie", False, _deleted, {404}, id="deleted, to a stranger"),
        pytest.param("bob", True, _deleted, {404}, id="deleted, to a member"),
        pytest.param("bob", True, _dismissed, {404}, id="a member no more"),
        pytest.param("bob", True, _revoked, {401}, id="token revoked"),
        pytest.param("charlie", False, _revoked, {401}, id="token revoked, even for public things"),
        pytest.param("bob", True, _expired, {401}, id="token expired"),
        pytest.param("bob", True, _disabled, {401}, id="person disabled"),
    ],
)
def test_every_door_is_shut_at_once(
    client: TestClient, cast: Cast, database: Database, who: str, private: bool, event: Event, refusals: set[int]
) -> None:
    path, entry = _furnish(client, cast, private=private)
    visitor: Person = getattr(cast, who)
    before = _statuses(client, visitor, path, entry)
    assert set(before.values()) == {200}, before
    xet = Xet(client, visitor, path).headers("read")
    plan = f"/xet/v2/reconstructions/{entry.name}"
    assert client.get(plan, headers=xet).status_code == 200

    event(client, cast, database, path)

    after = _statuses(client, visitor, path, entry)
    assert set(after.values()) == refusals, after
    # A sealed token of before is no way around.
    assert client.get(plan, headers=xet).status_code in (401, 404)
    for listing in ("/api/models", "/api/models?filter=lab-only", "/api/quicksearch?q=model", "/models"):
        answer = client.get(listing, headers=visitor.headers)
        assert answer.status_code in (200, 401)
        assert "lab/model" not in answer.text


def test_a_gate_shuts_the_files_at_once_and_not_the_facts(client: TestClient, cast: Cast) -> None:
    path, entry = _furnish(client, cast, private=False)
    assert set(_statuses(client, cast.charlie, path, entry).values()) == {200}
    answer = client.put(f"/api/models/{path}/settings", json={"gated": "manual"}, headers=cast.alice.headers)
    assert answer.status_code == 200
    after = _statuses(client, cast.charlie, path, entry)
    facts = {"info", "info at main", "page"}
    assert {after[name] for name in facts} == {200}
    assert {status for name, status in after.items() if name not in facts} == {403}
    assert "chunks.bin" not in client.get(f"/{path}", headers=cast.charlie.headers).text


def test_a_new_repository_of_an_old_name_gives_none_of_the_old_bytes(
    client: TestClient, cast: Cast, database: Database
) -> None:
    path, entry = _furnish(client, cast, private=False)
    old = client.get(f"/api/models/{path}").json()["sha"]
    assert set(_statuses(client, cast.charlie, path, entry).values()) == {200}
    _deleted(client, cast, database, path)
    made = {"name": "model", "organization": "lab"}
    assert client.post("/api/repos/create", json=made, headers=cast.alice.headers).status_code == 200
    for rev in ("main", old):
        for name in ("README.md", "whole.bin", "chunks.bin"):
            for method in ("HEAD", "GET"):
                assert client.request(method, f"/{path}/resolve/{rev}/{name}").status_code == 404, (rev, name)
    assert client.get(f"/api/models/{path}").json()["sha"] != old
    verify = {"oid": digest(DATA), "size": len(DATA)}
    address = f"/{path}.git/info/lfs/objects/verify"
    assert client.post(address, json=verify, headers=cast.charlie.headers).status_code == 404


def test_a_right_to_send_ends_with_the_right_to_write(client: TestClient, cast: Cast, database: Database) -> None:
    """Bob asks for his tokens and addresses while he may, and comes back when he may no more."""
    path, _ = _furnish(client, cast, private=True)
    bob = Xet(client, cast.bob, path)
    token, made = bob.headers("write"), make_xorb(9)
    _dismissed(client, cast, database, path)
    address = f"/xet/v1/xorbs/default/{hashes.text(made.name)}"
    assert client.post(address, content=made.body, headers=token).status_code == 404
    assert client.post("/xet/v1/shards", content=b"x", headers=token).status_code == 404
    assert commit(client, cast.bob, path, file("x", b"y")).status_code == 404


def test_the_owner_keeps_what_others_lost(client: TestClient, cast: Cast, database: Database) -> None:
    path, entry = _furnish(client, cast, private=False)
    _private(client, cast, database, path)
    _dismissed(client, cast, database, path)
    assert set(_statuses(client, cast.alice, path, entry).values()) == {200}
    own = repo(client, cast.charlie, "own")
    assert client.head(f"/{own}/resolve/main/.gitattributes", headers=cast.bob.headers).status_code == 200
