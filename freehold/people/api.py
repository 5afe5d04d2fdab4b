"""Organisations and who belongs to them, over JSON. Source for what the public hub has: protocol/hub-api.md 7."""

from typing import Any

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.accounts import choices
from freehold.accounts.queries import avatar_path
from freehold.accounts.service import Profile
from freehold.accounts.tables import Account
from freehold.core.clock import wire
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.people import access, queries, schemas
from freehold.people.mail import sends_mail
from freehold.people.queries import Asked, Asks
from freehold.people.service import invitations, organizations
from freehold.people.service.invitations import MAX_OPEN, Made
from freehold.people.service.organizations import Changes

router = Router(tags=["organizations"])
OWN = "own"


# ---- organisations -----------------------------------------------------------------------------------------


@router.post("/api/organizations", status_code=201, response_model=schemas.OrganizationOut)
@door(Action.CREATE_IN)
def create(ask: Ask, body: schemas.NewOrganization) -> dict[str, Any]:
    """Found an organisation; whoever asks administers it."""
    org = organizations.create(
        ask.db,
        ask.actor,
        body.name,
        full_name=body.fullname,
        private_by_default=body.privateByDefault,
        founders=choices.founders(ask.db, ask.kit.settings),
    )
    return _org(ask, org)


@router.get("/api/organizations/{org}/settings", response_model=schemas.OrganizationOut)
@door(Action.ADMIN)
def settings(ask: Ask, org: str) -> dict[str, Any]:
    return _org(ask, access.organization(ask.db, ask.actor, org, Action.ADMIN))


@router.patch("/api/organizations/{org}/settings", response_model=schemas.OrganizationOut)
@door(Action.ADMIN)
def change(ask: Ask, org: str, body: schemas.OrganizationSettings) -> dict[str, Any]:
    """Change what the organisation says of itself and how it lets people in."""
    changes = Changes(
        Profile(full_name=body.fullname, details=body.details, website=body.website),
        private_by_default=body.privateByDefault,
        default_role=body.defaultRole,
        shows_members=body.showsMembers,
        takes_requests=body.takesRequests,
    )
    return _org(ask, organizations.change(ask.db, ask.actor, org, changes))


@router.delete("/api/organizations/{org}", status_code=204)
@door(Action.ADMIN)
def delete(ask: Ask, org: str, body: schemas.Confirmation) -> Response:
    """End an organisation that owns no repository."""
    organizations.delete(ask.db, ask.actor, org, confirmed=body.name)
    return Response(status_code=204)


@router.put("/api/organizations/{org}/members/{user}/role")
@door(Action.ADMIN)
def change_role(ask: Ask, org: str, user: str, body: schemas.NewRole) -> dict[str, Any]:
    organizations.change_role(ask.db, ask.actor, org, user, body.role)
    return {"user": user, "role": body.role}


@router.delete("/api/organizations/{org}/members/{user}", status_code=204)
@door(Action.ADMIN)
def remove(ask: Ask, org: str, user: str) -> Response:
    """Remove a member, or leave: everybody may remove themselves."""
    organizations.remove(ask.db, ask.actor, org, user)
    return Response(status_code=204)


@router.put("/api/organizations/{org}/owner")
@door(Action.ADMIN)
def hand_over(ask: Ask, org: str, body: schemas.Heir) -> dict[str, Any]:
    """Another member administers the organisation; whoever asks only writes in it from then on."""
    organizations.hand_over(ask.db, ask.actor, org, body.user)
    return {"user": body.user, "role": "admin"}


# ---- invitations and requests ------------------------------------------------------------------------------


@router.get("/api/organizations/{org}/invitations", response_model=list[schemas.InvitationOut])
@door(Action.ADMIN)
def list_invitations(ask: Ask, org: str) -> list[dict[str, Any]]:
    found = access.organization(ask.db, ask.actor, org, Action.ADMIN)
    return [_asked(asked) for asked in queries.invitations_of(ask.db, found, limit=MAX_OPEN)]


@router.post("/api/organizations/{org}/invitations", status_code=201, response_model=schemas.InvitationOut)
@door(Action.ADMIN)
def invite(ask: Ask, org: str, body: schemas.NewInvitation) -> dict[str, Any]:
    """Ask somebody in, by the name they have here or by mail."""
    made = invitations.invite(
        ask.db,
        ask.actor,
        org,
        user_name=body.user,
        email=body.email,
        role=body.role,
        sign_up=choices.sign_up(ask.db, ask.kit.settings),
        shows_link=not sends_mail(ask.request),
    )
    return _made(ask, made)


@router.put("/api/organizations/{org}/invitations/{invitation_id}", response_model=schemas.InvitationOut)
@door(Action.ADMIN)
def renew(ask: Ask, org: str, invitation_id: str) -> dict[str, Any]:
    """Send an invitation again; it is good for another two weeks."""
    return _made(ask, invitations.renew(ask.db, ask.actor, org, invitation_id, shows_link=not sends_mail(ask.request)))


@router.delete("/api/organizations/{org}/invitations/{invitation_id}", status_code=204)
@door(Action.ADMIN)
def revoke(ask: Ask, org: str, invitation_id: str) -> Response:
    invitations.revoke(ask.db, ask.actor, org, invitation_id)
    return Response(status_code=204)


@router.get("/api/settings/invitations", response_model=list[schemas.InvitationOut])
@door(OWN)
def my_invitations(ask: Ask) -> list[dict[str, Any]]:
    me = access.person(ask.db, ask.actor, reads=True)
    return [_asked(asked) for asked in queries.invitations_to(ask.db, me.id)]


@router.put("/api/settings/invitations/{invitation_id}", status_code=204)
@door(OWN)
def answer(ask: Ask, invitation_id: str, body: schemas.Answer) -> Response:
    invitations.answer(ask.db, ask.actor, invitation_id, accepts=body.status == "accepted")
    return Response(status_code=204)


@router.get("/api/organizations/{org}/join-requests", response_model=list[schemas.JoinRequestOut])
@door(Action.ADMIN)
def list_requests(ask: Ask, org: str) -> list[dict[str, Any]]:
    found = access.organization(ask.db, ask.actor, org, Action.ADMIN)
    return [_asks(asks) for asks in queries.requests_of(ask.db, found, limit=MAX_OPEN)]


@router.post("/api/organizations/{org}/join-requests", status_code=201)
@door(OWN)
def ask_to_join(ask: Ask, org: str, body: schemas.JoinMessage) -> dict[str, Any]:
    request = invitations.ask_to_join(ask.db, ask.actor, org, body.message)
    return {"organization": org, "user": ask.actor.name, "createdAt": wire(request.created_at)}


@router.delete("/api/organizations/{org}/join-requests", status_code=204)
@door(OWN)
def withdraw(ask: Ask, org: str) -> Response:
    invitations.withdraw(ask.db, ask.actor, org)
    return Response(status_code=204)


@router.put("/api/organizations/{org}/join-requests/{user}", status_code=204)
@door(Action.ADMIN)
def answer_request(ask: Ask, org: str, user: str, body: schemas.Answer) -> Response:
    invitations.answer_request(ask.db, ask.actor, org, user, accepts=body.status == "accepted", role=body.role)
    return Response(status_code=204)


# ---- shapes ------------------------------------------------------------------------------------------------


def _org(ask: Ask, org: Account) -> dict[str, Any]:
    return {
        "id": org.id,
        "name": org.name,
        "fullname": org.full_name or org.name,
        "details": org.details,
        "website": org.website,
        "avatarUrl": ask.base_url + avatar_path(org),
        "privateByDefault": org.private_by_default,
        "defaultRole": org.default_role,
        "showsMembers": org.shows_members,
        "takesRequests": org.takes_requests,
    }


def _made(ask: Ask, made: Made) -> dict[str, Any]:
    return _asked(queries.invitation(ask.db, made.invitation)) | {
        "link": ask.base_url + made.path if made.path and made.invitation.is_shown else None
    }


def _asked(asked: Asked) -> dict[str, Any]:
    return {
        "id": asked.id,
        "organization": asked.org.name if asked.org else None,
        "user": asked.user.name if asked.user else None,
        "email": asked.email,
        "role": asked.role,
        "invitedBy": asked.inviter.name if asked.inviter else None,
        "sentAt": wire(asked.sent_at),
        "expiresAt": wire(asked.expires_at),
    }


def _asks(asks: Asks) -> dict[str, Any]:
    return {
        "organization": asks.org.name,
        "user": asks.user.name,
        "message": asks.message,
        "createdAt": wire(asks.created_at),
    }
