"""What every answer tells a browser to keep to: pages by a strict policy, files of people as data and nothing else."""

import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core.database import Database
from scripts.access_matrix import routes
from tests.content.given import repo
from tests.content.publishing import committed, file
from tests.discussions.talking import opened
from tests.fixtures.people import Cast
from tests.hostile.stage import loose

FILES = {
    "page.html": "<script>alert(1)</script>",
    "page.xhtml": "<html xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></html>",
    "picture.svg": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "feed.xml": "<?xml version='1.0'?><x/>",
    "style.css": "body { display: none }",
    "code.js": "alert(1)",
    "code.mjs": "alert(1)",
    "code.wasm": "\0asm",
    "no-ending": "<!doctype html><script>alert(1)</script>",
}
#: What a browser runs, or applies to another page, when a page of this hub names it.
ACTS = re.compile(r"html|javascript|ecmascript|css|xml|wasm")


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "stage")
    committed(client, cast.alice, path, *(file(name, text) for name, text in FILES.items()))
    opened(client, cast.alice, path, "A thread")
    return path


def _addresses(app: Starlette) -> Iterator[str]:
    values = {"kind": "", "namespace": "alice", "name": "stage", "org": "lab", "user": "bob", "rev": "main"}
    values |= {"path": "page.html", "file": "page.html", "num": "1", "spec": "main..main"}
    for method, route, _ in routes(app):
        if method == "GET":
            there = values | ({"kind": "models"} if "/{kind:plural}" in route else {})
            yield re.sub(r"\{(\w+)(?::\w+)?\}", lambda part, given=there: given.get(part[1], "main"), route)


def test_every_page_has_the_strict_policy_and_errors_have_it_too(
    app: Starlette, client: TestClient, cast: Cast, path: str, database: Database
) -> None:
    with database.write() as db:
        root = {"Cookie": f"{SESSION_COOKIE}={accounts.open_session(db, cast.root.id, life_s=600)}"}
    pages, wrong = 0, []
    for address in sorted(set(_addresses(app))):
        for headers in (root, {}):
            answer = client.get(address, headers=headers | {"Accept": "text/html"})
            if answer.headers.get("content-type", "").startswith("text/html"):
                pages += 1
                wrong += [f"{address} ({answer.status_code}): {what}" for what in loose(dict(answer.headers))]
    assert pages > 150
    assert not wrong, "\n".join(wrong)


def test_a_file_is_data_whatever_it_is_called(client: TestClient, path: str) -> None:
    for name in FILES:
        for door in ("resolve", "raw"):
            answer = client.get(f"/{path}/{door}/main/{name}")
            assert answer.status_code == 200
            kind = answer.headers["content-type"]
            assert not ACTS.search(kind) or kind == "image/svg+xml", (name, kind)
            assert answer.headers["x-content-type-options"] == "nosniff", name
            assert "sandbox" in answer.headers["content-security-policy"], name
