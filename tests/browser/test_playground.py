"""The playground in a browser: a question, its answer as it comes, and a correction that becomes a row."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.fixtures.browser import Tab
from tests.fixtures.servers import Live

MODEL = "alice/talker"


@pytest.fixture(scope="session")
def talker(live: Live, tiny_gguf: Path) -> str:
    """A tiny model that answers on the hub; what it says means nothing."""
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    with httpx.Client(base_url=live.url, headers=headers, timeout=60) as hub:
        hub.post("/api/repos/create", json={"name": "talker", "type": "model"}).raise_for_status()
        content = base64.b64encode(tiny_gguf.read_bytes()).decode()
        lines = [
            {"key": "header", "value": {"summary": "A model", "description": ""}},
            {"key": "file", "value": {"path": "tiny.gguf", "content": content, "encoding": "base64"}},
        ]
        hub.post(
            f"/api/models/{MODEL}/commit/main",
            headers={"Content-Type": "application/x-ndjson"},
            content="\n".join(json.dumps(line) for line in lines),
        ).raise_for_status()
        made = hub.post("/api/endpoints", json={"model": MODEL, "context": 512, "parallel": 2})
        assert made.status_code == 201, made.text
    return MODEL


@pytest.mark.timeout(180)
def test_somebody_asks_corrects_the_answer_and_finds_it_in_their_data_set(
    browse: Callable[..., Tab], talker: str
) -> None:
    tab = browse("alice")
    page = tab.go(f"/playground?model={talker}&max_tokens=8")
    page.get_by_label("Message").fill("What is the capital of France?")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Good answer").wait_for(timeout=60_000)
    assert "8 tokens" in page.locator(".lane .gauge").inner_text()
    tab.check_axe()

    page.get_by_role("button", name="Bad answer").click()
    page.get_by_text("Choose a data set for feedback first").wait_for()
    page = tab.go("/playground/feedback")
    page.get_by_label("Data set").first.fill("alice/second-thoughts")
    page.get_by_role("button", name="Keep it there").first.click()
    page.get_by_text("Feedback is kept in alice/second-thoughts").wait_for()

    page = tab.go(f"/playground?model={talker}&max_tokens=8")
    page.get_by_role("link", name="New chat").click()
    page.get_by_label("Message").fill("What is the capital of France?")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Bad answer").click(timeout=60_000)
    page.get_by_label("What it should have said").fill("Paris.")
    page.get_by_role("button", name="Keep the corrected answer").click()
    page.get_by_label("What it should have said").wait_for(state="detached")
    assert page.locator(".lane").get_by_role("link", name="alice/second-thoughts").count() == 1


@pytest.mark.timeout(120)
def test_two_models_stand_side_by_side_and_code_follows_the_parameters(browse: Callable[..., Tab], talker: str) -> None:
    tab = browse("alice")
    page = tab.go(f"/playground?model={talker}&with={talker}&max_tokens=4")
    page.get_by_label("Seed").fill("7")
    assert "seed=7" in page.get_by_role("tabpanel", name="Python").inner_text()
    page.get_by_label("Message to both models").fill("one two")
    page.get_by_role("button", name="Send to both").click()
    page.get_by_text("Which answer is better?").wait_for(timeout=60_000)
    assert page.locator(".lane .turns > li").count() == 4
    tab.check_axe()
