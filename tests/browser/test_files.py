"""Files in a real browser: lines to link to, views to switch between, names to find, with scripts and without."""

import base64
from collections.abc import Callable

import httpx
import pytest

from tests.content.publishing import NDJSON, body, file, header
from tests.fixtures.browser import DESKTOP, PHONE, Tab
from tests.fixtures.servers import Live

REPO = "alice/browsed"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
FILES: dict[str, bytes] = {
    "README.md": b"# Browsed\n\nA [way](src/train.py) to the code.\n",
    "src/train.py": b"".join(b"def step_%d(x):\n    return x\n" % n for n in range(200)),
    "rows.csv": b"id,word\n1,<script>alert(1)</script>\n",
    "config.json": b'{"layers": [{"size": 384}], "on": true}',
    "look.ipynb": b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "1", "outputs": [{"data": {"image/png": "'
    + base64.b64encode(PIXEL)
    + b'"}}]}]}',
    "plan.svg": b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><script>alert(1)</script></svg>",
    "photo\u202egpj.exe": b"MZ",
}


@pytest.fixture
def shelf(live: Live) -> str:
    """Alice's repository on the session's hub, made once; its address."""
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    made = httpx.post(f"{live.url}/api/repos/create", json={"name": "browsed", "type": "model"}, headers=headers)
    if made.status_code == 200:
        sent = body(header("Add files"), *(file(name, data) for name, data in FILES.items()))
        address = f"{live.url}/api/models/{REPO}/commit/main"
        httpx.post(address, content=sent, headers=headers | NDJSON).raise_for_status()
    return f"/{REPO}"


def test_lines_are_marked_by_click_and_shift_click_and_by_the_address(browse: Callable[..., Tab], shelf: str) -> None:
    tab = browse(permissions=["clipboard-read", "clipboard-write"])
    page = tab.go(f"{shelf}/blob/main/src/train.py")
    marked = page.locator("tr.is-marked")
    page.get_by_role("link", name="Line 3", exact=True).click()
    assert page.url.endswith("#L3") and marked.count() == 1
    page.get_by_role("link", name="Line 7", exact=True).click(modifiers=["Shift"])
    assert page.url.endswith("#L3-L7") and marked.count() == 5
    page.get_by_role("button", name="Copy", exact=True).click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("def step_1(x):\n    return x\n")
    page.get_by_role("button", name="Wrap").click()
    assert page.locator("table.lines.is-wrapped").count() == 1
    tab.go(f"{shelf}/blob/main/src/train.py#L390-L392")
    page.reload(wait_until="networkidle")
    assert marked.count() == 3 and page.locator("#L390").evaluate("it => it.getBoundingClientRect().top") < DESKTOP[1]


def test_files_are_found_and_read_without_scripts(browse: Callable[..., Tab], shelf: str) -> None:
    page = browse(scripts=False).go(f"{shelf}/tree/main")
    page.get_by_role("searchbox", name="Search file names").fill("TRAIN")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="src/train.py").click()
    page.get_by_role("link", name="Line 12", exact=True).click()
    assert page.url.endswith("/blob/main/src/train.py#L12") and page.locator("tr:target").count() == 1
    page.goto(page.url.partition("/blob")[0] + "/blob/main/config.json")
    page.get_by_role("link", name="Tree").click()
    page.get_by_text("layers").click()
    assert page.get_by_text("{ 1 key }").count() == 1


def test_a_long_menu_of_branches_is_narrowed_by_typing(browse: Callable[..., Tab], shelf: str, live: Live) -> None:
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    for name in (*"abcdefgh", "topic/long"):
        httpx.post(f"{live.url}/api/models{shelf}/branch/{name.replace('/', '%2F')}", headers=headers)
    page = browse().go(f"{shelf}/tree/main/src")
    page.locator("details.switcher summary").click()
    page.get_by_role("searchbox", name="Find a branch or tag").fill("LONG")
    assert page.locator(".switcher .menu-sheet a:visible").all_inner_texts() == ["topic/long"]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{shelf}/tree/topic%2Flong/src")


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_every_view_is_read_by_everybody(
    browse: Callable[..., Tab], shelf: str, size: tuple[int, int], scheme: str
) -> None:
    tab = browse("alice", size=size, scheme=scheme)
    for address in (
        "tree/main",
        "tree/main?search=a",
        "commits/main",
        "blob/main/src/train.py",
        "blob/main/rows.csv",
        "blob/main/config.json?view=tree",
        "blob/main/look.ipynb",
        "blob/main/plan.svg",
        "blob/main/photo%E2%80%AEgpj.exe",
    ):
        page = tab.go(f"{shelf}/{address}")
        tab.check_axe()
        tab.check_width()
        broken = page.evaluate("[...document.images].filter(it => !it.naturalWidth).map(it => it.src)")
        assert broken == [], address
