"""Who follows whom, and people and organisations in numbers."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.community.events import AccountFollowed
from freehold.core.database import Database
from tests.community.given import everything, like, made
from tests.fixtures.people import Cast


def test_bob_follows_alice_and_the_lab(client: TestClient, cast: Cast) -> None:
    for address in ("/api/users/alice/follow", "/api/organizations/lab/follow"):
        for _ in range(2):
            answer = client.post(address, headers=cast.bob.headers)
            assert (answer.status_code, answer.json()) == (200, {"isFollowing": True})
    followed = everything(client, "/api/users/bob/following?limit=1", cast.charlie)
    assert [(who["user"], who["type"], who["isFollowing"]) for who in followed] == [
        ("lab", "org", False),
        ("alice", "user", False),
    ]
    assert [who["user"] for who in client.get("/api/users/alice/followers").json()] == ["bob"]
    assert [who["user"] for who in client.get("/api/organizations/lab/followers").json()] == ["bob"]
    for who, follows in ((cast.bob, True), (cast.charlie, False), (cast.anonymous, False)):
        for address in ("/api/users/alice/overview", "/api/organizations/lab/overview"):
            found = client.get(address, headers=who.headers).json()
            assert (found["isFollowing"], found["numFollowers"]) == (follows, 1), (address, who.name)
    assert client.get("/api/users/bob/overview").json()["numFollowing"] == 2
    for _ in range(2):
        answer = client.delete("/api/users/alice/follow", headers=cast.bob.headers)
        assert (answer.status_code, answer.json()) == (200, {"isFollowing": False})
    assert client.get("/api/users/alice/followers").json() == []


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/users/alice/follow", 400),  # oneself
        ("/api/users/lab/follow", 404),
        ("/api/organizations/bob/follow", 404),
        ("/api/users/nobody/follow", 404),
    ],
)
def test_what_cannot_be_followed(client: TestClient, cast: Cast, address: str, status: int) -> None:
    assert client.post(address, headers=cast.alice.headers).status_code == status


def test_who_may_follow(client: TestClient, cast: Cast) -> None:
    for method in ("POST", "DELETE"):
        assert client.request(method, "/api/users/alice/follow").status_code == 401
        refused = client.request(method, "/api/organizations/lab/follow", headers=cast.charlie.read_headers)
        assert refused.status_code == 403


def test_listeners_hear_of_a_follow_once(client: TestClient, cast: Cast, app: Starlette) -> None:
    heard: list[AccountFollowed] = []
    app.state.database.bus.subscribe(AccountFollowed, lambda db, event: heard.append(event))
    for _ in range(2):
        client.post("/api/users/alice/follow", headers=cast.bob.headers)
    assert [(event.account.name, event.actor.name) for event in heard] == [("alice", "bob")]


def test_numbers_count_only_what_may_be_known(client: TestClient, cast: Cast) -> None:
    for path, kind, private in (
        ("alice/a", "model", False),
        ("alice/b", "model", True),
        ("alice/c", "dataset", True),
        ("lab/d", "space", False),
        ("lab/e", "model", True),
    ):
        made(client, cast.alice, path, kind=kind, private=private)
    words = {"title": "A question", "description": "?"}
    for path in ("alice/a", "alice/b", "lab/e"):
        answer = client.post(f"/api/models/{path}/discussions", json=words, headers=cast.alice.headers)
        assert answer.status_code == 200
        like(client, cast.alice, path)
    for who, of_alice, of_lab in (
        (cast.anonymous, (1, 0, 0, 1, 1), (0, 1)),
        (cast.charlie, (1, 0, 0, 1, 1), (0, 1)),
        (cast.bob, (1, 0, 0, 2, 2), (1, 1)),
        (cast.alice, (2, 1, 0, 3, 3), (1, 1)),
        (cast.root, (2, 1, 0, 3, 3), (1, 1)),
    ):
        found = client.get("/api/users/alice/overview", headers=who.headers).json()
        numbers = ("numModels", "numDatasets", "numSpaces", "numDiscussions", "numLikes")
        assert tuple(found[name] for name in numbers) == of_alice, who.name
        found = client.get("/api/organizations/lab/overview", headers=who.headers).json()
        assert (found["numModels"], found["numSpaces"]) == of_lab, who.name


def test_an_overview_has_the_keys_that_clients_read(client: TestClient, cast: Cast) -> None:
    found = client.get("/api/users/Bob/overview").json()
    told = ("user", "fullname", "type", "isPro", "isFollowing", "details", "numPapers", "numUpvotes")
    assert [found[key] for key in told] == ["bob", "Bob", "user", False, False, None, 0, 0]
    assert [(org["name"], org["fullname"]) for org in found["orgs"]] == [("lab", "The Lab")]
    found = client.get("/api/organizations/LAB/overview").json()
    told = ("name", "fullname", "type", "isVerified", "isFollowing", "numUsers", "numPapers", "numFollowers")
    assert [found[key] for key in told] == ["lab", "The Lab", "org", False, False, 2, 0, 0]
    for address in ("/api/users/lab/overview", "/api/organizations/bob/overview", "/api/users/nobody/overview"):
        assert client.get(address).status_code == 404


def test_an_organisation_may_keep_its_members_to_itself(client: TestClient, cast: Cast, database: Database) -> None:
    assert {who["user"] for who in client.get("/api/organizations/lab/members").json()} == {"alice", "bob"}
    with database.write() as db:
        accounts.account(db, "lab").shows_members = False
    for who, status in ((cast.anonymous, 403), (cast.charlie, 403), (cast.bob, 200), (cast.root, 200)):
        assert client.get("/api/organizations/lab/members", headers=who.headers).status_code == status, who.name
        overview = client.get("/api/organizations/lab/overview", headers=who.headers).json()
        assert ("numUsers" in overview) is (status == 200)
        orgs = client.get("/api/users/bob/overview", headers=who.headers).json()["orgs"]
        assert [org["name"] for org in orgs] == (["lab"] if status == 200 else [])
