"""The calendar of an account tells only what the visitor may see."""

from collections.abc import Callable

import pytest
from starlette.applications import Starlette

from freehold.repos import service as repos
from tests.fixtures.people import Cast
from tests.people.test_pages import Browser


@pytest.fixture
def browser(app: Starlette) -> Callable[..., Browser]:
    return lambda person=None: Browser(app, person)


def test_private_deeds_are_in_no_stranger_s_calendar(
    app: Starlette, browser: Callable[..., Browser], cast: Cast
) -> None:
    with app.state.database.write() as db:
        repos.create(db, cast.alice.actor, "seen", visibility="public")
        repos.create(db, cast.alice.actor, "hidden", visibility="private")
    assert "2 things done on 1 day of the last year" in browser(cast.alice).see("/alice")
    for stranger in (None, cast.charlie):
        page = browser(stranger).see("/alice")
        assert "1 thing done on 1 day of the last year" in page
        assert "alice/hidden" not in page


def test_a_page_knows_how_the_visitor_stands(app: Starlette, browser: Callable[..., Browser], cast: Cast) -> None:
    assert "Edit profile" in browser(cast.alice).see("/alice")
    assert "Edit profile" not in browser(cast.bob).see("/alice")
    assert "you are a member with the role" in browser(cast.bob).see("/lab")
    charlie, alice = browser(cast.charlie), browser(cast.alice)
    assert "Ask to join" not in charlie.see("/lab")
    alice.send("/organizations/lab/settings/choices", takes_requests="1", shows_members="1")
    assert "Ask to join" in charlie.see("/lab")
    assert charlie.send("/organizations/lab/join", message="hello").headers["location"] == "/lab"
    asked = charlie.see("/lab")
    assert "You asked to join" in asked
    assert "Ask to join" not in asked
