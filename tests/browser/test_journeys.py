"""What people come for, from the first click to the last: each in a real browser, by as many people as it takes."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi
from playwright.sync_api import Page, expect

from demo import items
from tests.fixtures.browser import Tab
from tests.fixtures.clients import RELEASES, Clients
from tests.fixtures.servers import Live

CARD = "---\nlicense: mit\n---\n# A model\n\nMeasured in the habour.\n"
GATED = """---
extra_gated_prompt: For research on wind noise only.
extra_gated_fields:
  Affiliation: text
  I will not clone a voice: checkbox
---
# Voices
"""


def model(live: Live, name: str, card: str = CARD, **settings: str) -> str:
    """A model of Alice's with a card and a file; its path."""
    path, api = f"alice/{name}", HfApi(live.url, live.tokens["alice"])
    api.create_repo(path)
    for file, text in (("README.md", card), ("weights.txt", "0.1 0.2\n")):
        api.upload_file(path_or_fileobj=text.encode(), path_in_repo=file, repo_id=path)
    if settings:
        headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
        httpx.put(f"{live.url}/api/models/{path}/settings", json=settings, headers=headers).raise_for_status()
    return path


# ---- an account and an organisation -------------------------------------------------------------------------------


def test_somebody_signs_up_founds_an_organisation_and_makes_its_first_model(
    serve: Callable[..., Live], browse: Callable[..., Tab]
) -> None:
    hub = serve(env={"FREEHOLD_SIGN_UP": "open"}, people=False)
    tab = browse(on=hub)
    page = tab.go("/")
    page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Name", exact=True).fill("erin")
    page.get_by_label("Full name").fill("Erin of the Lock")
    page.get_by_label("Password", exact=True).fill("eight letters and more")
    page.get_by_label("Once more").fill("eight letters, and more")
    page.get_by_role("button", name="Make account").click()
    expect(page.get_by_text("The two passwords are not the same.")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("erin")
    for label in ("Password", "Once more"):
        page.get_by_label(label, exact=True).fill("eight letters and more")
    page.get_by_role("button", name="Make account").click()
    expect(page.get_by_label("Account: erin")).to_be_visible()
    page.get_by_label("Account: erin").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()

    page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    page.get_by_label("Name").fill("erin")
    page.get_by_label("Password", exact=True).fill("eight letters and more")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="New organisation").click()
    page.get_by_label("Name", exact=True).fill("lock")
    page.get_by_label("Full name").fill("The Lock")
    page.get_by_role("button", name="Create organisation").click()
    expect(page).to_have_url(re.compile("/organizations/lock/settings/members"))
    expect(page.get_by_role("main")).to_contain_text("erin")

    page.goto(hub.url)
    page.get_by_role("main").get_by_role("link", name="New model").click()
    page.get_by_label("Owner", exact=True).select_option("lock")
    page.get_by_label("Owner and name").fill("gate-times")
    expect(page.get_by_text("lock/gate-times is free")).to_be_visible()
    page.get_by_role("button", name="Create model").click()
    page.wait_for_url("**/lock/gate-times/upload/main")
    page = tab.go("/lock")
    expect(page.get_by_role("heading", name="The Lock")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name=re.compile("gate-times")).first).to_be_visible()


def test_an_administrator_invites_and_the_invited_makes_an_account(
    serve: Callable[..., Live], browse: Callable[..., Tab]
) -> None:
    hub = serve(env={"FREEHOLD_SIGN_UP": "invited"})
    page = browse(on=hub).go("/join")
    expect(page.get_by_role("heading", level=1)).to_contain_text("by invitation")
    admin = browse("root", on=hub).go("/admin/people")
    admin.get_by_label("Mail address", exact=True).fill("frank@lock.example")
    admin.get_by_role("button", name="Invite", exact=True).click()
    found = re.search(r"/join/[\w.~-]+", admin.get_by_role("main").inner_text())
    assert found, admin.get_by_role("main").inner_text()
    page.goto(hub.url + found[0])
    expect(page.get_by_text("frank@lock.example")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("frank")
    for label in ("Password", "Once more"):
        page.get_by_label(label, exact=True).fill("eight letters and more")
    page.get_by_role("button", name="Make account").click()
    expect(page.get_by_label("Account: frank")).to_be_visible()
    page.wait_for_load_state("networkidle")


# ---- a model, from its files to its end ---------------------------------------------------------------------------


@pytest.mark.compat
@pytest.mark.timeout(300)
def test_the_folder_of_a_real_model_is_dragged_in(
    browse: Callable[..., Tab], live: Live, real_files: Callable[[str], Path], tmp_path: Path
) -> None:
    """all-MiniLM-L6-v2 as people have it on disk, dragged from the desktop: a folder in the folder comes along."""
    folder = tmp_path / "all-MiniLM-L6-v2"
    (item,) = (item for item in items.ITEMS if "minilm" in item.name.lower())
    files = item.files(lambda ending: real_files(ending), tmp_path / "made")
    for name, source in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(source.read_bytes())
    HfApi(live.url, live.tokens["alice"]).create_repo("alice/all-minilm")
    page = browse("alice").go("/alice/all-minilm/upload/main")
    drag(page, folder)
    expect(page.get_by_role("heading", name=f"{len(files)} files, 91.6 MB")).to_be_visible()
    expect(page.get_by_text("Everything is here")).to_be_visible(timeout=120_000)
    page.get_by_label("What changes").fill("Bring MiniLM")
    page.get_by_role("button", name="Commit to main").click()
    page.wait_for_url("**/alice/all-minilm/tree/main")
    for name, source in files.items():
        got = httpx.get(f"{live.url}/alice/all-minilm/resolve/main/{name}", follow_redirects=True).content
        assert hashlib.sha256(got).digest() == hashlib.sha256(source.read_bytes()).digest(), name
    page.get_by_role("link", name="model.safetensors").first.click()
    expect(page.get_by_text("embeddings.word_embeddings.weight").first).to_be_visible()


def drag(page: Page, folder: Path) -> None:
    """``folder`` is dragged into the window and let go, as from the desktop."""
    devtools = page.context.new_cdp_session(page)
    carried = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 400, "data": carried})


def test_a_card_is_proposed_by_a_stranger_reviewed_and_merged(browse: Callable[..., Tab], live: Live) -> None:
    path = model(live, "reviewed")
    theirs = browse("charlie").go(f"/{path}")
    theirs.get_by_role("link", name="Community").click()
    theirs.get_by_role("link", name="Propose a change to the card").click()
    theirs.get_by_label("Licence", exact=True).fill("apache-2.0")
    theirs.get_by_label("Text, as Markdown").fill("# A model\n\nMeasured in the harbour.\n")
    expect(theirs.locator("#preview ins").first).to_have_text('"apache-2.0"')
    theirs.get_by_label("What changes").fill("Spell harbour")
    theirs.get_by_role("button", name="Propose this change").click()
    expect(theirs).to_have_url(f"{live.url}/{path}/discussions/1")

    ours = browse("alice").go("/")
    ours.get_by_label(re.compile("Notifications: ")).click()
    ours.get_by_role("main").get_by_text("Spell harbour").first.click()
    expect(ours).to_have_url(re.compile(f"/{path}/discussions/1"))
    ours.get_by_role("link", name="Review", exact=True).click()
    expect(ours.get_by_text("Measured in the harbour.").first).to_be_visible()
    ours.get_by_label("Review", exact=True).fill("Thank you.")
    ours.get_by_role("button", name="Approve").click()
    ours.goto(f"{live.url}/{path}/discussions/1")
    ours.get_by_role("button", name="Merge into main").click()
    expect(ours.get_by_text("Merged").first).to_be_visible()

    theirs.goto(f"{live.url}/{path}")
    expect(theirs.locator("article")).to_contain_text("Measured in the harbour.")
    expect(theirs.get_by_label(re.compile("Notifications: "))).to_be_visible()


def test_a_card_is_written_with_the_form_by_its_owner(browse: Callable[..., Tab], live: Live) -> None:
    path = model(live, "carded-by-owner")
    page = browse("alice").go(f"/{path}")
    page.get_by_role("link", name="Change this card").click()
    page.get_by_label("Languages").fill("en, nl")
    page.get_by_label("Text, as Markdown").fill("# Ours\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    page.get_by_role("button", name="Commit to main").click()
    expect(page).to_have_url(f"{live.url}/{path}")
    expect(page.locator("article table")).to_be_visible()
    info = HfApi(live.url).model_info(path)
    assert info.card_data is not None and info.card_data["language"] == ["en", "nl"]
    assert info.card_data["license"] == "mit"


def test_somebody_asks_for_access_and_is_let_in(browse: Callable[..., Tab], live: Live) -> None:
    path = model(live, "gated-voices", GATED, gated="manual")
    theirs = browse("charlie").go(f"/{path}/blob/main/weights.txt")
    theirs.goto(f"{live.url}/{path}")
    theirs.get_by_label("Affiliation").fill("The lock")
    theirs.get_by_label("I will not clone a voice").check()
    theirs.get_by_role("button", name="Agree and ask for access").click()
    expect(theirs.get_by_text("You have asked for access.")).to_be_visible()

    ours = browse("alice").go(f"/{path}")
    ours.get_by_role("link", name="1 request waits").click()
    expect(ours.get_by_text("The lock")).to_be_visible()
    ours.get_by_role("button", name="Accept charlie").click()
    expect(ours.get_by_text("No request waits")).to_be_visible()

    theirs.goto(f"{live.url}/{path}")
    expect(theirs.get_by_text("You have access to the files")).to_be_visible()
    theirs.get_by_role("link", name="Files", exact=True).click()
    theirs.get_by_role("link", name="weights.txt").first.click()
    expect(theirs.get_by_text("0.1 0.2")).to_be_visible()


@pytest.mark.compat
def test_a_token_made_in_the_browser_publishes_by_hf(
    browse: Callable[..., Tab], live: Live, clients: Clients, tmp_path: Path
) -> None:
    page = browse("alice").go("/")
    page.get_by_label("Account: alice").click()
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Access tokens").click()
    page.get_by_label("What is it for").fill("the laptop")
    page.get_by_label("Write").check()
    page.get_by_role("button", name="Create token").click()
    token = page.locator("#secret").inner_text()
    (tmp_path / "notes.txt").write_text("by hf\n")
    hf = str(clients.environment(RELEASES[0].environment) / "bin" / "hf")
    assert "alice" in clients.program([hf, "auth", "whoami"], RELEASES[0], live, token)
    clients.program(
        [hf, "upload", "alice/by-token", str(tmp_path / "notes.txt"), "notes.txt"], RELEASES[0], live, token
    )
    page.goto(f"{live.url}/alice/by-token/blob/main/notes.txt")
    expect(page.get_by_text("by hf")).to_be_visible()
    page.goto(f"{live.url}/settings/tokens")
    page.get_by_text("Revoke… the laptop").click()
    page.get_by_role("button", name="Revoke the laptop").click()
    expect(page.get_by_text("Token revoked.")).to_be_visible()
    assert httpx.get(f"{live.url}/api/whoami-v2", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_model_is_deleted_by_typing_its_name(browse: Callable[..., Tab], live: Live) -> None:
    path = model(live, "goes-away")
    page = browse("alice").go(f"/{path}")
    page.get_by_role("navigation", name="Repository").get_by_role("link", name="Settings").click()
    expect(page.get_by_text("What goes, for everyone and for good")).to_be_visible()
    page.get_by_label(f"Type {path} to delete it").fill("alice/goes")
    page.get_by_role("button", name="Delete this model").click()
    expect(page.get_by_text("Nothing was deleted.")).to_be_visible()
    page.get_by_label(f"Type {path} to delete it").fill(path)
    page.get_by_role("button", name="Delete this model").click()
    page.wait_for_url(lambda url: "/settings" not in url)
    answer = page.goto(f"{live.url}/{path}")
    assert answer is not None and answer.status == 404
    assert not HfApi(live.url).repo_exists(path)
