"""Lists of collections, and their bounds: how many, how long, at once, and in whatever words."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, func, select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.community import rules
from freehold.community.errors import CollectionExists, ItemExists
from freehold.community.events import CollectionUpvoted
from freehold.community.queries import collections as queries
from freehold.community.service import collections, items
from freehold.community.tables import CollectionItem, Upvote
from freehold.core.database import Database
from freehold.core.errors import Conflict
from freehold.repos import service as repos
from tests.community.given import JSON, everything, made
from tests.community.test_collections import added, begun, read
from tests.fixtures.each import each
from tests.fixtures.people import Cast

# ---- lists -------------------------------------------------------------------------------------------------


def test_lists_are_narrowed_sorted_and_paged(client: TestClient, cast: Cast) -> None:
    slugs = [begun(client, who, f"List {at}")["slug"] for at, who in enumerate((cast.alice, cast.bob, cast.alice))]
    for who, at in ((cast.alice, 1), (cast.bob, 1), (cast.charlie, 0)):
        for _ in range(2):
            assert client.post(f"/api/collections/{slugs[at]}/upvote", headers=who.headers).status_code == 200
    for query, order in {
        "": [2, 1, 0],
        "?sort=lastModified": [2, 1, 0],
        "?sort=upvotes": [1, 0, 2],
        "?sort=trending": [1, 0, 2],
        "?owner=alice": [2, 0],
        "?owner=Alice&owner=bob": [2, 1, 0],
        "?owner=nobody": [],
        "?q=list+1": [1],
        "?item=models/alice/none": [],
        "?item=x": [],
        "?item=papers/2307.09288": [],
    }.items():
        more = f"{query}&" if query else "?"
        for paged in (query, f"{more}limit=1"):
            found = everything(client, f"/api/collections{paged}", cast.anonymous)
            assert [each["slug"] for each in found] == [slugs[at] for at in order], paged
    for query in ("sort=x", "limit=x", "cursor=x", "sort=upvotes&cursor=" + "x" * 9000):
        assert client.get(f"/api/collections?{query}").status_code == 400
    overview = client.get("/api/users/bob/overview").json()
    assert (overview["numCollections"], overview["numUpvotes"]) == (1, 2)


def test_upvotes_count_once_and_are_told_to_who_gave_them(client: TestClient, cast: Cast, app: Starlette) -> None:
    heard: list[CollectionUpvoted] = []
    app.state.database.bus.subscribe(CollectionUpvoted, lambda db, news: heard.append(news))
    slug = begun(client, cast.alice)["slug"]
    for _ in range(2):
        answer = client.post(f"/api/collections/{slug}/upvote", headers=cast.bob.headers)
        assert answer.json() == {"upvotes": 1, "isUpvotedByUser": True}
    assert [news.actor.name for news in heard] == ["bob"]
    assert read(client, cast.bob, slug)["isUpvotedByUser"]
    assert not read(client, cast.charlie, slug)["isUpvotedByUser"]
    for headers, status in (({}, 401), (cast.bob.read_headers, 403)):
        assert client.post(f"/api/collections/{slug}/upvote", headers=headers).status_code == status
    for _ in range(2):
        answer = client.delete(f"/api/collections/{slug}/upvote", headers=cast.bob.headers)
        assert answer.json() == {"upvotes": 0, "isUpvotedByUser": False}


def test_an_owner_orders_their_collections(client: TestClient, cast: Cast) -> None:
    slugs = [begun(client, cast.alice, title, private=title == "B")["slug"] for title in "ABC"]
    answer = client.patch(f"/api/collections/{slugs[2]}", json={"position": 0}, headers=cast.alice.headers)
    assert answer.json()["data"]["position"] == 0
    assert [read(client, cast.alice, slug)["position"] for slug in slugs] == [1, 2, 0]
    assert [read(client, cast.bob, slug)["position"] for slug in (slugs[0], slugs[2])] == [1, 0]


# ---- bounds, races, hostile words --------------------------------------------------------------------------


def test_there_is_an_end_to_everything(client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_ITEMS", 2)
    monkeypatch.setattr(rules, "MAX_COLLECTIONS", 1)
    slug = begun(client, cast.alice)["slug"]
    for number in ("2307.00001", "2307.00002"):
        added(client, cast.alice, slug, number, "paper")
    body: JSON = {"item": {"id": "2307.00003", "type": "paper"}}
    answer = client.post(f"/api/collections/{slug}/items", json=body, headers=cast.alice.headers)
    assert (answer.status_code, "up to 2 items" in answer.json()["error"]) == (409, True)
    answer = client.post("/api/collections", json={"title": "Another"}, headers=cast.alice.headers)
    assert answer.status_code == 409
    many = "&".join(f"item=models/a/{n}" for n in range(30))
    assert client.get(f"/api/collections?{many}").status_code == 400


def test_a_full_collection_is_read_and_reordered(database: Database, cast: Cast) -> None:
    with database.write() as db:
        found = collections.create(db, cast.alice.actor, "Full")
        rows = [
            {"id": f"{at:024x}", "collection_id": found.id, "position": at, "paper": f"2307.{at:05}", "note": ""}
            for at in range(rules.MAX_ITEMS)
        ]
        db.add_all(CollectionItem(**row, created_at=found.created_at) for row in rows)
        slug = queries.slug(found)
    with database.write() as db:
        items.change(db, cast.alice.actor, slug, f"{999:024x}", position=0)
    with database.read() as db:
        shown = queries.whole(db, cast.alice.actor, slug)
    assert [item.paper for item in shown.items][:2] == ["2307.00999", "2307.00000"]
    assert len(shown.items) == rules.MAX_ITEMS


def test_of_many_at_once_one_makes_it_and_all_count(database: Database, cast: Cast) -> None:
    with database.write() as db:
        repos.create(db, cast.alice.actor, "m")
        slug = queries.slug(collections.create(db, cast.alice.actor, "Race"))
    people = [cast.alice.actor, cast.bob.actor, cast.charlie.actor, cast.root.actor]

    def rush(number: int) -> list[str]:
        told = []
        for verb in (
            lambda db: collections.create(db, cast.alice.actor, "Same"),
            lambda db: items.add(db, cast.alice.actor, slug, "model", "alice/m"),
            lambda db: items.add(db, cast.alice.actor, slug, "paper", f"2307.{number:05}"),
            lambda db: collections.upvote(db, people[number % 4], slug),
        ):
            try:
                with database.write() as db:
                    verb(db)
            except (CollectionExists, ItemExists, Conflict) as err:
                told.append(type(err).__name__)
        return told

    with ThreadPoolExecutor(8) as pool:
        told = [name for names in pool.map(rush, range(16)) for name in names]
    assert (told.count("CollectionExists"), told.count("ItemExists"), len(told)) == (15, 15, 30)
    with database.read() as db:
        shown = queries.whole(db, cast.alice.actor, slug)
        positions = [item.row.position for item in shown.items]
        assert sorted(set(positions)) == positions == list(range(17))
        upvotes = db.scalar(select(func.count()).select_from(Upvote))
        assert (shown.collection.upvotes, upvotes) == (4, 4)


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        "\u202egpj.exe",
        "a\x00b",
        "日本語",
        "  \u2028 x",
        "'; drop table likes; --",
        "é" * 120,
    ],
)
def test_hostile_titles_and_notes_stay_words(client: TestClient, cast: Cast, title: str) -> None:
    found = begun(client, cast.alice, title, description=title)
    assert re.fullmatch(r"alice/[a-z0-9-]+-[0-9a-f]{24}", found["slug"])
    shown = added(client, cast.alice, found["slug"], "2307.09288", "paper", title)
    for text in (found["title"], found["description"], shown["items"][0]["note"]["text"]):
        assert "\x00" not in text and "\u202e" not in text
    assert "<script" not in shown["items"][0]["note"]["html"]
    assert read(client, cast.anonymous, found["slug"])["title"] == found["title"]


@each(
    "body",
    [
        {},
        {"title": ""},
        {"title": " \u202e\n"},
        {"title": "x" * 121},
        {"title": "x" * 3_000_000},
        {"title": "x", "description": "d" * 1001},
        {"title": "x", "theme": "black"},
        {"title": "x", "private": "maybe"},
        {"title": 7},
        [],
        "x",
    ],
)
def test_what_cannot_be_a_collection_is_refused_in_words(client: TestClient, cast: Cast, body: Any) -> None:
    answer = client.post("/api/collections", json=body, headers=cast.alice.headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]


def test_resource_groups_are_not_here(client: TestClient, cast: Cast) -> None:
    body = {"title": "x", "resourceGroupId": "0" * 24}
    assert client.post("/api/collections", json=body, headers=cast.alice.headers).status_code == 501


@each("slug", ["alice/x", "alice/-", f"alice/{'g' * 24}", f"alice/x-{'0' * 24}", f"a/{'0' * 25}"])
def test_a_slug_that_leads_nowhere(client: TestClient, cast: Cast, slug: str) -> None:
    assert client.get(f"/api/collections/{slug}").status_code == 404


@pytest.mark.parametrize(("address", "most"), [("/api/collections", 6), ("/api/collections?item=models/alice/m", 6)])
def test_a_list_asks_a_bounded_number_of_questions(
    client: TestClient, app: Starlette, cast: Cast, address: str, most: int
) -> None:
    path = made(client, cast.alice, "alice/m")
    for title in "abcdef":
        added(client, cast.alice, begun(client, cast.alice, title)["slug"], path)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if threading.current_thread().name.startswith("AnyIO"):  # the hub asks some by itself
            asked.append(statement)

    event.listen(app.state.database.engine, "before_cursor_execute", note)
    try:
        assert len(client.get(address).json()) == 6
    finally:
        event.remove(app.state.database.engine, "before_cursor_execute", note)
    questions = [statement for statement in asked if statement.lstrip().startswith("SELECT")]
    assert 0 < len(questions) <= most, "\n".join(questions)
