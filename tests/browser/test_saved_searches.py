"""The journey of a saved search in a browser: saved, something new appears, the notice is read, the list marks it."""

import json
from collections.abc import Callable

import httpx
import pytest

from tests.fixtures.browser import Tab
from tests.fixtures.servers import Live


def _publish(live: Live, name: str) -> None:
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    httpx.post(f"{live.url}/api/repos/create", headers=headers, json={"name": name, "type": "model"})
    lines = [
        {"key": "header", "value": {"summary": "A card", "description": ""}},
        {
            "key": "file",
            "value": {"path": "README.md", "content": "---\nlicense: mit\n---\n# Kept\n", "encoding": "utf-8"},
        },
    ]
    sent = httpx.post(
        f"{live.url}/api/models/alice/{name}/commit/main",
        headers={**headers, "Content-Type": "application/x-ndjson"},
        content="\n".join(json.dumps(line) for line in lines),
    )
    assert sent.status_code == 200


@pytest.mark.timeout(120)
def test_what_comes_to_match_is_noticed_and_marked(browse: Callable[..., Tab], live: Live) -> None:
    _publish(live, "lookout-old")
    tab = browse("bob")
    page = tab.go("/models?search=lookout")
    page.get_by_role("link", name="Save this search").click()
    page.wait_for_url("**/searches/new?*")
    page.get_by_label("Name", exact=True).fill("On the lookout")
    page.get_by_role("button", name="Save search").click()
    page.get_by_text("Saved as On the lookout").wait_for()
    _publish(live, "lookout-new")

    headers = {"Authorization": f"Bearer {live.tokens['bob']}"}
    for _ in range(60):  # a node looks every fifteen seconds
        found = httpx.get(f"{live.url}/api/notifications?unread=true&reason=search", headers=headers).json()
        if any("On the lookout" in one["title"] for one in found):
            break
        page.wait_for_timeout(1000)
    page = tab.go("/notifications")
    page.get_by_role("button", name="alice/lookout-new is new in your search On the lookout", exact=True).click()
    page.wait_for_url("**/models?search=lookout&sort=lastModified&saved=*")
    row = page.get_by_role("row", name="lookout-new")
    assert row.get_by_text("new", exact=True).is_visible()
    assert page.get_by_role("row", name="lookout-old").get_by_text("new", exact=True).count() == 0
    tab.check_axe()
    page.get_by_role("button", name="Mark as seen").click()
    page.get_by_role("button", name="Mark as seen").wait_for(state="detached")
    page = tab.go("/searches")
    assert (
        page.get_by_role("button", name="On the lookout", exact=True).is_visible()
        and page.get_by_text("1 new").count() == 0
    )
    tab.check_axe()
