"""Sign in and out, as pages."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.accounts import browsers, choices, csrf, service
from freehold.accounts.errors import SignInRefused, TooManyAttempts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.accounts.throttle import Throttle, one_check
from freehold.core.http import PUBLIC, Ask, door, unit_of_work
from freehold.core.routes import Router
from freehold.web import flash
from freehold.web.render import render

router = Router(include_in_schema=False)


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


# ---- sign in ---------------------------------------------------------------------------------------------------------


@router.get("/login")
@door(PUBLIC)
def sign_in_page(ask: Ask, next: str = "/") -> Response:
    if not ask.actor.is_anonymous:
        return RedirectResponse(browsers.local(next), 303)
    return render(ask.request, SignInPage("Sign in", "", "", browsers.local(next), _is_open(ask)))


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
        with unit_of_work(request, reads=isinstance(err, TooManyAttempts)) as ask:
            if isinstance(err, SignInRefused):
                service.sign_in_failed(ask.db, name[:96])
            page = SignInPage("Sign in", name[:96], err.message, browsers.local(next), _is_open(ask))
            return render(request, page, status=err.status)
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
        opened = service.open_link(ask.db, secret[:200], life_s=life_s, agent=agent)
    except SignInRefused as err:
        return render(ask.request, SignInLinkPage("Sign in by link", err.message), status=err.status)
    if opened.has_password:
        return browsers.signed_in(ask, opened.session, "/")
    # The link is spent: whoever leaves now without a password could only come back by another one.
    answer = browsers.signed_in(ask, opened.session, "/settings/account")
    return flash.say(ask.request, answer, "You are signed in. Set a password to come back: the link was good once.")


@router.post("/logout")
@door(PUBLIC)
def sign_out(ask: Ask, token: Annotated[str, Form(alias="csrf")] = "") -> Response:
    csrf.check(ask.request, token)
    service.sign_out(ask.db, ask.request.cookies[SESSION_COOKIE])
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return flash.say(ask.request, answer, "You are signed out.")


def _is_open(ask: Ask) -> bool:
    return choices.sign_up(ask.db, ask.kit.settings) == "open"


def _throttle(request: Request) -> Throttle:
    state = request.app.state
    if not hasattr(state, "sign_in_throttle"):
        state.sign_in_throttle = Throttle()
    found: Throttle = state.sign_in_throttle
    return found
