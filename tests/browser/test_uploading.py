"""Files brought by drag and drop: in parts, paused, gone on with after the tab was closed, and proposed by a reader."""

import base64
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi, snapshot_download
from playwright.sync_api import Page, expect

from tests.fixtures.browser import PHONE, Tab
from tests.fixtures.servers import Live

MB = 1_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model as people have it on disk: weights of several parts, a picture, a folder in the folder, and litter."""
    root = tmp_path / "minilm"
    (root / "1_Pooling").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("[core]")
    (root / ".DS_Store").write_bytes(b"\0")
    (root / "config.json").write_text('{"hidden_size": 384}\n')
    (root / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}\n')
    (root / "README.md").write_text("---\nlicense: apache-2.0\n---\n# MiniLM <b>\n")
    (root / "vocab.txt").write_bytes(b"[PAD]\n" * 1000)
    (root / "empty.txt").touch()
    (root / "model.safetensors").write_bytes(os.urandom(1 << 20) * 36)
    (root / "tokenizer.model").write_bytes(os.urandom(300_000))
    return root


def repo(live: Live, name: str, **options: Any) -> str:
    path = f"alice/{name}"
    HfApi(live.url, live.tokens["alice"]).create_repo(path, **options)
    return path


def choose(page: Page, folder: Path) -> None:
    page.locator('[data-input="folder"]').set_input_files(folder)


def committed(page: Page, button: str = "Commit to main") -> None:
    page.get_by_role("button", name=button).click()
    page.wait_for_url(lambda url: "/upload/" not in url)


def same(live: Live, path: str, folder: Path, into: Path, **options: Any) -> list[str]:
    """Everything published is byte for byte what lies in ``folder``; the paths."""
    got = Path(snapshot_download(path, endpoint=live.url, local_dir=into, token=live.tokens["alice"], **options))
    names = sorted(str(one.relative_to(got)) for one in got.rglob("*") if one.is_file() and ".cache" not in one.parts)
    for name in set(names) - {".gitattributes"}:
        ours, theirs = (hashlib.sha256((root / name).read_bytes()).hexdigest() for root in (folder, got))
        assert ours == theirs, name
    return names


WANTED = [
    ".gitattributes", "1_Pooling/config.json", "README.md", "config.json", "empty.txt", "model.safetensors",
    "tokenizer.model", "vocab.txt"
]  # fmt: skip


def test_a_dropped_folder_is_one_commit(browse: Callable[..., Tab], live: Live, folder: Path, tmp_path: Path) -> None:
    path = repo(live, "dropped")
    tab = browse("alice")
    page = tab.go(f"/{path}/upload/main")
    tab.check_axe()
    choose(page, folder)
    expect(page.get_by_text("7 files, 38.1 MB")).to_be_visible()
    expect(page.get_by_text("sent and checked")).to_have_count(2)
    expect(page.get_by_text("Everything is here")).to_be_visible()
    tab.check_axe()
    tab.check_width()
    page.get_by_label("What changes").fill("Bring MiniLM")
    committed(page)
    assert page.url.endswith(f"/{path}/tree/main")
    assert same(live, path, folder, tmp_path / "got") == WANTED
    (newest, _) = HfApi(live.url).list_repo_commits(path)
    assert newest.title == "Bring MiniLM"
    # Brought again: what is there is known by its digest, and a folder may keep its name.
    page = tab.go(f"/{path}/upload/main")
    choose(page, folder)
    expect(page.get_by_text("as it is there already")).to_have_count(2)
    page.get_by_text("Keep the folder").click()
    expect(page.get_by_text("minilm/model.safetensors")).to_be_visible()
    expect(page.get_by_text("on this hub already, nothing sent")).to_have_count(2)


#: The second and third part of a file hang, as on a line that broke.
SLOW = """
const { open, send } = XMLHttpRequest.prototype;
XMLHttpRequest.prototype.open = function (method, address) {
  this.hangs = /\\/lfs\\/uploads\\/\\w+\\/[23]\\?/.test(address);
  open.call(this, method, address);
};
XMLHttpRequest.prototype.send = function (body) { if (!this.hangs) send.call(this, body); };
"""


def test_what_was_sent_is_not_sent_again_after_the_tab_was_closed(
    browse: Callable[..., Tab], live: Live, folder: Path, tmp_path: Path
) -> None:
    path = repo(live, "closed")
    tab = browse("alice")
    tab.page.add_init_script(SLOW)
    page = tab.go(f"/{path}/upload/main")
    sent: list[str] = []
    choose(page, folder)
    expect(page.get_by_text("1 of 3 parts")).to_be_visible()
    page.get_by_role("button", name="Pause model.safetensors").click()
    expect(page.get_by_text("paused, 16.8 MB sent")).to_be_visible()
    page.wait_for_timeout(1000)  # the plan is written a moment later
    page.close(run_before_unload=False)

    tab.page = page = tab.page.context.new_page()
    tab.watch()
    page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    tab.go(f"/{path}/upload/main")
    expect(page.get_by_text("1 of 7 files were sent")).to_be_visible()
    choose(page, folder)
    expect(page.get_by_text("Everything is here")).to_be_visible()
    assert [url.split("?")[0].rpartition("/")[2] for url in sent] == ["2", "3"]
    committed(page)
    assert same(live, path, folder, tmp_path / "got") == WANTED
    page = tab.go(f"/{path}/upload/main")
    expect(page.get_by_text("files were sent and not committed")).to_have_count(0)


def test_a_reader_brings_files_as_a_pull_request(
    browse: Callable[..., Tab], live: Live, folder: Path, tmp_path: Path
) -> None:
    path = repo(live, "proposed-to")
    tab = browse("charlie", size=PHONE)
    page = tab.go(f"/{path}/upload/main")
    expect(page.get_by_text("becomes a pull request")).to_be_visible()
    choose(page, folder)
    expect(page.get_by_text("Everything is here")).to_be_visible()
    tab.check_axe()
    tab.check_width()
    committed(page, "Propose these files")
    assert page.url.endswith(f"/{path}/discussions/1")
    assert same(live, path, folder, tmp_path / "got", revision="refs/pr/1") == WANTED
    assert HfApi(live.url).list_repo_files(path) == [".gitattributes"]


def test_who_was_faster_is_told_and_nothing_is_lost(browse: Callable[..., Tab], live: Live, folder: Path) -> None:
    path = repo(live, "raced")
    page = browse("alice").go(f"/{path}/upload/main")
    choose(page, folder)
    expect(page.get_by_text("Everything is here")).to_be_visible()
    client = HfApi(live.url, live.tokens["alice"])
    client.upload_file(
        path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=path, commit_message="Faster <i>than</i> you"
    )
    page.get_by_role("button", name="Commit to main").click()
    expect(page.get_by_text("alice committed “Faster <i>than</i> you”")).to_be_visible()
    expect(page.get_by_text("It changed config.json")).to_be_visible()
    expect(page.get_by_text("1 file of the same name is there already")).to_be_visible()
    committed(page)
    assert "hidden_size" in httpx.get(f"{live.url}/{path}/resolve/main/config.json").text


def test_each_file_says_what_is_wrong_with_it(browse: Callable[..., Tab], live: Live) -> None:
    path = repo(live, "wrong")
    page = browse("alice").go(f"/{path}/upload/main")
    drop(page, {"a\\b.txt": b"1", "<img src=x onerror=alert(1)>.txt": b"2", "good.txt": b"3"})
    expect(page.get_by_text("it holds a backslash")).to_be_visible()
    expect(page.get_by_role("button", name="Commit to main")).to_be_disabled()
    page.get_by_role("button", name="Remove a\\b.txt").click()
    committed(page)
    assert "<img src=x onerror=alert(1)>.txt" in HfApi(live.url).list_repo_files(path)


def test_two_thousand_small_files_are_one_commit(browse: Callable[..., Tab], live: Live) -> None:
    path = repo(live, "many")
    page = browse("alice").go(f"/{path}/upload/main/data")
    drop(page, {f"{number:04d}.json": b'{"n": %d}' % number for number in range(2000)})
    expect(page.get_by_text("and 1,850 more files")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Everything is here")).to_be_visible(timeout=60_000)
    committed(page)
    files = HfApi(live.url).list_repo_files(path)
    assert len(files) == 2001 and "data/1999.json" in files


def test_a_new_file_is_typed_and_tab_indents(browse: Callable[..., Tab], live: Live) -> None:
    path = repo(live, "typed")
    tab = browse("alice")
    page = tab.go(f"/{path}/new/main")
    tab.check_axe()
    page.get_by_label("Name, with its folders").fill("src/app.py")
    area = page.locator("#e-text")
    area.press_sequentially("def main():\n")
    area.press("Tab")
    area.press_sequentially("pass")
    expect(page.get_by_text("2 lines, 20 bytes")).to_be_visible()
    area.press("Escape")
    area.press("Tab")
    assert page.evaluate("document.activeElement.id") == "c-sum"
    page.get_by_role("button", name="Commit to main").click()
    page.wait_for_url("**/blob/main/src/app.py")
    assert httpx.get(f"{live.url}/{path}/resolve/main/src/app.py").text == "def main():\n    pass"


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Files dropped on the page, as a person drags them in."""
    given = {name: base64.b64encode(data).decode() for name, data in files.items()}
    page.evaluate(
        """(given) => {
          const transfer = new DataTransfer();
          for (const [name, data] of Object.entries(given))
            transfer.items.add(new File([Uint8Array.from(atob(data), (char) => char.charCodeAt(0))], name));
          window.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        given,
    )


def test_a_new_model_leads_to_its_first_files(browse: Callable[..., Tab], live: Live) -> None:
    repo(live, "taken-name")
    tab = browse("alice")
    page = tab.go("/new")
    tab.check_axe()
    name = page.get_by_label("Owner and name")
    name.fill("taken-name")
    expect(page.get_by_text("already")).to_be_visible()
    name.fill("first steps")
    page.get_by_role("button", name="first-steps").click()
    expect(page.get_by_text("alice/first-steps is free")).to_be_visible()
    tab.check_axe()
    page.get_by_label("Licence").select_option("apache-2.0")
    page.get_by_role("button", name="Create model").click()
    page.wait_for_url("**/alice/first-steps/upload/main")
    expect(page.get_by_text("Bring the first files")).to_be_visible()
    assert "license: apache-2.0" in httpx.get(f"{live.url}/alice/first-steps/resolve/main/README.md").text


def test_files_are_brought_without_scripts(browse: Callable[..., Tab], live: Live, folder: Path) -> None:
    path = repo(live, "plain-form")
    tab = browse("alice", scripts=False)
    page = tab.go(f"/{path}/upload/main/data")
    page.get_by_label("Files", exact=True).set_input_files([folder / "config.json", folder / "tokenizer.model"])
    committed(page)
    got = httpx.get(f"{live.url}/{path}/resolve/main/data/tokenizer.model", follow_redirects=True).content
    assert got == (folder / "tokenizer.model").read_bytes()


def test_markdown_is_previewed_before_it_is_kept(browse: Callable[..., Tab], live: Live) -> None:
    path = repo(live, "previewed")
    HfApi(live.url, live.tokens["alice"]).upload_file(
        path_or_fileobj=b"# Notes\n", path_in_repo="docs/notes.md", repo_id=path
    )
    tab = browse("alice")
    page = tab.go(f"/{path}/edit/main/docs/notes.md")
    page.locator("#e-text").fill("Some **bold** words <script>alert(1)</script>")
    page.get_by_role("tab", name="Preview").click()
    expect(page.locator("#e-shown strong")).to_have_text("bold")
    tab.check_axe()
