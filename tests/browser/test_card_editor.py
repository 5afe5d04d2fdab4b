"""A card changed in a real browser, with script and without."""

import base64
import json
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import expect

from tests.fixtures.browser import PHONE, Tab
from tests.fixtures.servers import Live

CARD = """\
---
license: mit # why
tags: [a]
---

# A model

> [!NOTE]
> Small.

$$\\frac{a}{b}$$

```python
print("hi")
```
"""


@pytest.fixture(scope="session")
def path(live: Live) -> str:
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    httpx.post(f"{live.url}/api/repos/create", json={"name": "carded", "type": "model"}, headers=headers)
    content = base64.b64encode(CARD.encode()).decode()
    lines = [
        {"key": "header", "value": {"summary": "Card"}},
        {"key": "file", "value": {"path": "README.md", "content": content, "encoding": "base64"}},
    ]
    body = "\n".join(json.dumps(line) for line in lines)
    kind = {"Content-Type": "application/x-ndjson"}
    answer = httpx.post(f"{live.url}/api/models/alice/carded/commit/main", content=body, headers=headers | kind)
    assert answer.status_code == 200, answer.text
    return "alice/carded"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_card_is_seen_while_it_is_written(browse: Callable[..., Tab], path: str, scheme: str) -> None:
    tab = browse("alice", scheme=scheme)
    page = tab.go(f"/{path}/card/edit")
    preview = page.locator("#preview")
    expect(preview.locator("mfrac")).to_have_count(1)
    page.fill("#e-text", "# Another\n\n**Words** of a model.")
    expect(preview.locator("strong")).to_have_text("Words")
    page.fill("#m-license", "apache-2.0")
    expect(preview.locator("ins")).to_have_text('"apache-2.0"')
    page.fill("#m-language", "en, fren")
    expect(page.locator("#m-language-own option[value='en, fr']")).to_have_count(1)
    page.fill("#m-base_model", "carde")
    expect(page.locator(f"#m-base_model-own option[value='{path}']")).to_have_count(1)
    page.fill("#m-language", "French")
    expect(preview.locator(".notice.is-danger a")).to_have_text("Languages")
    page.fill("#m-language", "en")
    page.fill("#m-base_model", "")
    expect(preview.locator(".notice.is-danger")).to_have_count(0)
    tab.check_axe()
    tab.check_width()


def test_a_card_is_written_on_a_phone(browse: Callable[..., Tab], path: str) -> None:
    tab = browse("alice", size=PHONE)
    tab.go(f"/{path}/card/edit")
    tab.check_axe()
    tab.check_width()


def test_without_script_a_button_shows_what_it_comes_to(browse: Callable[..., Tab], path: str) -> None:
    tab = browse("alice", scripts=False)
    page = tab.go(f"/{path}/card/edit")
    page.fill("#m-license", "apache-2.0")
    page.fill("#e-text", "# Another\n\n$x^2$")
    page.locator("[data-preview]").click()
    assert page.locator("#preview ins").inner_text() == '"apache-2.0"'
    assert page.locator("#preview msup").count() == 1
    page.get_by_role("button", name="Commit to main").click()
    assert page.url == f"{tab.live.url}/{path}"
    assert page.locator("article h1").inner_text().startswith("Another")


def test_words_of_a_thread_are_seen_before_they_are_said(browse: Callable[..., Tab], path: str) -> None:
    tab = browse("alice")
    page = tab.go(f"/{path}/discussions/new")
    page.fill("#d-text", "**Look**, @alice")
    page.get_by_role("tab", name="Preview").click()
    expect(page.locator("#d-text-shown strong")).to_have_text("Look")
    expect(page.locator("#d-text-shown a")).to_have_attribute("href", "/alice")
    tab.check_axe()
    page.get_by_role("tab", name="Write").click()
    expect(page.locator("#d-text")).to_be_visible()
