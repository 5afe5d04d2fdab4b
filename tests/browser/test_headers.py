"""The header explorer as people use it: a filter, a sort and a page change the table alone, and the address says it."""

import base64
import json
from collections.abc import Callable

import httpx
import pytest

from tests.cards.test_headers import gguf_file
from tests.fixtures.browser import DESKTOP, PHONE, Tab

NAME = "llama-of-many-layers"
ADDRESS = f"/alice/{NAME}/blob/main/m.gguf"


def published(tab: Tab) -> None:
    """A GGUF of 60 layers is there, with a chat template and a name that reads backwards."""
    token = {"Authorization": f"Bearer {tab.live.tokens['alice']}"}
    made = httpx.post(f"{tab.live.url}/api/repos/create", json={"name": NAME, "type": "model"}, headers=token)
    assert made.status_code in (200, 409), made.text
    entries = {
        "general.architecture": "llama",
        "general.name": "<img src=x onerror=alert(1)> \u202eevil",
        "tokenizer.chat_template": "{% for message in messages %}{{ message.content }}{% endfor %}",
        "general.description": "words " * 100,
    }
    tensors = [(f"blk.{n}.attn.weight", [32, n + 1], 3) for n in range(60)] + [("output.weight", [64], 0)]
    data = base64.b64encode(gguf_file(entries, tensors, 60_000)).decode()
    lines = [
        {"key": "header", "value": {"summary": "A model"}},
        {"key": "file", "value": {"path": "m.gguf", "content": data, "encoding": "base64"}},
    ]
    body = "\n".join(json.dumps(line) for line in lines)
    kind = {"Content-Type": "application/x-ndjson"}
    httpx.post(
        f"{tab.live.url}/api/models/alice/{NAME}/commit/main", content=body, headers=token | kind
    ).raise_for_status()


@pytest.mark.parametrize("scripts", [True, False])
def test_tensors_are_filtered_sorted_and_paged(browse: Callable[..., Tab], scripts: bool) -> None:
    tab = browse(scripts=scripts)
    published(tab)
    page = tab.go(ADDRESS)
    names = page.locator("#tensors tbody th")
    assert names.count() == 50
    if scripts:
        page.evaluate("window.stays = true")
    page.locator("#tensors").get_by_role("link", name="Bytes").click()
    page.locator("#tensors th[aria-sort=descending]").wait_for()
    assert names.first.inner_text() == "blk.59.attn.weight"
    page.get_by_role("link", name="Next").click()
    page.get_by_text("51–61 of 61").wait_for()
    page.get_by_label("Filter tensors").fill("blk.1*weight")
    page.get_by_label("Filter tensors").press("Enter")
    page.get_by_text("11 tensors of 61").wait_for()
    assert "tensor=blk.1*weight" in page.url.replace("%2A", "*")
    assert "sort=-bytes" in page.url
    if scripts:
        assert page.evaluate("window.stays"), "the page was loaded anew"


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_explorer_is_read_by_everybody(browse: Callable[..., Tab], size: tuple[int, int], scheme: str) -> None:
    tab = browse(size=size, scheme=scheme)
    published(tab)
    page = tab.go(ADDRESS)
    assert page.locator("#chat-template pre").inner_text().startswith("{% for message")
    page.get_by_text("600 characters").click()  # a long value unfolds
    tab.check_axe()
    tab.check_width()
