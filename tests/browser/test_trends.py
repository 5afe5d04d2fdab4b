"""Trends in a real browser: a choice changes the page in part, says itself in the address, and can be taken back."""

from collections.abc import Callable

import pytest

from tests.fixtures.browser import Tab
from tests.fixtures.servers import Live


@pytest.fixture(scope="session")
def counted(live: Live) -> None:
    """One public model at least is counted."""
    import httpx

    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    with httpx.Client(base_url=live.url, headers=headers, trust_env=False) as client:
        client.post("/api/repos/create", json={"name": "counted-for-trends", "type": "model"}).raise_for_status()


def test_a_choice_changes_the_page_in_part(browse: Callable[..., Tab], counted: None) -> None:
    tab = browse("")
    page = tab.go("/trends")
    page.get_by_role("heading", name="Trends").wait_for()
    page.evaluate("window.stays = true")
    page.locator("#trends").get_by_role("link", name="Licence", exact=True).click()
    page.wait_for_url("**/trends?by=licence")
    page.locator("#trends [aria-current=true]", has_text="Licence").wait_for()
    page.get_by_role("link", name="Number there is").click()
    page.wait_for_url("**/trends?by=licence&measure=there")
    assert page.evaluate("window.stays"), "the page was loaded anew"
    page.go_back()
    page.wait_for_url("**/trends?by=licence")
    page.locator("#trends [aria-current=true]", has_text="Downloads").wait_for()
    tab.check_axe()
