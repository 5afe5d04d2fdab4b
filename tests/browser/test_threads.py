"""Talking about a repository in a real browser."""

from collections.abc import Callable

import httpx
import pytest

from tests.fixtures.browser import Tab
from tests.fixtures.servers import Live


@pytest.fixture(scope="session")
def thread(live: Live) -> str:
    """The address of a discussion that Bob opened on a model of Alice's."""
    assert live.cast is not None
    with httpx.Client(base_url=live.url, trust_env=False) as client:
        client.post("/api/repos/create", json={"name": "talked"}, headers=live.cast.alice.headers).raise_for_status()
        said = {"title": "A question", "description": "First words"}
        client.post("/api/models/alice/talked/discussions", json=said, headers=live.cast.bob.headers).raise_for_status()
    return "/alice/talked/discussions/1"


@pytest.mark.parametrize("scripts", [True, False])
def test_people_talk_with_and_without_script(browse: Callable[..., Tab], thread: str, scripts: bool) -> None:
    tab = browse("alice", scripts=scripts)
    page = tab.go(thread)
    page.get_by_label("Reply").fill(f"**An answer**, script {scripts}")
    page.get_by_role("button", name="Comment", exact=True).click()
    said = page.locator("article", has_text=f"An answer, script {scripts}")
    said.wait_for()
    assert page.get_by_label("Reply").input_value() == ""
    page.get_by_label("Reply").fill("half a thought")
    said.get_by_text("React").click()
    said.get_by_role("button", name="Thanks").click()
    said.locator("button[aria-pressed=true]", has_text="Thanks").wait_for()
    if scripts:  # a reaction changes its comment alone: what was typed meanwhile stays
        assert page.get_by_label("Reply").input_value() == "half a thought"
        tab.check_axe()
    page.get_by_role("button", name="Lock").click()
    page.get_by_text("locked this").last.wait_for()
    page.get_by_role("button", name="Unlock").click()
    page.get_by_text("unlocked this").last.wait_for()


def test_names_are_offered_while_one_types_an_at_sign(browse: Callable[..., Tab], thread: str) -> None:
    page = browse("alice").go(thread)
    text = page.get_by_label("Reply")
    text.press_sequentially("As @cha")
    page.get_by_role("option", name="charlie").wait_for()
    text.press("Enter")
    text.press_sequentially("said @nobody-of-this-name")
    assert text.input_value() == "As @charlie said @nobody-of-this-name"
