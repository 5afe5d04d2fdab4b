"""Lists and home in a browser: narrowed in place, and back again."""

import json
import re
from collections.abc import Callable

import httpx
import pytest

from tests.fixtures.browser import PHONE, Tab
from tests.fixtures.servers import Live


@pytest.fixture
def shelf(live: Live) -> None:
    """Three models of Alice's that only these tests look for. The hub is everybody's: they may be there already."""
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    for name, licence in (("shelf-one", "mit"), ("shelf-two", "mit"), ("shelf-three", "apache-2.0")):
        made = httpx.post(f"{live.url}/api/repos/create", headers=headers, json={"name": name, "type": "model"})
        assert made.status_code in (200, 409)
        card = f"---\nlicense: {licence}\npipeline_tag: text-generation\n---\n# {name}\n"
        lines = [
            {"key": "header", "value": {"summary": "A card", "description": ""}},
            {"key": "file", "value": {"path": "README.md", "content": card, "encoding": "utf-8"}},
        ]
        body = "\n".join(json.dumps(line) for line in lines)
        sent = httpx.post(
            f"{live.url}/api/models/alice/{name}/commit/main",
            headers={**headers, "Content-Type": "application/x-ndjson"},
            content=body,
        )
        assert sent.status_code == 200


@pytest.mark.usefixtures("shelf")
def test_a_list_is_narrowed_in_place_and_back_undoes_it(browse: Callable[..., Tab]) -> None:
    tab = browse()
    page = tab.go("/models?search=shelf")
    page.evaluate("window.stays = true")
    question = page.get_by_role("link", name="Licence", exact=True)
    question.click()
    page.wait_for_url("**/models?search=shelf&open=license&filters=shown#facet-license")
    assert question.evaluate("link => link === document.activeElement"), "who opens a question goes on from there"
    page.get_by_role("link", name=re.compile(r"^mit")).click()
    page.wait_for_url("**/models?search=shelf&filter=license%3Amit&open=license")
    page.get_by_role("link", name="alice/shelf-three").wait_for(state="detached")
    assert page.get_by_role("link", name="alice/shelf-two").is_visible()
    page.get_by_role("link", name="Newest").click()
    page.wait_for_url("**&sort=createdAt&open=license")
    assert page.evaluate("window.stays"), "the page was never left"
    tab.check_axe()
    # Back asks for the page anew, so that what it shows is what there is.
    for address, shown in (
        ("?search=shelf&filter=license%3Amit&open=license", "alice/shelf-two"),
        ("?search=shelf&open=license&filters=shown#facet-license", "alice/shelf-three"),
    ):
        page.evaluate("window.stays = true; setTimeout(() => history.back())")
        page.wait_for_url(f"**/models{address}")
        tab.until("!window.stays")
        page.get_by_role("link", name=shown).wait_for()
        page.wait_for_load_state("networkidle")  # a script that is still on its way would be lost, and say so


@pytest.mark.usefixtures("shelf")
def test_without_script_the_same_addresses_show_the_same(browse: Callable[..., Tab]) -> None:
    page = browse(scripts=False).go("/models?search=shelf")
    page.get_by_role("link", name="Licence", exact=True).click()
    page.get_by_role("link", name=re.compile(r"^mit")).click()
    assert page.url.endswith("/models?search=shelf&filter=license%3Amit&open=license")
    assert page.get_by_role("link", name="alice/shelf-three").count() == 0
    page.get_by_role("link", name="Remove filter Licence: mit").click()
    assert page.get_by_role("link", name="alice/shelf-three").is_visible()
    page.locator("#facet-size").click()
    page.get_by_label("Size from").fill("1TB")
    page.locator("form", has=page.get_by_label("Size from")).get_by_role("button").click()
    assert page.get_by_text("No model matches all 2 filters").is_visible()


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_filters_wait_behind_one_button(browse: Callable[..., Tab], scheme: str) -> None:
    tab = browse("alice", size=PHONE, scheme=scheme)
    page = tab.go("/models?search=shelf&open=license,size,created")
    assert not page.get_by_role("link", name=re.compile(r"^mit")).is_visible()
    page.get_by_text("Filters").click()
    page.get_by_role("link", name=re.compile(r"^mit")).wait_for()
    for address in ("", "/", "/search?search=shelf", "/search?search=shelff", "/models?search=shelf&filter=nothing"):
        if address:
            tab.go(address)
        tab.check_axe()
        tab.check_width()
