"""Threads are found by what is said in them: by whoever may read it, as long as it is said."""

import html
import re

from sqlalchemy import delete
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.discussions.service.texts import Backfill
from freehold.discussions.tables import DiscussionText
from tests.discover.conftest import Publish
from tests.discover.conftest import publish as publish
from tests.fixtures.people import Cast

HTML = {"accept": "text/html"}


def _found(client: TestClient, words: str, headers: dict[str, str]) -> str:
    page = client.get("/search", params={"search": words, "type": "discussion"}, headers=HTML | headers).text
    return html.unescape(re.sub("<(?!/?mark)[^>]+>", "", page))


def test_a_thread_is_found_by_what_its_comments_say_now(client: TestClient, cast: Cast, publish: Publish) -> None:
    alice = cast.alice.headers
    publish(cast.alice.actor, "lab/open")
    publish(cast.alice.actor, "lab/quiet", private=True)
    for path in ("lab/open", "lab/quiet"):
        body = {"title": f"About {path}", "description": "The **tokeniser** drops `code` and an accent: café."}
        made = client.post(f"/api/models/{path}/discussions", headers=alice, json=body)
        assert made.status_code == 200
        thread = f"/api/models/{path}/discussions/{made.json()['num']}"
        said = client.post(f"{thread}/comment", headers=alice, json={"comment": "A second pelican."}).json()
        comment = said["newMessage"]["id"]
    assert "The <mark>tokeniser</mark> drops" in _found(client, "tokenis cafe", {})
    for person in (cast.alice, cast.bob, cast.charlie, cast.anonymous):
        page = _found(client, "pelican", person.headers)
        assert "About lab/open" in page
        assert ("About lab/quiet" in page) is (person in (cast.alice, cast.bob)), person.name
    thread = thread.replace("quiet", "open")
    first = client.get(thread).json()["events"]
    comment = next(event["id"] for event in first if "pelican" in str(event))
    client.post(f"{thread}/comment/{comment}/edit", headers=alice, json={"content": "A heron."}).raise_for_status()
    assert "About lab/open" not in _found(client, "pelican", {})
    assert "A <mark>heron</mark>." in _found(client, "heron", {})
    client.post(f"{thread}/comment/{comment}/hide", headers=alice, json={}).raise_for_status()
    assert "About lab/open" not in _found(client, "heron", cast.alice.headers)
    client.post(f"{thread}/title", headers=alice, json={"title": "Called otherwise"}).raise_for_status()
    assert "Called otherwise" in _found(client, "otherwise tokeniser", {})
    client.request("DELETE", "/api/repos/delete", headers=alice, json={"name": "open", "organization": "lab"})
    assert "Called otherwise" not in _found(client, "otherwise", cast.alice.headers)


def test_threads_of_older_releases_get_their_words(
    app: Starlette, client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "lab/open")
    body = {"title": "Old thread", "description": "About a pelican."}
    client.post("/api/models/lab/open/discussions", headers=cast.alice.headers, json=body).raise_for_status()
    with app.state.database.write() as db:
        db.execute(delete(DiscussionText))
    assert "Old thread" not in _found(client, "pelican", {})
    backfill = Backfill(app.state.database)
    assert (backfill.turn(), backfill.turn()) == (1, 0)
    assert "Old thread" in _found(client, "pelican", {})
