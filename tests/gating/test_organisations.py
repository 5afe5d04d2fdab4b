"""An organisation agrees once, and its members are let in while they are members."""

from typing import Any

import pytest
from sqlalchemy import delete
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.tables import Account, Membership
from freehold.core.database import Database
from tests.fixtures.people import Cast, Person
from tests.gating.conftest import API, Gated, ask, handle, listed, mine, publish, reads

Acme = dict[str, Person]


def test_it_agrees_once_for_members_of_now_and_later(
    client: TestClient, cast: Cast, gated: Gated, acme: Acme, database: Database
) -> None:
    gated("auto")
    assert ask(client, cast.charlie, organization="acme").json()["status"] == "accepted"
    assert [reads(client, who) for who in (cast.charlie, acme["dana"], acme["erin"], cast.anonymous)] == [
        200,
        200,
        200,
        401,
    ]
    assert mine(client, acme["dana"])["status"] == "accepted"
    with database.write() as db:
        late = accounts.create_user(db, "late")
        secret = accounts.create_token(db, late, "r", "read")[1]
        org = accounts.account(db, "acme")
    newcomer = Person("late", token=secret)
    assert reads(client, newcomer) == 403
    with database.write() as db:
        accounts.set_role(db, org, late, "contributor")
    assert reads(client, newcomer) == 200
    with database.write() as db:
        db.execute(delete(Membership).where(Membership.user_id == late.id))
    assert reads(client, newcomer) == 403


@pytest.mark.parametrize(("who", "org"), [("dana", "acme"), ("bob", "acme"), ("charlie", "lab"), ("charlie", "nobody")])
def test_only_its_administrators_agree_for_it(
    client: TestClient, cast: Cast, gated: Gated, acme: Acme, who: str, org: str
) -> None:
    gated("auto")
    person: Person = acme.get(who) or getattr(cast, who)
    answer = ask(client, person, organization=org)
    assert (answer.status_code, answer.json()["error"]) == (
        403,
        f"Only an administrator of '{org}' can agree to terms for its members.",
    )
    assert reads(client, acme["erin"]) == 403


def test_the_owner_answers_an_organisation_as_anybody(client: TestClient, cast: Cast, gated: Gated, acme: Acme) -> None:
    gated("manual")
    ask(client, cast.charlie, organization="acme")
    (item,) = listed(client, cast.alice, "pending")
    assert (item["user"]["user"], item["user"]["type"], item["members"], item["requestedBy"]) == (
        "acme",
        "org",
        3,
        "charlie",
    )
    assert reads(client, acme["dana"]) == 403
    assert handle(client, cast.alice, "acme", "accepted").status_code == 200
    assert reads(client, acme["dana"]) == 200
    assert handle(client, cast.alice, "acme", "rejected").status_code == 200
    assert reads(client, acme["dana"]) == 403
    assert ask(client, cast.charlie, organization="acme").status_code == 403


def test_the_owners_no_to_a_person_outweighs_its_organisation(
    client: TestClient, cast: Cast, gated: Gated, acme: Acme
) -> None:
    gated("manual")
    ask(client, acme["dana"])
    handle(client, cast.alice, "dana", "rejected")
    ask(client, cast.charlie, organization="acme")
    handle(client, cast.alice, "acme", "accepted")
    assert [reads(client, acme[name]) for name in ("dana", "erin")] == [403, 200]
    assert client.get(f"{API}/auth-check", headers=acme["dana"].headers).headers["x-error-code"] == "GatedRepo"


def test_it_renews_for_all_when_the_text_changes(client: TestClient, cast: Cast, gated: Gated, acme: Acme) -> None:
    gated("auto", gatedGraceDays=0)
    ask(client, cast.charlie, organization="acme")
    publish(client, cast.alice, licence="Two.\n")
    assert reads(client, acme["dana"]) == 403
    assert ask(client, acme["erin"]).json()["status"] == "accepted", "a member may agree for itself"
    assert [reads(client, acme[name]) for name in ("dana", "erin")] == [403, 200]
    assert ask(client, cast.charlie, organization="acme").status_code == 200
    assert reads(client, acme["dana"]) == 200


def test_it_gives_access_up(client: TestClient, cast: Cast, gated: Gated, acme: Acme) -> None:
    gated("auto")
    ask(client, cast.charlie, organization="acme")
    address = f"{API}/access-request?organization=acme"
    assert client.delete(address, headers=acme["dana"].headers).status_code == 403
    assert client.delete(address, headers=cast.charlie.headers).status_code == 200
    assert reads(client, acme["dana"]) == 403


def test_members_see_what_was_agreed_and_whom_it_covers(
    client: TestClient, cast: Cast, gated: Gated, acme: Acme
) -> None:
    gated("auto")
    terms = ask(client, cast.charlie, organization="acme").json()["terms"]
    address = "/api/organizations/acme/access-requests"
    found = client.get(address, headers=acme["dana"].headers).json()
    assert [one["user"] for one in found["members"]] == ["charlie", "dana", "erin"]
    (request,) = found["requests"]
    assert (request["repo"], request["agreedTo"], request["isCurrent"], request["requestedBy"]) == (
        {"type": "model", "name": "lab/model"},
        terms,
        True,
        "charlie",
    )
    text = client.get(f"/api/organizations/acme/terms/{terms}", headers=acme["dana"].headers)
    assert "Be good." in text.text
    for headers in (cast.bob.headers, {}):
        for path in (address, f"/api/organizations/acme/terms/{terms}", "/organizations/acme/access"):
            assert client.get(path, headers=headers).status_code == 403
        assert client.get("/api/organizations/acme/access-records", headers=headers).status_code == 403
    assert client.get("/api/organizations/acme/access-records", headers=acme["dana"].headers).status_code == 403
    assert client.get("/api/organizations/nobody/access-requests", headers=cast.charlie.headers).status_code == 404
    assert client.get("/organizations/acme/access", headers=acme["erin"].headers).status_code == 200


def test_what_turned_private_is_not_told_of(client: TestClient, cast: Cast, gated: Gated, acme: Acme) -> None:
    gated("auto")
    ask(client, cast.charlie, organization="acme")
    client.put(f"{API}/settings", json={"private": True}, headers=cast.alice.headers)
    found = client.get("/api/organizations/acme/access-requests", headers=acme["dana"].headers).json()
    assert found["requests"] == []
    assert reads(client, acme["dana"]) == 404


def test_an_organisation_that_is_gone_lets_nobody_in(
    client: TestClient, cast: Cast, gated: Gated, acme: Acme, database: Database
) -> None:
    """Nor does another of its name; what it agreed to stays on record, by name."""
    gated("auto")
    ask(client, cast.charlie, organization="acme")
    with database.write() as db:
        db.execute(delete(Account).where(Account.key == "acme"))
    assert reads(client, acme["dana"]) == 403
    with database.write() as db:
        org = accounts.create_org(db, "acme", owner=accounts.account(db, "charlie"))
        accounts.set_role(db, org, accounts.account(db, "dana"), "read")
    assert reads(client, acme["dana"]) == 403
    records: list[dict[str, Any]] = client.get(f"{API}/access-records", headers=cast.alice.headers).json()
    assert [(one["what"], one["account"], one["by"]) for one in records] == [
        ("agreed", "acme", "charlie"),
        ("accepted", "acme", None),
    ]


def test_a_person_that_is_gone_leaves_a_record_and_no_request(
    client: TestClient, cast: Cast, gated: Gated, acme: Acme, database: Database
) -> None:
    gated("manual")
    ask(client, acme["dana"])
    ask(client, cast.charlie, organization="acme")
    handle(client, cast.bob, "acme", "accepted")
    with database.write() as db:
        db.execute(delete(Account).where(Account.key.in_(["dana", "bob", "charlie"])))
    assert listed(client, cast.alice, "pending") == []
    (item,) = listed(client, cast.alice, "accepted")
    assert (item["requestedBy"], "grantedBy" in item, "email" in item["user"]) == (None, False, False)
    assert reads(client, acme["erin"]) == 200
    assert client.get("/lab/model/access", headers=cast.alice.headers).status_code == 200
    records = client.get(f"{API}/access-records", headers=cast.alice.headers).json()
    assert {one["account"] for one in records} == {"dana", "acme"}
