"""Organisations, invitations, settings and passwords as a browser does them."""

import re
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service
from freehold.accounts.events import PasswordResetAsked
from freehold.accounts.rules import RESERVED, SESSION_COOKIE
from freehold.accounts.throttle import FREE_ATTEMPTS
from freehold.core.http import ENCODED_SLASH
from freehold.people.service import invitations, organizations
from freehold.people.service.organizations import Changes
from scripts import access_matrix
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast, Person
from tests.people.test_pictures import png

ORIGIN = {"origin": BASE_URL}
PASSWORD = "correct horse"


class Browser:
    """Somebody's browser: keeps its cookie and sends forms with the token that the page before held."""

    def __init__(self, app: Starlette, person: Person | None = None) -> None:
        self.client = TestClient(app, base_url=BASE_URL, follow_redirects=False, headers={"user-agent": "Test 1.0"})
        if person is not None:
            with app.state.database.write() as db:
                secret = service.open_session(db, person.id, life_s=3600, agent="Test 1.0")
            self.client.cookies.set(SESSION_COOKIE, secret, domain="hub.test", path="/")

    def see(self, address: str, status: int = 200) -> str:
        answer = self.client.get(address, headers={"accept": "text/html"})
        assert answer.status_code == status, answer.text
        return answer.text

    def send(self, address: str, *, page: str = "/settings/profile", files: object = None, **form: str):  # type: ignore[no-untyped-def]
        found = re.search(r'name="csrf" value="([^"]+)"', self.see(page))
        data = form | ({"csrf": found[1]} if found else {})
        return self.client.post(address, data=data, files=files, headers=ORIGIN)  # type: ignore[arg-type]


@pytest.fixture
def browser(app: Starlette) -> Callable[..., Browser]:
    return lambda person=None: Browser(app, person)


@pytest.fixture
def alice(app: Starlette, cast: Cast) -> Browser:
    return Browser(app, cast.alice)


def _password(app: Starlette, name: str, password: str = PASSWORD) -> None:
    with app.state.database.write() as db:
        service.set_password(db, service.account(db, name), password)


# ---- organisations ------------------------------------------------------------------------------------------


def test_an_organisation_is_made_filled_and_ended(alice: Browser, browser: Callable[..., Browser], cast: Cast) -> None:
    made = alice.send("/organizations/new", name="guild", full_name="The Guild", page="/organizations/new")
    assert made.headers["location"] == "/organizations/guild/settings/members"
    root = "/organizations/guild/settings"
    assert alice.send(f"{root}/invitations", invitee="charlie", role="write").status_code == 303
    shown = alice.send(f"{root}/invitations", invitee="dan@example.org", role="read")
    link = re.search(r"http://hub.test(/join/\w+)", shown.text)
    assert link is not None, "without mail, the link is shown to hand on"
    charlie = browser(cast.charlie)
    answer = re.search(r"/settings/invitations/\w+", charlie.see("/settings/organizations"))
    assert answer is not None
    assert charlie.send(answer[0], answer="accept").status_code == 303
    assert "charlie" in alice.see(f"{root}/members")
    dan = browser()
    assert "asks you to join" in dan.see(link[1])
    joined = dan.send(link[1], page=link[1], name="dan", password=PASSWORD, again=PASSWORD)
    assert joined.headers["location"] == "/settings/organizations"
    assert "The Guild" in dan.see("/settings/organizations")
    assert "over" in browser().see(link[1], 404)
    assert alice.send(f"{root}/members/charlie/role", role="read").status_code == 303
    assert alice.send(f"{root}/members/dan/remove").status_code == 303
    assert alice.send(f"{root}/members/alice/role", role="read").status_code == 422
    saved = alice.send(f"{root}/profile", full_name="Guild of models", details="a\nb", website="https://g.example")
    assert saved.status_code == 303
    refused = alice.send(f"{root}/profile", full_name="x", website="javascript:alert(1)")
    assert (refused.status_code, "javascript:alert(1)" in refused.text) == (422, True)
    assert alice.send(f"{root}/choices", takes_requests="1").status_code == 303
    assert alice.send(f"{root}/delete", confirmed="nope").status_code == 422
    assert alice.send(f"{root}/delete", confirmed="guild").status_code == 303
    alice.see("/guild", 404)


def test_strangers_see_no_settings_of_an_organisation(browser: Callable[..., Browser], cast: Cast) -> None:
    for page in ("profile", "members"):
        address = f"/organizations/lab/settings/{page}"
        assert browser().client.get(address).headers["location"].startswith("/login?next=/")
        assert "alice" not in browser(cast.charlie).see(address, 403)
        browser(cast.bob).see(address, 403)


def test_a_link_is_taken_by_who_is_signed_in(app: Starlette, browser: Callable[..., Browser], cast: Cast) -> None:
    with app.state.database.write() as db:
        made = invitations.invite(db, cast.alice.actor, "lab", email="c@example.org", sign_up="invited")
    charlie = browser(cast.charlie)
    assert "Join as charlie" in charlie.see(made.path)
    assert charlie.client.post(f"{made.path}/accept", headers=ORIGIN).status_code == 403, "opening a link joins nobody"
    assert charlie.send(f"{made.path}/accept", page=made.path).status_code == 303
    assert "The Lab" in charlie.see("/settings/organizations")


def test_requests_are_answered_on_the_members_page(app: Starlette, alice: Browser, cast: Cast) -> None:
    with app.state.database.write() as db:
        organizations.change(db, cast.alice.actor, "lab", Changes(takes_requests=True))
    charlie = Browser(app, cast.charlie)
    assert charlie.send("/organizations/lab/join", message="hello").status_code == 303
    assert "hello" in alice.see("/organizations/lab/settings/members")
    assert alice.send("/organizations/lab/settings/requests/charlie", answer="accept", role="write").status_code == 303
    assert "write" in charlie.see("/settings/organizations")


# ---- sign up ------------------------------------------------------------------------------------------------


def test_nobody_signs_up_where_the_hub_is_not_open(browser: Callable[..., Browser], cast: Cast) -> None:
    assert "By invitation" in browser().see("/join")
    form = {"name": "dan", "password": PASSWORD, "again": PASSWORD}
    assert browser().client.post("/join", data=form, headers=ORIGIN).status_code == 403


def test_everybody_signs_up_where_it_is(new_app: Callable[..., Starlette]) -> None:
    dan = Browser(new_app(sign_up="open"))
    form = {"name": "dan", "full_name": "Dan", "password": PASSWORD, "again": PASSWORD}
    for wrong in (
        {"again": "another one"},
        {"name": "settings"},
        {"name": "a b"},
        {"email": "x"},
        {"password": "s", "again": "s"},
    ):
        refused = dan.client.post("/join", data=form | wrong, headers=ORIGIN)
        assert refused.status_code == 422, wrong
        assert 'value="Dan"' in refused.text
        field = re.search(r'<input[^>]*name="(\w+)"[^>]*aria-invalid="true"', refused.text)
        assert field is not None and field[1] in wrong, "what is wrong is said where it was typed"
    assert dan.client.post("/join", data=form, headers={"origin": "https://evil.example"}).status_code == 403
    assert dan.client.post("/join", data=form, headers=ORIGIN).headers["location"] == "/"
    assert "Signed in as dan" in dan.see("/")
    codes = [dan.client.post("/join", data=form, headers=ORIGIN).status_code for _ in range(FREE_ATTEMPTS)]
    assert codes[-1] == 429, "an address makes few accounts in a row"


# ---- own settings -------------------------------------------------------------------------------------------


def test_a_profile_and_its_picture(app: Starlette, alice: Browser, browser: Callable[..., Browser]) -> None:
    saved = alice.send("/settings/profile", full_name="Alice A.", details="I\nmake", website="", email="a@example.org")
    assert saved.status_code == 303
    assert "a@example.org" in alice.see("/settings/profile")
    assert "a@example.org" not in browser().see("/alice")
    assert alice.send("/settings/profile", full_name="\u202eecilA", email="a@example.org").status_code == 422
    files = {"picture": ("me.png", png(), "text/html")}
    assert alice.send("/settings/profile/avatar", files=files).status_code == 303
    shown = browser().client.get("/avatars/alice")
    assert (shown.headers["content-type"], shown.content[:4]) == ("image/png", b"\x89PNG")
    assert "sandbox" in shown.headers["content-security-policy"]
    bad = {"picture": ("me.svg", b"<svg onload='x'/>", "image/svg+xml")}
    assert alice.send("/settings/profile/avatar", files=bad).status_code == 422
    assert alice.send("/settings/profile/avatar").status_code == 422
    assert alice.send("/settings/profile/avatar", remove="1").status_code == 303
    assert browser().client.get("/avatars/alice").headers["content-type"].startswith("image/svg")
    assert browser().client.get("/avatars/nobody%3Cscript%3E.svg").status_code == 200


def test_a_password_is_changed_and_other_sessions_end(
    app: Starlette, browser: Callable[..., Browser], cast: Cast
) -> None:
    _password(app, "alice")
    here, there = browser(cast.alice), browser(cast.alice)
    form = {"new": "battery staple", "again": "battery staple"}
    address = "/settings/account/password"
    assert here.send(address, old="wrong", **form).status_code == 401
    assert here.send(address, old=PASSWORD, new="battery staple", again="other").status_code == 422
    assert here.client.post(address, data=form | {"old": PASSWORD}, headers=ORIGIN).status_code == 403
    before = here.client.cookies[SESSION_COOKIE]
    assert here.send(address, old=PASSWORD, **form).status_code == 303
    assert here.client.cookies[SESSION_COOKIE] != before
    assert "Every other session has ended." in here.see("/settings/account")
    assert "Every other session has ended." not in here.see("/settings/account"), "it is said once"
    assert there.client.get("/settings/account").headers["location"].startswith("/login")
    signed = browser().client.post("/login", data={"name": "alice", "password": "battery staple"}, headers=ORIGIN)
    assert signed.status_code == 303


def test_sessions_are_listed_and_ended(browser: Callable[..., Browser], cast: Cast) -> None:
    here, there = browser(cast.alice), browser(cast.alice)
    end = re.search(r"/settings/account/sessions/\w{24}/end", here.see("/settings/account"))
    assert end is not None
    assert browser(cast.bob).send(end[0]).status_code == 404, "nobody ends another's session"
    assert here.send(end[0]).status_code == 303
    assert there.client.get("/settings/account").status_code == 303
    other = browser(cast.alice)
    assert here.send("/settings/account/sessions/end").status_code == 303
    assert other.client.get("/settings/account").status_code == 303
    here.see("/settings/account")


def test_an_account_is_deleted_once_nothing_hangs_on_it(
    app: Starlette, browser: Callable[..., Browser], cast: Cast
) -> None:
    _password(app, "bob")
    bob = browser(cast.bob)
    made = bob.client.post("/api/repos/create", json={"name": "m"}, headers=cast.bob.headers)
    assert made.status_code == 200
    address = "/settings/account/delete"
    assert "still owns model bob/m" in bob.send(address, confirmed="bob", password=PASSWORD).text
    assert (
        bob.client.request("DELETE", "/api/repos/delete", json={"name": "m"}, headers=cast.bob.headers).status_code
        == 200
    )
    assert bob.send(address, confirmed="bob", password="wrong").status_code == 401
    assert bob.send(address, confirmed="alice", password=PASSWORD).status_code == 422
    assert bob.send(address, confirmed="Bob", password=PASSWORD).status_code == 303
    assert browser().client.get("/api/whoami-v2", headers=cast.bob.headers).status_code == 401
    assert "administrator" in browser(cast.alice).send(address, confirmed="alice").text


def test_a_token_changes_nothing_of_its_person(client: TestClient, cast: Cast) -> None:
    for address in ("profile", "account/password", "account/delete", "account/sessions/end"):
        refused = client.post(f"/settings/{address}", data={"confirmed": "alice"}, headers=cast.alice.headers)
        assert refused.status_code == 403, address


# ---- a forgotten password -----------------------------------------------------------------------------------


def test_a_password_is_reset_by_mail_once_and_nobody_is_found_out(app: Starlette, cast: Cast) -> None:
    app.state.sends_mail = True
    asked: list[PasswordResetAsked] = []
    app.state.database.bus.subscribe(PasswordResetAsked, lambda db, event: asked.append(event))
    with app.state.database.write() as db:
        service.verify_email(db, service.account(db, "alice"), "alice@example.org")
    browser = Browser(app)
    answers = {
        re.sub(r'value="[^"]*"', "", browser.client.post("/password", data={"who": who}, headers=ORIGIN).text)
        for who in ("alice", "Alice@Example.org", "nobody", "nobody@example.org", "lab", "bob")
    }
    assert len(answers) == 1
    assert [event.user.name for event in asked] == ["alice"], "and not twice in a moment"
    path = asked[0].path
    assert "alice" in browser.see(path)
    short = browser.client.post(path, data={"new": "short", "again": "short"}, headers=ORIGIN)
    assert short.status_code == 422
    done = browser.client.post(path, data={"new": PASSWORD, "again": PASSWORD}, headers=ORIGIN)
    assert done.headers["location"].startswith("/settings/account")
    assert browser.client.post(path, data={"new": PASSWORD, "again": PASSWORD}, headers=ORIGIN).status_code == 404
    assert browser.client.get(path).headers["referrer-policy"] == "strict-origin", "of its address, the host alone"


def test_without_mail_an_administrator_makes_the_link(app: Starlette, cast: Cast) -> None:
    assert "freehold user link" in Browser(app).see("/password")
    with app.state.database.write() as db:
        user = service.account(db, "bob")
        old, new = service.create_password_link(db, user), service.create_password_link(db, user)
        signs_in = service.create_sign_in_link(db, user)
    for dead in (old, signs_in, "x", "a%00"):
        assert Browser(app).client.get(f"/password/{dead}").status_code in (400, 404)
    assert Browser(app).client.post(f"/login/{new}", headers=ORIGIN).status_code == 401
    Browser(app).see(f"/password/{new}")


# ---- names that the hub keeps -------------------------------------------------------------------------------


def test_no_account_takes_the_first_word_of_an_address(app: Starlette) -> None:
    firsts = {path.split("/")[1] for _, path, _ in access_matrix.routes(app)}
    words = {first for first in firsts if first and "{" not in first and ENCODED_SLASH not in first}
    assert len(words) > 10
    assert words - RESERVED - {".well-known", "-"} == set(), "add them to accounts/rules.py"


def test_pages_have_no_inline_script_and_odd_input_breaks_none(alice: Browser) -> None:
    for address in ("/settings/profile", "/settings/account", "/settings/organizations", "/organizations/new"):
        assert not re.search(r"<script(?! type=\"module\" src| defer src)|\son\w+=|style=", alice.see(address))
    odd = ("\x00", "\u202e", "'\"<b>", "a" * 5000, "\ud83d", "..", "%")
    for value in odd:
        text = value.encode("utf-8", "replace").decode()
        for address in ("/organizations/new", "/organizations/lab/settings/invitations", "/settings/profile"):
            answer = alice.send(address, name=text, invitee=text, full_name=text, details=text, website=text)
            assert answer.status_code in (303, 400, 404, 409, 422), (address, value)
            assert "'\"<b>" not in answer.text
    for cursor in ("x", "1.", "99999999999.a", "-1.a", "\u0661.a"):
        alice.see(f"/organizations/lab/settings/members?after={cursor}&search=%25")
