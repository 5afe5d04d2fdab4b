"""People working together in a real browser: reviewing, merging, asking to be let in, hearing of it, collecting."""

import base64
import json
import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.fixtures.browser import PHONE, Tab
from tests.fixtures.people import Person
from tests.fixtures.servers import Live

CARD = """---
license: mit
extra_gated_prompt: For research only.
extra_gated_fields:
  Affiliation: text
  I will cite it: checkbox
---
# Voices
"""


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url, trust_env=False, timeout=30) as client:
        yield client


def make(client: httpx.Client, who: Person, name: str) -> str:
    client.post("/api/repos/create", json={"name": name}, headers=who.headers).raise_for_status()
    return f"{who.name}/{name}"


def commit(client: httpx.Client, who: Person, path: str, file: str, text: str, query: str = "") -> None:
    content = base64.b64encode(text.encode()).decode()
    lines = [
        {"key": "header", "value": {"summary": f"Change {file}", "description": ""}},
        {"key": "file", "value": {"path": file, "encoding": "base64", "content": content}},
    ]
    body = "\n".join(json.dumps(line) for line in lines)
    headers = {"Content-Type": "application/x-ndjson", **who.headers}
    client.post(f"/api/models/{path}/commit/main{query}", content=body, headers=headers).raise_for_status()


def test_a_remark_on_a_line_is_answered_there_and_another_person_merges(
    browse: Callable[..., Tab], client: httpx.Client, live: Live
) -> None:
    assert live.cast is not None
    path = make(client, live.cast.alice, "remarked")
    commit(client, live.cast.alice, path, "train.py", "rate = 1\nsteps = 10\n")
    commit(client, live.cast.charlie, path, "train.py", "rate = 1\nsteps = 20\n", "?create_pr=1")
    where = f"/{path}/discussions/1"
    alice = browse("alice")
    page = alice.go(f"{where}/files")
    page.get_by_role("link", name="Say something about line 2").last.click()
    page.get_by_role("textbox", name="About line 2").fill("Why **twenty**?")
    page.locator(".remark-form").get_by_role("tab", name="Preview").click()
    page.locator(".remark-form strong", has_text="twenty").wait_for()
    alice.check_axe()
    page.locator(".remark-form").get_by_role("tab", name="Write").click()
    page.get_by_role("button", name="Say it").click()
    page.get_by_role("link", name="Reply about line 2").wait_for()

    charlie = browse("charlie", size=PHONE)
    talk = charlie.go(f"{where}/files")
    talk.get_by_role("link", name="Reply about line 2").click()
    talk.get_by_role("textbox", name="Reply about line 2").fill("It converges later.")
    talk.get_by_role("button", name="Reply", exact=True).click()
    talk.locator(".line-talk article").nth(1).get_by_text("It converges later.").wait_for()
    charlie.check_width()

    page = alice.go(f"{where}/files")
    page.get_by_role("button", name="Approve").click()
    page.locator(".checks").get_by_text("approved this").wait_for()
    page.get_by_role("button", name="Merge into main").click()
    page.locator(".checks").get_by_text("Merged").wait_for()
    assert client.get(f"/{path}/resolve/main/train.py").text.endswith("steps = 20\n")
    page.get_by_role("link", name="Revert").click()
    page.wait_for_url(re.compile("/revert/"))


def test_somebody_asks_to_be_let_in_and_is(browse: Callable[..., Tab], client: httpx.Client, live: Live) -> None:
    assert live.cast is not None
    path = make(client, live.cast.alice, "gated")
    commit(client, live.cast.alice, path, "README.md", CARD)
    settings = {"gated": "manual"}
    client.put(f"/api/models/{path}/settings", json=settings, headers=live.cast.alice.headers).raise_for_status()
    bob = browse("bob")
    page = bob.go(f"/{path}")
    page.get_by_label("Affiliation").fill("The lock")
    page.get_by_label("I will cite it").check()
    page.get_by_role("button", name="Agree and ask for access").click()
    page.get_by_text("You have asked for access.").wait_for()

    alice = browse("alice")
    desk = alice.go(f"/{path}/access")
    desk.get_by_label("Part of a name").fill("nobody")
    desk.get_by_label("Part of a name").press("Enter")
    desk.get_by_text("Nobody by this name").wait_for()
    desk.get_by_role("link", name="Show all 1").click()
    desk.get_by_text("The lock").wait_for()
    alice.check_axe()
    desk.get_by_role("button", name="Accept bob").click()
    desk.get_by_text("No request waits").wait_for()
    assert desk.url.endswith("/access") or "status=pending" in desk.url

    page = bob.go(f"/{path}")
    page.get_by_text("You have access to the files").wait_for()


def test_what_is_read_goes_from_the_list_and_from_the_bell(
    browse: Callable[..., Tab], client: httpx.Client, live: Live
) -> None:
    assert live.cast is not None
    path = make(client, live.cast.alice, "spoken-of")
    for title in ("The first of them", "The second of them"):
        body = {"title": title, "description": "Words"}
        at = f"/api/models/{path}/discussions"
        client.post(at, json=body, headers=live.cast.charlie.headers).raise_for_status()
    alice = browse("alice")
    page = alice.go("/notifications")
    for _ in range(50):  # told by a task
        if page.locator(".inbox-row", has_text=path).count() == 2:
            break
        page.wait_for_timeout(200)
        page.reload()
    page.get_by_role("link", name=path).click()
    page.wait_for_url(re.compile("repo="))
    page.locator(".facet-word[aria-current]", has_text=path).wait_for()
    bell = page.locator("#bell")
    before = int(re.sub(r"\D", "", bell.get_attribute("aria-label") or ""))
    page.get_by_role("button", name=re.compile("Mark read ?: The first of them")).click()
    page.locator(".inbox-row", has_text="The first of them").wait_for(state="detached")
    alice.until(f"document.querySelector('#bell').getAttribute('aria-label').includes(': {before - 1} ')")
    alice.check_axe()
    page.get_by_role("button", name="Mark all of these as read").click()
    page.get_by_text("Nothing unread here").wait_for()
    page.get_by_role("link", name="All", exact=True).click()
    page.get_by_role("button", name=re.compile("Mark unread ?: The second of them")).click()
    page.get_by_role("button", name=re.compile("Mark read ?: The second of them")).wait_for()
    page.locator(".inbox-open", has_text="The second of them").click()
    page.wait_for_url(re.compile(f"{path}/discussions/2"))


@pytest.mark.parametrize("scripts", [True, False])
def test_a_repository_is_collected_where_it_is_looked_at(
    browse: Callable[..., Tab], client: httpx.Client, live: Live, scripts: bool
) -> None:
    assert live.cast is not None
    path = make(client, live.cast.bob, f"collected-{str(scripts).lower()}")
    wish = {"title": f"Worth it {scripts}", "namespace": "bob"}
    client.post("/api/collections", json=wish, headers=live.cast.bob.headers).raise_for_status()
    tab = browse("bob", scripts=scripts)
    page = tab.go(f"/{path}")
    page.get_by_text("More", exact=True).click()
    page.get_by_text("Collect", exact=True).click()
    if not scripts:
        page.get_by_role("link", name="Choose a collection").click()
        page.get_by_label(f"Worth it {scripts}").check()
        page.get_by_role("button", name="Add to the collection").click()
        page.get_by_text(path.split("/")[1]).first.wait_for()
        return
    menu = page.locator("#collect-menu")
    menu.get_by_role("button", name=f"Worth it {scripts}").click()
    menu.locator("button[aria-pressed=true]", has_text=f"Worth it {scripts}").wait_for()
    tab.check_axe()
    menu.get_by_role("button", name=f"Worth it {scripts}").click()
    menu.locator("button[aria-pressed=false]", has_text=f"Worth it {scripts}").wait_for()
    assert page.url.endswith(path)
