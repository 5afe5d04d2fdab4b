"""Likes, follows, collections and profiles as a browser uses them: links and forms, no script."""

import re
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.core.database import Database
from tests.community.given import everything, like, made
from tests.discover.conftest import Publish
from tests.discover.test_pages import HTML, Page
from tests.fixtures.people import Cast, Person


class Browser:
    """Somebody signed in by cookie, who presses buttons of pages."""

    def __init__(self, client: TestClient, app: Starlette, who: Person) -> None:
        with app.state.database.write() as db:
            self.secret = accounts.open_session(db, who.id, life_s=3600)
        self.client = client
        self.headers = {**HTML, "origin": "http://hub.test", "cookie": f"freehold_session={self.secret}"}

    def page(self, address: str) -> str:
        answer = self.client.get(address, headers=self.headers)
        assert answer.status_code == 200, (address, answer.text)
        assert Page(answer.text).inline == []
        return answer.text

    def press(self, address: str, action: str, **fields: Any) -> Any:
        """Send the form of the page at ``address`` that goes to ``action``."""
        text = self.page(address)
        form = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', text, re.DOTALL)
        assert form is not None, f"no form to {action} on {address}"
        tags = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[1])
        return self.client.post(action, data={**dict(tags), **fields}, headers=self.headers)


@pytest.fixture
def bob(client: TestClient, app: Starlette, cast: Cast) -> Browser:
    return Browser(client, app, cast.bob)


def test_bob_likes_and_unlikes_from_every_page_of_a_repository(client: TestClient, cast: Cast, bob: Browser) -> None:
    made(client, cast.alice, "alice/m")
    for page, likes in (("/alice/m", 1), ("/alice/m/tree/main", 0), ("/alice/m/commits/main", 1)):
        answer = bob.press(page, "/alice/m/like")
        assert (answer.status_code, answer.headers["location"]) == (303, "/alice/m")
        assert client.get("/api/models/alice/m").json()["likes"] == likes
    assert 'aria-pressed="true"' in bob.page("/alice/m")
    assert "Bob" in client.get("/alice/m/likers").text
    assert "alice/</span><b>m" in client.get("/bob/activity/likes").text
    anonymous = client.get("/alice/m").text
    assert 'action="/alice/m/like"' not in anonymous and "/login?next=%2Falice%2Fm" in anonymous
    assert client.post("/alice/m/like", data={}, headers=bob.headers).status_code == 403
    foreign = bob.headers | {"origin": "http://elsewhere.test"}
    assert client.post("/alice/m/like", data={}, headers=foreign).status_code == 403


def test_bob_follows_from_a_profile(client: TestClient, cast: Cast, bob: Browser) -> None:
    for name in ("alice", "lab"):
        assert bob.press(f"/{name}", f"/{name}/activity/follow").headers["location"] == f"/{name}"
        assert "Bob" in client.get(f"/{name}/activity/followers").text
    text = client.get("/bob/activity/following").text
    assert "Alice" in text and "The Lab" in text
    bob.press("/alice", "/alice/activity/follow")
    assert "Nobody follows alice yet." in client.get("/alice/activity/followers").text
    assert "activity/follow" not in bob.page("/bob").replace("activity/followers", "").replace("activity/following", "")


def test_a_profile_tells_what_the_visitor_may_know(
    client: TestClient,
    cast: Cast,
    publish: Publish,
    bob: Browser,
    database: Database,
) -> None:
    for path, private in (("lab/open", False), ("lab/hush", True)):
        made(client, cast.alice, path, private=private)
        like(client, cast.bob, path)
        client.post(
            "/api/collections",
            json={"title": f"Of {path}", "namespace": "lab", "private": private},
            headers=cast.alice.headers,
        )
    readme = "---\nsdk: static\n---\n# Who we are\n<script>x</script>[site](https://example.org)\n"
    publish(cast.alice.actor, "lab/README", {"README.md": readme}, kind="space", sdk="static")
    with database.write() as db:
        lab = accounts.account(db, "lab")
        lab.details, lab.website = "We <b>work</b>", "https://example.org/lab"
    stranger, member = client.get("/lab", headers=HTML).text, bob.page("/lab")
    for text in (stranger, member):
        assert "Who we are" in text and "&lt;b&gt;work" in text and "example.org/lab" in text
        assert "open" in text and "Of lab/open" in text
        assert "<script>x" not in text
    assert "hush" not in stranger
    assert "hush" in member and "Of lab/hush" in member
    assert "hush" not in client.get("/bob", headers=HTML).text
    assert "hush" in bob.page("/bob")
    assert "hush" not in client.get("/lab?sort=likes", headers=HTML).text
    # A private card is for those who may read it.
    client.put("/api/spaces/lab/README/settings", json={"private": True}, headers=cast.alice.headers)
    assert "Who we are" not in client.get("/lab", headers=HTML).text
    assert "Who we are" in bob.page("/lab")


def test_an_organisation_may_hide_its_members_on_pages(client: TestClient, cast: Cast, database: Database) -> None:
    assert "Bob" in client.get("/lab/activity/members").text
    assert 'href="/bob"' in client.get("/lab").text and 'href="/lab"' in client.get("/bob").text
    with database.write() as db:
        accounts.account(db, "lab").shows_members = False
    assert client.get("/lab/activity/members", headers=HTML).status_code == 403
    assert 'href="/bob"' not in client.get("/lab").text and 'href="/lab"' not in client.get("/bob").text


def test_a_collection_is_made_filled_ordered_and_ended(client: TestClient, cast: Cast, bob: Browser) -> None:
    for name in ("a", "b"):
        made(client, cast.alice, f"alice/{name}")
    answer = bob.press("/collections/new?item=models/alice/a", "/collections/new", title="Mine", theme="blue")
    here = answer.headers["location"]
    slug = here.removeprefix("/collections/")
    assert (answer.status_code, slug[:9]) == (303, "bob/mine-")
    refused = bob.press(here, f"{here}/items", item="alice/none", note="Why")
    assert refused.status_code == 422 and "Repository not found" in refused.text and "Why" in refused.text
    assert bob.press(here, f"{here}/items", item="http://hub.test/alice/b", note="<i>Why</i>").status_code == 303
    chosen = bob.press("/collections/add?item=models%2Falice%2Fb", "/collections/add", collection=slug)
    assert chosen.status_code == 422 and "already" in chosen.text
    text = bob.page(here)
    assert "&lt;i&gt;Why" in text and text.index("<b>a</b>") < text.index("<b>b</b>")
    first, second = (item["_id"] for item in client.get(f"/api{here}").json()["items"])
    moved = bob.press(here, f"{here}/items/{second}", position=0)
    assert moved.headers["location"] == f"{here}#item-{second}"
    assert "A note has up to" in bob.press(here, f"{here}/items/{first}", note="x" * 2000).text
    bob.press(here, f"{here}/items/{first}/remove")
    items = client.get(f"/api{here}").json()["items"]
    assert [item["id"] for item in items] == ["alice/b"]
    assert bob.press(here, f"{here}/upvote").status_code == 303
    edited = bob.press(f"{here}/edit", f"{here}/edit", title="", description="d")
    assert edited.status_code == 422 and "A title has" in edited.text
    new = bob.press(f"{here}/edit", f"{here}/edit", title="Other", description="d", private="true").headers["location"]
    assert client.get(new, headers=HTML).status_code == 404
    leads = client.get(here, headers=bob.headers)
    assert (leads.status_code, leads.headers["location"]) == (307, new)
    assert "Other" in bob.page("/bob") and "Other" not in client.get("/bob").text
    gone = bob.press(f"{new}/edit", f"{new}/delete")
    assert gone.headers["location"] == "/collections?owner=bob"
    assert client.get(new, headers=bob.headers).status_code == 404


def test_who_may_not_change_a_collection_sees_no_form(client: TestClient, cast: Cast, bob: Browser) -> None:
    made(client, cast.alice, "alice/a")
    body = {"title": "Hers"}
    slug = client.post("/api/collections", json=body, headers=cast.alice.headers).json()["slug"]
    item = {"item": {"id": "alice/a", "type": "model"}}
    client.post(f"/api/collections/{slug}/items", json=item, headers=cast.alice.headers)
    for text in (bob.page(f"/collections/{slug}"), client.get(f"/collections/{slug}").text):
        assert "/items" not in text and "/edit" not in text
    assert client.get(f"/collections/{slug}/edit", headers=bob.headers).status_code == 403
    for address in ("/collections/new", "/collections/add?item=models/alice/a"):
        assert client.get(address).headers["location"].startswith("/login?next=")
    assert "Your" not in bob.page("/collections") and "Hers" in client.get("/collections?search=her").text
    assert "No such collection" in client.get("/collections?owner=nobody").text


@pytest.mark.parametrize("title", ["<script>alert(1)</script>", "\u202egpj.exe", '"><img src=x onerror=alert(1)>'])
def test_hostile_words_stay_words_on_pages(client: TestClient, cast: Cast, bob: Browser, title: str) -> None:
    body = {"title": title, "description": title, "namespace": "alice"}
    made_here = client.post("/api/collections", json=body, headers=cast.alice.headers)
    slug = made_here.json()["slug"]
    item = {"item": {"id": "2307.09288", "type": "paper"}, "note": title}
    client.post(f"/api/collections/{slug}/items", json=item, headers=cast.alice.headers)
    for address in (f"/collections/{slug}", "/collections", "/alice", "/search?search=alert"):
        text = client.get(address, headers=HTML).text
        assert Page(text).inline == [] and "\u202e" not in text and "<img src=x" not in text


def test_long_lists_have_pages(client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch, bob: Browser) -> None:
    monkeypatch.setattr("freehold.community.pages.marks.ROWS", 1)
    monkeypatch.setattr("freehold.community.pages.collections.ROWS", 1)
    for name in ("a", "b"):
        made(client, cast.alice, f"alice/{name}")
        like(client, cast.bob, f"alice/{name}")
        client.post("/api/collections", json={"title": name}, headers=cast.alice.headers)
    like(client, cast.charlie, "alice/a")
    client.post("/api/users/alice/follow", headers=cast.bob.headers)
    client.post("/api/users/alice/follow", headers=cast.charlie.headers)
    for address in (
        "/bob/activity/likes",
        "/alice/a/likers",
        "/alice/activity/followers",
        "/lab/activity/members",
        "/collections",
        "/collections?owner=alice&sort=upvotes",
    ):
        text = client.get(address, headers=HTML).text
        found = re.search(r'href="([^"]+cursor=[^"]+)" rel="next"', text)
        assert found is not None, address
        following = client.get(found[1].replace("&amp;", "&"), headers=HTML)
        assert following.status_code == 200 and "First page" in following.text, address
    assert client.get("/bob/activity/likes?cursor=x", headers=HTML).status_code == 400
    assert len(everything(client, "/api/users/bob/likes?limit=1", cast.anonymous)) == 2


def test_quick_search_finds_everything_that_may_be_known(client: TestClient, cast: Cast) -> None:
    for path, private in (("alice/findme", False), ("lab/findme-hush", True)):
        made(client, cast.alice, path, private=private)
        body = {"title": f"Findme {path}", "private": private}
        client.post("/api/collections", json=body, headers=cast.alice.headers)
    like(client, cast.bob, "alice/findme")
    for who, number in ((cast.anonymous, 1), (cast.charlie, 1), (cast.alice, 2), (cast.root, 2)):
        found = client.get("/api/quicksearch?q=findme", headers=who.headers).json()
        for place in ("models", "collections"):
            assert (len(found[place]), found[f"{place}Count"]) == (number, number), (who.name, place)
        assert ("hush" in str(found)) is (number == 2)
    assert found["models"][0] == {"_id": found["models"][0]["_id"], "id": "alice/findme", "likes": 1}
    found = client.get("/api/quicksearch?q=ali&type=user&type=org").json()
    assert [who["user"] for who in found["users"]] == ["alice"]
    assert (found["usersCount"], found["orgsCount"], "models" in found) == (1, 0, False)
    assert client.get("/api/quicksearch?q=THE LA&type=org").json()["orgs"][0]["name"] == "lab"
    assert client.get("/api/quicksearch?type=x").status_code == 400
    assert client.get("/api/quicksearch?q=%25&type=user").json()["usersCount"] == 0
    text = client.get("/search?search=findme").text
    assert "findme" in text and "hush" not in text
    assert "The Lab" in client.get("/search?search=lab").text


def test_a_repository_is_put_in_and_taken_out_where_it_is_looked_at(
    client: TestClient, cast: Cast, bob: Browser
) -> None:
    made(client, cast.alice, "alice/a")
    for title in ("First", "Second"):
        body = {"title": title, "namespace": "bob"}
        slug = client.post("/api/collections", json=body, headers=cast.bob.headers).json()["slug"]
        if title == "First":
            item = {"item": {"type": "model", "id": "alice/a"}}
            client.post(f"/api/collections/{slug}/items", json=item, headers=cast.bob.headers).raise_for_status()
    assert 'hx-get="/collections/add?item=models%2Falice%2Fa"' in bob.page("/alice/a")
    here = "/collections/add?item=models%2Falice%2Fa"
    asked = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#collect-menu"}

    def menu() -> list[str]:
        part = client.get(here, headers=bob.headers | asked).text
        assert "<html" not in part
        return re.findall(r'hx-post="([^"]*)"[^>]*>.*?aria-pressed="(\w+)".*?<bdi>(\w+)', part)

    assert {(pressed, title) for _, pressed, title in menu()} == {("true", "First"), ("false", "Second")}
    assert "holds it already" in bob.page(here) and 'id="collect-menu"' not in bob.page(here).split("</h1>")[1]
    slug = re.findall(r'name="collection" value="(bob/second[^"]*)"', bob.page(here))[0]
    put = bob.press(here, "/collections/add", collection=slug, item="models/alice/a", menu="true")
    assert put.status_code == 303 and put.headers["location"] == here
    out = next(address for address, _, title in menu() if title == "Second")
    gone = client.post(out, data={"csrf": csrf_of(bob.page(here)), "item": "models/alice/a"}, headers=bob.headers)
    assert gone.status_code == 303 and gone.headers["location"] == here
    assert {(pressed, title) for _, pressed, title in menu()} == {("true", "First"), ("false", "Second")}


def csrf_of(text: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found is not None
    return found[1]
