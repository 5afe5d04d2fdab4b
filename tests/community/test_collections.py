"""Collections: making, filling, ordering, reading, and what they must not tell."""

import re
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from freehold.access.rules import Action, Actor, TokenScope
from freehold.accounts import service as accounts
from freehold.community import access, rules
from freehold.community.errors import BadText
from freehold.community.queries import collections as queries
from freehold.community.queries.collections import Listing
from freehold.community.service import collections
from freehold.community.tables import Collection
from freehold.core.database import Database
from tests.community.given import JSON, made
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
