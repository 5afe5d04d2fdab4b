"""What keeps a browser's session its own: no frame, no planted cookie, no form without the token of its page."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service
from freehold.accounts.rules import SESSION_COOKIE
from tests.fixtures.each import each
from tests.fixtures.people import Cast

ORIGIN = {"origin": "http://hub.test"}
PAGES = ("/login", "/login/secret", "/join", "/join/secret", "/password", "/password/secret", "/lab", "/no/such/page")
OWN_PAGES = ("/settings/account", "/settings/tokens", "/organizations/lab/settings/members", "/device")


@pytest.fixture
def alice(client: TestClient, app: Starlette, cast: Cast) -> TestClient:
    """A browser in which Alice is signed in, with a password."""
    with app.state.database.write() as db:
        service.set_password(db, service.account(db, "alice"), "correct horse")
        secret = service.open_session(db, cast.alice.id, life_s=3600)
    client.cookies.set(SESSION_COOKIE, secret)
    return client


def test_no_page_stands_in_a_frame(alice: TestClient) -> None:
    for pages in (OWN_PAGES, PAGES):
        for address in pages:
            answer = alice.get(address, headers={"accept": "text/html"})
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], address
        alice.cookies.clear()


def test_a_planted_session_is_worth_nothing_after_signing_in(client: TestClient, app: Starlette, cast: Cast) -> None:
    with app.state.database.write() as db:
        service.set_password(db, service.account(db, "alice"), "correct horse")
        planted = service.open_session(db, cast.bob.id, life_s=3600)
    client.cookies.set(SESSION_COOKIE, planted)
    signed = client.post("/login", data={"name": "alice", "password": "correct horse"}, headers=ORIGIN)
    assert signed.status_code == 303
    assert f"{SESSION_COOKIE}=" in signed.headers["set-cookie"]
    assert planted not in signed.headers["set-cookie"], "signing in takes a session of its own"
    client.cookies.clear()
    client.cookies.set(SESSION_COOKIE, planted)
    assert "Sign out" not in client.get("/").text, "and ends the one that was there"


@each(
    "address",
    [
        "/settings/profile",
        "/settings/profile/avatar",
        "/settings/account/password",
        "/settings/account/delete",
        "/settings/account/sessions/end",
        "/settings/webhooks",
        "/settings/webhooks/any/test",
        "/settings/notifications",
        "/settings/programs",
        "/organizations/new",
        "/organizations/lab/join",
        "/organizations/lab/settings/profile",
        "/organizations/lab/settings/owner",
        "/organizations/lab/settings/invitations",
        "/organizations/lab/settings/members/bob/role",
        "/organizations/lab/settings/members/bob/remove",
        "/device",
    ],
)
def test_no_form_goes_without_the_token_of_its_page(alice: TestClient, address: str) -> None:
    form = {"name": "x", "url": "https://example.org", "user": "bob", "role": "admin", "user_code": "BCDF-GHJK"}
    for given in ({}, {"csrf": "x" * 86}):
        assert alice.post(address, data=form | given, headers=ORIGIN).status_code == 403
    assert alice.post(address, data=form, headers={"origin": "https://evil.example"}).status_code == 403
