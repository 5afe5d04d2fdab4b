"""Forms that only our own pages can send: each carries a token made from the session's cookie."""

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from starlette.requests import Request

from freehold.accounts.errors import FormRefused
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core.http import Ask, is_own_origin

PURPOSE = "form"
TOKEN_BYTES = 32


def token(request: Request) -> str:
    """The form token of this browser's session, under a mask of its own; empty without a session.

    Masked anew each time, so that a compressed page never tells it by its length (docs/decisions/0015).
    """
    cookie = request.cookies.get(SESSION_COOKIE)
    if not cookie:
        return ""
    pad = secrets.token_bytes(TOKEN_BYTES)
    return urlsafe_b64encode(pad + _xor(pad, _plain(request, cookie))).rstrip(b"=").decode()


def check(request: Request, given: str) -> None:
    """Raise :class:`FormRefused` unless ``given`` is this session's token. The edge checked the Origin already."""
    cookie = request.cookies.get(SESSION_COOKIE, "")
    if not cookie or not hmac.compare_digest(_unmasked(given), _plain(request, cookie)):
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
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin" if origin is None else not is_own_origin(request, origin):
        raise FormRefused("This was not sent from a page of this hub. Open the page here, and send it again.")


def _plain(request: Request, cookie: str) -> bytes:
    signed: str = request.app.state.kit.signer.sign(PURPOSE, cookie)
    return urlsafe_b64decode(f"{signed}=")


def _unmasked(given: str) -> bytes:
    """Empty for what is no masked token."""
    try:
        both = urlsafe_b64decode(given.encode() + b"=" * (-len(given) % 4)) if len(given) < 200 else b""
    except binascii.Error:
        return b""
    return _xor(both[:TOKEN_BYTES], both[TOKEN_BYTES:]) if len(both) == 2 * TOKEN_BYTES else b""


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))
