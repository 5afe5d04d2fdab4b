"""One address, two answers: the page for everybody, a block of it for htmx where the route allows it."""

from dataclasses import dataclass

import pytest
from jinja2 import ChoiceLoader, DictLoader
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from freehold.core.http import PUBLIC, Ask, door
from freehold.web import flash
from freehold.web.render import render, templates
from tests.fixtures.each import each

pytestmark = pytest.mark.any_database

TEMPLATE = """{% extends "shell.html" %}{% block main %}<h1>All</h1>
{% block the_rows %}<ul id="the-rows"><li>{{ page.word }}</li>{{ ui.icon("check") }}</ul>{% endblock %}
{% block secret %}<p id="secret">nobody's</p>{% endblock %}{% endblock %}"""

PART = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "ul#the-rows", "Accept": "text/html"}


@dataclass(frozen=True)
class SamplePage:
    """A page with two blocks, of which its door allows one."""

    title: str
    word: str


SamplePage.__module__ = "freehold.sample.pages"


@door(PUBLIC)
def sample(ask: Ask) -> Response:
    return render(ask.request, SamplePage("Sample", "<b>"), blocks={"the_rows"})


@door(PUBLIC, reads=True)
def change(ask: Ask) -> Response:
    return flash.say(ask.request, RedirectResponse("/-/sample", 303), "It <b> changed.")


@pytest.fixture
def page(app: Starlette, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """``client`` of a hub that has the page, and a form that leads to it."""
    loader = templates().loader
    assert loader is not None
    monkeypatch.setattr(templates(), "loader", ChoiceLoader([DictLoader({"sample/sample.html": TEMPLATE}), loader]))
    app.router.routes[:0] = [Route("/-/sample", sample), Route("/-/change", change, methods=["POST"])]
    return client


def test_everybody_gets_the_page_and_htmx_the_block_it_asks_for(page: TestClient) -> None:
    whole = page.get("/-/sample")
    assert whole.text.startswith("<!doctype html>") and "<h1>All</h1>" in whole.text
    part = page.get("/-/sample", headers=PART)
    assert part.text.strip().startswith('<ul id="the-rows"><li>&lt;b&gt;</li><svg')
    assert part.text.strip().endswith("</ul>")
    for answer in (whole, part):
        assert {"HX-Request", "HX-Target", "Cookie"} <= set(answer.headers["vary"].split(", "))
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@each(
    "headers",
    [
        {"HX-Request-Type": "full"},
        {"HX-History-Restore-Request": "true"},
        {"HX-Target": "p#secret"},
        {"HX-Target": "main#main"},
        {"HX-Target": "div#__class__"},
        {"HX-Target": ""},
    ],
)
def test_anything_else_is_the_whole_page(page: TestClient, headers: dict[str, str]) -> None:
    assert page.get("/-/sample", headers=PART | headers).text.startswith("<!doctype html>")


def test_a_page_that_nobody_awaited_takes_the_window_over(page: TestClient) -> None:
    answer = page.get("/-/sample?x=1", headers=PART | {"HX-Target": "div#box"})
    assert answer.headers["hx-retarget"] == "body"
    assert answer.headers["hx-push-url"] == "/-/sample?x=1"
    assert "hx-retarget" not in page.get("/-/sample", headers=PART).headers


def test_a_refusal_is_a_notice_above_what_was_typed(page: TestClient) -> None:
    answer = page.get("/nobody/nothing", headers=PART)
    assert answer.status_code == 401  # as clients want it
    assert answer.headers["hx-retarget"] == "#flash"
    assert 'class="notice toast is-danger"' in answer.text and "<html" not in answer.text
    assert answer.headers["x-error-code"] == "RepoNotFound"


def test_what_was_done_is_said_once_on_the_next_page(page: TestClient) -> None:
    assert page.post("/-/change").headers["location"] == "/-/sample"
    cookie = page.cookies[flash.COOKIE]
    shown = page.get("/-/sample")
    assert "<bdi>It &lt;b&gt; changed.</bdi>" in shown.text
    assert 'role="status" aria-live="polite"' in shown.text
    assert flash.COOKIE not in page.cookies
    assert "changed" not in page.get("/-/sample").text
    assert cookie != ""


def test_it_comes_with_a_block_and_with_a_part_cut_out_of_a_page(page: TestClient) -> None:
    page.post("/-/change")
    assert (
        '<hx-partial hx-target="#flash" hx-swap="innerHTML"><div class="notice'
        in page.get("/-/sample", headers=PART).text
    )
    page.post("/-/change")
    cut = page.get("/-/sample", headers=PART | {"HX-Request-Type": "full"}).text
    assert 'aria-live="polite" hx-swap-oob="innerHTML"><div class="notice' in cut


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(page: TestClient) -> None:
    set_cookie = page.post("/-/change").headers["set-cookie"]
    assert "HttpOnly" in set_cookie and "SameSite=lax" in set_cookie and "Max-Age=120" in set_cookie


@pytest.mark.parametrize("planted", ["You won", "eyJ0ZXh0IjoiWW91IHdvbiJ9.x", ".", "a.b.c", "é"])
def test_words_of_others_are_not_said(page: TestClient, planted: str) -> None:
    answer = page.get("/-/sample", headers={"Cookie": f"{flash.COOKIE}={planted}".encode()})
    assert answer.status_code == 200
    assert 'class="notice' not in answer.text
    assert f'{flash.COOKIE}=""' in answer.headers["set-cookie"]


def test_what_nobody_came_to_read_is_stale(page: TestClient, app: Starlette) -> None:
    late = app.state.kit.signer.seal("flash", {"text": "Late.", "kind": "done"}, 1)
    other = app.state.kit.signer.seal("form", {"text": "Other.", "kind": "done"}, 1 << 40)
    for sealed in (late, other):
        assert 'class="notice' not in page.get("/-/sample", headers={"Cookie": f"{flash.COOKIE}={sealed}"}).text
