"""Choosing in a browser: models are picked in a list, side by side, another is added by a few letters of its name."""

import json
import re
from collections.abc import Callable, Mapping

import httpx
import pytest

from tests.fixtures.browser import PHONE, Tab
from tests.fixtures.servers import Live


@pytest.fixture(scope="session")
def choices(live: Live) -> None:
    """Four models of Alice's that only these tests look for, the second made from the first."""
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    for name, base in (("choice-one", ""), ("choice-two", "alice/choice-one"), ("choice-three", ""), ("pick-four", "")):
        made = httpx.post(f"{live.url}/api/repos/create", headers=headers, json={"name": name, "type": "model"})
        assert made.status_code in (200, 409)
        said = {"license": "mit", "pipeline_tag": "fill-mask", **({"base_model": base} if base else {})}
        card = f"---\n{json.dumps(said)}\n---\n# {name}\n"
        lines: list[Mapping[str, object]] = [
            {"key": "header", "value": {"summary": "A card", "description": ""}},
            {"key": "file", "value": {"path": "README.md", "content": card, "encoding": "utf-8"}},
        ]
        sent = httpx.post(
            f"{live.url}/api/models/alice/{name}/commit/main",
            headers={**headers, "Content-Type": "application/x-ndjson"},
            content="\n".join(json.dumps(line) for line in lines),
        )
        assert sent.status_code == 200


@pytest.mark.usefixtures("choices")
def test_models_are_picked_from_lists_and_stand_side_by_side(browse: Callable[..., Tab]) -> None:
    tab = browse()
    page = tab.go("/models?search=choice")
    tray = page.get_by_role("form", name="Compare")
    tray.wait_for(state="hidden")
    page.get_by_role("checkbox", name="Compare alice/choice-one").check()
    tray.get_by_text("1 of 5").wait_for()
    page.get_by_role("link", name="Newest").click()
    page.wait_for_url("**sort=createdAt")
    tray.get_by_text("1 of 5").wait_for()
    page.get_by_role("checkbox", name="Compare alice/choice-two").check()
    tab.check_axe()
    page = tab.go("/models?search=pick-four")
    tray.get_by_text("2 of 5").wait_for()
    tray.get_by_role("button", name="Take alice/choice-two out").click()
    page.get_by_role("checkbox", name="Compare alice/pick-four").check()
    tray.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_url("**/compare?**")
    heads = [text.strip() for text in page.get_by_role("columnheader").all_inner_texts()]
    assert heads[:2] == ["alice/choice-one", "alice/pick-four"]
    page.get_by_label("Add a model").press_sequentially("choice-tw")
    page.get_by_role("option", name="alice/choice-two").click()
    page.wait_for_url(re.compile(r"choice-two"))
    page.evaluate("window.stays = true")
    page.get_by_role("link", name=re.compile("Only what differs")).click()
    page.get_by_text("Alike in all, and left out").wait_for()
    assert page.evaluate("window.stays"), "the page was loaded anew"
    page.get_by_label("Fits on").select_option("gpu-24")
    page.get_by_role("button", name="Ask").click()
    page.wait_for_url("**machine=gpu-24**")
    tab.check_axe()


@pytest.mark.usefixtures("choices")
def test_the_same_without_script_on_a_phone(browse: Callable[..., Tab]) -> None:
    tab = browse(scripts=False, size=PHONE)
    page = tab.go("/models?search=choice")
    for name in ("one", "two"):
        page.get_by_role("checkbox", name=f"Compare alice/choice-{name}").check()
    page.get_by_role("form", name="Compare").get_by_role("button").click()
    page.wait_for_url("**/compare?models=alice%2Fchoice-*&models=alice%2Fchoice-*")
    tab.check_width()
    page.get_by_label("Add a model").fill("alice/choice-three")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**choice-three**")
    page = tab.go("/alice/choice-one/-/lineage")
    page.get_by_role("link", name="alice/choice-two").click()
    page.wait_for_url("**/alice/choice-two/-/lineage")
    tab.check_width()


@pytest.mark.usefixtures("choices")
def test_a_models_page_brings_in_its_like_when_they_are_looked_at(browse: Callable[..., Tab]) -> None:
    page = browse().go("/alice/choice-three")
    page.locator("#similar").scroll_into_view_if_needed()
    page.locator("#similar").get_by_role("link", name=re.compile("alice")).first.wait_for()
    assert "same task" in page.locator("#similar").inner_text()
