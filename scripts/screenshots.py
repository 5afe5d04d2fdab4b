"""``make screenshots``: every page of ``scripts/pages.py``, at two widths and in both themes, and a sheet of each set.

A hub of its own is started and filled with the sample; nothing outside this machine is asked for. Pictures come to
``screenshots/<width>-<theme>/<name>.png``, their contact sheets to ``screenshots/<width>-<theme>.png``.
"""

import argparse
import html
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from freehold.accounts.rules import SESSION_COOKIE
from scripts import sample
from scripts.pages import PAGES, Shown

# It looks at the very stage that the browser tests play on.
from tests.fixtures.browser import session  # noqa: TID251
from tests.fixtures.servers import Live, launch  # noqa: TID251

WIDTHS = {1280: 900, 390: 844}
THEMES = ("light", "dark")
#: A page longer than this is cut: what comes below repeats what is above.
MOST_HEIGHT = 2400
#: Pictures of a row of a contact sheet, and how wide each is there.
COLUMNS, COLUMN_PX = {1280: 5, 390: 12}, {1280: 400, 390: 170}


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    pages = [page for page in PAGES if not asked.only or any(word in page.name for word in asked.only)]
    program = shutil.which("chromium")
    if program is None:
        print("The pictures need Debian's package chromium.")
        return 1
    with _hub() as (live, found), sync_playwright() as driver:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=program, args=[*flags, "--disable-gpu"])
        for width in asked.width or WIDTHS:
            for theme in asked.theme or THEMES:
                folder = asked.out / f"{width}-{theme}"
                _take(browser, live, found, pages, folder, width, theme)
                _sheet(browser, pages, folder, width, theme)
                print(f"{len(pages)} pages: {folder}.png")
        browser.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of names of pages; none: all of them")
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--width", type=int, action="append", choices=list(WIDTHS))
    parser.add_argument("--theme", action="append", choices=THEMES)
    return parser


@contextmanager
def _hub() -> Iterator[tuple[Live, sample.Found]]:
    with tempfile.TemporaryDirectory() as folder:
        live = launch(Path(folder, "data"))
        try:
            yield live, sample.fill(live.url, live.tokens)
        finally:
            live.stop()


def _take(
    browser: Browser, live: Live, found: sample.Found, pages: Sequence[Shown], folder: Path, width: int, theme: str
) -> None:
    """One picture a page, each by whoever it is for."""
    folder.mkdir(parents=True, exist_ok=True)
    tabs: dict[str, Page] = {}
    for shown in pages:
        if shown.who not in tabs:
            tabs[shown.who] = _tab(browser, live, shown.who, width, theme)
        tab = tabs[shown.who]
        tab.set_viewport_size({"width": width, "height": WIDTHS[width]})
        tab.goto(live.url + shown.address.format(**found), wait_until="networkidle")
        height = min(tab.evaluate("document.documentElement.scrollHeight"), MOST_HEIGHT)
        tab.set_viewport_size({"width": width, "height": max(height, WIDTHS[width])})
        tab.screenshot(path=folder / f"{shown.name}.png")
    for tab in tabs.values():
        tab.context.close()


def _tab(browser: Browser, live: Live, who: str, width: int, theme: str) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    if who:
        context.add_cookies([{"name": SESSION_COOKIE, "value": session(live, who), "url": live.url}])
    return context.new_page()


def _sheet(browser: Browser, pages: Sequence[Shown], folder: Path, width: int, theme: str) -> None:
    """All pictures of a folder on one, the browser itself lays them out."""
    ground, ink = ("#151a18", "#ddd") if theme == "dark" else ("#e8e6df", "#222")
    frames = "".join(
        f'<figure><figcaption>{html.escape(page.name)}</figcaption><img src="{page.name}.png"></figure>'
        for page in pages
    )
    style = (
        f"body {{ margin: 16px; background: {ground}; color: {ink}; font: 12px sans-serif; columns: {COLUMNS[width]}; "
        f"column-gap: 12px; width: {COLUMNS[width] * (COLUMN_PX[width] + 12)}px }}"
        "figure { margin: 0 0 14px; break-inside: avoid } img { width: 100%; display: block; margin-top: 3px }"
    )
    source = folder / "sheet.html"
    source.write_text(f"<!doctype html><meta charset=utf-8><style>{style}</style>{frames}")
    tab = browser.new_page(viewport={"width": COLUMNS[width] * (COLUMN_PX[width] + 12) + 32, "height": 800})
    tab.goto(source.resolve().as_uri(), wait_until="load")
    tab.screenshot(path=f"{folder}.png", full_page=True)
    tab.close()
    source.unlink()


if __name__ == "__main__":
    sys.exit(main())
