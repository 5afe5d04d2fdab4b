"""Every page of ``scripts/pages.py`` in a real browser, by whoever it is for: axe, both themes, width, no error.

Each is loaded once; the dark theme and the width of a phone are put on it afterwards, which costs a fraction of a load.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from scripts import sample
from scripts.pages import PAGES, Shown
from tests.fixtures.browser import DESKTOP, PHONE, Tab
from tests.fixtures.servers import Live, launch


@dataclass(frozen=True)
class Filled:
    """A hub with the sample in it, and what addresses may name of it."""

    live: Live
    found: sample.Found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    live = launch(tmp_path_factory.mktemp("sample") / "data")
    try:
        yield Filled(live, sample.fill(live.url, live.tokens))
    finally:
        live.stop()


@pytest.mark.timeout(900)  # a page a second on a machine of its own; this one may be shared
def test_every_page_is_sound(browse: Callable[..., Tab], filled: Filled) -> None:
    tabs: dict[str, Tab] = {}
    wrong: list[str] = []
    for page in PAGES:
        tab = tabs.get(page.who) or tabs.setdefault(page.who, browse(page.who, on=filled.live))
        wrong += [f"{page.name} ({page.who or 'nobody'}): {what}" for what in _faults(tab, page, filled.found)]
    assert not wrong, "\n\n".join(wrong)


def test_a_list_changes_in_part_and_back_is_where_one_was(browse: Callable[..., Tab], filled: Filled) -> None:
    tab = browse("alice", on=filled.live)
    page = tab.go("/models")
    page.evaluate("window.stays = true")
    page.locator("#listing").get_by_role("link", name="Most liked").click()
    page.wait_for_url("**/models?sort=likes")
    assert page.evaluate("window.stays"), "the page was loaded anew"
    page.go_back()
    page.wait_for_url("**/models")
    tab.until("!window.stays")  # loaded anew, and whole: not the part that was fetched last
    page.locator("header.top").wait_for()
    assert page.locator("#listing").count() == 1
    page.go_forward()
    page.wait_for_url("**/models?sort=likes")
    page.locator("header.top").wait_for()
    page.locator("#listing [aria-current=true]", has_text="Most liked").wait_for()


def _faults(tab: Tab, shown: Shown, found: sample.Found) -> Iterator[str]:
    page, seen = tab.page, len(tab.wrong)
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    answer = page.goto(tab.live.url + shown.address.format(**found), wait_until="load")
    if answer is None or answer.status != shown.status:
        yield f"answered {answer and answer.status}, not {shown.status}"
        return
    for check in (tab.check_axe, lambda: _in_dark(tab), lambda: _on_a_phone(tab)):
        try:
            check()
        except AssertionError as err:
            yield str(err).split("\nassert ")[0]
    yield from tab.wrong[seen:]
    del tab.wrong[seen:]


def _in_dark(tab: Tab) -> None:
    # As the button in the header does it: what the system prefers reaches a page some frames late.
    tab.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    tab.check_axe(only="color-contrast")


def _on_a_phone(tab: Tab) -> None:
    tab.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    tab.check_width()
