"""Invitations and join requests: nobody becomes a member without both sides having said so."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts import rules
from freehold.accounts import service as accounts
from freehold.accounts.errors import NotAllowed
from freehold.accounts.events import InvitationAnswered, InvitationMade, JoinAnswered, JoinAsked
from freehold.accounts.rules import ROLES
from freehold.accounts.service import Profile
from freehold.accounts.tables import Account
from freehold.core import clock, events
from freehold.core.errors import BadRequest
from freehold.core.ids import new_id
from freehold.people.access import by, organization, person
from freehold.people.errors import (
    AlreadyThere,
    InvitationNotFound,
    JoinRequestNotFound,
    SignUpClosed,
    TooManyOpen,
    TooSoon,
)
from freehold.people.rules import link_path
from freehold.people.tables import Invitation, JoinRequest

INVITATION_LIFE = timedelta(days=14)
#: An invitation is not sent again before, so that nobody's inbox is filled by somebody else.
RESEND_AFTER = timedelta(minutes=5)
#: Open invitations, and open requests, of one organisation.
MAX_OPEN = 500


@dataclass(frozen=True)
class Made:
    """An invitation and, by mail, the path of its link; it is never to be had again."""

    invitation: Invitation
    path: str


# ---- asking ------------------------------------------------------------------------------------------------


def invite(
    db: Session,
    actor: Actor,
    org_name: str | None,
    *,
    user_name: str = "",
    email: str = "",
    role: str | None = None,
    sign_up: str,
    shows_link: bool = True,
) -> Made:
    """Somebody is asked into the organisation, by name or by mail; ``org_name`` None: by mail to this hub alone.

    ``sign_up`` is the setting: where it is ``closed``, only who administers the hub asks people by mail, because
    whoever opens the link may make an account. ``shows_link``: the inviter gets to see it, as nobody mails it.
    Raises :class:`AlreadyThere`, :class:`TooManyOpen`.
    """
    org = organization(db, actor, org_name, Action.ADMIN) if org_name is not None else None
    is_host = actor.is_admin or actor.kind == "hub"
    if org is None and not is_host:
        raise NotAllowed("Only who administers this hub asks people to it.")
    if email and sign_up == "closed" and not is_host:
        raise SignUpClosed("On this hub only its administrators ask people by mail. Invite by name.")
    role = role or (org.default_role if org else "read")
    if role not in ROLES:
        raise BadRequest(f"{role[:40]!r} is not a role; use {', '.join(ROLES)}.")
    if bool(user_name) == bool(email) or (org is None and user_name):
        raise BadRequest("Name one person: by the name they have here, or by a mail address.")
    _refuse_over_bound(db, org)
    user = _invitee(db, org, user_name) if org is not None and user_name else None
    now = clock.now()
    invitation = Invitation(
        id=new_id(),
        org_id=org.id if org else None,
        user_id=user.id if user else None,
        email=rules.checked_email(email).lower() if email else None,
        is_shown=shows_link,
        role=role,
        inviter_id=actor.id,
        created_at=now,
        sent_at=now,
        expires_at=now + INVITATION_LIFE,
    )
    _refuse_second(db, invitation)
    return _sent(db, invitation, org, user, by(db, actor))


def renew(db: Session, actor: Actor, org_name: str, invitation_id: str, *, shows_link: bool = True) -> Made:
    """The invitation is sent again and is good for another two weeks; by mail, the old link opens nothing any more."""
    org = organization(db, actor, org_name, Action.ADMIN)
    invitation = _of_org(db, org, invitation_id)
    if clock.now() - invitation.sent_at < RESEND_AFTER:
        raise TooSoon("This invitation was sent a moment ago. Wait five minutes.", headers={"Retry-After": "300"})
    invitation.sent_at, invitation.is_shown = clock.now(), shows_link
    invitation.expires_at = invitation.sent_at + INVITATION_LIFE
    user = db.get(Account, invitation.user_id) if invitation.user_id else None
    return _sent(db, invitation, org, user, by(db, actor))


def revoke(db: Session, actor: Actor, org_name: str, invitation_id: str) -> None:
    """The invitation is withdrawn."""
    org = organization(db, actor, org_name, Action.ADMIN)
    _take(db, _of_org(db, org, invitation_id))


# ---- answering ---------------------------------------------------------------------------------------------


def answer(db: Session, actor: Actor, invitation_id: str, *, accepts: bool) -> Account | None:
    """Who was asked by name joins, or does not. Gives the organisation. Raises :class:`InvitationNotFound`."""
    user = person(db, actor)
    invitation = db.scalar(
        select(Invitation).where(
            Invitation.id == invitation_id, Invitation.user_id == user.id, Invitation.expires_at > clock.now()
        )
    )
    if invitation is None:
        raise InvitationNotFound
    return _answered(db, invitation, user, accepts=accepts)


def by_link(db: Session, secret: str) -> Invitation:
    """The open invitation behind a link, without spending it; raises :class:`InvitationNotFound`."""
    invitation = db.scalar(
        select(Invitation).where(
            Invitation.secret_hash == rules.secret_hash(secret), Invitation.expires_at > clock.now()
        )
    )
    if invitation is None:
        raise InvitationNotFound
    return invitation


def accept_link(db: Session, actor: Actor, secret: str) -> Account | None:
    """Whoever is signed in joins by the link from their mail. Gives the organisation."""
    user = person(db, actor)
    invitation = by_link(db, secret)
    if invitation.email and not invitation.is_shown and (user.email or "").lower() == invitation.email:
        accounts.verify_email(db, user, invitation.email)
    return _answered(db, invitation, user, accepts=True)


def sign_up_by_link(db: Session, secret: str, name: str, *, full_name: str = "", password_hash: str) -> Account:
    """A new person, who joins by the link at once. Their mail address counts as theirs where the link went only there.

    Raises :class:`InvitationNotFound`, ``BadName``, ``NameTaken``.
    """
    invitation = by_link(db, secret)
    assert invitation.email is not None, "only invitations by mail have links"
    full_name = rules.checked_line(full_name, "A full name", most=256, field="full_name")
    user = accounts.create_user(db, name, full_name=full_name, reuses_name=False)
    user.password_hash = password_hash
    if invitation.is_shown:
        accounts.change_profile(db, user, Profile(email=invitation.email))
    else:
        accounts.verify_email(db, user, invitation.email)
    _answered(db, invitation, user, accepts=True)
    return user


# ---- join requests -----------------------------------------------------------------------------------------


def ask_to_join(db: Session, actor: Actor, org_name: str, message: str = "") -> JoinRequest:
    """The administrators of the organisation see that ``actor`` would like to belong to it."""
    user = person(db, actor)
    org = organization(db, actor, org_name)
    if not org.takes_requests:
        raise NotAllowed(f"{org.name} takes no requests: its members invite whom they want.")
    if org.id in actor.roles:
        raise AlreadyThere(f"You are a member of {org.name}.")
    if db.get(JoinRequest, (org.id, user.id)) is not None:
        raise AlreadyThere(f"You have asked {org.name} already.")
    if (db.scalar(select(func.count()).where(JoinRequest.org_id == org.id)) or 0) >= MAX_OPEN:
        raise TooManyOpen(f"{org.name} has {MAX_OPEN} open requests. Try again when some are answered.")
    text = rules.checked_line(message, "A message", most=500)
    request = JoinRequest(org_id=org.id, user_id=user.id, message=text, created_at=clock.now())
    db.add(request)
    db.flush()
    events.publish(db, JoinAsked(org, user, text))
    return request


def withdraw(db: Session, actor: Actor, org_name: str) -> None:
    """``actor`` does not ask any more."""
    user = person(db, actor)
    _take_request(db, organization(db, actor, org_name), user)


def answer_request(
    db: Session, actor: Actor, org_name: str, user_name: str, *, accepts: bool, role: str | None = None
) -> None:
    """Who asked is let in with ``role`` (None: the organisation's usual one), or not."""
    org = organization(db, actor, org_name, Action.ADMIN)
    user = accounts.account(db, user_name, kind="user")
    _take_request(db, org, user)
    answerer = by(db, actor)
    if accepts and accounts.role_of(db, org, user.id) is None:
        accounts.set_role(db, org, user, role or org.default_role, by=answerer)
    events.publish(db, JoinAnswered(org, user, answerer, accepts))


# ---- helpers -----------------------------------------------------------------------------------------------


def _invitee(db: Session, org: Account, user_name: str) -> Account:
    user = accounts.account(db, user_name.strip(), kind="user")
    if accounts.role_of(db, org, user.id) is not None:
        raise AlreadyThere(f"{user.name} is a member of {org.name} already.")
    return user


def _refuse_second(db: Session, invitation: Invitation) -> None:
    """One open invitation for each person. Who expired makes room."""
    same = select(Invitation).where(
        Invitation.org_id == invitation.org_id if invitation.org_id else Invitation.org_id.is_(None),
        Invitation.user_id == invitation.user_id if invitation.user_id else Invitation.email == invitation.email,
    )
    for other in db.scalars(same):
        if other.expires_at > clock.now():
            raise AlreadyThere("They are asked already. Send the invitation again, or withdraw it first.")
        db.delete(other)
    db.flush()


def _refuse_over_bound(db: Session, org: Account | None) -> None:
    of_org = Invitation.org_id == org.id if org else Invitation.org_id.is_(None)
    if (db.scalar(select(func.count()).where(of_org)) or 0) >= MAX_OPEN:
        raise TooManyOpen(f"{MAX_OPEN} invitations are open, as many as can be. Withdraw some first.")


def _sent(
    db: Session, invitation: Invitation, org: Account | None, user: Account | None, inviter: Account | None
) -> Made:
    path = ""
    if invitation.email:
        secret = rules.new_secret()
        invitation.secret_hash, path = rules.secret_hash(secret), link_path(secret)
    db.add(invitation)
    try:
        db.flush()
    except IntegrityError as err:  # somebody else asked the same person at this moment
        raise AlreadyThere("They are asked already.") from err
    event = InvitationMade(
        invitation.id,
        org,
        invitation.role,
        inviter,
        invitation.expires_at,
        user=user,
        email=invitation.email,
        path=path,
    )
    events.publish(db, event)
    return Made(invitation, path)


def _of_org(db: Session, org: Account, invitation_id: str) -> Invitation:
    found = db.scalar(select(Invitation).where(Invitation.id == invitation_id, Invitation.org_id == org.id))
    if found is None:
        raise InvitationNotFound
    return found


def _answered(db: Session, invitation: Invitation, user: Account, *, accepts: bool) -> Account | None:
    _take(db, invitation)
    org = db.get(Account, invitation.org_id) if invitation.org_id else None
    inviter = db.get(Account, invitation.inviter_id) if invitation.inviter_id else None
    if accepts and org is not None:
        accounts.hold(db, org)
        if accounts.role_of(db, org, user.id) is None:  # nobody loses a role by an old invitation
            accounts.set_role(db, org, user, invitation.role, by=inviter)
        db.execute(delete(JoinRequest).where(JoinRequest.org_id == org.id, JoinRequest.user_id == user.id))
    events.publish(db, InvitationAnswered(org, user, invitation.inviter_id, accepts))
    return org


def _take(db: Session, invitation: Invitation) -> None:
    """The invitation is spent. One DELETE decides, so that two browsers cannot both answer it."""
    db.expunge(invitation)
    if not db.execute(delete(Invitation).where(Invitation.id == invitation.id)).rowcount:  # type: ignore[attr-defined]
        raise InvitationNotFound


def _take_request(db: Session, org: Account, user: Account) -> None:
    mine = delete(JoinRequest).where(JoinRequest.org_id == org.id, JoinRequest.user_id == user.id)
    if not db.execute(mine).rowcount:  # type: ignore[attr-defined]
        raise JoinRequestNotFound(f"There is no open request of {user.name} to {org.name}.")
