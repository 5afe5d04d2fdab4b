"""Coming in: sign-up, links of invitations, and a new password by link."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.accounts import choices, csrf
from freehold.accounts import service as accounts
from freehold.accounts.browsers import agent, signed_in
from freehold.accounts.throttle import Throttle
from freehold.core.database import Database
from freehold.core.errors import HubError
from freehold.core.http import PUBLIC, Ask, door, unit_of_work
from freehold.core.routes import Router
from freehold.people import queries
from freehold.people.mail import sends_mail
from freehold.people.pages.forms import hashed
from freehold.people.queries import Asked
from freehold.people.service import invitations, people
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
Csrf = Annotated[str, Form(alias="csrf")]
#: A page whose address is a secret tells it to nobody: not to a cache, not as a referrer. But for the host: under
#: ``no-referrer`` a browser sends its forms with the origin ``null``, which is refused as if they came from elsewhere.
#: Source: Fetch, 3.2, "append a request Origin header".
SECRET = {"Cache-Control": "no-store", "Referrer-Policy": "strict-origin"}


@dataclass(frozen=True)
class SignUpPage:
    """A new account: for everybody where the hub is open, else by an invitation's link."""

    title: str
    is_open: bool
    invitation: Asked | None
    action: str  #: where the form is sent
    visitor: str  #: who is signed in already, and could simply join
    name: str  #: what was typed
    full_name: str
    email: str
    wrong: Wrong
    hides_search: bool = True


@dataclass(frozen=True)
class LinkOverPage:
    """A link that opens nothing any more."""

    title: str
    message: str
    hides_search: bool = True


@dataclass(frozen=True)
class ForgottenPage:
    """Ask for a link to choose a new password."""

    title: str
    sends_mail: bool
    is_asked: bool
    wrong: Wrong
    hides_search: bool = True


@dataclass(frozen=True)
class NewPasswordPage:
    """Choose a new password, by a link."""

    title: str
    name: str  #: whose
    action: str
    wrong: Wrong
    hides_search: bool = True


# ---- sign up -----------------------------------------------------------------------------------------------


@router.get("/join")
@door(PUBLIC)
def sign_up_page(ask: Ask) -> Response:
    if not ask.actor.is_anonymous:
        return RedirectResponse("/", 303)
    return _sign_up(ask)


@router.post("/join")
def sign_up(
    request: Request,
    name: Annotated[str, Form()] = "",
    full_name: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    csrf.refuse_foreign(request)
    typed = (name[:200], full_name[:300], email[:320])
    with unit_of_work(request, reads=True) as ask:
        setting = choices.sign_up(ask.db, ask.kit.settings)
    try:
        _spare(request, "sign up")
        made = hashed(password, again) if setting == "open" else ""
        with unit_of_work(request) as ask:
            user = people.sign_up(
                ask.db, name.strip(), full_name=full_name, email=email, password_hash=made, sign_up=setting
            )
            return flash.say(request, _welcome(ask, user.id, "/"), f"Welcome, {user.name}.")
    except HubError as err:
        with unit_of_work(request, reads=True) as ask:
            return _sign_up(ask, typed=typed, error=err)


@router.get("/join/{secret}")
@door(PUBLIC)
def invitation_page(ask: Ask, secret: str) -> Response:
    return _sign_up(ask, secret=secret)


@router.post("/join/{secret}")
def sign_up_by_link(
    request: Request,
    secret: str,
    name: Annotated[str, Form()] = "",
    full_name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    csrf.refuse_foreign(request)
    try:
        with unit_of_work(request, reads=True) as ask:  # no hashing for who holds no link
            invitations.by_link(ask.db, secret)
        made = hashed(password, again)
        with unit_of_work(request) as ask:
            user = invitations.sign_up_by_link(ask.db, secret, name.strip(), full_name=full_name, password_hash=made)
            return _welcome(ask, user.id, "/settings/organizations")
    except HubError as err:
        with unit_of_work(request, reads=True) as ask:
            return _sign_up(ask, secret=secret, typed=(name[:200], full_name[:300], ""), error=err)


# No door: the password is hashed between two units of work, not inside one.
sign_up.action = PUBLIC  # type: ignore[attr-defined]
sign_up_by_link.action = PUBLIC  # type: ignore[attr-defined]


@router.post("/join/{secret}/accept")
@door(PUBLIC)
def accept_link(ask: Ask, secret: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    try:
        invitations.accept_link(ask.db, ask.actor, secret)
    except HubError as err:
        ask.db.rollback()
        return _over(ask, err)
    return RedirectResponse("/settings/organizations", 303)


def _welcome(ask: Ask, user_id: str, to: str) -> Response:
    life_s, browser = ask.kit.settings.session_s, agent(ask.request)
    secret = accounts.open_session(ask.db, user_id, life_s=life_s, agent=browser, how="link")
    return signed_in(ask, secret, to)


def _sign_up(
    ask: Ask, *, secret: str = "", typed: tuple[str, str, str] = ("", "", ""), error: HubError | None = None
) -> Response:
    asked = None
    if secret:
        try:
            asked = queries.invitation(ask.db, invitations.by_link(ask.db, secret))
        except HubError as err:
            return _over(ask, err)
    name, full_name, email = typed
    page = SignUpPage(
        title="Invitation" if asked else "Make an account",
        is_open=choices.sign_up(ask.db, ask.kit.settings) == "open" or asked is not None,
        invitation=asked,
        action=f"/join/{secret}" if secret else "/join",
        visitor=ask.actor.name,
        name=name,
        full_name=full_name,
        email=asked.email or "" if asked else email,
        wrong=wrong(error, "name", "full_name", "email", "password", "again") if error else FINE,
    )
    # A refused name says 422, as every form does; waiting and closed doors keep their own numbers.
    status = 200 if error is None else error.status if error.status in (403, 429) else 422
    return render(ask.request, page, status=status, headers=SECRET)


def _over(ask: Ask, err: HubError) -> Response:
    return render(ask.request, LinkOverPage("This link is over", err.message), status=err.status, headers=SECRET)


# ---- a forgotten password ----------------------------------------------------------------------------------


@router.get("/password")
@door(PUBLIC)
def forgotten_page(ask: Ask) -> Response:
    return render(ask.request, ForgottenPage("A new password", sends_mail(ask.request), False, FINE))


@router.post("/password")
def ask_reset(request: Request, who: Annotated[str, Form()] = "") -> Response:
    """The answer is the same, and as quick, whoever was named: the work is done after it was sent."""
    csrf.refuse_foreign(request)
    mails = sends_mail(request)
    try:
        _spare(request, "reset")
        _spare(request, f"reset {who.strip()[:320]}", by_address=False)
    except HubError as err:
        page = ForgottenPage("A new password", mails, False, wrong(err))
        return render(request, page, status=err.status, headers=dict(err.headers))
    answer = render(request, ForgottenPage("A new password", mails, True, FINE))
    if mails:
        answer.background = BackgroundTask(_reset, request.app.state.database, who)
    return answer


ask_reset.action = PUBLIC  # type: ignore[attr-defined]  # what it does, it does after its answer


def _reset(database: Database, who: str) -> None:
    with database.write() as db:
        people.ask_reset(db, who)


@router.get("/password/{secret}")
@door(PUBLIC)
def new_password_page(ask: Ask, secret: str) -> Response:
    return _new_password(ask, secret)


@router.post("/password/{secret}")
def new_password(
    request: Request, secret: str, new: Annotated[str, Form()] = "", again: Annotated[str, Form()] = ""
) -> Response:
    csrf.refuse_foreign(request)
    try:
        with unit_of_work(request, reads=True) as ask:  # no hashing for who holds no link
            accounts.password_link_user(ask.db, secret)
        made = hashed(new, again)
        with unit_of_work(request) as ask:
            user = people.reset_password(ask.db, secret, made)
            said = "The password is changed. Every other session has ended; access tokens stay."
            return flash.say(request, _welcome(ask, user.id, "/settings/account"), said)
    except HubError as err:
        with unit_of_work(request, reads=True) as ask:
            return _new_password(ask, secret, err)


new_password.action = PUBLIC  # type: ignore[attr-defined]  # two units of work: hashing must not hold the write lock


def _new_password(ask: Ask, secret: str, err: HubError | None = None) -> Response:
    try:
        user = accounts.password_link_user(ask.db, secret)
    except HubError as over:
        return _over(ask, over)
    refused = wrong(err, "new", "again", called={"password": "new"}) if err else FINE
    page = NewPasswordPage("A new password", user.name, f"/password/{secret}", refused)
    return render(ask.request, page, status=422 if err else 200, headers=SECRET)


def _spare(request: Request, what: str, *, by_address: bool = True) -> None:
    """Each address, or each name, does ``what`` a few times in five minutes; raises ``TooManyAttempts``."""
    state = request.app.state
    if not hasattr(state, "joining_throttle"):
        state.joining_throttle = Throttle("Too many attempts. Try again in {wait} s.")
    throttle: Throttle = state.joining_throttle
    who = f"{what} {request.client.host if by_address and request.client else ''}"
    throttle.check(who)
    throttle.note_failure(who)
