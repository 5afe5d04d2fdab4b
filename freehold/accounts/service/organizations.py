"""Organisations and their members."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.accounts.errors import LastAdministrator, NotAMember
from freehold.accounts.events import MemberAdded, MemberRemoved, RoleChanged
from freehold.accounts.rules import ROLES as ROLES
from freehold.accounts.service.people import added, new_account
from freehold.accounts.tables import Account, Membership
from freehold.core import clock, events
from freehold.core.errors import BadRequest


def create_org(
    db: Session,
    name: str,
    *,
    full_name: str = "",
    owner: Account | None = None,
    private_by_default: bool = False,
    reuses_name: bool = True,
) -> Account:
    """A new organisation; ``owner`` becomes its administrator."""
    org = new_account(name, "org", full_name, None)
    org.private_by_default = private_by_default
    added(db, org, reuses_name=reuses_name)
    if owner is not None:
        set_role(db, org, owner, "admin", by=owner)
    return org


def set_role(db: Session, org: Account, user: Account, role: str, *, by: Account | None = None) -> Membership:
    """``user`` has ``role`` in ``org`` from now on, whatever it was before.

    Raises :class:`LastAdministrator` when nobody else could administer ``org``.
    """
    if role not in ROLES:
        raise BadRequest(f"{role[:40]!r} is not a role; use {', '.join(ROLES)}.")
    if org.kind != "org" or user.kind != "user":
        raise BadRequest("Only people are members, and only of organisations.")
    hold(db, org)
    member = db.get(Membership, (org.id, user.id), populate_existing=True)
    if member is None:
        member = Membership(org_id=org.id, user_id=user.id, role=role, created_at=clock.now())
        db.add(member)
        db.flush()
        events.publish(db, MemberAdded(org, user, role, by))
        return member
    before = member.role
    if before == role:
        return member
    if before == "admin":
        _refuse_last(db, org, user)
    member.role = role
    db.flush()
    events.publish(db, RoleChanged(org, user, role, before, by))
    return member


def remove_member(db: Session, org: Account, user: Account, *, by: Account | None = None) -> None:
    """``user`` is no member of ``org`` any more. Raises :class:`NotAMember`, :class:`LastAdministrator`."""
    hold(db, org)
    member = db.get(Membership, (org.id, user.id), populate_existing=True)
    if member is None:
        raise NotAMember(f"{user.name} is not a member of {org.name}.")
    if member.role == "admin":
        _refuse_last(db, org, user)
    db.delete(member)
    db.flush()
    events.publish(db, MemberRemoved(org, user, by))


def role_of(db: Session, org: Account, user_id: str | None) -> str | None:
    """The role that somebody has in ``org``; None for who is no member."""
    return db.scalar(select(Membership.role).where(Membership.org_id == org.id, Membership.user_id == user_id))


def hold(db: Session, org: Account) -> None:
    """Nobody else changes who belongs to ``org`` until this transaction ends.

    Two administrators who remove each other at one moment must not both succeed. SQLite has one writer anyway.
    """
    db.execute(select(Account.id).where(Account.id == org.id).with_for_update())


def _refuse_last(db: Session, org: Account, leaving: Account) -> None:
    others = (
        select(func.count())
        .select_from(Membership)
        .join(Account, Account.id == Membership.user_id)
        .where(
            Membership.org_id == org.id,
            Membership.role == "admin",
            Membership.user_id != leaving.id,
            Account.is_disabled.is_(False),
        )
    )
    if not db.scalar(others):
        raise LastAdministrator(org.name)
