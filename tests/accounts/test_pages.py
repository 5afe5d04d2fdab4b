"""Signing in, tokens and new repositories, as a browser does it."""

import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service
from freehold.accounts.rules import SESSION_COOKIE
from freehold.accounts.throttle import FREE_ATTEMPTS
from tests.fixtures.people import Cast

ORIGIN = {"origin": "http://hub.test"}


@pytest.fixture
def alice(client: TestClient, app: Starlette, cast: Cast) -> TestClient:
    """A browser in which Alice is signed in."""
    with app.state.database.write() as db:
        secret = service.open_session(db, cast.alice.id, life_s=3600)
    client.cookies.set(SESSION_COOKIE, secret)
    return client


def _form_token(browser: TestClient, address: str = "/settings/tokens") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(address).text)
    assert found is not None
    return found[1]


def _give_password(app: Starlette, name: str, password: str) -> None:
    with app.state.database.write() as db:
        service.set_password(db, service.account(db, name, kind="user"), password)


# ---- sign in ------------------------------------------------------------------------------------------------


def test_name_and_password_open_a_session(client: TestClient, app: Starlette, cast: Cast) -> None:
    _give_password(app, "alice", "correct horse")
    answer = client.post("/login", data={"name": "Alice", "password": "correct horse", "next": "/models?search=x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/models?search=x")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "Signed in as alice" in client.get("/").text


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "wrong password"), ("nobody", "correct horse"), ("lab", "x"), ("", "")]
)
def test_a_wrong_name_or_password_is_told_alike(
    client: TestClient, app: Starlette, cast: Cast, name: str, password: str
) -> None:
    _give_password(app, "alice", "correct horse")
    refused = client.post("/login", data={"name": name, "password": password})
    assert refused.status_code == 401
    assert "Name and password do not belong together." in refused.text
    assert "set-cookie" not in refused.headers


def test_guessing_has_to_wait(client: TestClient, app: Starlette, cast: Cast) -> None:
    _give_password(app, "alice", "correct horse")
    for _ in range(FREE_ATTEMPTS):
        client.post("/login", data={"name": "alice", "password": "guess"})
    refused = client.post("/login", data={"name": "alice", "password": "correct horse"})
    assert refused.status_code == 429
    _give_password(app, "bob", "another horse")
    assert client.post("/login", data={"name": "bob", "password": "another horse"}).status_code == 303


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\t//evil.example", "x"],
)
def test_signing_in_leads_nowhere_else(client: TestClient, app: Starlette, cast: Cast, address: str) -> None:
    _give_password(app, "alice", "correct horse")
    answer = client.post("/login", data={"name": "alice", "password": "correct horse", "next": address})
    assert answer.headers["location"] == "/"


def test_a_foreign_page_signs_nobody_in(client: TestClient, app: Starlette, cast: Cast) -> None:
    _give_password(app, "alice", "correct horse")
    form = {"name": "alice", "password": "correct horse"}
    refused = client.post("/login", data=form, headers={"origin": "https://evil.example"})
    assert refused.status_code == 403


def test_a_link_of_somebody_with_a_password_leads_home(client: TestClient, app: Starlette, cast: Cast) -> None:
    _give_password(app, "alice", "correct horse")
    with app.state.database.write() as db:
        secret = service.create_sign_in_link(db, service.account(db, "alice"))
    assert client.post(f"/login/{secret}").headers["location"] == "/"


def test_a_link_signs_in_once_and_only_when_it_is_pressed(client: TestClient, app: Starlette, cast: Cast) -> None:
    with app.state.database.write() as db:
        secret = service.create_sign_in_link(db, service.account(db, "alice"))
    assert "Sign in here" in client.get(f"/login/{secret}").text  # what a mail program does
    opened = client.post(f"/login/{secret}")
    assert opened.headers["location"] == "/settings/account", "who has no password yet is asked to set one"
    assert "Set a password to come back" in client.get(opened.headers["location"]).text
    assert "Signed in as alice" in client.get("/").text
    client.cookies.clear()
    refused = client.post(f"/login/{secret}")
    assert refused.status_code == 401
    assert "was used or has expired" in refused.text


def test_signing_out_ends_the_session(alice: TestClient) -> None:
    cookie = alice.cookies[SESSION_COOKIE]
    answer = alice.post("/logout", data={"csrf": _form_token(alice)}, headers=ORIGIN)
    assert answer.status_code == 303
    alice.cookies.clear()
    alice.cookies.set(SESSION_COOKIE, cookie)
    assert "Signed in as" not in alice.get("/").text


# ---- tokens -------------------------------------------------------------------------------------------------


def test_a_new_token_is_shown_once_and_works(alice: TestClient) -> None:
    form = {"name": "laptop", "scope": "write", "days": "30", "csrf": _form_token(alice)}
    page = alice.post("/settings/tokens", data=form, headers=ORIGIN)
    assert page.headers["cache-control"] == "no-store"
    secret = re.search(r'id="secret">(hf_\w+)<', page.text)
    assert secret is not None
    assert secret[1] not in alice.get("/settings/tokens").text
    alice.cookies.clear()
    assert alice.get("/api/whoami-v2", headers={"Authorization": f"Bearer {secret[1]}"}).json()["name"] == "alice"


def test_a_revoked_token_opens_nothing(alice: TestClient, app: Starlette, cast: Cast) -> None:
    with app.state.database.read() as db:
        tokens = {token.scope: token.id for token in service.tokens(db, cast.alice.id)}
    form = {"csrf": _form_token(alice)}
    assert alice.post(f"/settings/tokens/{tokens['write']}/revoke", data=form, headers=ORIGIN).status_code == 303
    alice.cookies.clear()
    assert alice.get("/api/whoami-v2", headers=cast.alice.headers).status_code == 401


def test_nobody_revokes_the_token_of_another(alice: TestClient, app: Starlette, cast: Cast) -> None:
    with app.state.database.read() as db:
        bobs = service.tokens(db, cast.bob.id)[0].id
    refused = alice.post(f"/settings/tokens/{bobs}/revoke", data={"csrf": _form_token(alice)}, headers=ORIGIN)
    assert refused.status_code == 404


def test_a_token_makes_no_tokens(client: TestClient, cast: Cast) -> None:
    headers = cast.alice.read_headers
    assert client.get("/settings/tokens", headers=headers).status_code == 303
    assert client.post("/settings/tokens", data={"name": "wide", "scope": "write"}, headers=headers).status_code == 403


def test_a_taken_name_is_told_and_what_was_typed_stays(alice: TestClient) -> None:
    form = {"name": "write", "scope": "write", "csrf": _form_token(alice)}
    refused = alice.post("/settings/tokens", data=form, headers=ORIGIN)
    assert refused.status_code == 422
    assert "has a token called" in refused.text
    assert 'value="write"' in refused.text


@pytest.mark.parametrize("address", ["/settings/tokens", "/logout", "/new"])
def test_forms_need_the_token_of_their_session_and_an_own_page(alice: TestClient, address: str) -> None:
    good = _form_token(alice)
    assert alice.post(address, data={"name": "x", "csrf": "forged"}, headers=ORIGIN).status_code == 403
    assert alice.post(address, data={"name": "x"}, headers=ORIGIN).status_code == 403
    foreign = alice.post(address, data={"name": "x", "csrf": good}, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403


# ---- new repositories ---------------------------------------------------------------------------------------


def test_a_repository_is_made_by_form_and_private_where_that_is_chosen(alice: TestClient, cast: Cast) -> None:
    form = {
        "kind": "dataset",
        "namespace": "lab",
        "name": "reviews",
        "visibility": "private",
        "csrf": _form_token(alice, "/new"),
    }
    answer = alice.post("/new", data=form, headers=ORIGIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/datasets/lab/reviews/upload/main")
    assert alice.get("/datasets/lab/reviews").status_code == 200
    alice.cookies.clear()
    assert alice.get("/datasets/lab/reviews").status_code == 401


@pytest.mark.parametrize("name", ["has space", "", "-x", "a--b"])
def test_a_bad_name_is_told_in_the_form(alice: TestClient, name: str) -> None:
    form = {"namespace": "alice", "name": name, "csrf": _form_token(alice, "/new")}
    refused = alice.post("/new", data=form, headers=ORIGIN)
    assert refused.status_code == 422
    assert "was not created" in refused.text


def test_nobody_makes_repositories_in_the_name_of_others(alice: TestClient) -> None:
    form = {"namespace": "bob", "name": "x", "csrf": _form_token(alice, "/new")}
    assert alice.post("/new", data=form, headers=ORIGIN).status_code == 422


def test_strangers_are_asked_to_sign_in(client: TestClient, cast: Cast) -> None:
    for address in ("/new", "/settings/tokens"):
        answer = client.get(address)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=/")


def test_a_nul_in_a_form_is_no_crash(alice: TestClient) -> None:
    forms = {
        "/settings/tokens": {"name": "a\0b", "csrf": _form_token(alice)},
        "/new": {"name": "x", "namespace": "a\0", "csrf": _form_token(alice, "/new")},
        "/login": {"name": "a\0b", "password": "c\0d"},
    }
    for address, form in forms.items():
        assert alice.post(address, data=form, headers=ORIGIN).status_code in (400, 401, 422), address
