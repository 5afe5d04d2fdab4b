"""The inbox as a page: narrowed by why one is told and by repository, and marked without leaving what is looked at."""

import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.repos import service as repos
from tests.discussions.browsing import Browser, browser
from tests.discussions.talking import opened, post
from tests.fixtures.people import Cast
from tests.inbox.hooks import settled


@pytest.fixture
def alice(app: Starlette, client: TestClient, cast: Cast) -> Browser:
    """She was told of two threads of one model, and named in one of another."""
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "Mine")
        repos.create(db, cast.alice.actor, "other")
        repos.create(db, cast.bob.actor, "his")
    opened(client, cast.bob, "alice/Mine", "First question")
    opened(client, cast.charlie, "alice/Mine", "Second question")
    opened(client, cast.charlie, "alice/other", "Third question")
    num = opened(client, cast.charlie, "bob/his", "Elsewhere")
    post(client, cast.charlie, "bob/his", f"{num}/comment", comment="Ask @alice")
    settled(app)
    return browser(app, client, cast.alice)


def titles(text: str) -> list[str]:
    return re.findall(r'class="inbox-open" type="submit">(\w+)', text)


def facets(text: str) -> dict[str, str]:
    return dict(re.findall(r'<span>([^<]+)</span><span class="n">(\d+)</span>', text))


def test_the_inbox_is_narrowed_by_why_and_by_repository(alice: Browser) -> None:
    text = alice.get("/notifications")
    assert titles(text) == ["Elsewhere", "Third", "Second", "First"]
    assert facets(text) == {
        "Names you": "1", "What you own": "3", "alice/Mine": "2", "alice/other": "1", "bob/his": "1",
    }  # fmt: skip
    assert titles(alice.get("/notifications?reason=mention")) == ["Elsewhere"]
    narrowed = alice.get("/notifications?repo=alice%2Fmine")
    assert titles(narrowed) == ["Second", "First"]
    assert facets(narrowed) == {"What you own": "2", "alice/Mine": "2", "alice/other": "1", "bob/his": "1"}
    assert 'href="/notifications" hx-boost' in narrowed, "choosing it again undoes it"
    assert titles(alice.get("/notifications?reason=owner&repo=alice%2Fother")) == ["Third"]
    assert titles(alice.get("/notifications?reason=nonsense")) == titles(text)
    assert "Nothing unread here" in alice.get("/notifications?repo=no%2Fsuch")


def test_marking_leads_back_to_what_was_looked_at(alice: Browser) -> None:
    here = "/notifications?repo=alice%2FMine"
    assert "4 unread" in alice.get(here)
    one = re.findall(r'action="(/notifications/[0-9a-f]+/read)"', alice.get(here))[0]
    assert alice.send(here, one).headers["location"] == here
    assert titles(alice.get(here)) == ["First"] and "3 unread" in alice.get(here)
    assert alice.send(here, "/notifications/read").headers["location"] == here
    assert titles(alice.get(here)) == []
    assert titles(alice.get("/notifications")) == ["Elsewhere", "Third"], "no others are read"
    assert titles(alice.get("/notifications?all=true")) == ["Elsewhere", "Third", "Second", "First"]
    back = alice.send("/notifications?all=true", one).headers["location"]
    assert back == "/notifications?all=true" and titles(alice.get(here)) == ["Second"]
    alice.send("/notifications", "/notifications/read")
    assert titles(alice.get("/notifications")) == [] and "unread" not in alice.get("/").split('id="bell"')[1][:300]


def test_script_gets_the_list_alone_and_whole_pages_bring_the_bell(alice: Browser) -> None:
    asked = alice.headers | {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#inbox"}
    part = alice.client.get("/notifications?reason=mention", headers=asked).text
    assert titles(part) == ["Elsewhere"] and "<html" not in part
    cut = alice.headers | {"HX-Request": "true", "HX-Target": "div#inbox"}
    assert 'id="bell" hx-swap-oob="outerHTML"' in alice.client.get("/notifications", headers=cut).text
    assert "hx-swap-oob" not in alice.get("/notifications").split('id="bell"')[1][:60]


def test_how_closely_one_watches_is_chosen_in_a_menu_too(alice: Browser) -> None:
    asked = alice.headers | {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#watch-menu"}
    part = alice.client.get("/bob/his/watch", headers=asked).text
    assert part.count("<button") == 4 and "<html" not in part
    assert 'id="watch-menu"' not in alice.get("/bob/his/watch").split("<main")[1].split("</main>")[0].split("</h2>")[1]
    assert 'hx-get="/bob/his/watch"' in alice.get("/bob/his")
