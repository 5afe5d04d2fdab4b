"""Collections: making, filling, ordering, reading, and what they must not tell."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, func, select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Action, Actor, TokenScope
from freehold.accounts import service as accounts
from freehold.community import access, rules
from freehold.community.errors import BadText, CollectionExists, ItemExists
from freehold.community.events import CollectionUpvoted
from freehold.community.queries import collections as queries
from freehold.community.queries.collections import Listing
from freehold.community.service import collections, items
from freehold.community.tables import Collection, CollectionItem, Upvote
from freehold.core.database import Database
from freehold.core.errors import Conflict
from freehold.repos import service as repos
from tests.community.given import JSON, everything, made
from tests.fixtures.each import each
from tests.fixtures.people import Cast, Person


def begun(client: TestClient, who: Person, title: str = "My list", **more: Any) -> JSON:
    """A new collection of ``who``'s."""
    body = {"title": title, "namespace": more.pop("namespace", who.name), **more}
    answer = client.post("/api/collections", json=body, headers=who.headers)
    assert answer.status_code == 200, answer.text
    found: JSON = answer.json()
    return found


def added(client: TestClient, who: Person, slug: str, name: str, type: str = "model", note: str | None = None) -> JSON:
    body: JSON = {"item": {"id": name, "type": type}} | ({"note": note} if note is not None else {})
    answer = client.post(f"/api/collections/{slug}/items", json=body, headers=who.headers)
    assert answer.status_code == 200, answer.text
    found: JSON = answer.json()
    return found


def read(client: TestClient, who: Person, slug: str) -> JSON:
    answer = client.get(f"/api/collections/{slug}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    found: JSON = answer.json()
    return found


def names(found: JSON) -> list[str]:
    assert [item["position"] for item in found["items"]] == list(range(len(found["items"])))
    return [item.get("slug") or item["id"] for item in found["items"]]


# ---- one collection ----------------------------------------------------------------------------------------


def test_a_new_collection_as_clients_read_it(client: TestClient, cast: Cast) -> None:
    found = begun(client, cast.alice, "  My  cool\nlist ", description="What I like")
    assert re.fullmatch(r"alice/my-cool-list-[0-9a-f]{24}", found["slug"])
    told = ("title", "description", "private", "theme", "upvotes", "isUpvotedByUser", "items", "position")
    assert [found[key] for key in told] == ["My cool list", "What I like", False, "green", 0, False, [], 0]
    assert found["lastUpdated"].endswith("Z")
    assert (found["owner"]["name"], found["owner"]["type"]) == ("alice", "user")
    assert read(client, cast.anonymous, found["slug"]) == found


def test_the_same_title_again_names_the_one_there_is(client: TestClient, cast: Cast) -> None:
    slug = begun(client, cast.alice)["slug"]
    again = client.post("/api/collections", json={"title": "my LIST"}, headers=cast.alice.headers)
    assert (again.status_code, again.json()["slug"]) == (409, slug)
    other = begun(client, cast.alice, "Other")["slug"]
    answer = client.patch(f"/api/collections/{other}", json={"title": "My list"}, headers=cast.alice.headers)
    assert (answer.status_code, answer.json()["slug"]) == (409, slug)
    assert begun(client, cast.bob)["slug"] != slug


def test_another_title_is_another_slug_and_the_old_one_still_leads_there(client: TestClient, cast: Cast) -> None:
    old = begun(client, cast.alice)["slug"]
    changes = {"title": "New", "description": "d", "theme": "pink", "private": True}
    answer = client.patch(f"/api/collections/{old}", json=changes, headers=cast.alice.headers)
    found = answer.json()["data"]
    assert found["slug"] == f"alice/new-{old[-24:]}"
    assert {key: found[key] for key in changes} == changes
    for slug in (old, found["slug"], f"alice/anything-{old[-24:]}", f"alice/{old[-24:]}"):
        assert read(client, cast.alice, slug)["slug"] == found["slug"]


def test_deleting_ends_it_once(client: TestClient, cast: Cast) -> None:
    slug, holder = begun(client, cast.alice)["slug"], begun(client, cast.alice, "Holder")["slug"]
    added(client, cast.alice, holder, slug, "collection")
    for status in (200, 404):
        assert client.delete(f"/api/collections/{slug}", headers=cast.alice.headers).status_code == status
    assert names(read(client, cast.alice, holder)) == []


def test_who_may_change_what(client: TestClient, cast: Cast) -> None:
    made(client, cast.alice, "alice/m")
    slug = begun(client, cast.alice, namespace="lab")["slug"]
    for headers, status in (
        ({}, 403),
        (cast.charlie.headers, 403),
        (cast.bob.read_headers, 403),
        (cast.bob.headers, 200),
        (cast.root.headers, 200),
    ):
        body = {"description": "d"}
        assert client.patch(f"/api/collections/{slug}", json=body, headers=headers).status_code == status
        item = {"item": {"id": "alice/m", "type": "model"}}
        expected = status if status == 403 or headers == cast.bob.headers else 409
        assert client.post(f"/api/collections/{slug}/items", json=item, headers=headers).status_code == expected
    for headers, namespace, status in (
        ({}, "alice", 401),
        (cast.charlie.headers, "lab", 403),
        (cast.charlie.headers, "alice", 403),
        (cast.charlie.headers, "nobody", 403),
        (cast.charlie.read_headers, "charlie", 403),
        (cast.bob.headers, "lab", 200),
    ):
        body = {"title": "T", "namespace": namespace}
        assert client.post("/api/collections", json=body, headers=headers).status_code == status
    assert client.delete(f"/api/collections/{slug}", headers=cast.charlie.headers).status_code == 403


def test_a_private_one_is_for_its_owners(client: TestClient, cast: Cast) -> None:
    slug = begun(client, cast.alice, "Hush", namespace="lab", private=True)["slug"]
    made(client, cast.alice, "alice/m")
    added(client, cast.alice, slug, "alice/m")
    holder = begun(client, cast.alice, "Holder")["slug"]
    added(client, cast.alice, holder, slug, "collection")
    added(client, cast.alice, holder, "alice/m")
    missing = f"lab/hush-{'0' * 24}"
    for who, sees in ((cast.anonymous, False), (cast.charlie, False), (cast.bob, True), (cast.root, True)):
        answer = client.get(f"/api/collections/{slug}", headers=who.headers)
        assert answer.status_code == (200 if sees else 404), who.name
        if not sees:
            for method, call, body in (
                ("PATCH", "", {"title": "x"}),
                ("DELETE", "", None),
                ("POST", "/upvote", None),
                ("POST", "/items", {"item": {"id": "alice/m", "type": "model"}}),
            ):
                told = [
                    client.request(method, f"/api/collections/{each}{call}", json=body, headers=who.headers)
                    for each in (slug, missing)
                ]
                assert (told[0].status_code, told[0].text) == (404, told[1].text), (method, call)
        for address in ("/api/collections", "/api/collections?owner=lab", "/api/collections?item=models/alice/m&q=hus"):
            listed = [found["slug"] for found in client.get(address, headers=who.headers).json()]
            assert (slug in listed) is sees, (who.name, address)
        assert names(read(client, who, holder)) == ([slug, "alice/m"] if sees else ["alice/m"])
        # The list of what holds it tells as little.
        asked = client.get(f"/api/collections?item=collections/{slug}", headers=who.headers).json()
        assert [found["slug"] for found in asked] == ([holder] if sees else [])
    mine = begun(client, cast.charlie)["slug"]
    body = {"item": {"id": slug, "type": "collection"}}
    answer = client.post(f"/api/collections/{mine}/items", json=body, headers=cast.charlie.headers)
    assert answer.status_code == 404


def test_lists_show_exactly_what_single_loads_allow(database: Database, cast: Cast) -> None:
    with database.write() as db:
        for owner in ("alice", "lab"):
            for private in (True, False):
                collections.create(db, cast.alice.actor, f"p{private}", namespace=owner, private=private)
    actors = [who.actor for who in cast.people]
    for who in (cast.alice, cast.bob, cast.root):
        for token in (TokenScope("t", "t", "read"), TokenScope("t", "t", "write", frozenset({"r"}))):
            base = who.actor
            actors.append(Actor("user", base.id, base.name, base.is_admin, token, base.roles))
    with database.read() as db:
        every = db.scalars(select(Collection)).all()
        for actor in actors:
            listed = {shown.collection.id for shown in queries.listed(db, actor, Listing()).collections}
            assert listed == {each.id for each in every if access.may(actor, Action.LIST, each)}, actor


# ---- items -------------------------------------------------------------------------------------------------


def test_items_of_every_type_with_notes(client: TestClient, cast: Cast) -> None:
    for kind in ("model", "dataset", "space"):
        made(client, cast.alice, f"alice/{kind}", kind=kind)
    other = begun(client, cast.bob, "Other")["slug"]
    slug = begun(client, cast.alice)["slug"]
    for kind in ("model", "dataset", "space"):
        added(client, cast.alice, slug, f"alice/{kind}", kind, f"My {kind}")
    added(client, cast.alice, slug, "2307.09288v2", "paper")
    found = added(client, cast.alice, slug, other, "collection")
    assert names(found) == ["alice/model", "alice/dataset", "alice/space", "2307.09288", other]
    assert [item["type"] for item in found["items"]] == ["model", "dataset", "space", "paper", "collection"]
    assert [item.get("note", {}).get("text") for item in found["items"]][:4] == [
        "My model",
        "My dataset",
        "My space",
        None,
    ]
    for asked in ("models/alice/model", "datasets/Alice/Dataset", "papers/2307.09288", f"collections/{other}"):
        listed = client.get(f"/api/collections?item={asked}").json()
        assert [each["slug"] for each in listed] == [slug], asked
        assert len(listed[0]["items"]) == 4
        assert "position" not in listed[0]


@pytest.mark.parametrize(
    ("type", "name", "status"),
    [
        ("model", "alice/data", 404),
        ("dataset", "alice/none", 404),
        ("dataset", "", 404),
        ("dataset", "a\x00b/c", 404),
        ("collection", "alice/none-" + "0" * 24, 404),
        ("collection", "x", 404),
        ("paper", "not-a-paper", 400),
        ("bucket", "alice/data", 400),
        ("\u202e", "alice/data", 400),
    ],
)
def test_what_cannot_be_an_item(client: TestClient, cast: Cast, type: str, name: str, status: int) -> None:
    made(client, cast.alice, "alice/data", kind="dataset")
    slug = begun(client, cast.alice)["slug"]
    body = {"item": {"id": name, "type": type}}
    answer = client.post(f"/api/collections/{slug}/items", json=body, headers=cast.alice.headers)
    assert answer.status_code in (status, 400), answer.text


def test_an_item_stands_once_and_a_collection_not_in_itself(client: TestClient, cast: Cast) -> None:
    made(client, cast.alice, "alice/m")
    slug = begun(client, cast.alice)["slug"]
    added(client, cast.alice, slug, "alice/m")
    client.post("/api/repos/move", json={"fromRepo": "alice/m", "toRepo": "alice/n"}, headers=cast.alice.headers)
    for name in ("alice/m", "alice/n"):  # by its old name too
        body = {"item": {"id": name, "type": "model"}}
        answer = client.post(f"/api/collections/{slug}/items", json=body, headers=cast.alice.headers)
        assert answer.status_code == 409
    body = {"item": {"id": slug, "type": "collection"}}
    answer = client.post(f"/api/collections/{slug}/items", json=body, headers=cast.alice.headers)
    assert answer.status_code == 400
    assert names(read(client, cast.anonymous, slug)) == ["alice/n"]


def test_items_are_moved_noted_and_taken_out(client: TestClient, cast: Cast) -> None:
    slug = begun(client, cast.alice)["slug"]
    for name in "abcd":
        found = added(client, cast.alice, slug, made(client, cast.alice, f"alice/{name}"))
    ids = {item["id"][-1]: item["_id"] for item in found["items"]}

    def change(name: str, **body: Any) -> str:
        answer = client.patch(f"/api/collections/{slug}/items/{ids[name]}", json=body, headers=cast.alice.headers)
        assert answer.status_code == 200, answer.text
        return "".join(each[-1] for each in names(read(client, cast.alice, slug)))

    assert change("a", position=1, note="First") == "bacd"
    assert change("d", position=0) == "dbac"
    assert change("d", position=99) == "bacd"
    assert change("c", position=2) == "bacd"
    assert change("a", note="") == "bacd"
    for status in (200, 404):
        gone = client.delete(f"/api/collections/{slug}/items/{ids['a']}", headers=cast.alice.headers)
        assert gone.status_code == status
    gone = {"name": "c", "organization": "alice"}
    client.request("DELETE", "/api/repos/delete", json=gone, headers=cast.alice.headers)
    assert names(read(client, cast.alice, slug)) == ["alice/b", "alice/d"]
    assert change("d", position=0) == "db"
    for body in ({"position": -1}, {"position": "x"}, {"position": 2**40}, {"note": {"a": 1}}):
        answer = client.patch(f"/api/collections/{slug}/items/{ids['b']}", json=body, headers=cast.alice.headers)
        assert answer.status_code == 422
    other = begun(client, cast.alice, "Other")["slug"]
    answer = client.patch(f"/api/collections/{other}/items/{ids['b']}", json={}, headers=cast.alice.headers)
    assert answer.status_code == 404


def test_what_a_reader_may_not_see_leaves_no_trace(client: TestClient, cast: Cast) -> None:
    slug = begun(client, cast.alice, namespace="lab")["slug"]
    for name, owner, private in (("a", "alice", True), ("b", "lab", True), ("c", "lab", False), ("d", "alice", False)):
        added(
            client, cast.alice, slug, made(client, cast.alice, f"{owner}/{name}", private=private), note=f"note {name}"
        )
    for who, seen in (
        (cast.anonymous, "cd"),
        (cast.charlie, "cd"),
        (cast.bob, "bcd"),
        (cast.alice, "abcd"),
        (cast.root, "abcd"),
    ):
        found = read(client, who, slug)
        assert "".join(each[-1] for each in names(found)) == seen, who.name
        assert ("note a" in str(found)) is ("a" in seen)
        listed = client.get("/api/collections?owner=lab", headers=who.headers).json()[0]
        assert "".join(each[-1] for each in names(listed)) == seen, who.name
        asked = client.get("/api/collections?item=models/alice/a", headers=who.headers).json()
        assert len(asked) == (1 if "a" in seen else 0)
    # Bob moves by what he sees, and the one he does not see keeps its place.
    last = read(client, cast.bob, slug)["items"][2]["_id"]
    client.patch(f"/api/collections/{slug}/items/{last}", json={"position": 0}, headers=cast.bob.headers)
    assert "".join(each[-1] for each in names(read(client, cast.bob, slug))) == "dbc"
    assert "".join(each[-1] for each in names(read(client, cast.alice, slug))) == "adbc"
    hidden = read(client, cast.alice, slug)["items"][0]["_id"]
    answer = client.delete(f"/api/collections/{slug}/items/{hidden}", headers=cast.bob.headers)
    assert answer.status_code == 404


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


# ---- rules -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "seen", "item", "position", "after"),
    [
        ("abcd", "abcd", "a", 2, "bcad"),
        ("abcd", "abcd", "d", 0, "dabc"),
        ("abcd", "abcd", "b", 9, "acdb"),
        ("abcd", "abcd", "b", 1, "abcd"),
        ("xaybz", "ab", "b", 0, "xbayz"),
        ("xaybz", "ab", "a", 1, "xybaz"),
        ("xay", "a", "a", 0, "xya"),
    ],
)
def test_moving(order: str, seen: str, item: str, position: int, after: str) -> None:
    assert "".join(rules.moved(order, seen, item, position)) == after


def test_a_note_keeps_its_lines() -> None:
    assert rules.checked_note(" a\nb\u2066\x07 ") == "a\nb"
    with pytest.raises(BadText):
        rules.checked_note("x" * 1001)


def test_an_unknown_account_owns_nothing(database: Database, cast: Cast) -> None:
    with database.read() as db:
        assert not queries.owned(db, cast.root.actor, accounts.account(db, "lab").id, 10)


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
