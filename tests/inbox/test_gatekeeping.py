"""What gates tell: requests as the owner wants to hear of them, lost access, new terms; and who follows whom."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.tables import Account
from freehold.core import clock
from tests.fixtures.people import Cast, Person
from tests.gating.conftest import SETTINGS, Gated, acme, ask, gated, handle, publish
from tests.inbox.hooks import settled
from tests.inbox.test_mail import Post, app, body, office, post_office
from tests.inbox.test_notifications import inbox

__all__ = ["acme", "app", "gated", "office", "post_office"]


def titles(client: TestClient, who: Person) -> list[str]:
    return [one["title"] for one in inbox(client, who)]


def later(app: Starlette, **by: float) -> None:
    """What is due by then has run."""
    with clock.frozen(clock.now() + timedelta(**by)):
        settled(app)


# ---- requests ----------------------------------------------------------------------------------------------


def test_a_request_leads_to_the_gate(client: TestClient, app: Starlette, cast: Cast, gated: Gated) -> None:
    gated("manual")
    ask(client, cast.charlie)
    for keeper in (cast.alice, cast.bob):
        (one,) = inbox(client, keeper)
        assert (one["title"], one["url"].rpartition("//")[2].partition("/")[2]) == (
            "charlie asks for access to lab/model", "lab/model/access",
        )  # fmt: skip
    assert client.get("/lab/model/access", headers=cast.bob.headers).status_code == 200


def test_a_gate_that_opens_by_itself_says_so(client: TestClient, cast: Cast, gated: Gated) -> None:
    gated("auto")
    ask(client, cast.charlie)
    assert titles(client, cast.alice) == ["charlie agreed to the terms of lab/model"]


def test_mail_goes_to_the_address_that_was_chosen_and_to_no_other(
    client: TestClient, app: Starlette, cast: Cast, gated: Gated, acme: dict[str, Person], post_office: Post
) -> None:
    with app.state.database.write() as db:
        for who in (cast.alice, cast.bob):
            db.get_one(Account, who.id).email = f"{who.name}@example.org"
    gated("manual", gatedNotificationsEmail="gate@example.org")
    for asker in (cast.charlie, acme["dana"]):
        ask(client, asker)
    settled(app)
    assert len(titles(client, cast.alice)) == 2, "in her inbox at once, one by one"
    assert post_office.got == []
    later(app, minutes=6)
    (message,) = post_office.got
    assert (message["To"], message["Subject"]) == ("gate@example.org", "2 new requests for access to lab/model")
    assert "Waiting for an answer: 2." in body(message)
    assert "https://hub.example.org/lab/model/access" in body(message)
    later(app, days=2)
    assert (len(post_office.got), len(titles(client, cast.alice))) == (1, 2), "told once"


def test_once_a_day_everything_together(
    client: TestClient, app: Starlette, cast: Cast, gated: Gated, acme: dict[str, Person], post_office: Post
) -> None:
    with app.state.database.write() as db:
        db.get_one(Account, cast.alice.id).email = "alice@example.org"
    gated("manual", gatedNotificationsMode="bulk")
    for asker in (cast.charlie, acme["dana"], acme["erin"]):
        ask(client, asker)
    client.delete("/api/models/lab/model/access-request", headers=acme["erin"].headers)
    later(app, hours=23)
    assert (titles(client, cast.alice), post_office.got) == ([], [])
    later(app, hours=25)
    assert titles(client, cast.alice) == titles(client, cast.bob) == ["2 new requests for access to lab/model"]
    assert [message["To"] for message in post_office.got] == ["alice@example.org"]
    client.put(SETTINGS, json={"gated": False}, headers=cast.alice.headers)
    later(app, days=3)
    assert len(titles(client, cast.alice)) == 1


# ---- lost access, new terms --------------------------------------------------------------------------------


def test_lost_access_is_told_once(client: TestClient, app: Starlette, cast: Cast, gated: Gated) -> None:
    gated("manual")
    ask(client, cast.charlie)
    for status in ("accepted", "pending", "accepted", "rejected"):
        assert handle(client, cast.alice, "charlie", status).status_code == 200
    lost, let_in = "lab/model is not open to you any more", "lab/model is open to you"
    assert titles(client, cast.charlie) == [lost, let_in, lost, let_in]


def test_an_organisations_access_is_its_administrators_business(
    client: TestClient, app: Starlette, cast: Cast, gated: Gated, acme: dict[str, Person]
) -> None:
    with app.state.database.write() as db:
        accounts.set_role(db, accounts.account(db, "acme"), accounts.account(db, "dana"), "admin")
    gated("auto")
    assert ask(client, cast.charlie, organization="acme").status_code == 200
    publish(client, cast.alice, licence="Be better.\n")
    settled(app)
    mine = "/api/models/lab/model/access-request?organization=acme"
    assert client.delete(mine, headers=cast.charlie.headers).status_code == 200
    newest, terms = titles(client, acme["dana"])
    assert newest == "lab/model is not open to acme any more"
    assert terms.startswith("The terms of lab/model changed.")
    assert "lab/model is not open to acme any more" not in titles(client, cast.charlie), "who did it knows"
    assert titles(client, acme["erin"]) == [], "a member decides nothing"


@pytest.mark.parametrize(
    ("settings", "next_step"),
    [
        ({}, "to go on reading it."),
        ({"gatedGraceDays": 0}, "Agree to them to read it again."),
        ({"gatedRenew": "notified"}, "You may read it as before; agree to them when you like."),
    ],
)
def test_new_terms_are_told_to_whoever_agreed_to_others(
    client: TestClient, app: Starlette, cast: Cast, gated: Gated, acme: dict[str, Person], settings: Any, next_step: str
) -> None:
    gated("auto", **settings)
    for asker in (cast.charlie, acme["dana"]):
        ask(client, asker)
    publish(client, cast.alice, licence="Be better.\n")
    ask(client, acme["dana"])  # before anybody was told
    settled(app)
    (one,) = inbox(client, cast.charlie)
    assert (one["kind"], one["count"]) == ("access-terms", 1) and one["title"].endswith(next_step)
    assert one["url"].endswith("/lab/model")
    assert titles(client, acme["dana"]) == []
    publish(client, cast.alice, card="---\nlicense: mit\n---\n")
    settled(app)
    assert [one["count"] for one in inbox(client, cast.charlie)] == [2], "one row, unread again"
    assert len(titles(client, acme["dana"])) == 1


def test_new_terms_reach_everybody_a_batch_at_a_time(
    client: TestClient, app: Starlette, cast: Cast, gated: Gated, acme: dict[str, Person], monkeypatch: Any
) -> None:
    monkeypatch.setattr("freehold.inbox.service.gatekeeping.BATCH", 1)
    gated("auto")
    people = (cast.charlie, *acme.values())
    for asker in people:
        ask(client, asker)
    publish(client, cast.alice, licence="Be better.\n")
    settled(app)
    assert [len(titles(client, who)) for who in people] == [1, 1, 1]


# ---- followers ---------------------------------------------------------------------------------------------


def test_who_follows_is_told_once_however_often_it_is_taken_back(
    client: TestClient, app: Starlette, cast: Cast
) -> None:
    for address in ("/api/users/alice/follow", "/api/organizations/lab/follow"):
        for method in ("POST", "DELETE", "POST"):
            assert client.request(method, address, headers=cast.charlie.headers).status_code == 200
    assert titles(client, cast.alice) == ["charlie follows lab", "charlie follows you"]
    assert titles(client, cast.bob) == [], "who writes for the lab does not keep it"
    assert inbox(client, cast.alice)[0]["url"].endswith("/charlie")
