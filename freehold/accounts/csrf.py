"""Forms that only our own pages can send: each carries a token made from the session's cookie."""

from starlette.requests import Request

from freehold.accounts.errors import FormRefused
from freehold.accounts.rules import SESSION_COOKIE

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
