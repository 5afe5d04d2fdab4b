"""Likes: who may, how they are counted, and what they must not tell."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Actor
from freehold.accounts import service as accounts
from freehold.accounts.events import AccountDeleted
from freehold.accounts.tables import Account
from freehold.community.events import RepoLiked
from freehold.community.service import likes
from freehold.community.tables import Like
from freehold.core import events
from freehold.core.database import Database
from freehold.core.errors import Conflict
from freehold.repos import service as repos
from freehold.repos.tables import Repo
from tests.community.given import everything, like, made
from tests.fixtures.each import each
from tests.fixtures.people import Cast


def test_a_like_counts_once_and_is_taken_back(client: TestClient, cast: Cast) -> None:
    path = made(client, cast.alice, "alice/m")
    assert [like(client, who, path) for who in (cast.bob, cast.bob, cast.charlie)] == [1, 1, 2]
    assert client.get("/api/models/alice/m").json()["likes"] == 2
    listed = client.get("/api/models?author=alice").json()[0]
    assert listed["likes"] == 2
    likers = client.get("/api/models/Alice/M/likers").json()
    assert {(who["user"], who["fullname"], who["avatarUrl"][:27]) for who in likers} == {
        ("bob", "Bob", "http://hub.test/avatars/bob"),
        ("charlie", "Charlie", "http://hub.test/avatars/cha"),
    }
    for _ in range(2):
        answer = client.delete("/api/models/alice/m/like", headers=cast.bob.headers)
        assert (answer.status_code, answer.json()) == (200, {"likes": 1, "isLikedByUser": False})
    assert client.get("/api/models/alice/m").json()["likes"] == 1


@pytest.mark.parametrize("kind", ["dataset", "space", "kernel"])
def test_every_kind_is_liked(client: TestClient, cast: Cast, kind: str) -> None:
    made(client, cast.alice, "alice/k", kind=kind)
    assert like(client, cast.charlie, "alice/k", kind=f"{kind}s") == 1
    (told,) = client.get("/api/users/charlie/likes").json()
    assert told["repo"] == {"name": "alice/k", "type": kind}
    assert told["createdAt"].endswith("Z")


def test_who_may_like(client: TestClient, cast: Cast) -> None:
    made(client, cast.alice, "alice/m")
    made(client, cast.alice, "lab/hush", private=True)
    for headers, path, status in (
        ({}, "alice/m", 401),
        (cast.charlie.read_headers, "alice/m", 403),
        (cast.charlie.headers, "lab/hush", 404),
        ({}, "lab/hush", 401),
        (cast.charlie.headers, "alice/none", 404),
        (cast.charlie.headers, "missing", 404),
        (cast.bob.headers, "lab/hush", 200),
    ):
        for method in ("POST", "DELETE"):
            answer = client.request(method, f"/api/models/{path}/like", headers=headers)
            assert answer.status_code == status, (method, path, answer.text)
            if status == 404:
                assert answer.headers["x-error-code"] == "RepoNotFound"


def test_a_gate_is_no_bar_to_liking(client: TestClient, cast: Cast) -> None:
    made(client, cast.alice, "alice/m")
    client.put("/api/models/alice/m/settings", json={"gated": "manual"}, headers=cast.alice.headers)
    assert like(client, cast.charlie, "alice/m") == 1


def test_a_private_repository_never_shows_in_somebodys_likes(client: TestClient, cast: Cast) -> None:
    for name, private in (("alice/open", False), ("lab/hush", True)):
        made(client, cast.alice, name, private=private)
        like(client, cast.bob, name)
    made(client, cast.alice, "alice/later")
    like(client, cast.bob, "alice/later")
    client.put("/api/models/alice/later/settings", json={"private": True}, headers=cast.alice.headers)
    for who, names in (
        (cast.anonymous, ["alice/open"]),
        (cast.charlie, ["alice/open"]),
        (cast.bob, ["lab/hush", "alice/open"]),
        (cast.alice, ["alice/later", "lab/hush", "alice/open"]),
        (cast.root, ["alice/later", "lab/hush", "alice/open"]),
    ):
        found = everything(client, "/api/users/bob/likes?limit=1", who)
        assert [item["repo"]["name"] for item in found] == names, who.name
        assert client.get("/api/users/bob/overview", headers=who.headers).json()["numLikes"] == len(names)
    assert client.get("/api/models/lab/hush/likers", headers=cast.charlie.headers).status_code == 404
    assert client.get("/api/users/lab/likes").status_code == 404


def test_lists_sort_by_likes_in_pages(client: TestClient, cast: Cast) -> None:
    for name in ("a", "b", "c", "d"):
        made(client, cast.alice, f"alice/{name}")
    for who, names in ((cast.bob, "bc"), (cast.charlie, "c"), (cast.root, "c")):
        for name in names:
            like(client, who, f"alice/{name}")
    for query in ("?sort=likes", "?sort=likes&limit=1", "?sort=likes&limit=3&direction=-1"):
        found = [item["id"] for item in everything(client, f"/api/models{query}", cast.anonymous)]
        assert found[:2] == ["alice/c", "alice/b"], query
        assert sorted(found) == ["alice/a", "alice/b", "alice/c", "alice/d"]
    assert client.get("/models?sort=likes").status_code == 200
    by_time = client.get("/api/models?sort=createdAt&limit=1").links["next"]["url"].partition("cursor=")[2]
    assert client.get(f"/api/models?sort=likes&cursor={by_time}").status_code == 400


def test_listeners_hear_of_a_like_once(client: TestClient, cast: Cast, app: Starlette) -> None:
    heard: list[RepoLiked] = []
    app.state.database.bus.subscribe(RepoLiked, lambda db, event: heard.append(event))
    made(client, cast.alice, "alice/m")
    like(client, cast.bob, "alice/m")
    like(client, cast.bob, "alice/m")
    assert [(event.repo.path, event.actor.name) for event in heard] == [("alice/m", "bob")]


def test_the_count_is_the_rows_after_a_race(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "m")
    actors = [cast.alice.actor, cast.bob.actor, cast.charlie.actor, cast.root.actor]

    def toggles(number: int) -> None:
        actor = actors[number % 4]
        for verb in (likes.like, likes.unlike, likes.like)[: 1 + number % 3]:
            try:
                with database.write() as db:
                    verb(db, actor, "alice/m", kind="model")
            except Conflict:
                pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(toggles, range(48)))
    with database.read() as db:
        assert db.scalar(select(Repo.likes)) == db.scalar(select(func.count()).select_from(Like))


def test_likes_go_with_the_repository_and_with_the_person(client: TestClient, cast: Cast, app: Starlette) -> None:
    for name in ("alice/m", "alice/n"):
        made(client, cast.alice, name)
        like(client, cast.bob, name)
        like(client, cast.charlie, name)
    gone = {"name": "n", "organization": "alice"}
    assert client.request("DELETE", "/api/repos/delete", json=gone, headers=cast.alice.headers).status_code == 200
    assert [item["repo"]["name"] for item in client.get("/api/users/bob/likes").json()] == ["alice/m"]
    with app.state.database.write() as db:
        bob = accounts.account(db, "bob")
        events.publish(db, AccountDeleted(bob, None))
    assert client.get("/api/models/alice/m").json()["likes"] == 1
    assert [who["user"] for who in client.get("/api/models/alice/m/likers").json()] == ["charlie"]


@each("query", ["limit=x", "cursor=x", "cursor=WzEsImEiXQ", "cursor=%FF", "limit=-1"])
def test_a_list_refuses_what_it_did_not_write(client: TestClient, cast: Cast, query: str) -> None:
    assert client.get(f"/api/users/bob/likes?{query}").status_code == 400


def test_a_disabled_person_is_not_listed(client: TestClient, cast: Cast, database: Database) -> None:
    made(client, cast.alice, "alice/m")
    like(client, cast.bob, "alice/m")
    with database.write() as db:
        found = db.get(Account, cast.bob.id)
        assert found is not None
        found.is_disabled = True
    assert client.get("/api/models/alice/m/likers").json() == []


def test_the_hub_itself_has_no_likes(database: Database, cast: Cast) -> None:
    from freehold.access.rules import HUB
    from freehold.community.errors import MayNotTakePart

    with database.write() as db:
        repos.create(db, cast.alice.actor, "m")
    hub: Actor = HUB
    with pytest.raises(MayNotTakePart), database.write() as db:
        likes.like(db, hub, "alice/m", kind="model")
