"""Organisations as pages: a new one, its profile, its members, its end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, File, Form, UploadFile
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import choices, csrf
from freehold.accounts.rules import ROLES
from freehold.accounts.service import Profile
from freehold.accounts.tables import Account
from freehold.core.errors import HubError
from freehold.core.http import Ask, door
from freehold.people import access, queries
from freehold.people.mail import sends_mail
from freehold.people.pages.forms import OWN, picture
from freehold.people.queries import Asked, Asks, Belongs
from freehold.people.service import invitations, organizations
from freehold.people.service.invitations import MAX_OPEN
from freehold.people.service.organizations import Changes
from freehold.web.render import render

router = APIRouter(include_in_schema=False)
SHOWN_MEMBERS = 100
Csrf = Annotated[str, Form(alias="csrf")]


@dataclass(frozen=True)
class NewOrganizationPage:
    """The form for a new organisation."""

    title: str
    name: str  #: what was typed
    full_name: str
    private_by_default: bool
    may_found: bool
    error: str


@dataclass(frozen=True)
class OrganizationProfilePage:
    """What an organisation says of itself, what it chooses, and how it ends."""

    title: str
    org: Account
    full_name: str  #: what was typed, or what is so
    details: str
    website: str
    roles: Sequence[str]  #: that a new member may start with
    error: str
    done: str  #: what was just done


@dataclass(frozen=True)
class OrganizationMembersPage:
    """Who belongs to an organisation, who was asked, who asks."""

    title: str
    org: Account
    me: str  #: the name of who looks
    members: Sequence[Belongs]
    total: int
    next: str  #: address of the next page of members
    search: str
    invitations: Sequence[Asked]
    requests: Sequence[Asks]
    roles: Sequence[str]
    takes_mail: bool  #: people may be asked by mail here
    sends_mail: bool  #: and this hub sends it
    link: str  #: of the invitation just made, where nobody mails it
    invitee: str  #: what was typed
    role: str
    error: str


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
        return _new(ask, name, full_name, bool(private_by_default), err.message, status=422)
    return RedirectResponse(f"/organizations/{quote(org.name)}/settings/members", 303)


def _new(
    ask: Ask, name: str = "", full_name: str = "", private: bool = False, error: str = "", status: int = 200
) -> Response:
    may_found = organizations.may_found(ask.actor, choices.founders(ask.db, ask.kit.settings))
    page = NewOrganizationPage("New organisation", name[:200], full_name[:300], private, may_found, error)
    return render(ask.request, page, status=status)


# ---- profile and end ---------------------------------------------------------------------------------------


@router.get("/organizations/{org}/settings")
@door(Action.ADMIN)
def settings(ask: Ask, org: str) -> Response:
    return RedirectResponse(f"/organizations/{quote(org)}/settings/profile", 303)


@router.get("/organizations/{org}/settings/profile")
@door(Action.ADMIN)
def profile_page(ask: Ask, org: str, done: str = "") -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next=/organizations/{quote(org)}/settings/profile", 303)
    return _profile(ask, access.organization(ask.db, ask.actor, org, Action.ADMIN), done=_DONE.get(done, ""))


_DONE = {"profile": "The profile is saved.", "picture": "The picture is saved.", "choices": "The choices are saved."}


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
        found = access.organization(ask.db, ask.actor, org, Action.ADMIN)
        return _profile(ask, found, typed=(full_name, details, website), error=err.message)
    return _back(org, "profile?done=profile")


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
    return _on_profile(ask, org, lambda: organizations.change(ask.db, ask.actor, org, changes), "profile?done=choices")


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

    return _on_profile(ask, org, save, "profile?done=picture")


@router.post("/organizations/{org}/settings/delete")
@door(Action.ADMIN)
def delete(ask: Ask, org: str, confirmed: Annotated[str, Form()] = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    try:
        organizations.delete(ask.db, ask.actor, org, confirmed=confirmed)
    except HubError as err:
        ask.db.rollback()
        return _profile(ask, access.organization(ask.db, ask.actor, org, Action.ADMIN), error=err.message)
    return RedirectResponse("/settings/organizations", 303)


def _on_profile(ask: Ask, org: str, change: Callable[[], object], to: str) -> Response:
    try:
        change()
    except HubError as err:
        ask.db.rollback()
        return _profile(ask, access.organization(ask.db, ask.actor, org, Action.ADMIN), error=err.message)
    return _back(org, to)


def _profile(
    ask: Ask, org: Account, *, typed: tuple[str, str, str] | None = None, error: str = "", done: str = ""
) -> Response:
    full_name, details, website = typed or (org.full_name, org.details, org.website)
    page = OrganizationProfilePage(f"Settings of {org.name}", org, full_name, details, website, ROLES[1:], error, done)
    return render(ask.request, page, status=422 if error else 200)


# ---- members -----------------------------------------------------------------------------------------------


@router.get("/organizations/{org}/settings/members")
@door(Action.ADMIN)
def members_page(ask: Ask, org: str) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next=/organizations/{quote(org)}/settings/members", 303)
    return _members(ask, org)


@router.post("/organizations/{org}/settings/members/{user}/role")
@door(Action.ADMIN)
def change_role(ask: Ask, org: str, user: str, role: Annotated[str, Form()] = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    return _on_members(ask, org, lambda: organizations.change_role(ask.db, ask.actor, org, user, role))


@router.post("/organizations/{org}/settings/members/{user}/remove")
@door(Action.ADMIN)
def remove(ask: Ask, org: str, user: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    return _on_members(ask, org, lambda: organizations.remove(ask.db, ask.actor, org, user))


@router.post("/organizations/{org}/settings/owner")
@door(Action.ADMIN)
def hand_over(ask: Ask, org: str, user: Annotated[str, Form()] = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    try:
        organizations.hand_over(ask.db, ask.actor, org, user.strip())
    except HubError as err:
        ask.db.rollback()
        return _members(ask, org, error=err.message)
    return RedirectResponse("/settings/organizations", 303)


@router.post("/organizations/{org}/settings/invitations")
@door(Action.ADMIN)
def invite(
    ask: Ask, org: str, invitee: Annotated[str, Form()] = "", role: Annotated[str, Form()] = "", token: Csrf = ""
) -> Response:
    """``invitee`` is a name or a mail address: whoever types it need not say which."""
    csrf.check_in_person(ask, token)
    invitee = invitee.strip()
    key = "email" if "@" in invitee else "user_name"
    mails = sends_mail(ask.request)
    try:
        made = invitations.invite(
            ask.db,
            ask.actor,
            org,
            role=role or None,
            sign_up=choices.sign_up(ask.db, ask.kit.settings),
            shows_link=not mails,
            **{key: invitee},
        )
    except HubError as err:
        ask.db.rollback()
        return _members(ask, org, error=err.message, invitee=invitee, role=role)
    if made.path and not mails:
        return _members(ask, org, link=ask.base_url + made.path)
    return _back(org, "members")


@router.post("/organizations/{org}/settings/invitations/{invitation_id}/renew")
@door(Action.ADMIN)
def renew(ask: Ask, org: str, invitation_id: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    mails = sends_mail(ask.request)
    try:
        made = invitations.renew(ask.db, ask.actor, org, invitation_id, shows_link=not mails)
    except HubError as err:
        ask.db.rollback()
        return _members(ask, org, error=err.message)
    if made.path and not mails:
        return _members(ask, org, link=ask.base_url + made.path)
    return _back(org, "members")


@router.post("/organizations/{org}/settings/invitations/{invitation_id}/revoke")
@door(Action.ADMIN)
def revoke(ask: Ask, org: str, invitation_id: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    return _on_members(ask, org, lambda: invitations.revoke(ask.db, ask.actor, org, invitation_id))


@router.post("/organizations/{org}/settings/requests/{user}")
@door(Action.ADMIN)
def answer_request(
    ask: Ask,
    org: str,
    user: str,
    answer: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)

    def answered() -> None:
        accepts = answer == "accept"
        invitations.answer_request(ask.db, ask.actor, org, user, accepts=accepts, role=role or None)

    return _on_members(ask, org, answered)


@router.post("/organizations/{org}/join")
@door(OWN)
def ask_to_join(ask: Ask, org: str, message: Annotated[str, Form()] = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    invitations.ask_to_join(ask.db, ask.actor, org, message)
    return RedirectResponse("/settings/organizations", 303)


def _on_members(ask: Ask, org: str, change: Callable[[], object]) -> Response:
    try:
        change()
    except HubError as err:
        ask.db.rollback()
        return _members(ask, org, error=err.message)
    return _back(org, "members")


def _members(ask: Ask, org: str, *, error: str = "", link: str = "", invitee: str = "", role: str = "") -> Response:
    found = access.organization(ask.db, ask.actor, org, Action.ADMIN)
    query = ask.request.query_params
    search = query.get("search", "").replace("\x00", "").strip()[:96]
    shown = queries.members(ask.db, found, search=search, after=_after(query.get("after", "")), limit=SHOWN_MEMBERS + 1)
    closed = choices.sign_up(ask.db, ask.kit.settings) == "closed" and not ask.actor.is_admin
    page = OrganizationMembersPage(
        title=f"Members of {found.name}",
        org=found,
        me=ask.actor.name,
        members=shown[:SHOWN_MEMBERS],
        total=queries.count_members(ask.db, found),
        next=_next(found, shown, search),
        search=search,
        invitations=queries.invitations_of(ask.db, found, limit=MAX_OPEN),
        requests=queries.requests_of(ask.db, found, limit=MAX_OPEN),
        roles=ROLES,
        takes_mail=not closed,
        sends_mail=sends_mail(ask.request),
        link=link,
        invitee=invitee[:320],
        role=role if role in ROLES else found.default_role,
        error=error,
    )
    return render(ask.request, page, status=422 if error else 200, headers={"Cache-Control": "no-store"})


def _after(cursor: str) -> tuple[int, str] | None:
    """The last member seen, as ``rank.key``; nonsense begins anew."""
    rank, _, key = cursor.partition(".")
    return (int(rank), key[:96]) if rank.isascii() and rank.isdecimal() and len(rank) < 3 and key else None


def _next(org: Account, shown: Sequence[Belongs], search: str) -> str:
    if len(shown) <= SHOWN_MEMBERS:
        return ""
    last = shown[SHOWN_MEMBERS - 1]
    after = f"{queries.rank(last.role)}.{last.user.key}"
    return f"/organizations/{quote(org.name)}/settings/members?after={quote(after)}&search={quote(search)}"


def _back(org: str, to: str) -> Response:
    return RedirectResponse(f"/organizations/{quote(org, safe='')}/settings/{to}", 303)
