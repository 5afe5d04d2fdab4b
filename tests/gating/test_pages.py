"""Gates as a browser finds them: plain forms, whole without script, harmless whatever was typed."""

import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core.database import Database
from tests.fixtures.people import Cast, Person
from tests.gating.conftest import ANSWERS, API, CARD, Gated, ask, handle, listed, publish, reads

ORIGIN = {"origin": "http://hub.test", "accept": "text/html"}
EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


class Browser:
    """Somebody signed in by cookie, who sends the forms that pages show."""

    def __init__(self, client: TestClient, secret: str) -> None:
        self.client = client
        self.headers = ORIGIN | {"cookie": f"{SESSION_COOKIE}={secret}"}
        self.csrf = ""

    def get(self, address: str) -> str:
        answer = self.client.get(address, headers=self.headers)
        assert answer.status_code == 200, answer.text
        found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
        self.csrf = found[1] if found else self.csrf
        return answer.text

    def post(self, address: str, **form: str) -> tuple[int, str, str]:
        answer = self.client.post(address, data={"csrf": self.csrf, **form}, headers=self.headers)
        return answer.status_code, answer.headers.get("location", ""), answer.text


SignIn = Callable[[str], Browser]


@pytest.fixture
def sign_in(client: TestClient, cast: Cast, database: Database) -> SignIn:
    def opened(name: str) -> Browser:
        with database.write() as db:
            secret = accounts.open_session(db, accounts.account(db, name).id, life_s=900)
        return Browser(client, secret)

    return opened


def _form(text: str, **changes: str) -> dict[str, str]:
    """The form as a browser would send it, filled in well."""
    answers = {**ANSWERS, "I agree to all of it": "on"} | changes
    terms = re.search(r'name="terms" value="([0-9a-f]{64})"', text)
    assert terms is not None
    return {"terms": terms[1], **{f"fields.{label}": str(value) for label, value in answers.items()}}


def test_somebody_asks_and_is_answered_with_nothing_but_pages(
    client: TestClient, cast: Cast, gated: Gated, sign_in: SignIn
) -> None:
    gated("manual")
    assert "Sign in to ask for access" in client.get("/lab/model", headers={"accept": "text/html"}).text
    charlie, alice = sign_in("charlie"), sign_in("alice")
    page = charlie.get("/lab/model")
    for part in (
        "Ask for it",
        "You agree <strong>not</strong> to harm.",
        "Be good.",
        "Switzerland",
        'type="date"',
        "Something else",
    ):
        assert part in page, part
    assert "ip_location" not in page
    assert charlie.post("/lab/model/ask-access", **_form(page))[:2] == (303, "/lab/model#access")
    page = charlie.get("/lab/model")
    assert "have asked for access" in page
    assert "gate-form" not in page
    page = alice.get("/lab/model")
    assert "1 request waits" in page
    page = alice.get("/lab/model/access")
    assert "Acme" in page
    request = re.search(r'name="request" value="([0-9a-f]{24})"', page)
    assert request is not None
    done = alice.post("/lab/model/access/handle", request=request[1], status="accepted", **{"from": "pending"})
    assert done[:2] == (303, "/lab/model/access?status=pending")
    assert reads(client, cast.charlie) == 200
    assert "have access to the files" in charlie.get("/lab/model")
    again = alice.post("/lab/model/access/handle", request=request[1], status="accepted")
    assert (again[0], "is accepted already" in again[2]) == (422, True)
    alice.post("/lab/model/access/handle", request=request[1], status="rejected", reason=EVIL)
    page = charlie.get("/lab/model")
    assert "owner has rejected the request" in page
    assert EVIL not in page


def test_who_is_stopped_at_the_files_is_led_to_the_gate(
    client: TestClient, cast: Cast, gated: Gated, sign_in: SignIn
) -> None:
    gated("manual")
    charlie = sign_in("charlie")
    stopped = client.get("/lab/model/tree/main", headers=charlie.headers)
    assert stopped.status_code == 403
    assert '<a class="button" href="/lab/model#access"><bdi>Ask for access</bdi></a>' in stopped.text
    stranger = client.get("/lab/model/tree/main", headers=ORIGIN)
    assert (stranger.status_code, 'href="/lab/model"' in stranger.text) == (401, True)
    assert "Sign in</a> to ask for access" in stranger.text and "Private repositories" not in stranger.text


def test_a_refused_form_comes_back_with_what_was_typed(
    client: TestClient, cast: Cast, gated: Gated, sign_in: SignIn
) -> None:
    gated("auto")
    charlie = sign_in("charlie")
    page = charlie.get("/lab/model/ask-access")
    status, _, text = charlie.post("/lab/model/ask-access", **_form(page, Company=EVIL, Born="never"))
    assert (status, "“Born” takes a date" in text, "&lt;script&gt;" in text) == (422, True, True)
    assert "<script>alert" not in text
    publish(client, cast.alice, licence="New.\n")
    status, _, text = charlie.post("/lab/model/ask-access", **_form(page))
    assert (status, "The terms changed since this page was opened" in text) == (422, True)
    assert reads(client, cast.charlie) == 403


def test_a_form_of_another_session_asks_nothing(client: TestClient, cast: Cast, gated: Gated, sign_in: SignIn) -> None:
    gated("auto")
    charlie = sign_in("charlie")
    form = _form(charlie.get("/lab/model"))
    charlie.csrf = "forged"
    for address in ("ask-access", "access/leave"):
        assert charlie.post(f"/lab/model/{address}", **form)[0] == 403
    alice = sign_in("alice")
    for address in ("access/handle", "access/grant", "access/settings"):
        assert alice.post(f"/lab/model/{address}", user="charlie")[0] == 403, "no token at all"
    assert client.post("/lab/model/ask-access", data=form, headers={"accept": "text/html"}).status_code == 401
    assert reads(client, cast.charlie) == 403


def test_an_administrator_agrees_for_the_organisation_on_the_page(
    client: TestClient, cast: Cast, gated: Gated, sign_in: SignIn, acme: dict[str, Person]
) -> None:
    gated("auto", gatedGraceDays=0)
    charlie, dana = sign_in("charlie"), sign_in("dana")
    page = charlie.get("/lab/model")
    assert "All members of acme" in page
    assert "All members of acme" not in dana.get("/lab/model")
    assert charlie.post("/lab/model/ask-access", organization="acme", **_form(page))[0] == 303
    page = dana.get("/lab/model")
    assert "acme has access to the files" in page
    assert "Give up access" not in page
    page = dana.get("/organizations/acme/access")
    assert all(part in page for part in ("lab/", "erin", "let in"))
    publish(client, cast.alice, licence="New.\n")
    assert "acme has not agreed to the new ones" in dana.get("/lab/model")
    page = charlie.get("/lab/model/ask-access")
    assert "Agree to the new terms" in page or "Ask for it" in page
    assert charlie.post("/lab/model/ask-access", organization="acme", **_form(page))[0] == 303
    assert reads(client, acme["dana"]) == 200
    assert charlie.post("/lab/model/access/leave", organization="acme")[:2] == (303, "/organizations/acme/access")
    assert reads(client, acme["dana"]) == 403


def test_the_gate_is_set_up_on_its_page(client: TestClient, cast: Cast, gated: Gated, sign_in: SignIn) -> None:
    gated("manual")
    alice, bob = sign_in("alice"), sign_in("bob")
    page = alice.get("/lab/model/access")
    assert "Keep it so" in page
    assert "Keep it so" not in bob.get("/lab/model/access"), "who may write answers requests, and changes no settings"
    form = {"gated": "auto", "renew": "notified", "grace_days": "3", "notify_mode": "bulk", "notify_email": "a@b.test"}
    assert alice.post("/lab/model/access/settings", **form)[0] == 303
    assert bob.post("/lab/model/access/settings", **form)[0] == 403
    answer = client.put(f"{API}/settings", json={}, headers=cast.alice.headers).json()
    assert (answer["gated"], answer["gatedRenew"], answer["gatedGraceDays"]) == ("auto", "notified", 3)
    for bad in ({"grace_days": "many"}, {"grace_days": "٣"}, {"gated": "x"}, {"notify_email": "nobody"}):
        status, _, text = alice.post("/lab/model/access/settings", **(form | bad))
        assert (status, "Nothing was changed" in text) == (422, True)
    assert alice.post("/lab/model/access/grant", user="charlie")[0] == 303
    status, _, text = alice.post("/lab/model/access/grant", user=EVIL)
    assert (status, "<script>alert" in text) == (422, False)
    assert reads(client, cast.charlie) == 200
    alice.post("/lab/model/access/settings", **(form | {"gated": ""}))
    assert "is not gated" in alice.get("/lab/model/access?status=rejected")


def test_a_card_cannot_put_its_own_markup_into_the_gate(
    client: TestClient, cast: Cast, gated: Gated, sign_in: SignIn
) -> None:
    card = CARD.replace("You agree **not** to harm.", f"'{EVIL}[x](javascript:alert(1))'").replace(
        "Company", "'<u onclick=x>{{ shell.csrf }}'"
    )
    gated("auto", card=card, licence=f"</pre>{EVIL}")
    for who in (sign_in("charlie"), sign_in("alice")):
        for address in ("/lab/model", "/lab/model/ask-access"):
            page = who.get(address)
            for part in ("<script>alert", "<img src=x", '="javascript:', "<u onclick"):
                assert part not in page, (address, part)
    name = client.get(f"{API}/access-request", headers=cast.charlie.headers).json()["terms"]["sha256"]
    assert "<script>alert" not in client.get(f"/lab/model/terms/{name}").text
    raw = client.get(f"{API}/terms/{name}")
    assert raw.headers["content-type"].startswith("text/plain")
    assert raw.headers["x-content-type-options"] == "nosniff"


def test_pages_of_requests_hold_fifty(client: TestClient, cast: Cast, gated: Gated, database: Database) -> None:
    from freehold.repos import admissions
    from freehold.repos.tables import Repo

    gated("manual")
    with database.write() as db:
        repo = db.query(Repo).one()
        for number in range(53):
            admissions.add(db, repo, accounts.create_user(db, f"u{number}"), "pending")
    text = client.get("/lab/model/access", headers=cast.alice.headers | {"accept": "text/html"}).text
    following = re.search(r'href="([^"]+cursor=[^"]+)" rel="next"', text)
    assert following is not None
    assert text.count('name="request"') == 50
    rest = client.get(following[1].replace("&amp;", "&"), headers=cast.alice.headers).text
    assert rest.count('name="request"') == 3
    ask(client, cast.charlie)
    assert handle(client, cast.alice, "charlie", "accepted").status_code == 200
    assert len(listed(client, cast.alice, "pending")) == 53


def test_requests_are_narrowed_to_part_of_a_name(cast: Cast, client: TestClient, gated: Gated, sign_in: SignIn) -> None:
    gated("manual")
    assert ask(client, cast.charlie).status_code in (200, 303)
    alice = sign_in("alice")
    page = alice.get("/lab/model/access")
    assert page.count('name="request"') == 1
    assert "Nobody by this name" in alice.get("/lab/model/access?who=alice")
    page = alice.get("/lab/model/access?who=HARL")
    assert page.count('name="request"') == 1 and 'href="/charlie"' in page and "who=HARL" in page
    request = re.search(r'name="request" value="([0-9a-f]{24})"', page)
    assert request is not None
    answered = {"request": request[1], "status": "accepted", "from": "pending", "who": "HARL"}
    done = alice.post("/lab/model/access/handle", **answered)
    assert done[:2] == (303, "/lab/model/access?status=pending&who=HARL")
    assert "Nobody by this name" in alice.get("/lab/model/access?who=HARL")
    assert "Nobody by this name" in alice.get("/lab/model/access?who=%25")
    asked = alice.headers | {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#requests"}
    part = client.get("/lab/model/access?status=accepted", headers=asked).text
    assert part.count('name="request"') == 1 and "<html" not in part
