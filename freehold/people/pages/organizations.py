"""Organisations as pages: a new one, its profile and choices, whom it is handed over to, its end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import File, Form, UploadFile
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import choices, csrf
from freehold.accounts.rules import ROLES
from freehold.accounts.service import Profile
from freehold.accounts.tables import Account
from freehold.core.errors import HubError
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.people import access, queries
from freehold.people.pages.forms import picture
from freehold.people.service import organizations
from freehold.people.service.organizations import Changes
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
#: Offered where one is to be chosen to hand over to; anybody else is typed.
MAX_HEIRS = 50
Csrf = Annotated[str, Form(alias="csrf")]


@dataclass(frozen=True)
class NewOrganizationPage:
    """The form for a new organisation."""

    title: str
    name: str  #: what was typed
    full_name: str
    private_by_default: bool
    may_found: bool
    wrong: Wrong


@dataclass(frozen=True)
class OrganizationProfilePage:
    """What an organisation says of itself, what it chooses, and how it ends."""

    title: str
    org: Account
    full_name: str  #: what was typed, or what is so
    details: str
    website: str
    roles: Sequence[str]  #: that a new member may start with
    heirs: Sequence[str]  #: members it could be handed over to; many: only some of them
    wrong: Wrong


# ---- a new one ---------------------------------------------------------------------------------------------


@router.get("/organizations/new")
@door(Action.CREATE_IN)
def new_page(ask: Ask) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse("/login?next=/organizations/new", 303)
    return _new(ask)


@router.post("/organizations/new")
@door(Action.CREATE_IN)
def create(
    ask: Ask,
    name: Annotated[str, Form()] = "",
    full_name: Annotated[str, Form()] = "",
    private_by_default: Annotated[str, Form()] = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    founders = choices.founders(ask.db, ask.kit.settings)
    try:
        org = organizations.create(
            ask.db,
            ask.actor,
            name.strip(),
            full_name=full_name,
            private_by_default=bool(private_by_default),
            founders=founders,
        )
    except HubError as err:
        ask.db.rollback()
        at = wrong(err, "name", "full_name")
        return _new(ask, name, full_name, bool(private_by_default), at, status=422)
    answer = RedirectResponse(f"/organizations/{quote(org.name)}/settings/members", 303)
    return flash.say(ask.request, answer, f"{org.name} is yours to fill. Invite who belongs to it.")


def _new(
    ask: Ask, name: str = "", full_name: str = "", private: bool = False, refused: Wrong = FINE, status: int = 200
) -> Response:
    may_found = organizations.may_found(ask.actor, choices.founders(ask.db, ask.kit.settings))
    page = NewOrganizationPage("New organisation", name[:200], full_name[:300], private, may_found, refused)
    return render(ask.request, page, status=status)


# ---- profile and end ---------------------------------------------------------------------------------------


@router.get("/organizations/{org}/settings")
@door(Action.ADMIN)
def settings(ask: Ask, org: str) -> Response:
    return RedirectResponse(f"/organizations/{quote(org)}/settings/profile", 303)


@router.get("/organizations/{org}/settings/profile")
@door(Action.ADMIN)
def profile_page(ask: Ask, org: str) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next=/organizations/{quote(org)}/settings/profile", 303)
    return _profile(ask, org)


@router.post("/organizations/{org}/settings/profile")
@door(Action.ADMIN)
def save_profile(
    ask: Ask,
    org: str,
    full_name: Annotated[str, Form()] = "",
    details: Annotated[str, Form()] = "",
    website: Annotated[str, Form()] = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    changes = Changes(Profile(full_name=full_name, details=details, website=website))
    try:
        organizations.change(ask.db, ask.actor, org, changes)
    except HubError as err:
        ask.db.rollback()
        at = wrong(err, "full_name", "details", "website")
        return _profile(ask, org, typed=(full_name, details, website), refused=at)
    return _saved(ask, org, "The profile is saved.")


@router.post("/organizations/{org}/settings/choices")
@door(Action.ADMIN)
def save_choices(
    ask: Ask,
    org: str,
    default_role: Annotated[str, Form()] = "read",
    private_by_default: Annotated[str, Form()] = "",
    shows_members: Annotated[str, Form()] = "",
    takes_requests: Annotated[str, Form()] = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    changes = Changes(
        private_by_default=bool(private_by_default),
        default_role=default_role,
        shows_members=bool(shows_members),
        takes_requests=bool(takes_requests),
    )

    def save() -> object:
        return organizations.change(ask.db, ask.actor, org, changes)

    return _on_profile(ask, org, save, "The choices are saved.", "")


@router.post("/organizations/{org}/settings/avatar")
@door(Action.ADMIN)
def save_avatar(
    ask: Ask,
    org: str,
    chosen: Annotated[UploadFile | None, File(alias="picture")] = None,
    remove: Annotated[str, Form()] = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)

    def save() -> object:
        return organizations.change_avatar(ask.db, ask.actor, org, None if remove else picture(chosen))

    said = "The picture is removed." if remove else "The picture is saved."
    return _on_profile(ask, org, save, said, "picture")


@router.post("/organizations/{org}/settings/delete")
@door(Action.ADMIN)
def delete(ask: Ask, org: str, confirmed: Annotated[str, Form()] = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    try:
        organizations.delete(ask.db, ask.actor, org, confirmed=confirmed)
    except HubError as err:
        ask.db.rollback()
        return _profile(ask, org, refused=wrong(err, "confirmed", form="delete"))
    return flash.say(ask.request, RedirectResponse("/settings/organizations", 303), f"{org[:96]} is gone.")


@router.post("/organizations/{org}/settings/owner")
@door(Action.ADMIN)
def hand_over(ask: Ask, org: str, user: Annotated[str, Form()] = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    heir = user.strip()
    try:
        organizations.hand_over(ask.db, ask.actor, org, heir)
    except HubError as err:
        ask.db.rollback()
        return _profile(ask, org, refused=Wrong(err.message, "owner.user"))
    return flash.say(ask.request, RedirectResponse(f"/{quote(org)}", 303), f"{heir[:96]} administers {org} now.")


def _on_profile(ask: Ask, org: str, change: Callable[[], object], said: str, form: str) -> Response:
    try:
        change()
    except HubError as err:
        ask.db.rollback()
        return _profile(ask, org, refused=Wrong(err.message, form))
    return _saved(ask, org, said)


def _saved(ask: Ask, org: str, said: str) -> Response:
    answer = RedirectResponse(f"/organizations/{quote(org, safe='')}/settings/profile", 303)
    return flash.say(ask.request, answer, said)


def _profile(ask: Ask, name: str, *, typed: tuple[str, str, str] | None = None, refused: Wrong = FINE) -> Response:
    org = access.organization(ask.db, ask.actor, name, Action.ADMIN)
    full_name, details, website = typed or (org.full_name, org.details, org.website)
    others = queries.members(ask.db, org, limit=MAX_HEIRS + 1)
    page = OrganizationProfilePage(
        title=f"Settings of {org.name}",
        org=org,
        full_name=full_name,
        details=details,
        website=website,
        roles=ROLES[1:],
        heirs=[member.user.name for member in others if member.user.id != ask.actor.id],
        wrong=refused,
    )
    return render(ask.request, page, status=422 if refused.text else 200)
