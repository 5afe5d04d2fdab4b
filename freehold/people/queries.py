"""Reads of who belongs where, who was asked, and who asks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from freehold.accounts.rules import ROLES
from freehold.accounts.tables import Account, Membership
from freehold.core import clock
from freehold.people.tables import Invitation, JoinRequest

_place = case({role: place for place, role in enumerate(ROLES)}, value=Membership.role, else_=len(ROLES))


@dataclass(frozen=True)
class Belongs:
    """A member of an organisation."""

    user: Account
    role: str
    since: datetime


@dataclass(frozen=True)
class Asked:
    """An open invitation, with everybody in it."""

    id: str
    org: Account | None
    user: Account | None
    email: str | None
    role: str
    inviter: Account | None
    sent_at: datetime
    expires_at: datetime
    is_over: bool


@dataclass(frozen=True)
class Asks:
    """A person's open request to an organisation."""

    org: Account
    user: Account
    message: str
    created_at: datetime


def members(
    db: Session, org: Account, *, search: str = "", after: tuple[int, str] | None = None, limit: int = 100
) -> Sequence[Belongs]:
    """Members of ``org``: those who may most first, then by name. ``after``: rank and key of the last one seen."""
    query = (
        select(Account, Membership.role, Membership.created_at)
        .join(Membership, Membership.user_id == Account.id)
        .where(Membership.org_id == org.id)
        .order_by(_place, Account.key)
        .limit(limit)
    )
    if search:
        query = query.where(Account.key.contains(search.lower(), autoescape=True))
    if after is not None:
        query = query.where(or_(_place > after[0], and_(_place == after[0], Account.key > after[1])))
    return [Belongs(*row) for row in db.execute(query)]


def count_members(db: Session, org: Account) -> int:
    return db.scalar(select(func.count()).where(Membership.org_id == org.id)) or 0


def rank(role: str) -> int:
    """The place of ``role`` in the order of :func:`members`."""
    return ROLES.index(role)


def invitations_of(db: Session, org: Account, *, limit: int) -> Sequence[Asked]:
    """Whom ``org`` has asked and who has not answered, the newest first; those that have expired are among them."""
    return _asked(db, Invitation.org_id == org.id, limit)


def invitations_to(db: Session, user_id: str, *, limit: int = 100) -> Sequence[Asked]:
    """What somebody has been asked by name and can still answer."""
    return _asked(db, and_(Invitation.user_id == user_id, Invitation.expires_at > clock.now()), limit)


def invitation(db: Session, found: Invitation) -> Asked:
    """``found`` with everybody in it."""
    return _asked(db, Invitation.id == found.id, 1)[0]


def requests_of(db: Session, org: Account, *, limit: int) -> Sequence[Asks]:
    """Who would like to belong to ``org``, who has waited longest first."""
    return _asks(db, JoinRequest.org_id == org.id, limit)


def requests_by(db: Session, user_id: str, *, limit: int = 100) -> Sequence[Asks]:
    """Where somebody has asked to be let in."""
    return _asks(db, JoinRequest.user_id == user_id, limit)


def requests_to(db: Session, org_ids: Collection[str], *, limit: int) -> Sequence[Asks]:
    """Who would like to belong to one of these organisations, who has waited longest first."""
    return _asks(db, JoinRequest.org_id.in_(org_ids), limit)


def has_asked(db: Session, org: Account, user_id: str) -> bool:
    return db.get(JoinRequest, (org.id, user_id)) is not None


def _asked(db: Session, which: ColumnElement[bool], limit: int) -> Sequence[Asked]:
    org, user, inviter = aliased(Account), aliased(Account), aliased(Account)
    query = (
        select(Invitation, org, user, inviter)
        .outerjoin(org, org.id == Invitation.org_id)
        .outerjoin(user, user.id == Invitation.user_id)
        .outerjoin(inviter, inviter.id == Invitation.inviter_id)
        .where(which)
        .order_by(Invitation.created_at.desc(), Invitation.id)
        .limit(limit)
    )
    now = clock.now()
    return [
        Asked(
            found.id,
            of,
            whom,
            found.email,
            found.role,
            who,
            found.sent_at,
            found.expires_at,
            found.expires_at <= now,
        )
        for found, of, whom, who in db.execute(query)
    ]


def _asks(db: Session, which: ColumnElement[bool], limit: int) -> Sequence[Asks]:
    org, user = aliased(Account), aliased(Account)
    query = (
        select(org, user, JoinRequest.message, JoinRequest.created_at)
        .select_from(JoinRequest)
        .join(org, org.id == JoinRequest.org_id)
        .join(user, user.id == JoinRequest.user_id)
        .where(which)
        .order_by(JoinRequest.created_at, user.key)
        .limit(limit)
    )
    return [Asks(*row) for row in db.execute(query)]
