"""Home: what moves, what is new, and what waits for whoever looks."""

from collections import Counter

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.content.service import counting
from freehold.core import clock
from freehold.people.service import invitations
from freehold.repos.tables import Repo
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast, Person

HTML = {"accept": "text/html"}


@pytest.fixture
def see(client: TestClient, app: Starlette):  # type: ignore[no-untyped-def]
    """``see(person)``: home as that person's browser shows it."""

    def home(person: Person) -> str:
        client.cookies.clear()
        if person.id:
            with app.state.database.write() as db:
                secret = accounts.open_session(db, person.id, life_s=3600)
            client.cookies.set(SESSION_COOKIE, secret)
        text = client.get("/", headers=HTML).text
        client.cookies.clear()
        return text

    return home


def _part(text: str, heading: str) -> str:
    """What stands below a small heading, up to the next."""
    _, found, rest = text.partition(heading)
    assert found, f"{heading} is not on the page"
    return rest.partition("</ol>")[0]


def test_an_empty_hub_gives_lines_that_work_here(client: TestClient, cast: Cast, see) -> None:  # type: ignore[no-untyped-def]
    text = see(cast.anonymous)
    for line in ("export HF_ENDPOINT=http://hub.test", "hf auth login", "git clone http://hub.test/NAME/my-model"):
        assert line in text
    assert 'href="/login"' in text
    signed = see(cast.alice)
    assert "hf upload alice/my-model ./my-model" in signed
    assert "Done: you are <b>alice</b>" in signed
    assert "/settings/tokens" in signed


def test_what_trends_stands_above_what_is_new(
    client: TestClient, app: Starlette, cast: Cast, publish: Publish, see
) -> None:  # type: ignore[no-untyped-def]
    for name in ("first", "second", "third"):
        publish(cast.alice.actor, f"alice/{name}")
    publish(cast.alice.actor, "lab/hush", private=True)
    assert "Trending" not in see(cast.anonymous)
    with app.state.database.write() as db:
        ids = dict(db.execute(select(Repo.path_key, Repo.id)).all())
        today = clock.now().date()
        counts = {"alice/first": 5, "alice/third": 9, "lab/hush": 99}
        counting.record(db, Counter({(today, ids[path]): number for path, number in counts.items()}))
    trending = _part(see(cast.anonymous), ">Trending<")
    assert trending.index("third") < trending.index("first")
    assert "second" not in trending
    assert "5 downloads" in trending
    assert "hush" not in see(cast.anonymous)
    assert "hush" not in see(cast.charlie)
    bobs = _part(see(cast.bob), ">Trending<")
    assert bobs.index("hush") < bobs.index("third")


def test_a_desk_holds_what_waits_and_what_was_opened(
    client: TestClient,
    app: Starlette,
    cast: Cast,
    publish: Publish,
    see,  # type: ignore[no-untyped-def]
) -> None:
    publish(cast.alice.actor, "lab/model")
    publish(cast.alice.actor, "lab/gated", gated="manual")
    asked = {"title": "A better card", "description": "", "pullRequest": True}
    assert client.post("/api/models/lab/model/discussions", headers=cast.charlie.headers, json=asked).status_code == 200
    assert client.put("/api/models/lab/gated/access-request", headers=cast.charlie.headers, json={}).status_code == 200
    with app.state.database.write() as db:
        invitations.invite(db, cast.alice.actor, "lab", user_name="charlie", role="read", sign_up="invited")
    charlies = see(cast.charlie)
    assert "lab asks you to join" in _part(charlies, "Waiting for you")
    assert "A better card" in _part(charlies, "Opened by you")
    client.post("/api/models/lab/model/discussions/1/status", headers=cast.charlie.headers, json={"status": "open"})
    alices = _part(see(cast.alice), "Waiting for you")
    assert "1 person asks for access" in alices
    assert "/lab/gated/access" in alices
    assert "A better card" in alices
    bobs = see(cast.bob)
    assert "1 person asks for access" in _part(bobs, "Waiting for you"), "whoever may write lets people in"
    assert "A better card" in _part(bobs, "Waiting for you")
    for other in (cast.root, cast.anonymous):
        assert "Waiting for you" not in see(other)


def test_a_token_is_told_nothing_of_what_waits(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "lab/gated", gated="manual")
    client.put("/api/models/lab/gated/access-request", headers=cast.charlie.headers, json={})
    assert "asks for access" not in client.get("/", headers=HTML | cast.alice.headers).text


def test_ones_own_work_is_on_home(cast: Cast, publish: Publish, see) -> None:  # type: ignore[no-untyped-def]
    publish(cast.alice.actor, "lab/hush", private=True)
    publish(cast.charlie.actor, "charlie/other")
    assert "hush" in _part(see(cast.bob), "Changed last")
    assert "Nothing of yours is here yet" not in see(cast.bob)
    assert "other" not in _part(see(cast.alice), "Changed last")
