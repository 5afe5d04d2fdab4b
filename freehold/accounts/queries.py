"""Reads about accounts that several rooms need."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.accounts.tables import Account, Membership


@dataclass(frozen=True)
class Member:
    """One person's place in one organisation."""

    org: Account
    role: str
    since: datetime


def memberships(db: Session, user_id: str) -> list[Member]:
    """Where a person is a member, by the organisation's name."""
    rows = db.execute(
        select(Account, Membership.role, Membership.created_at)
        .join(Membership, Membership.org_id == Account.id)
        .where(Membership.user_id == user_id)
        .order_by(Account.key)
    )
    return [Member(org, role, since) for org, role, since in rows]


def names(db: Session, ids: Collection[str]) -> Sequence[str]:
    """The names of these accounts, in their order."""
    return db.scalars(select(Account.name).where(Account.id.in_(ids)).order_by(Account.key)).all()


def avatar_path(account: Account) -> str:
    """Where the picture of ``account`` lies, from the root; another address once it is another picture."""
    if account.avatar_digest is None:
        return f"/avatars/{account.name}.svg"
    return f"/avatars/{account.name}?v={account.avatar_digest[:12]}"
