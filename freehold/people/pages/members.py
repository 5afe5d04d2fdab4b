"""Who belongs to an organisation, as a page: members and their roles, invitations, requests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import choices, csrf
from freehold.accounts.rules import ROLES
from freehold.accounts.tables import Account
from freehold.core.errors import HubError
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.people import access, queries
from freehold.people.mail import sends_mail
from freehold.people.pages.forms import OWN
from freehold.people.queries import Asked, Asks, Belongs
from freehold.people.service import invitations, organizations
from freehold.people.service.invitations import MAX_OPEN
from freehold.web import flash
from freehold.web.render import render

router = Router(include_in_schema=False)
SHOWN_MEMBERS = 100
Csrf = Annotated[str, Form(alias="csrf")]


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
    at_invitation: bool  #: the error is about whom to invite


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
    said = f"{user[:96]} has the role {role[:20]} now."
    return _on_members(ask, org, lambda: organizations.change_role(ask.db, ask.actor, org, user, role), said)


@router.post("/organizations/{org}/settings/members/{user}/remove")
@door(Action.ADMIN)
def remove(ask: Ask, org: str, user: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    said = f"{user[:96]} is no member any more."
    return _on_members(ask, org, lambda: organizations.remove(ask.db, ask.actor, org, user), said)


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
        return _members(ask, org, error=err.message, invitee=invitee, role=role, at_invitation=True)
    if made.path and not mails:
        return _members(ask, org, link=ask.base_url + made.path)
    return _back(ask, org, f"{invitee} is invited.")


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
    return _back(ask, org, "The invitation is sent again. It is good for another two weeks.")


@router.post("/organizations/{org}/settings/invitations/{invitation_id}/revoke")
@door(Action.ADMIN)
def revoke(ask: Ask, org: str, invitation_id: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)

    def revoked() -> None:
        invitations.revoke(ask.db, ask.actor, org, invitation_id)

    return _on_members(ask, org, revoked, "The invitation is withdrawn.")


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

    accepts = answer == "accept"

    def answered() -> None:
        invitations.answer_request(ask.db, ask.actor, org, user, accepts=accepts, role=role or None)

    return _on_members(ask, org, answered, f"{user[:96]} is a member now." if accepts else f"{user[:96]} was told no.")


@router.post("/organizations/{org}/join")
@door(OWN)
def ask_to_join(ask: Ask, org: str, message: Annotated[str, Form()] = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    invitations.ask_to_join(ask.db, ask.actor, org, message)
    return flash.say(ask.request, RedirectResponse(f"/{quote(org, safe='')}", 303), "Asked. An administrator answers.")


def _on_members(ask: Ask, org: str, change: Callable[[], object], said: str) -> Response:
    try:
        change()
    except HubError as err:
        ask.db.rollback()
        return _members(ask, org, error=err.message)
    return _back(ask, org, said)


def _back(ask: Ask, org: str, said: str) -> Response:
    """A page of many members stays where it was."""
    at = f"/organizations/{quote(org, safe='')}/settings/members"
    return flash.say(ask.request, RedirectResponse(at, 303), said)


def _members(
    ask: Ask,
    org: str,
    *,
    error: str = "",
    link: str = "",
    invitee: str = "",
    role: str = "",
    at_invitation: bool = False,
) -> Response:
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
        at_invitation=at_invitation,
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
