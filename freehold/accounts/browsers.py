"""Browsers: the cookie that signs one in, what it says it is, and where it may be sent afterwards."""

from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.accounts import service
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core.http import Ask


def signed_in(ask: Ask, secret: str, to: str) -> Response:
    """``to`` opens in a browser that is signed in. The session is always a new one, and the one before it ends."""
    before = ask.request.cookies.get(SESSION_COOKIE)
    if before:
        service.sign_out(ask.db, before)
    answer = RedirectResponse(to, 303)
    answer.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=ask.kit.settings.session_s,
        path="/",
        secure=ask.base_url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return answer


def local(address: str) -> str:
    """``address`` if it is a path of this hub, else the start page: a sign-in must not send people elsewhere."""
    try:
        parts = urlsplit(address.replace("\\", "/"))
    except ValueError:  # ``//[``: no address at all
        return "/"
    is_elsewhere = parts.scheme or parts.netloc or parts.path.startswith("//")
    if is_elsewhere or not parts.path.startswith("/") or not address.isprintable():
        return "/"
    return quote(parts.path, safe="/%~!$&'()*+,;=:@") + (f"?{quote(parts.query, safe='=&%+/')}" if parts.query else "")


def agent(request: Request) -> str:
    """What the browser says it is."""
    return request.headers.get("user-agent", "")[:256]
