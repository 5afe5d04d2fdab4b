"""The edge: raw paths, request ids, limits, errors as clients read them."""

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from freehold.core import caller, http
from freehold.core.database import Database
from freehold.core.errors import NotFound
from freehold.core.settings import load
from freehold.edge import add as add_edge
from tests.fixtures.each import each


class Missing(NotFound):
    code = "EntryNotFound"


class Body(BaseModel):
    word: str


class KitStandIn:
    """The one field of the kit that the edge reads."""

    def __init__(self, public_url: str = "") -> None:
        self.settings = load({}, public_url=public_url)


@pytest.fixture
def edge(database: Database) -> TestClient:
    async def echo(request: Request) -> Response:
        called = caller.current()
        return JSONResponse(
            {**request.path_params, "base": http.base_url(request), "from": called.address if called else ""}
        )

    def crash(request: Request) -> Response:
        raise RuntimeError("a bug")

    def full(request: Request) -> Response:
        raise OSError(28, "No space left on device")

    @http.door("read")
    def missing(ask: http.Ask) -> None:
        raise Missing("There is no such file: ünï → x")

    @http.door("write")
    def word(ask: http.Ask, body: Body) -> dict[str, str]:
        return {"word": body.word}

    app = FastAPI()
    app.state.database, app.state.kit, app.state.resolve_actor = database, KitStandIn(), lambda db, request: None
    add_edge(app)
    app.router.routes += [
        Route("/at/{rev:segment}/{path:rest}", echo),
        Route("/named/{name}", echo),
        Route("/crash", crash),
        Route("/full", full),
        Route("/missing", missing),
    ]
    app.post("/word")(word)
    return TestClient(app, base_url="http://hub.test", raise_server_exceptions=False)


def test_an_encoded_slash_stays_in_its_segment(edge: TestClient) -> None:
    found = edge.get("/at/refs%2Fpr%2F1/a/b%2Fc%20d").json()
    assert (found["rev"], found["path"]) == ("refs/pr/1", "a/b/c d")


def test_percent_signs_are_decoded_once(edge: TestClient) -> None:
    assert edge.get("/at/100%2525/x").json()["rev"] == "100%25"


@pytest.mark.parametrize("path", ["/at/a%00b/x", "/at/%ff/x", "/at/main/%c3%28"])
def test_nul_and_broken_utf8_are_refused(edge: TestClient, path: str) -> None:
    assert edge.get(path).status_code == 400


def test_a_name_holds_no_slash_however_it_is_spelled(edge: TestClient) -> None:
    assert edge.get("/named/a").json()["name"] == "a"
    assert edge.get("/named/a%2Fb").status_code == 404


def test_a_nul_in_the_query_is_refused(edge: TestClient) -> None:
    assert edge.get("/named/a?q=x%00").status_code == 400


def test_the_request_id_is_echoed_or_made_from_the_trace(edge: TestClient) -> None:
    assert edge.get("/at/a/b", headers={"x-request-id": "mine"}).headers["x-request-id"] == "mine"
    assert "trace-1" in edge.get("/at/a/b", headers={"x-amzn-trace-id": "trace-1"}).headers["x-request-id"]
    assert edge.get("/at/a/b").headers["x-request-id"]
    assert edge.get("/nowhere", headers={"x-request-id": "mine"}).headers["x-request-id"] == "mine"


def test_no_line_of_the_clients_stands_before_that_of_the_proxy(edge: TestClient) -> None:
    """Some proxies join what the client sent with their own word, others add a line."""
    near = TestClient(edge.app, base_url="http://hub.test", client=("127.0.0.1", 4711))
    lines = [("x-forwarded-for", "203.0.113.66"), ("x-forwarded-for", "198.51.100.7")]
    assert near.get("/at/a/b", headers=lines).json()["from"] == "198.51.100.7"


def test_an_expected_error_is_coded_and_fits_a_header(edge: TestClient) -> None:
    answer = edge.get("/missing")
    assert answer.status_code == 404
    assert answer.headers["x-error-code"] == "EntryNotFound"
    assert answer.headers["x-error-message"] == "There is no such file: ?n? ? x"
    assert answer.json() == {"error": "There is no such file: ünï → x"}


def test_a_bug_is_a_500_that_tells_nothing(edge: TestClient) -> None:
    answer = edge.get("/crash")
    assert answer.status_code == 500
    assert "a bug" not in answer.text


def test_a_full_disk_has_its_own_answer(edge: TestClient) -> None:
    answer = edge.get("/full")
    assert answer.status_code == 507
    assert "disk is full" in answer.json()["error"]


@each("body", [b"", b"{", b"[]", b'{"word": 1}', b"\xff\xfe", b'{"word": "\\ud800"', b"null"])
def test_a_body_that_does_not_fit_is_a_4xx_with_a_sentence(edge: TestClient, body: bytes) -> None:
    answer = edge.post("/word", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]


def test_a_body_over_the_limit_is_refused(edge: TestClient) -> None:
    too_long = b'{"word": "' + b"a" * http.MAX_SMALL_BODY_BYTES + b'"}'
    answer = edge.post("/word", content=too_long, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert str(http.MAX_SMALL_BODY_BYTES) in answer.json()["error"]


def test_addresses_are_built_from_the_host_that_was_asked(edge: TestClient) -> None:
    assert edge.get("/at/a/b", headers={"host": "localhost:9"}).json()["base"] == "http://localhost:9"
    assert edge.get("/at/a/b", headers={"host": 'x"><script>'}).status_code == 400


def test_nothing_at_an_address_is_a_404_with_a_sentence(edge: TestClient) -> None:
    answer = edge.get("/nowhere")
    assert (answer.status_code, answer.json()["error"]) == (404, "There is nothing at this address.")
    assert edge.delete("/word").status_code == 405


def test_a_sender_that_leaves_is_no_crash(edge: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    async def leave(request: Request) -> Response:
        raise ClientDisconnect

    edge.app.router.routes.insert(0, Route("/leave", leave))  # type: ignore[attr-defined]
    assert edge.get("/leave").status_code == 400
    assert not caplog.records
