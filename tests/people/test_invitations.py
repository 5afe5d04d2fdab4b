"""Invitations and join requests: both sides say yes, once, in time."""

import threading
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from freehold.access.rules import HUB
from freehold.accounts import service as accounts
from freehold.accounts.errors import AccountNotFound, NotAllowed
from freehold.accounts.events import InvitationAnswered, InvitationMade, JoinAnswered, JoinAsked
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import BadRequest
from freehold.people import queries
from freehold.people.errors import AlreadyThere, InvitationNotFound, JoinRequestNotFound, SignUpClosed, TooSoon
from freehold.people.service import invitations, organizations
from freehold.people.service.organizations import Changes
from tests.fixtures.people import Cast


def _role(database: Database, person_id: str) -> str | None:
    with database.read() as db:
        return accounts.role_of(db, accounts.account(db, "lab"), person_id)


def _secret(path: str) -> str:
    return path.removeprefix("/join/")


def test_who_was_asked_by_name_joins_once(database: Database, cast: Cast) -> None:
    told: list[object] = []
    for kind in (InvitationMade, InvitationAnswered):
        database.bus.subscribe(kind, lambda db, event: told.append(event))
    with database.write() as db:
        made = invitations.invite(
            db, cast.alice.actor, "lab", user_name="Charlie", role="contributor", sign_up="closed"
        )
        assert made.path == ""
        with pytest.raises(AlreadyThere):
            invitations.invite(db, cast.alice.actor, "lab", user_name="charlie", role="read", sign_up="closed")
        with pytest.raises(InvitationNotFound):  # it is nobody else's
            invitations.answer(db, cast.root.actor, made.invitation.id, accepts=True)
        invitations.answer(db, cast.charlie.actor, made.invitation.id, accepts=True)
        with pytest.raises(InvitationNotFound):
            invitations.answer(db, cast.charlie.actor, made.invitation.id, accepts=True)
    assert _role(database, cast.charlie.id) == "contributor"
    assert [type(event) for event in told] == [InvitationMade, InvitationAnswered]
    with database.write() as db, pytest.raises(AlreadyThere):
        invitations.invite(db, cast.alice.actor, "lab", user_name="charlie", sign_up="closed")


def test_an_invitation_is_declined_withdrawn_or_over(database: Database, cast: Cast) -> None:
    def invite() -> str:
        with database.write() as db:
            return invitations.invite(db, cast.alice.actor, "lab", user_name="charlie", sign_up="closed").invitation.id

    declined = invite()
    with database.write() as db:
        invitations.answer(db, cast.charlie.actor, declined, accepts=False)
    withdrawn = invite()
    with database.write() as db:
        with pytest.raises(NotAllowed):
            invitations.revoke(db, cast.bob.actor, "lab", withdrawn)
        invitations.revoke(db, cast.alice.actor, "lab", withdrawn)
    over = invite()
    with clock.frozen(clock.now() + timedelta(days=15)), database.write() as db:
        with pytest.raises(InvitationNotFound):
            invitations.answer(db, cast.charlie.actor, over, accepts=True)
        invitations.renew(db, cast.alice.actor, "lab", over)
        invitations.answer(db, cast.charlie.actor, over, accepts=True)
    assert _role(database, cast.charlie.id) == "read"


def test_a_link_lets_somebody_without_an_account_in(database: Database, cast: Cast) -> None:
    with database.write() as db:
        made = invitations.invite(
            db, cast.root.actor, "lab", email="Dan@Example.org", role="write", sign_up="closed", shows_link=False
        )
        secret = _secret(made.path)
        assert secret not in str(made.invitation.__dict__), "only its hash is kept"
        dan = invitations.sign_up_by_link(db, secret, "dan", full_name="Dan", password_hash="x")
        assert (dan.email, dan.is_email_verified) == ("dan@example.org", True)
        for spent in (secret, "made-up", ""):
            with pytest.raises(InvitationNotFound):
                invitations.sign_up_by_link(db, spent, "eve", password_hash="x")
    assert _role(database, dan.id) == "write"


def test_a_link_that_was_shown_to_who_invited_proves_no_address(database: Database, cast: Cast) -> None:
    with database.write() as db:
        made = invitations.invite(db, cast.alice.actor, "lab", email="boss@example.org", sign_up="invited")
        eve = invitations.sign_up_by_link(db, _secret(made.path), "eve", password_hash="x")
        assert (eve.email, eve.is_email_verified) == ("boss@example.org", False)


def test_a_link_may_be_used_by_whoever_is_signed_in(database: Database, cast: Cast) -> None:
    with database.write() as db:
        made = invitations.invite(db, cast.alice.actor, "lab", email="c@example.org", role="admin", sign_up="invited")
        invitations.accept_link(db, cast.bob.actor, _secret(made.path))
    assert _role(database, cast.bob.id) == "write", "an invitation changes no role"
    with database.write() as db:
        made = invitations.invite(db, cast.alice.actor, "lab", email="c@example.org", sign_up="invited")
        invitations.accept_link(db, cast.charlie.actor, _secret(made.path))
    assert _role(database, cast.charlie.id) == "read"


def test_where_sign_up_is_closed_only_the_hub_asks_by_mail(database: Database, cast: Cast) -> None:
    with database.write() as db:
        with pytest.raises(SignUpClosed):
            invitations.invite(db, cast.alice.actor, "lab", email="a@b.example", sign_up="closed")
        with pytest.raises(NotAllowed):
            invitations.invite(db, cast.alice.actor, None, email="a@b.example", sign_up="open")
        made = invitations.invite(db, HUB, None, email="a@b.example", sign_up="closed")
        dan = invitations.sign_up_by_link(db, _secret(made.path), "dan", password_hash="x")
        assert queries.invitations_to(db, dan.id) == []


@pytest.mark.parametrize(
    "given", [{}, {"user_name": "charlie", "email": "a@b.example"}, {"email": "no address"}, {"email": "a@b\n.example"}]
)
def test_one_person_is_named_in_one_way(database: Database, cast: Cast, given: dict[str, str]) -> None:
    with database.write() as db, pytest.raises(BadRequest):
        invitations.invite(db, cast.alice.actor, "lab", sign_up="open", **given)  # type: ignore[arg-type]


def test_a_link_is_sent_again_but_not_at_once_and_the_old_one_is_dead(database: Database, cast: Cast) -> None:
    with database.write() as db:
        made = invitations.invite(db, cast.alice.actor, "lab", email="d@example.org", sign_up="invited")
        with pytest.raises(TooSoon):
            invitations.renew(db, cast.alice.actor, "lab", made.invitation.id)
        with clock.frozen(clock.now() + timedelta(minutes=6)):
            again = invitations.renew(db, cast.alice.actor, "lab", made.invitation.id)
        with pytest.raises(InvitationNotFound):
            invitations.by_link(db, _secret(made.path))
        assert invitations.by_link(db, _secret(again.path)).email == "d@example.org"


def test_two_browsers_do_not_both_answer(database: Database, cast: Cast) -> None:
    with database.write() as db:
        made = invitations.invite(db, cast.alice.actor, "lab", email="d@example.org", sign_up="invited")
    together, outcomes = threading.Barrier(2), []

    def sign_up(name: str) -> None:
        together.wait()
        try:
            with database.write() as db:
                invitations.sign_up_by_link(db, _secret(made.path), name, password_hash="x")
            outcomes.append("in")
        except InvitationNotFound:
            outcomes.append("late")

    threads = [threading.Thread(target=sign_up, args=(name,)) for name in ("dan", "dave")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in", "late"]
    with database.read() as db:
        found = []
        for name in ("dan", "dave"):
            try:
                found.append(accounts.account(db, name).name)
            except AccountNotFound:
                pass
    assert len(found) == 1, "the late one made no account either"


def test_people_ask_to_join_where_they_may(database: Database, cast: Cast) -> None:
    told: list[object] = []
    for kind in (JoinAsked, JoinAnswered):
        database.bus.subscribe(kind, lambda db, event: told.append(event))
    with database.write() as db:
        with pytest.raises(NotAllowed):
            invitations.ask_to_join(db, cast.charlie.actor, "lab")
        organizations.change(db, cast.alice.actor, "lab", Changes(takes_requests=True))
        with pytest.raises(AlreadyThere):
            invitations.ask_to_join(db, cast.bob.actor, "lab")
        invitations.ask_to_join(db, cast.charlie.actor, "lab", "I make models")
        with pytest.raises(AlreadyThere):
            invitations.ask_to_join(db, cast.charlie.actor, "lab")
        invitations.withdraw(db, cast.charlie.actor, "lab")
        with pytest.raises(JoinRequestNotFound):
            invitations.answer_request(db, cast.alice.actor, "lab", "charlie", accepts=True)
        invitations.ask_to_join(db, cast.charlie.actor, "lab")
        with pytest.raises(NotAllowed):
            invitations.answer_request(db, cast.bob.actor, "lab", "charlie", accepts=True)
        invitations.answer_request(db, cast.alice.actor, "lab", "charlie", accepts=True, role="contributor")
    assert _role(database, cast.charlie.id) == "contributor"
    assert [type(event) for event in told] == [JoinAsked, JoinAsked, JoinAnswered]


def test_over_json(client: TestClient, cast: Cast) -> None:
    root = "/api/organizations/lab"
    asked = client.post(f"{root}/invitations", json={"user": "charlie", "role": "read"}, headers=cast.alice.headers)
    assert (asked.status_code, asked.json()["link"], asked.json()["invitedBy"]) == (201, None, "alice")
    mailed = client.post(f"{root}/invitations", json={"email": "d@example.org"}, headers=cast.alice.headers)
    assert mailed.json()["link"].startswith("http://hub.test/join/")
    assert len(client.get(f"{root}/invitations", headers=cast.alice.headers).json()) == 2
    assert client.get(f"{root}/invitations", headers=cast.bob.headers).status_code == 403
    assert client.get(f"{root}/invitations").status_code == 401
    (mine,) = client.get("/api/settings/invitations", headers=cast.charlie.read_headers).json()
    address = f"/api/settings/invitations/{mine['id']}"
    assert client.put(address, json={"status": "accepted"}, headers=cast.charlie.read_headers).status_code == 403
    assert client.put(address, json={"status": "accepted"}, headers=cast.charlie.headers).status_code == 204
    assert client.put(address, json={"status": "accepted"}, headers=cast.charlie.headers).status_code == 404
    assert client.delete(f"{root}/invitations/{mailed.json()['id']}", headers=cast.alice.headers).status_code == 204
