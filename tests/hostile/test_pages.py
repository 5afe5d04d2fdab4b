"""Pages that show what strangers wrote: their words stay words."""

from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.core.database import Database
from tests.content.given import repo
from tests.content.publishing import commit, file
from tests.fixtures.people import Cast

SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
NAME = "x\"'><svg onload=alert(1)>&amp;{{7*7}}.md"
CARD = """---
license: mit
tags: ["<script>alert(1)</script>", "' onmouseover='x"]
model-index: []
---
# <img src=x onerror=alert(1)> [a](javascript:alert(1)) [b](data:text/html,<script>x</script>)
<script>alert(1)</script><iframe src="//evil.test"></iframe><a href="java&#10;script:alert(1)">c</a>
<svg><a xlink:href="javascript:x"><text>d</text></a></svg><form action="//evil.test"><input name=csrf></form>
<div style="background:url(//evil.test)" onclick=x id=search class=card>e</div><base href="//evil.test/">
![pixel](https://evil.test/pixel.png) <img src="//evil.test/pixel.png">
<meta http-equiv=refresh content="0;//evil.test">
"""


class _Reader(HTMLParser):
    """Notes what a browser would run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("iframe", "object", "embed", "base", "style") or (tag == "script" and "src" not in given):
            self.trouble.append(tag)
        if tag == "meta" and "http-equiv" in given:
            self.trouble.append("meta")
        for name, value in given.items():
            scheme = "".join(value.split()).lower()
            if name.startswith("on") or name == "style":
                self.trouble.append(f"{tag} {name}={value}")
            if name in ("href", "src", "action", "formaction", "xlink:href"):
                is_fetched = name != "href" or tag == "link"
                if scheme.startswith(("javascript:", "data:", "vbscript:")) or (is_fetched and "evil.test" in value):
                    self.trouble.append(f"{tag} {name}={value}")


def _trouble(text: str) -> list[str]:
    reader = _Reader()
    reader.feed(text)
    return reader.trouble


@pytest.fixture
def stage(client: TestClient, cast: Cast, database: Database) -> str:
    """A repository whose every word is made to hurt."""
    path = repo(client, cast.alice, "stage")
    lines = file("README.md", CARD), file(NAME, SCRIPT), file(f"folder{NAME}/{NAME}", SCRIPT), file("page.html", SCRIPT)
    answer = commit(client, cast.alice, path, *lines, summary=SCRIPT)
    assert answer.status_code == 200, answer.text
    for branch in ("<svg-onload=alert(1)>", "a'\"b"):
        answer = client.post(f"/api/models/{path}/branch/{quote(branch, safe='')}", headers=cast.alice.headers)
        assert answer.status_code == 200, answer.text
    with database.write() as db:
        accounts.account(db, "alice").full_name = SCRIPT
    return path


def test_no_page_runs_or_fetches_what_a_stranger_wrote(client: TestClient, stage: str) -> None:
    named = quote(NAME, safe="")
    pages = (
        "/",
        "/models",
        f"/models?search={quote(SCRIPT)}",
        f"/search?search={quote(SCRIPT)}",
        f"/login?next={quote(SCRIPT)}",
        "/alice",
        f"/{stage}",
        f"/{stage}/tree/main",
        f"/{stage}/tree/main/folder{named}",
        f"/{stage}/blob/main/{named}",
        f"/{stage}/blob/main/page.html",
        f"/{stage}/commits/main",
        f"/{stage}/tree/{quote('<svg-onload=alert(1)>', safe='')}",
    )
    for address in pages:
        answer = client.get(address, headers={"Accept": "text/html"})
        assert answer.status_code == 200, address
        assert _trouble(answer.text) == [], address
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy, address


def test_errors_repeat_nothing_that_runs(client: TestClient, stage: str) -> None:
    for address in (
        f"/{quote(SCRIPT, safe='')}",
        f"/{stage}/tree/{quote(SCRIPT, safe='')}",
        f"/{stage}/blob/main/{SCRIPT}",
    ):
        for accept in ("text/html", "*/*"):
            answer = client.get(address, headers={"Accept": accept})
            assert answer.status_code in (401, 404)
            if "text/html" in answer.headers["content-type"]:
                assert _trouble(answer.text) == []
            else:
                assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("name", ["page.html", "README.md", NAME])
def test_files_are_shown_in_a_sandbox(client: TestClient, stage: str, name: str) -> None:
    for door in ("resolve", "raw"):
        answer = client.get(f"/{stage}/{door}/main/{quote(name, safe='')}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] in ("text/plain; charset=utf-8", "application/octet-stream")
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert '"' not in answer.headers["content-disposition"].partition('filename="')[2].removesuffix('";')


def test_a_cookie_alone_changes_nothing_by_any_method(client: TestClient, cast: Cast, database: Database) -> None:
    """What a foreign page can make a browser send: forms and simple requests with the victim's cookie."""
    path = repo(client, cast.alice, "victim")
    with database.write() as db:
        secret = accounts.open_session(db, cast.alice.id, life_s=600)
    calls = (
        ("POST", "/api/repos/create", {"name": "made"}),
        ("POST", "/api/repos/move", {"fromRepo": path, "toRepo": "alice/away"}),
        ("DELETE", "/api/repos/delete", {"name": "victim"}),
        ("PUT", f"/api/models/{path}/settings", {"private": True}),
        ("POST", f"/api/models/{path}/branch/topic", {}),
        ("POST", f"/api/models/{path}/commit/main", {}),
        ("POST", f"/{path}.git/info/lfs/objects/batch", {"operation": "upload", "objects": []}),
        ("POST", "/v1/chat/completions", {"model": path, "messages": [{"role": "user", "content": "Hello"}]}),
        ("POST", "/v2/rerank", {"model": path, "query": "a", "documents": ["b"]}),
    )
    foreign: tuple[dict[str, str], ...] = (
        {},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://hub.test:81"},
        {"Origin": "https://hub.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.test", "Sec-Fetch-Site": "same-origin"},
    )
    for method, address, body in calls:
        for headers in foreign:
            sent = headers | {"Cookie": f"freehold_session={secret}", "Content-Type": "text/plain"}
            answer = client.request(method, address, json=body, headers=sent)
            assert answer.status_code in (403, 422), (method, address, headers, answer.text)
    info = client.get(f"/api/models/{path}", headers=cast.alice.headers).json()
    assert info["private"] is False
