"""What went wrong, told to a person: what, why, and what next; clients keep their JSON."""

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.errors import TooManyAttempts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core.database import Database
from freehold.core.errors import BadRequest, Conflict, Forbidden, HubError, Stale, StorageFull, TooLarge, Unavailable
from freehold.core.http import PUBLIC, Ask, door
from freehold.governance.queries import status
from tests.discover.conftest import Publish, publish  # noqa: F401  # a fixture
from tests.fixtures.each import each
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast

BROWSER = {"Accept": "text/html"}


def _sign_in(client: TestClient, database: Database, name: str) -> None:
    with database.write() as db:
        secret = accounts.open_session(db, accounts.account(db, name).id, life_s=3600)
    client.cookies.set(SESSION_COOKIE, secret)


@each(
    ("err", "title", "next_step"),
    [
        (BadRequest("No."), "This cannot be done", "Go back"),
        (Forbidden("No."), "Not allowed", "an administrator of this hub"),
        (Conflict("No."), "In conflict with what is there", "Open the page anew"),
        (Stale("No."), "It changed meanwhile", "Somebody was quicker"),
        (TooLarge("No."), "Too large", "hf upload"),
        (TooManyAttempts("No.", 30), "Too often", "Try again in 30 seconds"),
        (Unavailable("No."), "Not available now", "in a minute"),
        (StorageFull("No."), "The hub&#39;s disk is full", "Nothing was recorded"),
    ],
)
def test_each_error_says_what_next(
    app: Starlette, client: TestClient, err: HubError, title: str, next_step: str
) -> None:
    @door(PUBLIC)
    def failing(ask: Ask) -> Response:
        raise err

    app.router.routes.insert(0, Route("/-/failing", failing))
    page = client.get("/-/failing", headers=BROWSER)
    assert page.status_code == err.status
    assert f"<h1>{title}</h1>" in page.text
    assert next_step in page.text and "No." in page.text
    assert page.headers["x-request-id"] in page.text
    assert client.get("/-/failing").json() == {"error": "No."}


def test_our_own_mistake_is_a_page_too(app: Starlette) -> None:
    @door(PUBLIC)
    def failing(ask: Ask) -> Response:
        raise ZeroDivisionError("a secret of ours")

    app.router.routes.insert(0, Route("/-/failing", failing))
    with TestClient(app, base_url=BASE_URL, raise_server_exceptions=False) as client:
        page = client.get("/-/failing", headers=BROWSER)
        assert page.status_code == 500
        assert "<h1>The hub made a mistake</h1>" in page.text and "secret" not in page.text
        assert client.get("/-/failing").json()["error"].startswith("The hub made a mistake")


def test_near_names_are_offered_as_far_as_the_visitor_may_know(
    client: TestClient,
    database: Database,
    cast: Cast,
    publish: Publish,  # noqa: F811
) -> None:
    publish(cast.alice.actor, "lab/river-tides")
    publish(cast.alice.actor, "lab/river-secret", private=True)
    for address in ("/lab/river", "/other/River/tree/main", "/lab/river-tide/blob/main/a.txt"):
        page = client.get(address, headers=BROWSER).text
        assert '<a class="mono" href="/lab/river-tides">lab/river-tides</a>' in page
        assert "river-secret" not in page
        assert 'href="/search?search=' in page
    assert "lab/river-tides" not in client.get("/datasets/lab/river", headers=BROWSER).text
    _sign_in(client, database, "bob")
    page = client.get("/lab/river", headers=BROWSER)
    assert "river-secret" in page.text
    assert "Account: bob" in page.text, "the shell knows who looks"


def test_a_name_of_a_stranger_stays_text(client: TestClient) -> None:
    page = client.get("/%3Cscript%3Ealert(1)/x%22%3E%3Cb%3E", headers=BROWSER).text
    assert "<script>alert" not in page and "<b>" not in page.replace("<b></b>", "")


def test_a_refused_form_says_where_to_send_it_from(client: TestClient, database: Database, cast: Cast) -> None:
    _sign_in(client, database, "alice")
    stale = client.post(
        "/settings/tokens",
        data={"csrf": "old", "name": "x"},
        headers=BROWSER | {"Origin": BASE_URL, "Referer": f"{BASE_URL}/settings/account?x=1"},
    )
    assert stale.status_code == 403
    assert "Open the page again and send it once more." in stale.text
    assert 'href="/settings/account?x=1">' in stale.text
    foreign = client.post(
        "/settings/tokens", headers=BROWSER | {"Origin": "http://evil.test", "Referer": "http://evil.test/x"}
    )
    assert foreign.status_code == 403
    assert "Open the page again and repeat it there." in foreign.text
    assert "evil" not in foreign.text


def test_a_malformed_form_is_a_page_for_people_and_json_for_programs(client: TestClient, cast: Cast) -> None:
    given = {"wanted": "perhaps"}
    page = client.post("/lab/m/like", data=given, headers=BROWSER)
    assert page.status_code == 422
    assert "<h1>Not understood</h1>" in page.text and "wanted" in page.text
    assert "wanted" in client.post("/lab/m/like", data=given).json()["error"]


def test_a_method_that_an_address_does_not_take(client: TestClient) -> None:
    page = client.post("/search", headers=BROWSER)
    assert page.status_code == 405
    assert "<h1>Not a page</h1>" in page.text
    assert page.headers["allow"]
    assert client.post("/search").json() == {"error": "Method Not Allowed"}


# ---- the hub's health, in words -----------------------------------------------------------------------------


def test_everybody_may_see_how_the_hub_is(app: Starlette, client: TestClient) -> None:
    page = client.get("/-/health", headers=BROWSER)
    assert page.status_code == 200
    assert "<h1>Health: all well</h1>" in page.text
    assert page.text.count('<th scope="row">') == 3
    assert '<a href="/-/health">All well</a>' in client.get("/models", headers=BROWSER).text


def test_trouble_is_told_without_secrets(app: Starlette, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(key: str) -> int | None:
        raise OSError("s3://bucket-of-ours refused key AKIA")

    monkeypatch.setattr(app.state.kit.store, "size", unreachable, raising=False)
    monkeypatch.setattr(status, "KEPT_S", -1)
    page = client.get("/-/health", headers=BROWSER)
    assert page.status_code == 503
    assert "<h1>Health: not well</h1>" in page.text and "does not answer" in page.text
    assert "AKIA" not in page.text and "bucket" not in page.text
