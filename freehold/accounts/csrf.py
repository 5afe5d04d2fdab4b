"""Forms that only our own pages can send: each carries a token made from the session's cookie."""

from starlette.requests import Request

from freehold.accounts.errors import FormRefused
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core.http import Ask, is_own_origin

PURPOSE = "form"


def token(request: Request) -> str:
    """The form token of this browser's session; empty without one."""
    cookie = request.cookies.get(SESSION_COOKIE)
    signed: str = request.app.state.kit.signer.sign(PURPOSE, cookie) if cookie else ""
    return signed


def check(request: Request, given: str) -> None:
    """Raise :class:`FormRefused` unless ``given`` is this session's token. The edge checked the Origin already."""
    cookie = request.cookies.get(SESSION_COOKIE, "")
    if not cookie or not request.app.state.kit.signer.check(PURPOSE, cookie, given):
        raise FormRefused("This form is from an earlier session. Open the page again and send it once more.")


def is_in_person(ask: Ask) -> bool:
    """Whether somebody sits at a browser. A token must not make tokens: a narrow one would make itself a wide one."""
    return not ask.actor.is_anonymous and ask.actor.token is None


def check_in_person(ask: Ask, given: str) -> None:
    """Raise :class:`FormRefused` unless somebody who is signed in at a browser sent our own form."""
    if not is_in_person(ask):
        raise FormRefused("Sign in on the hub's page for this.")
    check(ask.request, given)


def refuse_foreign(request: Request) -> None:
    """Nobody is signed in as somebody else, or made to ask for something, by a form on a foreign page."""
    origin = request.headers.get("origin")
    if origin is not None and not is_own_origin(request, origin):
        raise FormRefused("Send this from the hub's own page.")
