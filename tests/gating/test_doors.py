"""Every door of a gated repository, for every kind of visitor: all say the same, and at once."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from freehold.access.rules import ANONYMOUS, HUB, Actor, TokenScope
from freehold.access.service import of_user
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account, Membership
from freehold.content.service import objects
from freehold.core.database import Database
from freehold.repos import admissions
from freehold.repos.access import is_let_through, may, readable
from freehold.repos.tables import Admission, Repo
from tests.content.given import LFS, digest, large_file
from tests.content.publishing import commit, large
from tests.content.xet_client import Entry, Xet, make_xorb
from tests.fixtures.people import Cast, Person
from tests.gating.conftest import API, REQUESTS, SETTINGS, Gated, ask, handle, publish, reads

DATA = b"gated weights" * 500


def _doors(client: TestClient, headers: dict[str, str]) -> dict[str, int]:
    """The status of each way to read, by name."""
    lfs = {"operation": "download", "objects": [{"oid": digest(DATA), "size": len(DATA)}]}
    calls = {
        "head": ("HEAD", "/lab/model/resolve/main/README.md", None),
        "get": ("GET", "/lab/model/resolve/main/whole.bin", None),
        "raw": ("GET", "/lab/model/raw/main/whole.bin", None),
        "tree": ("GET", f"{API}/tree/main", None),
        "refs": ("GET", f"{API}/refs", None),
        "commits": ("GET", f"{API}/commits/main", None),
        "paths": ("POST", f"{API}/paths-info/main", {"paths": ["README.md"]}),
        "xet token": ("GET", f"{API}/xet-read-token/main", None),
        "auth check": ("GET", f"{API}/auth-check", None),
        "git": ("GET", "/lab/model.git/info/refs?service=git-upload-pack", None),
        "git without its ending": ("GET", "/lab/model/info/refs?service=git-upload-pack", None),
        "locks": ("GET", "/lab/model.git/info/lfs/locks", None),
        "lfs": ("POST", "/lab/model.git/info/lfs/objects/batch", lfs),
        "discussions": ("GET", f"{API}/discussions", None),
        "files page": ("GET", "/lab/model/tree/main", None),
        "file page": ("GET", "/lab/model/blob/main/README.md", None),
        "history page": ("GET", "/lab/model/commits/main", None),
    }
    found = {}
    for name, (method, address, body) in calls.items():
        for _ in range(2):
            found[name] = client.request(
                method, address, json=body, headers=LFS | headers if body else headers
            ).status_code
    return found


@pytest.fixture
def full(client: TestClient, cast: Cast, gated: Gated) -> Entry:
    """The gated repository with a large file by LFS and one by Xet."""
    gated("manual", gatedGraceDays=0)
    entry = Entry([make_xorb(7).term()])
    large_file(client, "lab/model", cast.alice, DATA)
    Xet(client, cast.alice, "lab/model").upload(entry)
    lines = large("whole.bin", DATA), large("chunks.bin", entry.data)
    assert commit(client, cast.alice, "lab/model", *lines).status_code == 200
    return entry


def test_every_door_says_the_same_to_everybody(
    client: TestClient, cast: Cast, full: Entry, acme: dict[str, Person], database: Database
) -> None:
    ask(client, cast.charlie)
    ask(client, cast.charlie, organization="acme")
    handle(client, cast.alice, "acme", "accepted")
    ask(client, acme["erin"])
    handle(client, cast.alice, "erin", "rejected")
    with database.write() as db:
        far = accounts.create_token(db, accounts.account(db, "dana"), "far", "read", repo_ids=[])[1]
        repo = db.scalars(select(Repo)).one()
        near = accounts.create_token(db, accounts.account(db, "dana"), "near", "read", repo_ids=[repo.id])[1]
        accounts.create_user(db, "waiting")
        waiting = accounts.create_token(db, accounts.account(db, "waiting"), "w", "write")[1]
        accounts.create_user(db, "alone")
        alone = accounts.create_token(db, accounts.account(db, "alone"), "r", "read")[1]
    ask(client, Person("waiting", token=waiting))
    client.post(f"{REQUESTS}/grant", json={"user": "alone"}, headers=cast.alice.headers)

    def bearer(secret: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {secret}"}

    expected = {
        "anonymous": ({}, 401),
        "waiting": (bearer(waiting), 403),
        "granted, read token": (bearer(alone), 200),
        "administrator of the organisation": (cast.charlie.headers, 200),
        "member of the organisation": (acme["dana"].headers, 200),
        "member, rejected in person": (acme["erin"].headers, 403),
        "member, token for another repository": (bearer(far), 403),
        "member, token for this repository": (bearer(near), 200),
        "owner's people": (cast.bob.headers, 200),
        "owner's people, read token": (cast.bob.read_headers, 200),
        "administrator of the hub": (cast.root.headers, 200),
    }
    found = {who: set(_doors(client, headers).values()) for who, (headers, _) in expected.items()}
    assert found == {who: {status} for who, (_, status) in expected.items()}


Ending = Callable[[TestClient, Cast, Database], object]


def _dismissed(client: TestClient, cast: Cast, database: Database) -> None:
    with database.write() as db:
        db.execute(delete(Membership).where(Membership.user_id == db.scalar(select(Account.id).filter_by(key="dana"))))


ENDINGS: dict[str, Ending] = {
    "revoked": lambda client, cast, database: handle(client, cast.alice, "acme", "rejected"),
    "put back": lambda client, cast, database: handle(client, cast.alice, "acme", "pending"),
    "given up": lambda client, cast, database: client.delete(
        f"{API}/access-request?organization=acme", headers=cast.charlie.headers
    ),
    "a member no more": _dismissed,
    "new terms": lambda client, cast, database: publish(client, cast.alice, licence="New.\n"),
    "barred in person": lambda client, cast, database: (
        client.post(f"{REQUESTS}/grant", json={"user": "dana"}, headers=cast.alice.headers),
        handle(client, cast.alice, "dana", "rejected"),
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_access_ends_at_every_door_at_once(
    client: TestClient, cast: Cast, full: Entry, acme: dict[str, Person], database: Database, ending: str
) -> None:
    ask(client, cast.charlie, organization="acme")
    handle(client, cast.alice, "acme", "accepted")
    dana = acme["dana"]
    assert set(_doors(client, dana.headers).values()) == {200}
    xet = Xet(client, dana, "lab/model").headers("read")
    plan = f"/xet/v2/reconstructions/{full.name}"
    assert client.get(plan, headers=xet).status_code == 200
    ENDINGS[ending](client, cast, database)
    assert set(_doors(client, dana.headers).values()) == {403}
    assert client.get(plan, headers=xet).status_code in (401, 403), "a sealed token of before is no way around"
    with database.read() as db:
        actor = of_user(db, accounts.account(db, "dana"))
        assert objects.held_elsewhere(db, actor, [digest(DATA)]) == {}, "nor is deduplication"
        assert "lab/model" not in {repo.path for repo in db.scalars(readable(select(Repo), actor))}


def test_what_one_was_let_in_to_need_not_be_sent_again(
    client: TestClient, cast: Cast, full: Entry, database: Database
) -> None:
    with database.read() as db:
        assert objects.held_elsewhere(db, of_user(db, accounts.account(db, "charlie")), [digest(DATA)]) == {}
    client.post(f"{REQUESTS}/grant", json={"user": "charlie"}, headers=cast.alice.headers)
    with database.read() as db:
        assert set(objects.held_elsewhere(db, of_user(db, accounts.account(db, "charlie")), [digest(DATA)]))


def test_lists_single_loads_and_the_hot_row_agree(
    client: TestClient, cast: Cast, gated: Gated, acme: dict[str, Person], database: Database
) -> None:
    """For every combination of a person's admission and its organisation's."""
    gated("manual")
    with database.write() as db:
        repo = db.scalars(select(Repo)).one()
        dana, org = accounts.account(db, "dana"), accounts.account(db, "acme")
        both = of_user(db, dana)
        actors = [
            ANONYMOUS,
            HUB,
            both,
            Actor(kind="user", id=dana.id, roles=both.roles, token=TokenScope("t", "t", "read")),
            Actor(kind="user", id=dana.id, roles=both.roles, token=TokenScope("t", "t", "write", frozenset())),
            Actor(kind="user", id=dana.id, roles=both.roles, token=TokenScope("t", "t", "write", frozenset({repo.id}))),
        ]
        for own in (None, "pending", "accepted", "rejected"):
            for shared in (None, "pending", "accepted", "rejected"):
                db.execute(delete(Admission))
                for account, status in ((dana, own), (org, shared)):
                    if status is not None:
                        admissions.add(db, repo, account, status)
                db.flush()
                is_through = own == "accepted" or (shared == "accepted" and own != "rejected")
                for actor in actors:
                    allowed = bool(may(actor, "read", repo))  # type: ignore[arg-type]
                    assert (repo in db.scalars(readable(select(Repo), actor)).all()) == allowed, (own, shared, actor)
                assert bool(may(both, "read", repo)) == is_through  # type: ignore[arg-type]
                db.commit()
                assert is_let_through(database, both, repo.id) == is_through, (own, shared)


# ---- races --------------------------------------------------------------------------------------------------


def _at_once(*calls: Callable[[], int]) -> list[int]:
    gate, found = threading.Barrier(len(calls)), []

    def run(call: Callable[[], int]) -> None:
        gate.wait()
        found.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(calls), "a call crashed"
    return sorted(found)


@pytest.mark.parametrize("number", range(2))
def test_two_at_one_gate(client: TestClient, cast: Cast, gated: Gated, number: int) -> None:
    gated("manual")
    assert _at_once(*[lambda: ask(client, cast.charlie).status_code] * 3) == [200, 409, 409]
    accepted = _at_once(
        lambda: handle(client, cast.alice, "charlie", "accepted").status_code,
        lambda: handle(client, cast.bob, "charlie", "accepted").status_code,
    )
    assert accepted == [200, 404]
    both = _at_once(
        lambda: handle(client, cast.alice, "charlie", "rejected").status_code,
        lambda: handle(client, cast.bob, "charlie", "pending").status_code,
    )
    assert both == [200, 200], "one after the other"
    assert reads(client, cast.charlie) == 403


@pytest.mark.parametrize("number", range(2))
def test_terms_that_change_under_a_reader(client: TestClient, cast: Cast, gated: Gated, number: int) -> None:
    """Whoever comes first: consent is to the text of before or after, and what is let in follows from that."""
    gated("auto", gatedGraceDays=0)

    def change() -> int:
        publish(client, cast.alice, licence=f"Text {number}.\n")
        return 200

    statuses = _at_once(lambda: ask(client, cast.charlie).status_code, change)
    assert statuses == [200, 200]
    agreed = client.get(f"{API}/access-request", headers=cast.charlie.headers).json()
    is_current = agreed["requests"][0]["agreedTo"] == agreed["terms"]["sha256"]
    assert reads(client, cast.charlie) == (200 if is_current else 403)


def test_a_gate_that_is_shut_and_opened_meanwhile(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    toggles = [
        lambda mode=mode: client.put(SETTINGS, json={"gated": mode}, headers=cast.alice.headers).status_code
        for mode in (False, "manual", "auto")
    ]
    statuses = _at_once(lambda: ask(client, cast.charlie).status_code, *toggles)
    assert set(statuses) <= {200, 400}, statuses
