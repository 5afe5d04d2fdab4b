"""A visitor without scripts reads everything there is; somebody without a mouse takes part in it."""

from collections.abc import Callable

import pytest
from huggingface_hub import HfApi
from playwright.sync_api import Page, expect

from tests.fixtures.browser import PHONE, Tab
from tests.fixtures.servers import Live

PATH = "alice/read-by-all"
CARD = """---
license: bsd-3-clause-clear
pipeline_tag: image-to-3d
---
# Read by all

See [how](docs/how.md).
"""


@pytest.fixture(scope="session")
def path(live: Live) -> str:
    api = HfApi(live.url, live.tokens["alice"])
    api.create_repo(PATH)
    for name, text in (("README.md", CARD), ("docs/how.md", "# How\n\nSlowly.\n"), ("run.py", "print('tide')\n")):
        api.upload_file(path_or_fileobj=text.encode(), path_in_repo=name, repo_id=PATH, commit_message=f"Add {name}")
    api.create_discussion(PATH, "Is it slow?", description="It says **slowly**.")
    return PATH


@pytest.mark.parametrize("size", [None, PHONE], ids=["desktop", "phone"])
def test_a_visitor_without_scripts_reads_it_all(
    browse: Callable[..., Tab], path: str, size: tuple[int, int] | None
) -> None:
    tab = browse(scripts=False, **({"size": size} if size else {}))
    page = tab.go("/")
    if size:
        page.get_by_label("Menu", exact=True).click()
        page.locator(".menu[open]").get_by_role("link", name="Models").click()
        page.get_by_text("Filters", exact=True).click()
    else:
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Models").click()
    page.get_by_role("link", name="Licence", exact=True).click()
    page.get_by_role("link", name="bsd-3-clause-clear").click()
    page.get_by_role("table").get_by_role("link", name=path).click()
    expect(page.get_by_role("article")).to_contain_text("Read by all")
    page.get_by_role("article").get_by_role("link", name="how").click()
    expect(page.get_by_text("Slowly.")).to_be_visible()
    tabs = page.get_by_role("navigation", name="Repository")
    tabs.get_by_role("link", name="Files").click()
    page.get_by_role("link", name="run.py", exact=True).click()
    expect(page.get_by_text("print('tide')")).to_be_visible()
    tab.check_width()
    page.get_by_role("main").get_by_role("link", name="History").click()
    page.wait_for_url("**/commits/main/run.py")
    page.get_by_role("main").get_by_role("link", name="Add run.py").first.click()
    expect(page.get_by_text("print('tide')").first).to_be_visible()
    tab.check_width()
    tabs.get_by_role("link", name="Community").click()
    page.get_by_role("link", name="Is it slow?").click()
    expect(page.locator("strong", has_text="slowly")).to_be_visible()
    tab.check_width()
    page.get_by_role("link", name="Sign in to reply").click()
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password").fill("not hers, I guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.locator("input[name=next]").input_value() == f"/{path}/discussions/1"


# ---- by keyboard ----------------------------------------------------------------------------------------------------


def focused(page: Page) -> str:
    """What has the focus, by its name; and it is seen to have it."""
    name, width = page.evaluate(
        """() => {
          const it = document.activeElement, style = getComputedStyle(it);
          const name = it.ariaLabel ?? (it.labels?.[0] ?? it).innerText ?? "";
          return [name.trim(), style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth)];
        }"""
    )
    assert width >= 2, f"nobody sees that {name!r} has the focus"
    return str(name)


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """The keyboard goes on until ``name`` has the focus."""
    passed: list[str] = []
    for _ in range(80):
        page.keyboard.press(key)
        passed.append(focused(page))
        if passed[-1].startswith(name):
            return
    raise AssertionError(f"{name!r} is not reached: {passed}")


def test_a_discussion_is_opened_by_keyboard_alone(browse: Callable[..., Tab], path: str) -> None:
    tab = browse("charlie")
    page = tab.go("/models")
    page.keyboard.press("/")
    page.keyboard.type("read-by-a")
    page.get_by_role("option", name=path).wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{path}")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to content"
    page.keyboard.press("Enter")
    tab_to(page, "Community")
    page.keyboard.press("Enter")
    page.wait_for_url("**/discussions")
    tab_to(page, "New discussion")
    page.keyboard.press("Enter")
    page.wait_for_url("**/discussions/new")
    tab_to(page, "Title")
    page.keyboard.type("By keyboard")
    tab_to(page, "What it is about")
    page.keyboard.type("Without a **mouse**.")
    tab_to(page, "Open discussion")
    page.keyboard.press("Enter")
    page.wait_for_url("**/discussions/2")
    expect(page.get_by_role("heading", name="By keyboard")).to_be_visible()
    tab_to(page, "Reply")
    page.keyboard.type("And an answer.")
    tab_to(page, "Comment")
    page.keyboard.press("Enter")
    expect(page.locator("article", has_text="And an answer.")).to_be_visible()


def test_menus_and_the_palette_give_the_focus_back(browse: Callable[..., Tab], path: str) -> None:
    page = browse("charlie").go(f"/{path}")
    tab_to(page, "New")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Model"
    page.keyboard.press("Escape")
    assert focused(page) == "New"
    tab_to(page, "Files")
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("option").first.wait_for()
    for _ in range(6):  # whoever goes on with Tab stays in the dialogue
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement.closest('dialog') !== null || document.activeElement === document.body"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert focused(page).startswith("Files")
