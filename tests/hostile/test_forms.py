"""Every form refuses what another site makes a browser send: a walk over all routes that take one."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.core.database import Database
from scripts.access_matrix import routes
from tests.content.given import repo
from tests.content.publishing import committed, file
from tests.discussions.talking import opened
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast

#: Doors of clients, which bring a token. What a cookie alone comes to there is in tests/hostile/test_pages.py.
CLIENTS = re.compile(
    r"/api/|/v[12]\b|/models/\{|/hf-inference/|/xet/|/lfs/|/oauth/(device|token|revoke|userinfo)|/uploads"
    r"|.*(\.git|/info/lfs|/git-\w+-pack)"
)
#: Forms of whoever is not signed in: there is no session whose token they could carry. A browser says where they are
#: sent from, and from elsewhere they are refused.
BEFORE_SIGN_IN = {"/login", "/login/{secret}", "/join", "/join/{secret}", "/password", "/password/{secret}"}
#: The address is the secret, and programs for mail send it by themselves. Source: RFC 8058, 3.1.
BY_LINK = {"/unsubscribe/{token}"}
OWN = {"Origin": BASE_URL, "Sec-Fetch-Site": "same-origin"}
FOREIGN = (
    {"Origin": "http://evil.test", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
)


@pytest.fixture
def doors(app: Starlette, client: TestClient, cast: Cast, database: Database) -> list[tuple[str, str]]:
    """Each route that takes a form, and an address of it where there is something to change."""
    path = repo(client, cast.alice, "stage")
    made = client.get(f"/api/models/{path}", headers=cast.alice.headers).json()["_id"]
    committed(client, cast.alice, path, file("README.md", "# Card\n"))
    opened(client, cast.alice, path, "A thread")
    values = {
        "kind": "",
        "namespace": "alice",
        "name": "stage",
        "org": "lab",
        "user": "bob",
        "rev": "main",
        "file": "README.md",
        "folder": "docs",
        "num": "1",
        "spec": "main..main",
        "change": "disable",
        "repo_id": made,
    }
    found = []
    for method, route, _ in routes(app):
        if method == "POST" and not CLIENTS.match(route):
            there = values | (
                {"name": "bob"} if "/people/" in route else {"kind": "collect"} if "/storage/" in route else {}
            )
            filled = re.sub(r"\{(\w+)(?::\w+)?\}", lambda part, given=there: given.get(part[1], "main"), route)
            found.append((route, filled))
    return found


@pytest.fixture
def cookie(database: Database, cast: Cast) -> Callable[[], dict[str, str]]:
    """A new session of Root's, who may do all that there is."""

    def made() -> dict[str, str]:
        with database.write() as db:
            return {"Cookie": f"freehold_session={accounts.open_session(db, cast.root.id, life_s=600)}"}

    return made


def _form(route: str, token: str) -> dict[str, Any]:
    """What a form of ``route`` sends: one that brings files has parts."""
    return {"files": {"csrf": (None, token)}} if "/upload/" in route else {"data": {"csrf": token}}


def _token(client: TestClient, cookie: dict[str, str]) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/settings/profile", headers=cookie).text)
    assert found
    return found[1]


def test_no_form_is_sent_from_elsewhere(
    client: TestClient, doors: list[tuple[str, str]], cookie: Callable[[], dict[str, str]]
) -> None:
    mine = cookie()
    token = _token(client, mine)
    assert len(doors) > 90
    taken = []
    for route, address in doors:
        if route in BY_LINK:
            continue
        for foreign in FOREIGN:
            for cookies in (mine, {}) if route in BEFORE_SIGN_IN else (mine,):
                answer = client.post(address, headers=cookies | foreign, **_form(route, token))
                if answer.status_code != 403:
                    taken.append((route, answer.status_code, foreign, bool(cookies)))
    assert not taken, "\n".join(map(str, taken))


def test_no_form_is_taken_without_the_session_s_own_token(
    client: TestClient, doors: list[tuple[str, str]], cookie: Callable[[], dict[str, str]]
) -> None:
    mine, another = cookie(), cookie()
    taken = []
    for route, address in doors:
        if route in BY_LINK | BEFORE_SIGN_IN:
            continue
        for token in ("", "x", _token(client, another)):
            answer = client.post(address, headers=mine | OWN, **_form(route, token))
            if answer.status_code != 403:
                taken.append((route, answer.status_code, token[:1]))
    assert not taken, "\n".join(map(str, taken))
