"""The page of a model in a real browser: read by everybody, used by a press."""

import json
import re
from collections.abc import Callable

import httpx
import pytest

from tests.fixtures.browser import DESKTOP, PHONE, Tab
from tests.fixtures.servers import Live

CARD = """---
license: mit
base_model: elsewhere/big
language: [en, de]
---
# Small

Text, and a way to run it.

## Run

```python
print("a line that is long enough to be wider than the screen of a telephone, whichever way one holds it in the hand")
```

## Limits

More text.
"""
REPO = "alice/looked-at"


@pytest.fixture(scope="session", autouse=True)
def published(live: Live) -> None:
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    made = httpx.post(f"{live.url}/api/repos/create", json={"name": "looked-at"}, headers=headers)
    assert made.status_code == 200, made.text
    file = {"key": "file", "value": {"path": "README.md", "content": CARD}}
    lines = [{"key": "header", "value": {"summary": "Add a card"}}, file]
    sent = httpx.post(
        f"{live.url}/api/models/{REPO}/commit/main",
        content="".join(json.dumps(line) + "\n" for line in lines),
        headers=headers | {"Content-Type": "application/x-ndjson"},
    )
    assert sent.status_code == 200, sent.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_model_is_read_by_everybody(browse: Callable[..., Tab], size: tuple[int, int], scheme: str) -> None:
    tab = browse(size=size, scheme=scheme)
    page = tab.go(f"/{REPO}")
    tab.check_axe()
    tab.check_width()
    page.get_by_text("git", exact=True).click()
    tab.check_width()


def test_the_menu_leads_to_lines_that_it_opens(browse: Callable[..., Tab]) -> None:
    page = browse().go(f"/{REPO}")
    lines = page.locator("#use-git")
    assert not lines.is_visible()
    page.locator(".repo-actions summary.is-primary").click()
    page.get_by_role("link", name=re.compile("^git")).click()
    lines.wait_for(state="visible")
    assert "git clone" in lines.inner_text()
