"""The page that says what official clients find here is made from the routes, and every call is on it."""

import pytest
from starlette.applications import Starlette

from scripts import compatibility
from scripts.compatibility import Call


def test_the_page_is_what_the_routes_say(app: Starlette) -> None:
    assert compatibility.PAGE.read_text() == compatibility.page(app), "docs/compatibility.md is stale: run make docs"


@pytest.mark.parametrize(
    ("method", "path", "word"),
    [
        ("POST", "/api/repos/create", "here"),
        ("GET", "/api/{kinds}/{repo_id}/refs", "here"),
        ("POST", "/api/jobs/{namespace}", "not here (501)"),
        ("GET", "/api/no/such/call", "not yet"),
        ("GET", "/api/nothing", "not yet"),  # a repository's page has as wide an address
        ("GET", "@/v2/endpoint/{namespace}", "elsewhere"),
    ],
)
def test_each_call_finds_its_route(app: Starlette, method: str, path: str, word: str) -> None:
    routes = list(compatibility._flat(app.routes))
    assert compatibility.answer(routes, Call(method, path, "")).word == word


def test_every_call_is_in_one_section_and_no_reason_is_for_nothing() -> None:
    assert all(compatibility._section(call) for call in compatibility.calls())
    assert compatibility.reason("tests/test_buckets.py::test_x") != "Not looked into yet."
