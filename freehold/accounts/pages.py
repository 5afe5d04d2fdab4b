"""Sign in and out, and access tokens, as pages."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.accounts import browsers, csrf, service
from freehold.accounts.errors import NameTaken, SignInRefused, TooManyAttempts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.accounts.tables import Token
from freehold.accounts.throttle import Throttle, one_check
from freehold.core import clock
from freehold.core.errors import BadRequest
from freehold.core.http import PUBLIC, Ask, door, unit_of_work
from freehold.web.render import render

router = APIRouter(include_in_schema=False)
#: Days a new token may live, as the form offers them; 0: for ever.
TOKEN_DAYS = (90, 30, 365, 0)
#: The word that the walk over all routes reads as "only somebody signed in by cookie, for themselves".
OWN = "own"


@dataclass(frozen=True)
class SignInPage:
    """Name and password."""

    title: str
    name: str  #: what was typed
    error: str
    next: str  #: where to go afterwards
    takes_new: bool  #: everybody may sign up
    hides_search: bool = True


@dataclass(frozen=True)
class SignInLinkPage:
    """A one-time link was opened: one press spends it. (Mail programs open links too, so opening alone does not.)"""

    title: str
    error: str
    hides_search: bool = True


@dataclass(frozen=True)
class TokensPage:
    """Somebody's access tokens, and the form for a new one."""

    title: str
    tokens: tuple[Token, ...]
    created: Token | None  #: the token just made
    secret: str  #: its secret, shown this once
    error: str
    name: str  #: what was typed
    scope: str
    days: int
    offered_days: tuple[int, ...]
    hub: str  #: this hub's address, for the lines to paste


# ---- sign in ---------------------------------------------------------------------------------------------------------


@router.get("/login")
@door(PUBLIC)
def sign_in_page(ask: Ask, next: str = "/") -> Response:
    if not ask.actor.is_anonymous:
        return RedirectResponse(browsers.local(next), 303)
    return render(ask.request, SignInPage("Sign in", "", "", browsers.local(next), _is_open(ask.request)))


@router.post("/login")
def sign_in(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    csrf.refuse_foreign(request)
    throttle = _throttle(request)
    # By address too, so that a stranger's guesses do not shut out the person who is guessed at.
    attempt = f"{name[:96]} {request.client.host if request.client else ''}"
    try:
        throttle.check(attempt)
        with one_check(), unit_of_work(request, reads=True) as ask:
            user_id = service.recognised(ask.db, name[:96], password[:1024])
    except (SignInRefused, TooManyAttempts) as err:
        if isinstance(err, SignInRefused):
            throttle.note_failure(attempt)
        return render(
            request,
            SignInPage("Sign in", name[:96], err.message, browsers.local(next), _is_open(request)),
            status=err.status,
        )
    throttle.note_success(attempt)
    with unit_of_work(request) as ask:
        secret = service.open_session(ask.db, user_id, life_s=ask.kit.settings.session_s, agent=browsers.agent(request))
        return browsers.signed_in(ask, secret, browsers.local(next))


# No door: the password is checked between two units of work, not inside one.
sign_in.action = PUBLIC  # type: ignore[attr-defined]


@router.get("/login/{secret}")
@door(PUBLIC)
def link_page(ask: Ask, secret: str) -> Response:
    return render(ask.request, SignInLinkPage("Sign in by link", ""))


@router.post("/login/{secret}")
@door(PUBLIC)
def open_link(ask: Ask, secret: str) -> Response:
    csrf.refuse_foreign(ask.request)
    try:
        life_s, agent = ask.kit.settings.session_s, browsers.agent(ask.request)
        session = service.open_link(ask.db, secret[:200], life_s=life_s, agent=agent)
    except SignInRefused as err:
        return render(ask.request, SignInLinkPage("Sign in by link", err.message), status=err.status)
    return browsers.signed_in(ask, session, "/")


@router.post("/logout")
@door(PUBLIC)
def sign_out(ask: Ask, token: Annotated[str, Form(alias="csrf")] = "") -> Response:
    csrf.check(ask.request, token)
    service.sign_out(ask.db, ask.request.cookies[SESSION_COOKIE])
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return answer


sign_in.action = PUBLIC  # type: ignore[attr-defined]  # two units of work: hashing must not hold the write lock


def _is_open(request: Request) -> bool:
    return bool(request.app.state.kit.settings.sign_up == "open")


def _throttle(request: Request) -> Throttle:
    state = request.app.state
    if not hasattr(state, "sign_in_throttle"):
        state.sign_in_throttle = Throttle()
    found: Throttle = state.sign_in_throttle
    return found


# ---- tokens ----------------------------------------------------------------------------------------------------------


@router.get("/settings/tokens")
@door(OWN)
def tokens_page(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse("/login?next=/settings/tokens", 303)
    return _tokens(ask)


@router.post("/settings/tokens")
@door(OWN)
def create_token(
    ask: Ask,
    name: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "read",
    days: Annotated[str, Form()] = "90",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check_in_person(ask, token)
    life = int(days) if days.isdecimal() and int(days) in TOKEN_DAYS else TOKEN_DAYS[0]
    expires_at = clock.now() + timedelta(days=life) if life else None
    try:
        user = service.account(ask.db, ask.actor.name, kind="user")
        made, secret = service.create_token(ask.db, user, name, scope, expires_at=expires_at)
    except (BadRequest, NameTaken) as err:
        return _tokens(ask, error=err.message, name=name[:96], scope=scope, days=life, status=422)
    return _tokens(ask, created=made, secret=secret)


@router.post("/settings/tokens/{token_id}/revoke")
@door(OWN)
def revoke_token(ask: Ask, token_id: str, token: Annotated[str, Form(alias="csrf")] = "") -> Response:
    csrf.check_in_person(ask, token)
    service.revoke_token(ask.db, ask.actor.id, token_id)
    return RedirectResponse("/settings/tokens", 303)


def _tokens(
    ask: Ask,
    *,
    created: Token | None = None,
    secret: str = "",
    error: str = "",
    name: str = "",
    scope: str = "read",
    days: int = TOKEN_DAYS[0],
    status: int = 200,
) -> Response:
    page = TokensPage(
        title="Access tokens",
        tokens=tuple(service.tokens(ask.db, ask.actor.id)),
        created=created,
        secret=secret,
        error=error,
        name=name,
        scope=scope if scope in ("read", "write") else "read",
        days=days,
        offered_days=TOKEN_DAYS,
        hub=ask.base_url,
    )
    return render(ask.request, page, status=status, headers={"Cache-Control": "no-store"})
