"""Collections in a real browser."""

from collections.abc import Callable

import httpx

from tests.fixtures.browser import Tab
from tests.fixtures.servers import Live


def test_items_are_dragged_into_order(browse: Callable[..., Tab], live: Live) -> None:
    assert live.cast is not None
    with httpx.Client(base_url=live.url, trust_env=False, headers=live.cast.alice.headers) as client:
        for name in ("ordered-1", "ordered-2", "ordered-3"):
            client.post("/api/repos/create", json={"name": name}).raise_for_status()
        made = client.post("/api/collections", json={"title": "In order", "namespace": "alice"}).json()
        for name in ("ordered-1", "ordered-2", "ordered-3"):
            item = {"item": {"type": "model", "id": f"alice/{name}"}}
            client.post(f"/api/collections/{made['slug']}/items", json=item).raise_for_status()
    tab = browse("alice")
    page = tab.go(f"/collections/{made['slug']}")
    tab.check_axe()
    grips = page.locator(".grip")
    with page.expect_navigation():
        grips.nth(2).drag_to(page.locator("[data-order]").first, target_position={"x": 60, "y": 4})
    page.wait_for_load_state("networkidle")
    named = [text.split("/")[-1].strip() for text in page.locator(".collected .name").all_inner_texts()]
    assert named == ["ordered-3", "ordered-1", "ordered-2"]
    reader = browse("bob").go(f"/collections/{made['slug']}")
    assert reader.locator(".grip").count() == 0
    assert "ordered-3" in reader.locator(".collected .name").first.inner_text()
