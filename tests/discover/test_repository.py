"""The pages of a repository: one head on all of them, and what its own page says."""

import re
from collections import Counter
from datetime import UTC, timedelta

import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.service import counting
from freehold.core import clock
from freehold.repos.tables import Repo
from tests.discover.conftest import CARD, CONFIG, Publish
from tests.fixtures.people import Cast

HTML = {"accept": "text/html"}


@pytest.fixture
def tiny(cast: Cast, publish: Publish) -> str:
    publish(cast.alice.actor, "alice/tiny", {"README.md": CARD, "config.json": CONFIG})
    return "/alice/tiny"


def head_of(client: TestClient, address: str, headers: dict[str, str]) -> str:
    """The head of a repository's page, without the mark of the tab it is at."""
    text = client.get(address, headers={"accept": "text/html"} | headers).text
    found = re.search(r'<div class="repo-head">.*?aria-label="Repository".*?</nav>', text, re.DOTALL)
    assert found is not None, text
    head = found[0].replace(' aria-current="page"', "")
    return re.sub(r'<details class="menu">.*?</details>', "", head, flags=re.DOTALL)  # how to use it, on its own page


def test_every_page_of_a_repository_has_the_same_head(client: TestClient, cast: Cast, tiny: str) -> None:
    pages = ("", "/tree/main", "/blob/main/README.md", "/commits/main", "/discussions", "/likers", "/settings")
    heads = {head_of(client, tiny + page, cast.alice.headers) for page in pages}
    assert len(heads) == 1
    (head,) = heads
    assert re.findall(r'<span dir="auto">([^<]+)</span>', head)[:2] == ["Text generation", "transformers"]
    assert f'href="{tiny}/settings"' in head
    assert f'href="{tiny}/settings"' not in head_of(client, tiny, cast.charlie.headers)


def test_the_tab_says_how_many_threads_are_open(client: TestClient, cast: Cast, tiny: str) -> None:
    assert "open</span>" not in head_of(client, tiny, {})
    for title in ("one", "two"):
        given = {"title": title, "description": "x"}
        made = client.post(f"/api/models{tiny}/discussions", json=given, headers=cast.charlie.headers)
        assert made.status_code == 200, made.text
    assert '<span class="count">2<span class="sr"> open</span></span>' in head_of(client, tiny, {})


def page_of(client: TestClient, address: str, headers: dict[str, str] | None = None) -> str:
    answer = client.get(address, headers={"accept": "text/html"} | (headers or {}))
    assert answer.status_code == 200, answer.text
    return answer.text


def test_an_empty_repository_says_how_to_fill_it(client: TestClient, cast: Cast) -> None:
    made = client.post("/api/repos/create", json={"name": "fresh", "type": "dataset"}, headers=cast.alice.headers)
    assert made.status_code == 200, made.text
    mine = page_of(client, "/datasets/alice/fresh", cast.alice.headers)
    assert "hf upload alice/fresh . --repo-type dataset" in mine
    assert "git clone http://hub.test/datasets/alice/fresh" in mine
    assert 'href="/datasets/alice/fresh/card/edit"' in mine
    assert client.get("/datasets/alice/fresh/upload/main", headers=HTML | cast.alice.headers).status_code in (200, 303)
    assert 'href="/datasets/alice/fresh/upload/main"' in mine
    others = page_of(client, "/datasets/alice/fresh", cast.charlie.headers)
    assert "Nothing in it yet" in others
    assert "hf upload" not in others


def test_without_a_card_there_is_a_way_to_write_one(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/bare", {"config.json": CONFIG})
    assert "Write the card" in page_of(client, "/alice/bare", cast.alice.headers)
    assert "Propose a card" in page_of(client, "/alice/bare", cast.charlie.headers)
    assert "/card/edit" not in page_of(client, "/alice/bare")


def test_what_an_administrator_shut_shows_that_and_nothing_of_itself(
    client: TestClient, app: Starlette, cast: Cast, tiny: str
) -> None:
    with app.state.database.write() as db:
        db.execute(update(Repo).where(Repo.path_key == "alice/tiny").values(is_disabled=True))
    shut = page_of(client, tiny, cast.charlie.headers)
    assert "An administrator has shut this model" in shut
    assert "A <strong>small</strong> model" not in shut
    assert "hf download" not in shut
    assert "A <strong>small</strong> model" in page_of(client, tiny, cast.root.headers)


def test_a_space_says_that_nothing_runs(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(
        cast.alice.actor, "alice/app", {"index.html": "<p>hi", "README.md": "# An app\n"}, kind="space", sdk="static"
    )
    publish(cast.alice.actor, "alice/none", {"README.md": "# An app\n"}, kind="space", sdk="gradio")
    assert "Its app does not run" in page_of(client, "/spaces/alice/app")
    assert "No app yet" in page_of(client, "/spaces/alice/none")


def test_downloads_are_drawn_on_its_own_page_alone(client: TestClient, app: Starlette, cast: Cast, tiny: str) -> None:
    assert "Nobody has downloaded it yet" in page_of(client, tiny)
    today = clock.now().astimezone(UTC).date()
    with app.state.database.write() as db:
        repo_id = db.scalars(select(Repo.id).where(Repo.path_key == "alice/tiny")).one()
        counting.record(db, Counter({(today - timedelta(days=at), repo_id): 3 for at in range(40)}))
    app.state.downloads.flush(app.state.database)
    text = page_of(client, tiny)
    assert 'aria-label="Downloads a day over the last 30 days: 90 in all, at most 3 on one day, 3 today."' in text
    assert "120 in all, at most" in text, "ten days are in their month by now"


def test_a_private_repository_asks_for_a_token(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "lab/hush", {"a.csv": "a\n1\n"}, kind="dataset", private=True)
    text = page_of(client, "/datasets/lab/hush", cast.bob.headers)
    assert "export HF_TOKEN=hf_…" in text
    assert 'href="/settings/tokens"' in text


def test_collections_and_people_beside_it_are_those_one_may_know_of(client: TestClient, cast: Cast, tiny: str) -> None:
    item = {"type": "model", "id": "alice/tiny"}
    for title, private in (("In the open", False), ("To myself", True)):
        given = {"title": title, "namespace": "alice", "private": private}
        slug = client.post("/api/collections", json=given, headers=cast.alice.headers).json()["slug"]
        added = client.post(f"/api/collections/{slug}/items", json={"item": item}, headers=cast.alice.headers)
        assert added.status_code == 200, added.text
    client.post("/alice/tiny/like", headers=cast.bob.headers)
    mine, others = page_of(client, tiny, cast.alice.headers), page_of(client, tiny)
    assert "To myself" in mine
    assert "In the open" in others
    assert "To myself" not in others
