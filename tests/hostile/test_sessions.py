"""The cookie that signs a browser in: whose it is, where it is sent, and where a sign-in leads afterwards."""

import re
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast

PASSWORD = "correct horse, well"
FORM = {"name": "alice", "password": PASSWORD}
#: What leads a browser away, as browsers read it: they take "\" for "/", and leave out tabs, line ends and spaces.
ELSEWHERE = (
    "https://evil.test",
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    "\t//evil.test",
    " //evil.test",
    "/\n/evil.test",
    "\x01//evil.test",
    "https:evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    "@evil.test",
    ".evil.test",
    "http://hub.test@evil.test/",
)


@pytest.fixture
def known(app: Starlette, cast: Cast) -> None:
    """Alice has a password."""
    with app.state.database.write() as db:
        accounts.set_password(db, accounts.account(db, "alice", kind="user"), PASSWORD)


def _stays(location: str) -> bool:
    read = re.sub(r"[\x00-\x20]", "", location).replace("\\", "/")
    return read.startswith("/") and not read.startswith("//")


@pytest.mark.usefixtures("known")
def test_no_way_leads_from_a_sign_in_to_elsewhere(client: TestClient) -> None:
    for address in ELSEWHERE:
        client.cookies.clear()
        shown = client.get("/login", params={"next": address}).text
        kept = re.search(r'name="next" value="([^"]*)"', shown)
        assert kept and _stays(kept[1]), address
        done = client.post("/login", data=FORM | {"next": address})
        assert done.status_code == 303 and _stays(done.headers["location"]), (address, done.headers["location"])
        again = client.get("/login", params={"next": address})
        assert again.status_code == 303 and _stays(again.headers["location"]), (address, again.headers["location"])
        csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/settings/notifications").text)
        assert csrf
        watch = {"csrf": csrf[1], "type": "user", "name": "bob", "level": "all", "back": address}
        back = client.post("/settings/watch", data=watch, headers={"Origin": BASE_URL})
        assert back.status_code == 303 and _stays(back.headers["location"]), (address, back.headers["location"])


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("planted", ["freely chosen", "somebody else's"])
def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(
    app: Starlette, client: TestClient, cast: Cast, planted: str
) -> None:
    secret = "chosen-by-a-stranger"
    if planted != "freely chosen":
        with app.state.database.write() as db:
            secret = accounts.open_session(db, cast.charlie.id, life_s=600)
    client.cookies.set(SESSION_COOKIE, secret)
    done = client.post("/login", data=FORM, headers={"Origin": BASE_URL})
    assert done.status_code == 303
    assert done.cookies[SESSION_COOKIE] != secret
    stranger = TestClient(app, base_url=BASE_URL, follow_redirects=False, cookies={SESSION_COOKIE: secret})
    assert stranger.get("/settings/profile").headers["location"].startswith("/login"), "what was planted opens nothing"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("public_url", ["", "https://hub.example"])
def test_the_cookie_is_for_this_hub_s_requests_alone(new_app: Callable[..., Starlette], public_url: str) -> None:
    with TestClient(new_app(public_url=public_url), base_url=BASE_URL, follow_redirects=False) as client:
        told = client.post("/login", data=FORM).headers["set-cookie"]
    flags = {part.strip().lower() for part in told.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= flags
    assert ("secure" in flags) == bool(public_url)
    assert not any(flag.startswith("domain") for flag in flags), "a sister's domain is another's"


@pytest.mark.usefixtures("known")
def test_a_session_that_ended_opens_nothing(app: Starlette, client: TestClient) -> None:
    secret = client.post("/login", data=FORM).cookies[SESSION_COOKIE]
    csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/settings/profile").text)
    assert csrf
    assert client.post("/logout", data={"csrf": csrf[1]}, headers={"Origin": BASE_URL}).status_code == 303
    client.cookies.set(SESSION_COOKIE, secret)
    assert client.get("/settings/profile").headers["location"].startswith("/login")
