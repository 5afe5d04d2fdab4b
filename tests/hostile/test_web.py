"""Attacks by way of a browser, on every page there is: words that act, frames, policies that were loosened."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from scripts.pages import NOBODY, PAGES, STRANGER, Shown
from tests.fixtures.browser import Tab
from tests.hostile.stage import HURT, Stage, loose, staged, trouble

#: Pages that quote a payload, found by a word of it.
SAID = (
    Shown("search-said", "/search?search=onerror", STRANGER),
    Shown("models-said", "/models?text=onerror&open=architecture,tokenizer,dtype,quantisation,license", NOBODY),
    Shown("trends-said", "/trends?by=licence&measure=new&as=number", NOBODY),
)
#: What stands after a mark that turns the direction of reading, up to where nothing is turned any more.
TURNS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  for (let text; (text = walker.nextNode()); ) {
    const end = text.data.lastIndexOf("\u202e");
    let around = text.parentElement;
    if (end < 0 || around.closest("pre, textarea, option, .prose, .code, .diff")) continue;
    for (let style; (style = getComputedStyle(around)).display === "inline" && style.unicodeBidi === "normal"; )
      around = around.parentElement;
    const range = document.createRange();
    range.setStart(text, end + 1);
    range.setEndAfter(around.lastChild);
    const after = range.toString().trim();
    if (after) found.push(`turned in ${around.tagName} ${around.className}: ${after.slice(0, 60)}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.mark.timeout(600)
def test_no_stranger_s_word_acts_on_any_page(browse: Callable[..., Tab], stage: Stage) -> None:
    tabs: dict[str, Tab] = {}
    wrong: list[str] = []

    def opened(who: str) -> Tab:
        tab = browse(who, on=stage.live)
        tab.page.on(
            "request", lambda asked: tab.wrong.append(f"asked for {asked.url}") if _is_hurt(asked.url) else None
        )
        tab.page.on("dialog", lambda dialog: (tab.wrong.append(f"said {dialog.message}"), dialog.dismiss()))
        return tab

    for shown in (*PAGES, *SAID):
        tab = tabs.get(shown.who) or tabs.setdefault(shown.who, opened(shown.who))
        answer = tab.page.goto(stage.live.url + shown.address.format(**stage.found), wait_until="load")
        assert answer is not None
        said = [] if answer.status == shown.status else [f"answered {answer.status}, not {shown.status}"]
        said += trouble(answer.text()) + tab.page.evaluate(TURNS) + tab.wrong + loose(answer.headers)
        tab.wrong.clear()
        wrong += [f"{shown.name} ({shown.who or 'nobody'}): {what}" for what in said]
    assert not wrong, "\n".join(wrong)


def _is_hurt(url: str) -> bool:
    """Not the picture of a card, which lies in its own repository whatever its address begins with."""
    return urlsplit(url).path == HURT
