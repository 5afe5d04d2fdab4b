"""The shell around every page, in a real browser."""

from collections.abc import Callable

import httpx
import pytest

from tests.fixtures.browser import DESKTOP, PHONE, Tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_home_is_read_by_everybody(browse: Callable[..., Tab], size: tuple[int, int], scheme: str) -> None:
    tab = browse(size=size, scheme=scheme)
    tab.go("/")
    tab.check_axe()
    tab.check_width()


def test_a_slash_leads_to_the_search_field(browse: Callable[..., Tab]) -> None:
    page = browse("alice").go("/models")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"


@pytest.mark.parametrize("scripts", [True, False])
def test_what_a_form_did_is_said_on_the_next_page(browse: Callable[..., Tab], scripts: bool) -> None:
    tab = browse("alice", scripts=scripts)
    page = tab.go("/settings/tokens")
    page.get_by_label("What is it for").fill(f"laptop {scripts}")
    page.get_by_role("button", name="Create token").click()
    page.goto(tab.live.url + "/settings/tokens")
    if scripts:
        page.evaluate("window.stays = true")
    page.locator("summary", has_text=f"laptop {scripts}").click()
    page.get_by_role("button", name=f"Revoke laptop {scripts}").click()
    page.get_by_role("status").get_by_text("Token revoked.").wait_for()
    assert page.get_by_role("button", name=f"Revoke laptop {scripts}").count() == 0
    assert page.url == tab.live.url + "/settings/tokens"
    if scripts:
        assert page.evaluate("window.stays"), "the page was loaded anew"
        assert page.evaluate("document.activeElement.id") == "main"
        tab.check_axe()
        page.get_by_role("button", name="Dismiss").click()
    else:
        page.goto(tab.live.url + "/settings/tokens")
    assert page.get_by_text("Token revoked.").count() == 0


def test_a_like_changes_only_itself(browse: Callable[..., Tab]) -> None:
    tab = browse("alice")
    httpx.post(
        f"{tab.live.url}/api/repos/create",
        json={"name": "liked", "type": "model"},
        headers={"Authorization": f"Bearer {tab.live.tokens['alice']}"},
    ).raise_for_status()
    page = tab.go("/alice/liked")
    page.evaluate("window.stays = true")
    like = page.get_by_role("button", name="Like", exact=True)
    like.click()
    page.locator("#like-it[aria-pressed=true]").wait_for()
    assert page.get_by_role("link", name="1 like: who").is_visible()
    assert page.evaluate("window.stays && document.activeElement.id") == "like-it"
    assert page.evaluate("history.length") == 2, "a like is no place to go back to"


def test_the_search_field_suggests_and_the_keyboard_chooses(browse: Callable[..., Tab]) -> None:
    tab = browse("alice")
    page = tab.go("/models")
    page.keyboard.press("/")
    page.keyboard.type("charli")
    page.get_by_role("option", name="charlie").wait_for()
    field = page.get_by_role("combobox", name="Search the hub")
    assert field.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    assert page.locator("[aria-selected=true]").get_attribute("id") == field.get_attribute("aria-activedescendant")
    tab.check_axe()
    page.keyboard.press("Escape")
    assert field.get_attribute("aria-expanded") == "false"
    page.keyboard.press("ArrowDown")
    page.get_by_role("option", name="charlie").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/charlie")


def test_the_palette_knows_the_places_of_the_page(browse: Callable[..., Tab]) -> None:
    tab = browse("alice", scheme="dark")
    page = tab.go("/models")
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("option", name="Settings", exact=True).wait_for()
    tab.check_axe()
    page.keyboard.type("new data")
    page.locator('[aria-selected=true][href="/new?kind=dataset"]').wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/new?kind=dataset")
    page.keyboard.press("Control+k")
    page.keyboard.type("light and dark")
    page.locator("[aria-selected=true]", has_text="Switch").wait_for()
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog").count() == 0
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light", "kept, and known before the first paint"


def test_the_header_by_keyboard(browse: Callable[..., Tab]) -> None:
    page = browse("alice").go("/models")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.reload()
    seen: list[str] = []
    for _ in range(13):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText ?? ''").strip())
    order = ["Skip to content", "Freehold", "Models", "Data sets", "Spaces", "Collections", "Trends", "Playground"]
    order += ["", "New"]
    assert seen[: len(order)] == order
    assert seen[10].startswith("Switch between") and seen[11].startswith("Notifications")
    assert seen[12] == "Account: alice"
    account = page.get_by_label("Account: alice")
    account.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText") == "Profile"
    page.keyboard.press("Escape")
    assert account.evaluate("(summary) => document.activeElement === summary && !summary.parentElement.open")
