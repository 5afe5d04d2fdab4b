"""What rooms above make of a file, in its page."""

from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.queries import FileAt
from freehold.content.service import downloads
from freehold.core.http import Ask
from tests.content.given import recipe, repo
from tests.content.publishing import committed, file, large, uploaded
from tests.fixtures.people import Cast

pytestmark = pytest.mark.any_database

PAGE = {"Accept": "text/html"}


def _first_words(ask: Ask, shown: Any) -> str:
    assert isinstance(shown, FileAt)
    if shown.ending != "words":
        return ""
    body = downloads.opened(ask.kit, ask.db, shown)
    return f"<p>explored {b''.join(body.pieces(2, 9)).decode()} of {body.size_bytes}</p>"


def _hang(app: Starlette) -> None:
    app.state.slots = replace(app.state.slots, file_views=(lambda ask, shown: "", _first_words))


@pytest.mark.parametrize("kept", ["git", "whole", "chunks"])
def test_a_room_above_shows_what_it_reads_of_a_file_by_range(
    app: Starlette, client: TestClient, cast: Cast, kept: str
) -> None:
    _hang(app)
    path = repo(client, cast.alice, "seen")
    data = b"> seven < words " * 10_000
    if kept == "git":
        line = file("a.words", data)
    else:
        uploaded(client, cast.alice, path, data) if kept == "whole" else recipe(app, path, data)
        line = large("a.words", data)
    committed(client, cast.alice, path, line, file("b.txt", "plain\n"))
    assert "<p>explored seven < of 160000</p>" in client.get(f"/{path}/blob/main/a.words", headers=PAGE).text
    plain = client.get(f"/{path}/blob/main/b.txt", headers=PAGE).text
    assert "explored" not in plain and "plain" in plain
