"""Organisations: who may found, change, join, leave and end one; and that somebody always administers it."""

import threading

import pytest
from starlette.testclient import TestClient

from freehold.access.rules import ANONYMOUS, HUB, Actor, TokenScope
from freehold.access.service import of_user
from freehold.accounts import service as accounts
from freehold.accounts.errors import (
    AccountNotFound,
    LastAdministrator,
    NameTaken,
    NotAllowed,
    NotAMember,
    SignInNeeded,
)
from freehold.accounts.events import MemberAdded, MemberRemoved, RoleChanged
from freehold.accounts.service import Profile
from freehold.core.database import Database
from freehold.core.errors import BadRequest
from freehold.people import access
from freehold.people.errors import NotTheName
from freehold.people.service import organizations
from freehold.people.service.organizations import Changes
from freehold.repos import service as repos
from freehold.repos.errors import StillOwns
from tests.fixtures.each import each
from tests.fixtures.people import Cast, Person


def _again(database: Database, person: Person) -> Actor:
    with database.read() as db:
        return of_user(db, accounts.account(db, person.name))


def test_whoever_founds_an_organisation_administers_it(database: Database, cast: Cast) -> None:
    with database.write() as db:
        organizations.create(db, cast.charlie.actor, "guild", full_name="The Guild", founders="people")
    assert set(_again(database, cast.charlie).roles.values()) == {"admin"}


def test_founding_can_be_kept_to_administrators(database: Database, cast: Cast) -> None:
    with database.write() as db:
        with pytest.raises(NotAllowed):
            organizations.create(db, cast.alice.actor, "guild", founders="administrators")
        with pytest.raises(SignInNeeded):
            organizations.create(db, ANONYMOUS, "guild", founders="people")
        with pytest.raises(NameTaken):
            organizations.create(db, cast.alice.actor, "Bob", founders="people")
        organizations.create(db, cast.root.actor, "guild", founders="administrators")


def test_only_administrators_change_what_an_organisation_is(database: Database, cast: Cast) -> None:
    changes = Changes(Profile(details="We test.", website="https://lab.example"), default_role="write")
    with database.write() as db:
        org = organizations.change(db, cast.alice.actor, "LAB", changes)
        assert (org.details, org.website, org.default_role) == ("We test.", "https://lab.example", "write")
        for who, refusal in ((cast.bob, NotAllowed), (cast.charlie, NotAllowed), (cast.anonymous, SignInNeeded)):
            with pytest.raises(refusal):
                organizations.change(db, who.actor, "lab", changes)
        with pytest.raises(AccountNotFound):
            organizations.change(db, cast.alice.actor, "alice", changes)
        with pytest.raises(BadRequest):
            organizations.change(db, cast.alice.actor, "lab", Changes(default_role="admin"))


def test_a_token_for_repositories_is_not_one_for_people(database: Database, cast: Cast) -> None:
    with database.write() as db:
        lab = accounts.account(db, "lab")
        narrow = TokenScope("t", "narrow", "write", frozenset(), frozenset({lab.id}))
        reads = TokenScope("t", "reads", "read")
        for token in (narrow, reads):
            alice = Actor(kind="user", id=cast.alice.id, name="alice", roles={lab.id: "admin"}, token=token)
            with pytest.raises(NotAllowed):
                organizations.change(db, alice, "lab", Changes())
            with pytest.raises(NotAllowed):
                organizations.remove(db, alice, "lab", "alice")


def test_roles_change_and_everybody_may_leave(database: Database, cast: Cast) -> None:
    told: list[object] = []
    for kind in (MemberAdded, RoleChanged, MemberRemoved):
        database.bus.subscribe(kind, lambda db, event: told.append(event))
    with database.write() as db:
        organizations.change_role(db, cast.alice.actor, "lab", "bob", "read")
        with pytest.raises(NotAMember, match="Invite"):
            organizations.change_role(db, cast.alice.actor, "lab", "charlie", "read")
        with pytest.raises(NotAllowed):
            organizations.remove(db, cast.bob.actor, "lab", "alice")
        organizations.remove(db, cast.bob.actor, "lab", "bob")
        with pytest.raises(NotAMember):
            organizations.remove(db, cast.bob.actor, "lab", "bob")
    assert [type(event) for event in told] == [RoleChanged, MemberRemoved]
    changed, removed = told
    assert isinstance(changed, RoleChanged)
    assert (changed.before, changed.role, changed.by.name if changed.by else None) == ("write", "read", "alice")
    assert isinstance(removed, MemberRemoved)
    assert removed.by is not None
    assert removed.by.name == "bob"
    assert not _again(database, cast.bob).roles


def test_the_last_administrator_stays(database: Database, cast: Cast) -> None:
    with database.write() as db:
        for change in (
            lambda: organizations.remove(db, cast.alice.actor, "lab", "alice"),
            lambda: organizations.change_role(db, cast.alice.actor, "lab", "alice", "read"),
            lambda: organizations.remove(db, HUB, "lab", "alice"),
            lambda: accounts.delete_account(db, accounts.account(db, "alice")),
        ):
            with pytest.raises(LastAdministrator):
                change()
        accounts.set_role(db, accounts.account(db, "lab"), accounts.account(db, "bob"), "admin")
        accounts.set_disabled(db, accounts.account(db, "bob"), True)
        with pytest.raises(LastAdministrator):  # who is locked out administers nothing
            organizations.remove(db, cast.alice.actor, "lab", "alice")


def test_two_administrators_who_remove_each_other_do_not_both_succeed(database: Database, cast: Cast) -> None:
    with database.write() as db:
        accounts.set_role(db, accounts.account(db, "lab"), accounts.account(db, "bob"), "admin")
    together = threading.Barrier(2)
    refused: list[str] = []

    def remove(actor: Actor, other: str) -> None:
        together.wait()
        try:
            with database.write() as db:
                organizations.remove(db, actor, "lab", other)
        except (LastAdministrator, NotAllowed) as err:
            refused.append(type(err).__name__)

    alice, bob = _again(database, cast.alice), _again(database, cast.bob)
    threads = [threading.Thread(target=remove, args=pair) for pair in ((alice, "bob"), (bob, "alice"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["LastAdministrator"]
    with database.read() as db:
        lab = accounts.account(db, "lab")
        roles = [accounts.role_of(db, lab, person.id) for person in (cast.alice, cast.bob)]
    assert set(roles) == {None, "admin"}


def test_an_organisation_is_handed_over(database: Database, cast: Cast) -> None:
    with database.write() as db:
        with pytest.raises(NotAMember):
            organizations.hand_over(db, cast.alice.actor, "lab", "charlie")
        with pytest.raises(BadRequest):
            organizations.hand_over(db, cast.alice.actor, "lab", "alice")
        organizations.hand_over(db, cast.alice.actor, "lab", "bob")
        lab = accounts.account(db, "lab")
        assert accounts.role_of(db, lab, cast.bob.id) == "admin"
        assert accounts.role_of(db, lab, cast.alice.id) == "write"


def test_an_organisation_ends_once_it_is_empty_and_its_name_stays_taken(
    client: TestClient, database: Database, cast: Cast
) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "one", namespace="lab")
        with pytest.raises(NotTheName):
            organizations.delete(db, cast.alice.actor, "lab", confirmed="alice")
        with pytest.raises(StillOwns, match="model lab/one"):
            organizations.delete(db, cast.alice.actor, "lab", confirmed="lab")
        with pytest.raises(NotAllowed):
            organizations.delete(db, cast.bob.actor, "lab", confirmed="lab")
    with database.write() as db:
        repos.delete_repo(db, cast.alice.actor, "lab/one", kind="model")
        organizations.delete(db, cast.alice.actor, "lab", confirmed="Lab")
    with database.write() as db:
        with pytest.raises(AccountNotFound):
            accounts.account(db, "lab")
        with pytest.raises(NameTaken, match="somebody else"):
            organizations.create(db, cast.charlie.actor, "LAB", founders="people")
        organizations.create(db, cast.root.actor, "lab", founders="people")


def test_members_are_shown_as_the_organisation_chose(database: Database, cast: Cast) -> None:
    with database.write() as db:
        org = organizations.change(db, cast.alice.actor, "lab", Changes(shows_members=False))
        seen = [access.sees_members(person.actor, org) for person in cast.people]
    assert seen == [True, True, False, True, False]


def test_over_json(client: TestClient, cast: Cast) -> None:
    made = client.post("/api/organizations", json={"name": "guild"}, headers=cast.charlie.headers)
    assert (made.status_code, made.json()["name"], made.json()["fullname"]) == (201, "guild", "guild")
    body = {"fullname": "The Guild", "showsMembers": False, "takesRequests": True}
    changed = client.patch("/api/organizations/guild/settings", json=body, headers=cast.charlie.headers)
    assert (changed.json()["fullname"], changed.json()["takesRequests"]) == ("The Guild", True)
    role = client.put("/api/organizations/lab/members/bob/role", json={"role": "admin"}, headers=cast.alice.headers)
    assert role.status_code == 200
    assert client.delete("/api/organizations/lab/members/alice", headers=cast.bob.headers).status_code == 204
    assert client.delete("/api/organizations/lab/members/bob", headers=cast.bob.headers).status_code == 409
    assert (
        client.put("/api/organizations/lab/owner", json={"user": "bob"}, headers=cast.alice.headers).status_code == 403
    )
    gone = client.request("DELETE", "/api/organizations/guild", json={"name": "guild"}, headers=cast.charlie.headers)
    assert gone.status_code == 204


@each(
    "body",
    [{}, {"name": "a\0b"}, {"name": "a" * 300}, {"name": 7}, {"name": "x", "fullname": "\u202egnitset"}, {"name": "é"}],
)
def test_odd_organisations_are_refused(client: TestClient, cast: Cast, body: dict[str, object]) -> None:
    refused = client.post("/api/organizations", json=body, headers=cast.alice.headers)
    assert refused.status_code in (400, 422)
    assert refused.json()["error"]
