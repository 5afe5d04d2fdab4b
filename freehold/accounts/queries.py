"""Reads about accounts that several rooms need."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.accounts.tables import Account, Avatar, Membership

#: What the hub signs commits with: no private address stands in a history.
NO_REPLY = "@users.noreply.freehold"
MAX_EMAIL_CHARS = 320
BATCH = 500


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


def logins(db: Session, emails: Collection[str]) -> dict[str, str]:
    """By mail address (in lower case), the people who signed with one of ``emails``.

    An address of the hub's own making names its person; another one counts when it is one person's alone.
    """
    wanted = sorted({email.lower() for email in emails if len(email) <= MAX_EMAIL_CHARS and "\0" not in email})
    found: dict[str, str] = {}
    for at in range(0, len(wanted), BATCH):
        some = wanted[at : at + BATCH]
        keys = {email.removesuffix(NO_REPLY): email for email in some if email.endswith(NO_REPLY)}
        named = select(Account.key, Account.name).where(Account.kind == "user", Account.key.in_(keys))
        found |= {keys[key]: name for key, name in db.execute(named)}
        address = func.lower(Account.email)
        mailed = select(address, func.min(Account.name)).where(Account.kind == "user", address.in_(some))
        found |= {row[0]: row[1] for row in db.execute(mailed.group_by(address).having(func.count() == 1))}
    return found


def by_id(db: Session, ids: Collection[str]) -> Sequence[Account]:
    """These accounts, by name."""
    return db.scalars(select(Account).where(Account.id.in_(ids)).order_by(Account.key)).all()


def names(db: Session, ids: Collection[str]) -> Sequence[str]:
    """The names of these accounts, in their order."""
    return db.scalars(select(Account.name).where(Account.id.in_(ids)).order_by(Account.key)).all()


def avatar_path(account: Account) -> str:
    """Where the picture of ``account`` lies, from the root; another address once it is another picture."""
    if account.avatar_digest is None:
        return f"/avatars/{account.name}.svg"
    return f"/avatars/{account.name}?v={account.avatar_digest[:12]}"


def avatar(db: Session, name: str) -> Avatar | None:
    """The picture that the account called ``name`` chose; None when it chose none, or is not here."""
    return db.scalar(select(Avatar).join(Account, Account.id == Avatar.account_id).where(Account.key == name.lower()))
