"""A person's own settings as pages: profile, password and sessions, organisations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.accounts import choices, csrf
from freehold.accounts import service as accounts
from freehold.accounts.browsers import agent, signed_in
from freehold.accounts.errors import SignInRefused
from freehold.accounts.queries import Member, memberships
from freehold.accounts.rules import SESSION_COOKIE
from freehold.accounts.service import Profile, Session
from freehold.accounts.tables import Account
from freehold.accounts.throttle import Throttle, one_check
from freehold.core.errors import HubError
from freehold.core.http import Ask, door, unit_of_work
from freehold.core.routes import Router
from freehold.people import access, queries
from freehold.people.pages.forms import OWN, hashed, picture
from freehold.people.queries import Asked, Asks
from freehold.people.service import invitations, organizations, people
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
Csrf = Annotated[str, Form(alias="csrf")]
NO_STORE = {"Cache-Control": "no-store"}
CHANGED = "The password is changed. Every other session has ended."


@dataclass(frozen=True)
class ProfilePage:
    """What somebody says of themselves."""

    title: str
    me: Account
    full_name: str  #: what was typed, or what is so
    details: str
    website: str
    email: str
    wrong: Wrong


@dataclass(frozen=True)
class AccountPage:
    """Password, sessions, and the end of an account."""

    title: str
    me: Account
    has_password: bool
    sessions: Sequence[Session]
    wrong: Wrong


@dataclass(frozen=True)
class OrganizationsPage:
    """Where somebody belongs, was asked, and asks."""

    title: str
    member_of: Sequence[Member]
    invitations: Sequence[Asked]
    requests: Sequence[Asks]
    may_found: bool
    error: str


# ---- profile -----------------------------------------------------------------------------------------------


@router.get("/settings")
@door(OWN)
def settings(ask: Ask) -> Response:
    return RedirectResponse("/settings/profile", 303)


@router.get("/settings/profile")
@door(OWN)
def profile_page(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse("/login?next=/settings/profile", 303)
    return _profile(ask)


@router.post("/settings/profile")
@door(OWN)
def save_profile(
    ask: Ask,
    full_name: Annotated[str, Form()] = "",
    details: Annotated[str, Form()] = "",
    website: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    try:
        people.change_profile(ask.db, ask.actor, Profile(full_name, details, website, email))
    except HubError as err:
        ask.db.rollback()
        at = wrong(err, "full_name", "details", "website", "email")
        return _profile(ask, typed=(full_name, details, website, email), refused=at)
    return _saved(ask, "The profile is saved.")


@router.post("/settings/profile/avatar")
@door(OWN)
def save_avatar(
    ask: Ask,
    chosen: Annotated[UploadFile | None, File(alias="picture")] = None,
    remove: Annotated[str, Form()] = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    try:
        people.change_avatar(ask.db, ask.actor, None if remove else picture(chosen))
    except HubError as err:
        ask.db.rollback()
        return _profile(ask, refused=Wrong(err.message, "picture"))
    return _saved(ask, "The picture is removed." if remove else "The picture is saved.")


def _saved(ask: Ask, words: str) -> Response:
    return flash.say(ask.request, RedirectResponse("/settings/profile", 303), words)


def _profile(ask: Ask, *, typed: tuple[str, str, str, str] | None = None, refused: Wrong = FINE) -> Response:
    me = access.person(ask.db, ask.actor)
    full_name, details, website, email = typed or (me.full_name, me.details, me.website, me.email or "")
    page = ProfilePage("Profile", me, full_name, details, website, email, refused)
    return render(ask.request, page, status=422 if refused.text else 200)


# ---- password, sessions, the end ---------------------------------------------------------------------------


@router.get("/settings/account")
@door(OWN)
def account_page(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse("/login?next=/settings/account", 303)
    return _account(ask)


@router.post("/settings/account/password")
def change_password(
    request: Request,
    old: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
    token: Csrf = "",
) -> Response:
    """In three steps, because hashing must not hold the write lock: who is it, is the old one right, change it."""
    try:
        was = _proven(request, old, token)
        made = hashed(new, again)
        with unit_of_work(request) as ask:
            people.change_password(ask.db, ask.actor, made, was=was)
            life_s = ask.kit.settings.session_s
            secret = accounts.open_session(ask.db, was.user_id, life_s=life_s, agent=agent(request), how="new password")
            return flash.say(request, signed_in(ask, secret, "/settings/account"), CHANGED)
    except HubError as err:
        return _refused(request, err, wrong(err, "old", "new", "again", form="password", called={"password": "new"}))


@router.post("/settings/account/delete")
def delete(
    request: Request, confirmed: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "", token: Csrf = ""
) -> Response:
    try:
        was = _proven(request, password, token)
        with unit_of_work(request) as ask:
            people.delete_me(ask.db, ask.actor, confirmed=confirmed, was=was)
    except HubError as err:
        return _refused(request, err, wrong(err, "confirmed", "password", form="delete", called={"old": "password"}))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return flash.say(request, answer, "The account is gone.")


# No door: the password is checked between two units of work, not inside one.
change_password.action = OWN  # type: ignore[attr-defined]
delete.action = OWN  # type: ignore[attr-defined]


@router.post("/settings/account/sessions/{session_id}/end")
@door(OWN)
def end_session(ask: Ask, session_id: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    accounts.end_session(ask.db, ask.actor.id, session_id)
    return flash.say(ask.request, RedirectResponse("/settings/account", 303), "The session has ended.")


@router.post("/settings/account/sessions/end")
@door(OWN)
def end_other_sessions(ask: Ask, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    accounts.end_sessions(ask.db, ask.actor.id, but=ask.request.cookies.get(SESSION_COOKIE, ""))
    answer = RedirectResponse("/settings/account", 303)
    return flash.say(ask.request, answer, "Every other session has ended.")


def _proven(request: Request, password: str, token: str) -> people.Known:
    """Who sits here, once the password is checked. A cookie alone, left in a browser, changes no password."""
    throttle = _throttle(request)
    with unit_of_work(request, reads=True) as ask:
        csrf.check_in_person(ask, token)
        was = people.known(ask.db, ask.actor)
    throttle.check(was.user_id)
    try:
        with one_check():
            people.check_password(password[:1024], was)
    except SignInRefused:
        throttle.note_failure(was.user_id)
        raise
    throttle.note_success(was.user_id)
    return was


def _refused(request: Request, err: HubError, at: Wrong) -> Response:
    with unit_of_work(request, reads=True) as ask:
        if not csrf.is_in_person(ask):
            raise err
        # Waiting and wrong passwords keep their own numbers; what was typed wrongly says 422, as in every form.
        return _account(ask, refused=at, status=422 if err.status in (400, 409) else err.status)


def _account(ask: Ask, *, refused: Wrong = FINE, status: int = 200) -> Response:
    me = access.person(ask.db, ask.actor)
    cookie = ask.request.cookies.get(SESSION_COOKIE, "")
    shown = accounts.sessions(ask.db, me.id, cookie)
    page = AccountPage("Account", me, me.password_hash is not None, shown, refused)
    return render(ask.request, page, status=status, headers=NO_STORE)


def _throttle(request: Request) -> Throttle:
    state = request.app.state
    if not hasattr(state, "password_throttle"):
        state.password_throttle = Throttle()
    found: Throttle = state.password_throttle
    return found


# ---- organisations -----------------------------------------------------------------------------------------


@router.get("/settings/organizations")
@door(OWN)
def organizations_page(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse("/login?next=/settings/organizations", 303)
    return _organizations(ask)


@router.post("/settings/organizations/{org}/leave")
@door(OWN)
def leave(ask: Ask, org: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    try:
        organizations.remove(ask.db, ask.actor, org, ask.actor.name)
    except HubError as err:
        ask.db.rollback()
        return _organizations(ask, error=err.message)
    return _done(ask, f"You left {org}.")


@router.post("/settings/invitations/{invitation_id}")
@door(OWN)
def answer_invitation(ask: Ask, invitation_id: str, answer: Annotated[str, Form()] = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    try:
        invitations.answer(ask.db, ask.actor, invitation_id, accepts=answer == "accept")
    except HubError as err:
        ask.db.rollback()
        return _organizations(ask, error=err.message)
    return _done(ask, "You belong to it now." if answer == "accept" else "The invitation is declined.")


@router.post("/settings/requests/{org}/withdraw")
@door(OWN)
def withdraw(ask: Ask, org: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    try:
        invitations.withdraw(ask.db, ask.actor, org)
    except HubError as err:
        ask.db.rollback()
        return _organizations(ask, error=err.message)
    return _done(ask, "The request is withdrawn.")


def _done(ask: Ask, words: str) -> Response:
    return flash.say(ask.request, RedirectResponse("/settings/organizations", 303), words)


def _organizations(ask: Ask, *, error: str = "") -> Response:
    page = OrganizationsPage(
        title="Organisations",
        member_of=memberships(ask.db, ask.actor.id),
        invitations=queries.invitations_to(ask.db, ask.actor.id),
        requests=queries.requests_by(ask.db, ask.actor.id),
        may_found=organizations.may_found(ask.actor, choices.founders(ask.db, ask.kit.settings)),
        error=error,
    )
    return render(ask.request, page, status=422 if error else 200)
