"""Files brought with a plain form, without JavaScript: whole, on disk as they arrive, one commit with all of them."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.discussions.pages import uploading
from tests.content.given import repo
from tests.content.publishing import committed, file, tree
from tests.discussions.browsing import Browser, browser, form
from tests.fixtures.people import Cast

LARGE = b"\0weights" * 5000
File = tuple[str, bytes]


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    return repo(client, cast.alice, "m")


@pytest.fixture
def alice(app: Starlette, client: TestClient, cast: Cast) -> Browser:
    return browser(app, client, cast.alice)


@pytest.fixture
def charlie(app: Starlette, client: TestClient, cast: Cast) -> Browser:
    return browser(app, client, cast.charlie)


def send(who: Browser, page: str, *files: File, expect: int = 303, **fields: str) -> Any:
    """As a browser sends the form: its own fields first, then the files."""
    hidden = form(who.get(page), "")["fields"]
    parts = [(name, (None, value)) for name, value in (hidden | fields).items() if name != "how"]
    parts += [("files", (name, data, "application/octet-stream")) for name, data in files or [("", b"")]]
    parts.append(("how", (None, fields.get("how", "commit"))))
    answer = who.client.post(page, files=parts, headers=who.headers | {"Origin": "http://hub.test"})
    assert answer.status_code == expect, answer.text[:2000]
    return answer


def left(app: Starlette) -> list[Any]:
    return list(app.state.kit.tmp.iterdir())


def test_files_of_every_size_are_one_commit(app: Starlette, client: TestClient, alice: Browser, path: str) -> None:
    page = f"/{path}/upload/main/data"
    done = send(alice, page, ("w.bin", LARGE), ("a.txt", b"1"), ('é "q".txt', b""), summary="Bring them")
    assert done.headers["location"] == f"/{path}/tree/main/data"
    assert client.get(f"/{path}/resolve/main/data/w.bin").content == LARGE
    assert client.get(f"/{path}/resolve/main/data/a.txt").content == b"1"
    assert 'data/é "q".txt' in tree(client, path)
    commits = client.get(f"/api/models/{path}/commits/main").json()
    assert [one["title"] for one in commits] == ["Bring them", "initial commit"]
    pointer = client.get(f"/{path}/raw/main/data/w.bin").text
    assert pointer.startswith("version https://git-lfs"), "a large file is a pointer for git"
    assert left(app) == []


def test_a_reader_brings_them_as_a_pull_request(client: TestClient, charlie: Browser, path: str) -> None:
    page = f"/{path}/upload/main"
    assert 'value="commit"' not in charlie.get(page)
    done = send(charlie, page, ("w.bin", LARGE), ("a.txt", b"1"), how="pull")
    assert done.headers["location"] == f"/{path}/discussions/1"
    assert tree(client, path) == [".gitattributes"]
    assert client.get(f"/{path}/resolve/refs%2Fpr%2F1/w.bin").content == LARGE
    send(charlie, page, ("a.txt", b"1"), how="commit", expect=403)


def test_nothing_is_kept_of_a_form_that_is_refused(
    app: Starlette, client: TestClient, cast: Cast, alice: Browser, path: str
) -> None:
    page = f"/{path}/upload/main"
    for name in ("../x", ".git/config", "a\\b", "a/\u2028/b", "con//x"):
        refused = send(alice, page, ("good.txt", b"1"), (name, b"2"), expect=422, summary="kept <b>words</b>")
        assert "Choose the files again" in refused.text and "kept &lt;b&gt;words" in refused.text, name
    assert "nothing to commit" in send(alice, page, expect=422).text
    stale = send(alice, page, ("good.txt", b"1"), expect=412, parent="0" * 40)
    assert "was updated" in stale.text
    committed(client, cast.alice, path, file(".gitignore", "*.log\n"))
    assert "leaves them all out" in send(alice, page, ("x.log", b"1"), expect=422).text
    assert tree(client, path) == [".gitattributes", ".gitignore"]
    assert left(app) == []


def test_a_form_of_another_page_is_refused_before_a_file_is_kept(client: TestClient, alice: Browser, path: str) -> None:
    page, own = f"/{path}/upload/main", alice.headers | {"Origin": "http://hub.test"}
    late = [("files", ("a", b"1")), ("csrf", (None, form(alice.get(page), "")["fields"]["csrf"]))]
    for parts, headers in (
        ([("files", ("a", b"1"))], own),
        ([("csrf", (None, "forged")), ("files", ("a", b"1"))], own),
        (late, own),
        (late[::-1], alice.headers | {"Origin": "http://evil.test"}),
    ):
        assert client.post(page, files=parts, headers=headers).status_code == 403
    assert tree(client, path) == [".gitattributes"]


def test_forms_have_bounds(new_app: Callable[..., Starlette], cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "MAX_FORM_FILES", 3)
    app = new_app(max_commit_bytes=100_000)
    with TestClient(app, base_url="http://hub.test", follow_redirects=False) as client:
        path, page = repo(client, cast.alice, "m"), "/alice/m/upload/main"
        alice = browser(app, client, cast.alice)
        assert "100\u00a0kB" in alice.get(page) and "3 files" in alice.get(page)
        send(alice, page, *[(f"{n}.txt", b"1") for n in range(4)], expect=422)
        send(alice, page, ("big.bin", b"\0" * 200_000), expect=422)
        send(alice, page, ("a.txt", b"1"), description="x" * 90_000)
        for kind, body in (
            ("multipart/form-data; boundary=b", b"nonsense"),
            ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nx'),
            ("multipart/form-data", b""),
            ("text/plain", b"x"),
        ):
            headers = alice.headers | {"Origin": "http://hub.test", "Content-Type": kind}
            assert client.post(page, content=body, headers=headers).status_code in (403, 422), body
        headers = alice.headers | {"Origin": "http://hub.test", "Content-Type": "multipart/form-data; boundary=b"}
        empty = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
        many = client.post(page, content=empty * 104 + b"--b--\r\n", headers=headers)
        assert many.status_code == 422 and "100 fields" in many.text
        assert tree(client, path) == [".gitattributes", "a.txt"]


def test_who_may_see_the_page(client: TestClient, cast: Cast, charlie: Browser, path: str) -> None:
    visitor = Browser(client)
    answer = client.get(f"/{path}/upload/main/x", headers=visitor.headers)
    assert answer.headers["location"].startswith("/login?next=%2Falice%2Fm%2Fupload")
    assert client.post(f"/{path}/upload/main", files=[("files", ("a", b"1"))]).status_code == 401
    secret = repo(client, cast.alice, "secret", private=True)
    charlie.get(f"/{secret}/upload/main", 404)
    visitor.get(f"/{secret}/upload/main", 401)
    charlie.get(f"/{path}/upload/nowhere", 404)
