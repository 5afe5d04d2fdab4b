"""Programs that were let in: with a code typed into a browser, and with a browser that is sent back."""

import base64
import hashlib
import html
import re
import threading
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core import clock
from freehold.core.errors import BadRequest
from freehold.oauth import rules
from freehold.oauth.service import programs
from tests.fixtures.each import each
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast, Person

LOGIN = {"client_id": rules.CLIENT_LOGIN}
BACK = "https://app.example/back"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def browser(app: Starlette, cast: Cast) -> TestClient:
    """A browser in which Alice is signed in."""
    return _browser(app, cast.alice)


def _browser(app: Starlette, person: Person) -> TestClient:
    with app.state.database.write() as db:
        secret = accounts.open_session(db, person.id, life_s=90 * 86400)
    client = TestClient(app, base_url=BASE_URL, follow_redirects=False)
    client.cookies.set(SESSION_COOKIE, secret, domain="hub.test", path="/")
    return client


def _send(browser: TestClient, address: str, page: str = "/settings/programs", **form: str) -> Any:
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(page).text)
    assert found is not None
    return browser.post(address, data=form | {"csrf": found[1]}, headers={"origin": BASE_URL})


def _begin(client: TestClient, **form: str) -> dict[str, Any]:
    answer = client.post("/oauth/device", data=LOGIN | form)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _poll(client: TestClient, begun: dict[str, Any], **form: str) -> Any:
    given = LOGIN | {"grant_type": rules.DEVICE_GRANT, "device_code": begun["device_code"]} | form
    return client.post("/oauth/token", data=given)


def _whoami(client: TestClient, token: str) -> Any:
    return client.get("/api/whoami-v2", headers={"Authorization": f"Bearer {token}"})


# ---- device codes -------------------------------------------------------------------------------------------


def test_a_program_is_signed_in_with_a_code(client: TestClient, browser: TestClient) -> None:
    begun = _begin(client)
    assert begun["verification_uri_complete"] == f"{BASE_URL}/device?user_code={begun['user_code']}"
    assert _poll(client, begun).json()["error"] == "authorization_pending"
    assert _poll(client, begun).json()["error"] == "slow_down"
    typed = begun["user_code"].replace("-", "").lower()
    assert "act as <b>alice</b>" in browser.get(f"/device?user_code={typed}").text
    assert "signed in as alice" in _send(browser, "/device", user_code=typed, answer="approve").text
    made = _poll(client, begun).json()
    assert (made["token_type"], made["expires_in"]) == ("bearer", rules.DEVICE_TOKEN_S)
    me = _whoami(client, made["access_token"]).json()
    assert (me["name"], me["auth"]["accessToken"]["role"]) == ("alice", "write")
    assert re.fullmatch(r"hf-login-\d{8}-\w{6}", me["auth"]["accessToken"]["displayName"])
    assert _poll(client, begun).json()["error"] == "invalid_grant", "once"
    created = client.post(
        "/api/repos/create", json={"name": "m"}, headers={"Authorization": f"Bearer {made['access_token']}"}
    )
    assert created.status_code == 200


def test_whoever_is_asked_chooses_how_far_and_ends_it_again(client: TestClient, browser: TestClient) -> None:
    begun = _begin(client)
    _send(browser, "/device", user_code=begun["user_code"], answer="approve", reach="read")
    made = _poll(client, begun).json()
    assert _whoami(client, made["access_token"]).json()["auth"]["accessToken"]["role"] == "read"
    shown = browser.get("/settings/programs").text
    assert rules.CLIENT_LOGIN_NAME in shown
    assert "hf-login" not in browser.get("/settings/tokens").text, "listed as a program, not as a token of one's own"
    end = re.search(r"/settings/grants/\w+/end", shown)
    assert end is not None
    assert _send(browser, end[0]).status_code == 303
    assert _whoami(client, made["access_token"]).status_code == 401
    assert _refresh(client, made["refresh_token"]).json()["error"] == "invalid_grant"
    assert _send(browser, end[0]).status_code == 404


def test_no_is_no_and_late_is_late(client: TestClient, browser: TestClient, app: Starlette, cast: Cast) -> None:
    denied, late = _begin(client), _begin(client)
    _send(browser, "/device", user_code=denied["user_code"], answer="deny")
    assert _poll(client, denied).json()["error"] == "access_denied"
    with clock.frozen(clock.now() + timedelta(seconds=rules.DEVICE_CODE_S + 1)):
        assert _poll(client, late).json()["error"] == "expired_token"
        assert _send(browser, "/device", user_code=late["user_code"], answer="approve").status_code == 404
    third = _begin(client)
    _send(browser, "/device", user_code=third["user_code"], answer="approve")
    with app.state.database.write() as db:
        accounts.set_disabled(db, accounts.account(db, "alice"), True)
    assert _poll(client, third).json()["error"] == "access_denied"


@each(
    ("form", "error"),
    [
        ({}, "invalid_client"),
        (LOGIN, "unsupported_grant_type"),
        (LOGIN | {"grant_type": rules.DEVICE_GRANT}, "invalid_request"),
        (LOGIN | {"grant_type": rules.DEVICE_GRANT, "device_code": "x"}, "invalid_grant"),
        (LOGIN | {"grant_type": rules.DEVICE_GRANT, "device_code": "\0"}, "invalid_request"),
        (LOGIN | {"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        (LOGIN | {"grant_type": "authorization_code", "code": "x"}, "invalid_grant"),
        (LOGIN | {"grant_type": "password", "username": "alice"}, "unsupported_grant_type"),
        ({"client_id": "a" * 9000}, "invalid_request"),
        ({"client_id": "\u202e"}, "invalid_client"),
    ],
)
def test_what_programs_may_not_send(client: TestClient, cast: Cast, form: dict[str, str], error: str) -> None:
    answer = client.post("/oauth/token", data=form)
    assert answer.status_code in (400, 401)
    assert (answer.json()["error"], bool(answer.json()["error_description"])) == (error, True)


def test_bodies_that_are_no_form(client: TestClient, cast: Cast) -> None:
    exchange = {"grant_type": rules.EXCHANGE_GRANT, "subject_token": "x", "resource": "alice/m"}
    refused = client.post("/oauth/token", json=exchange)
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")
    assert "/settings/tokens" in refused.json()["error_description"]
    for body in (b"{", b"[]", b'{"client_id": 7}', b"\xff"):
        answer = client.post("/oauth/token", content=body, headers={"content-type": "application/json"})
        assert answer.json()["error"] == "invalid_request"
    twice = client.post("/oauth/token", content=b"client_id=a&client_id=b")
    assert twice.status_code in (400, 401)
    assert client.post("/oauth/device", data={"client_id": "nobody"}).json()["error"] == "invalid_client"
    hub_token = {"Authorization": f"Bearer {cast.alice.token}"}
    assert client.post("/oauth/token", data=LOGIN, headers=hub_token).json()["error"] == "unsupported_grant_type"


def test_two_who_poll_at_once_get_one_token(client: TestClient, browser: TestClient, app: Starlette) -> None:
    begun = _begin(client)
    _send(browser, "/device", user_code=begun["user_code"], answer="approve")
    answers: list[Any] = []
    together = threading.Barrier(2)

    def poll() -> None:
        mine = TestClient(app, base_url=BASE_URL)  # not entered: its end would close the hub for the others
        together.wait()
        answers.append(_poll(mine, begun).json())

    threads = [threading.Thread(target=poll) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("access_token" in answer for answer in answers) == [False, True]


def test_nobody_is_let_in_by_a_foreign_form_or_by_a_token(client: TestClient, browser: TestClient, cast: Cast) -> None:
    begun = _begin(client)
    form = {"user_code": begun["user_code"], "answer": "approve"}
    assert client.get(f"/device?user_code={begun['user_code']}").headers["location"].startswith("/login?next=%2Fdevice")
    assert client.post("/device", data=form, headers=cast.alice.headers).status_code == 403
    assert browser.post("/device", data=form, headers={"origin": "https://evil.example"}).status_code == 403
    assert browser.post("/device", data=form, headers={"origin": BASE_URL}).status_code == 403
    assert _poll(client, begun).json()["error"] == "authorization_pending"


def test_codes_are_not_found_by_trying(browser: TestClient) -> None:
    tries = [browser.get(f"/device?user_code=BBBB-BBB{letter}").status_code for letter in "BCDFGHJKLMNPQRSTVWXZBC"]
    assert (tries[0], tries[-1]) == (404, 429)


# ---- renewal ------------------------------------------------------------------------------------------------


def _refresh(client: TestClient, token: str) -> Any:
    return client.post("/oauth/token", data=LOGIN | {"grant_type": "refresh_token", "refresh_token": token})


def test_a_refresh_token_is_good_once_and_a_thief_ends_everything(client: TestClient, browser: TestClient) -> None:
    begun = _begin(client)
    _send(browser, "/device", user_code=begun["user_code"], answer="approve")
    first = _poll(client, begun).json()
    second = _refresh(client, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    twin = _refresh(client, first["refresh_token"])
    assert twin.status_code == 200, "two processes at one moment are one program"
    assert _whoami(client, first["access_token"]).status_code == 200, "running processes go on for a while"
    now = clock.now()
    with clock.frozen(now + timedelta(seconds=rules.OLD_TOKEN_S + 1)):
        assert _whoami(client, first["access_token"]).status_code == 401
        assert _whoami(client, second["access_token"]).status_code == 200
        stolen = _refresh(client, first["refresh_token"])
        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
        assert _whoami(client, second["access_token"]).status_code == 401
        assert _refresh(client, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_expires_and_is_given_back(client: TestClient, browser: TestClient) -> None:
    begun = _begin(client)
    _send(browser, "/device", user_code=begun["user_code"], answer="approve")
    made = _poll(client, begun).json()
    with clock.frozen(clock.now() + timedelta(seconds=rules.REFRESH_S + 1)):
        assert _refresh(client, made["refresh_token"]).json()["error"] == "invalid_grant"
    assert client.post("/oauth/revoke", data=LOGIN | {"token": "unknown"}).status_code == 200
    assert client.post("/oauth/revoke", data=LOGIN | {"token": made["access_token"]}).status_code == 200
    assert _whoami(client, made["access_token"]).status_code == 401
    again = _refresh(client, made["refresh_token"]).json()
    client.post("/oauth/revoke", data=LOGIN | {"token": again["refresh_token"]})
    assert _whoami(client, again["access_token"]).status_code == 401


# ---- sending people back ------------------------------------------------------------------------------------


@pytest.fixture
def site(app: Starlette, cast: Cast) -> tuple[str, str]:
    """Client id and secret of a site of Alice's organisation."""
    with app.state.database.write() as db:
        made, secret = programs.register(db, cast.alice.actor, "lab", "The site", BACK)
        return made.id, secret


def _query(site: tuple[str, str], **more: str) -> str:
    given = {
        "response_type": "code",
        "client_id": site[0],
        "redirect_uri": BACK,
        "scope": "openid profile email read-repos unheard-of",
        "state": "s/1&2",
        "nonce": "n1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return "/oauth/authorize?" + urlencode({k: v for k, v in (given | more).items() if v})


def _allow(browser: TestClient, address: str, answer: str = "allow") -> dict[str, str]:
    page = browser.get(address)
    assert page.status_code == 200, page.text
    assert f"form-action 'self' {rules.origin(BACK)};" in page.headers["content-security-policy"]
    form = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    form = {name: html.unescape(value) for name, value in form.items()} | {"answer": answer}
    sent = browser.post("/oauth/authorize", data=form, headers={"origin": BASE_URL})
    assert sent.status_code == 303, sent.text
    return _back(sent)


def _back(answer: Any) -> dict[str, str]:
    location = answer.headers["location"]
    assert location.startswith(BACK + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def _exchange(client: TestClient, site: tuple[str, str], code: str, **more: str) -> Any:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER} | more
    return client.post("/oauth/token", data=form, auth=site)


def test_somebody_signs_in_at_a_site(client: TestClient, app: Starlette, site: tuple[str, str], cast: Cast) -> None:
    with app.state.database.write() as db:
        accounts.verify_email(db, accounts.account(db, "charlie"), "c@example.org")
    charlie = _browser(app, cast.charlie)
    assert client.get(_query(site)).headers["location"].startswith("/login?next=%2Foauth%2Fauthorize")
    back = _allow(charlie, _query(site))
    assert (back["state"], back["iss"]) == ("s/1&2", BASE_URL)
    made = _exchange(client, site, back["code"]).json()
    assert made["scope"] == "openid profile email read-repos"
    keys = jwt.PyJWKSet.from_dict(client.get("/oauth/jwks").json())
    told = jwt.decode(made["id_token"], keys.keys[0].key, algorithms=["RS256"], audience=site[0], issuer=BASE_URL)
    assert (told["sub"], told["nonce"], told["preferred_username"]) == (cast.charlie.id, "n1", "charlie")
    info = client.get("/oauth/userinfo", headers={"Authorization": f"Bearer {made['access_token']}"}).json()
    assert (info["email"], info["email_verified"], info["orgs"]) == ("c@example.org", True, [])
    again = _back(charlie.get(_query(site)))
    assert "code" in again, "nobody is asked twice for the same"
    page = charlie.get(_query(site), headers={"sec-fetch-site": "same-origin"})
    assert page.status_code == 200, "but is shown, coming from our own form"
    assert _exchange(client, site, back["code"]).json()["error"] == "invalid_grant"
    assert _whoami(client, made["access_token"]).status_code == 401, "a code that comes twice ends what it gave"


def test_a_site_learns_no_more_than_was_agreed(client: TestClient, browser: TestClient, site: tuple[str, str]) -> None:
    made = _exchange(client, site, _allow(browser, _query(site, scope="openid"))["code"]).json()
    bearer = {"Authorization": f"Bearer {made['access_token']}"}
    assert set(client.get("/oauth/userinfo", headers=bearer).json()) == {"sub"}
    told = client.get("/api/whoami-v2", headers=bearer).json()
    assert ("email" in told, told["orgs"]) == (False, [])
    client.post("/api/repos/create", json={"name": "secret", "private": True}, headers=_alice(browser))
    assert client.get("/api/models/alice/secret", headers=bearer).status_code == 404
    assert client.get("/api/settings/invitations", headers=bearer).status_code == 403
    assert client.get("/oauth/userinfo").status_code == 401


def test_a_site_that_may_write_does_not_run_somebody_s_affairs(
    client: TestClient, browser: TestClient, site: tuple[str, str]
) -> None:
    """It was let in to repositories: not to organisations and their people, nor to what outlives its own admission."""
    made = _exchange(client, site, _allow(browser, _query(site, scope="openid write-repos"))["code"]).json()
    bearer = {"Authorization": f"Bearer {made['access_token']}"}
    assert client.post("/api/repos/create", json={"name": "made"}, headers=bearer).status_code == 200
    hook = {"watched": [{"type": "user", "name": "alice"}], "url": "https://site.example/all", "domains": ["repo"]}
    for method, address, body in (
        ("GET", "/api/organizations/lab/settings", None),
        ("PATCH", "/api/organizations/lab/settings", {"fullName": "Taken"}),
        ("PUT", "/api/organizations/lab/members/bob/role", {"role": "admin"}),
        ("PUT", "/api/organizations/lab/owner", {"user": "bob"}),
        ("POST", "/api/organizations/lab/invitations", {"user": "charlie", "role": "admin"}),
        ("DELETE", "/api/organizations/lab", {"name": "lab"}),
        ("POST", "/api/organizations", {"name": "theirs"}),
        ("POST", "/api/settings/webhooks", hook),
        ("GET", "/api/settings/webhooks", None),
    ):
        assert client.request(method, address, json=body, headers=bearer).status_code == 403, address


def test_the_official_client_keeps_webhooks(client: TestClient, browser: TestClient) -> None:
    begun = _begin(client)
    _send(
        browser,
        "/device",
        page=f"/device?user_code={begun['user_code']}",
        user_code=begun["user_code"],
        answer="approve",
    )
    bearer = {"Authorization": f"Bearer {_poll(client, begun).json()['access_token']}"}
    hook = {"watched": [{"type": "user", "name": "alice"}], "url": "https://site.example/all", "domains": ["repo"]}
    assert client.post("/api/settings/webhooks", json=hook, headers=bearer).status_code == 200


def _alice(browser: TestClient) -> dict[str, str]:
    made = _send(browser, "/settings/tokens", page="/settings/tokens", name="t", scope="write").text
    found = re.search(r"hf_\w+", made)
    assert found is not None
    return {"Authorization": f"Bearer {found[0]}"}


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"nonce": "n" * 300}, "invalid_request"),
        ({"prompt": "none"}, "consent_required"),
    ],
)
def test_a_bad_wish_is_answered_at_the_site(
    browser: TestClient, site: tuple[str, str], more: dict[str, str], error: str
) -> None:
    assert _back(browser.get(_query(site, **more)))["error"] == error


def test_no_is_told_to_the_site(browser: TestClient, site: tuple[str, str]) -> None:
    assert _allow(browser, _query(site), "deny") == {"error": "access_denied", "state": "s/1&2", "iss": BASE_URL}


@pytest.mark.parametrize(
    "more",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": BACK + "/../x"},
        {"redirect_uri": BACK.upper()},
        {"client_id": rules.CLIENT_LOGIN},
    ],
)
def test_nobody_is_sent_where_the_program_did_not_say(
    browser: TestClient, site: tuple[str, str], more: dict[str, str]
) -> None:
    answer = browser.get(_query(site, **more), headers={"accept": "text/html"})
    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_a_code_is_only_for_its_program_its_address_and_its_verifier(
    client: TestClient, browser: TestClient, app: Starlette, site: tuple[str, str], cast: Cast
) -> None:
    with app.state.database.write() as db:
        other, secret = programs.register(db, cast.bob.actor, "bob", "Other", BACK)
        other_site = (other.id, secret)
    for wrong, who in (
        ({"code_verifier": "w" * 43}, site),
        ({"code_verifier": ""}, site),
        ({"redirect_uri": "https://app.example/other"}, site),
        ({}, other_site),
    ):
        code = _allow(browser, _query(site, prompt="consent"))["code"]
        assert _exchange(client, who, code, **wrong).json()["error"] == "invalid_grant", (wrong, who)
    code = _allow(browser, _query(site, prompt="consent"))["code"]
    assert _exchange(client, (site[0], "wrong"), code).status_code == 401
    with clock.frozen(clock.now() + timedelta(seconds=rules.CODE_S + 1)):
        assert _exchange(client, site, code).json()["error"] == "invalid_grant"


def test_programs_are_registered_and_removed(app: Starlette, browser: TestClient, cast: Cast) -> None:
    made = _send(browser, "/settings/programs", owner="lab", name="A site", redirects=BACK)
    secret = re.search(r"fh_app_\w+", made.text)
    assert secret is not None
    assert "fh_app_" not in browser.get("/settings/programs").text, "shown once"
    for bad in (
        "http://app.example/",
        "javascript:alert(1)",
        "https://a/#x",
        "https://u:p@a/",
        "",
        "https://a\nftp://b",
    ):
        refused = _send(browser, "/settings/programs", owner="alice", name="x", redirects=bad)
        assert (refused.status_code, "was not registered" in refused.text) == (422, True), bad
    assert _send(browser, "/settings/programs", owner="bob", name="x", redirects=BACK).status_code == 422
    renew = re.search(r"/settings/programs/\w+/secret", browser.get("/settings/programs").text)
    assert renew is not None
    bob = _browser(app, cast.bob)
    assert _send(bob, renew[0]).status_code == 404, "a member who writes does not administer"
    assert "fh_app_" in _send(browser, renew[0]).text
    remove = renew[0].replace("/secret", "/remove")
    assert _send(browser, remove).status_code == 303
    assert _send(browser, remove).status_code == 404


@pytest.mark.rules
def test_addresses_to_return_to() -> None:
    good = "https://a.example/back\nhttp://localhost:7860/login/callback\nhttp://127.0.0.1/"
    assert len(rules.checked_redirects(good)) == 3
    for bad in ("//a", "https://", "https://a b", "http://10.0.0.1/", "https://[", "https://a:99999/", "https://é/"):
        with pytest.raises(BadRequest):
            rules.checked_redirects(bad)


def test_discovery_names_doors_that_are_there(client: TestClient, app: Starlette, cast: Cast) -> None:
    told = client.get("/.well-known/openid-configuration").json()
    assert told["issuer"] == BASE_URL
    for name in ("authorization", "token", "device_authorization", "revocation", "userinfo"):
        path = urlsplit(told[f"{name}_endpoint"]).path
        assert client.get(path).status_code != 404 or client.post(path).status_code != 404, path
    assert client.get(told["jwks_uri"]).json()["keys"][0]["alg"] == "RS256"
    assert "d" not in client.get(told["jwks_uri"]).json()["keys"][0], "the public half only"
