"""The pages of a repository: one head on all of them, and what its own page says."""

import re

import pytest
from starlette.testclient import TestClient

from tests.discover.conftest import CARD, CONFIG, Publish
from tests.fixtures.people import Cast


@pytest.fixture
def tiny(cast: Cast, publish: Publish) -> str:
    publish(cast.alice.actor, "alice/tiny", {"README.md": CARD, "config.json": CONFIG})
    return "/alice/tiny"


def head_of(client: TestClient, address: str, headers: dict[str, str]) -> str:
    """The head of a repository's page, without the mark of the tab it is at."""
    text = client.get(address, headers={"accept": "text/html"} | headers).text
    found = re.search(r'<div class="repo-head">.*?</nav>', text, re.DOTALL)
    assert found is not None, text
    return found[0].replace(' aria-current="page"', "")


def test_every_page_of_a_repository_has_the_same_head(client: TestClient, cast: Cast, tiny: str) -> None:
    pages = ("", "/tree/main", "/blob/main/README.md", "/commits/main", "/discussions", "/likers", "/settings")
    heads = {head_of(client, tiny + page, cast.alice.headers) for page in pages}
    assert len(heads) == 1
    (head,) = heads
    assert re.findall(r"<span>([^<]+)</span>", head)[:2] == ["Text generation", "transformers"]
    assert f'href="{tiny}/settings"' in head
    assert f'href="{tiny}/settings"' not in head_of(client, tiny, cast.charlie.headers)


def test_the_tab_says_how_many_threads_are_open(client: TestClient, cast: Cast, tiny: str) -> None:
    assert "open</span>" not in head_of(client, tiny, {})
    for title in ("one", "two"):
        given = {"title": title, "description": "x"}
        made = client.post(f"/api/models{tiny}/discussions", json=given, headers=cast.charlie.headers)
        assert made.status_code == 200, made.text
    assert '<span class="count">2<span class="sr"> open</span></span>' in head_of(client, tiny, {})
