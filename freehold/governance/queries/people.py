"""People and organisations, as administrators look at them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, false, func, or_, select
from sqlalchemy.orm import Session

from freehold.accounts import service as accounts
from freehold.accounts.queries import Member, memberships
from freehold.accounts.tables import Account, BrowserSession, Membership, Token
from freehold.core import clock
from freehold.governance.queries import storage
from freehold.inbox.tables import Webhook
from freehold.people.tables import Invitation
from freehold.repos.tables import Repo

PAGE = 50
NAMED = 20
#: What a list of people is narrowed to.
SHOWS: dict[str, ColumnElement[bool]] = {
    "admins": Account.is_admin.is_(True),
    "disabled": Account.is_disabled.is_(True),
    "no-password": Account.password_hash.is_(None),
}


@dataclass(frozen=True)
class Row:
    """One line of the list of people or organisations."""

    account: Account
    seen_at: datetime | None  #: a token was used or a browser signed in; of an organisation: unknown
    tokens: int
    members: int
    repos: int
    size_bytes: int


@dataclass(frozen=True)
class Whole:
    """One person or organisation, and what hangs on it."""

    row: Row
    sessions: int
    webhooks: int
    member_of: Sequence[Member]
    members: Sequence[tuple[Account, str]]  #: of an organisation, those who may most first
    repos: Sequence[Repo]  #: the first ones by name
    sole_admin_of: Sequence[str]  #: organisations that would have no administrator


def listed(
    db: Session, kind: str, *, search: str = "", shows: str = "", after: str = "", limit: int = PAGE
) -> Sequence[Row]:
    """Accounts of ``kind`` by name, those after the key ``after``."""
    query = select(Account).where(Account.kind == kind, Account.key > after)
    if search:
        key = search.lower()
        names = [
            Account.key.contains(key, autoescape=True),
            func.lower(Account.full_name).contains(key, autoescape=True),
        ]
        query = query.where(or_(*names, func.lower(Account.email).contains(key, autoescape=True)))
    if shows:
        query = query.where(SHOWS.get(shows, false()))
    return rows(db, db.scalars(query.order_by(Account.key).limit(limit)).all())


def rows(db: Session, found: Sequence[Account]) -> list[Row]:
    """A few queries, whatever the number of accounts."""
    ids = [account.id for account in found]
    tokens = _counts(db, select(Token.user_id, func.count()).where(Token.user_id.in_(ids)).group_by(Token.user_id))
    of_orgs = select(Membership.org_id, func.count()).where(Membership.org_id.in_(ids)).group_by(Membership.org_id)
    members = _counts(db, of_orgs)
    kept, seen = storage.of_owners(db, ids), _seen(db, ids)
    return [
        Row(
            account,
            seen.get(account.id),
            tokens.get(account.id, 0),
            members.get(account.id, 0),
            *kept.get(account.id, (0, 0)),
        )
        for account in found
    ]


def whole(db: Session, account: Account) -> Whole:
    of_user = (BrowserSession.user_id == account.id, BrowserSession.expires_at > clock.now())
    members = (
        select(Account, Membership.role)
        .join(Membership, Membership.user_id == Account.id)
        .where(Membership.org_id == account.id)
        .order_by(Membership.role != "admin", Account.key)
        .limit(NAMED)
    )
    return Whole(
        row=rows(db, [account])[0],
        sessions=_count(db, select(func.count()).select_from(BrowserSession).where(*of_user)),
        webhooks=_count(db, select(func.count()).select_from(Webhook).where(Webhook.owner_id == account.id)),
        member_of=memberships(db, account.id),
        members=[(found, role) for found, role in db.execute(members)],
        repos=db.scalars(select(Repo).where(Repo.owner_id == account.id).order_by(Repo.path_key).limit(NAMED)).all(),
        sole_admin_of=[org.name for org in accounts.sole_administrator_of(db, account)],
    )


@dataclass(frozen=True)
class Figures:
    """How many there are of everything."""

    people: int
    admins: int
    disabled: int
    organisations: int
    repos: int
    invitations: int


def figures(db: Session) -> Figures:
    is_user = Account.kind == "user"
    counted = select(func.count()).select_from(Account)
    return Figures(
        people=_count(db, counted.where(is_user)),
        admins=_count(db, counted.where(is_user, Account.is_admin)),
        disabled=_count(db, counted.where(is_user, Account.is_disabled)),
        organisations=_count(db, counted.where(Account.kind == "org")),
        repos=_count(db, select(func.count()).select_from(Repo)),
        invitations=_count(db, select(func.count()).select_from(Invitation)),
    )


def _seen(db: Session, ids: Collection[str]) -> dict[str, datetime]:
    seen: dict[str, datetime] = {}
    for column, of in ((Token.last_used_at, Token.user_id), (BrowserSession.created_at, BrowserSession.user_id)):
        for user_id, at in db.execute(select(of, func.max(column)).where(of.in_(ids)).group_by(of)):
            if at is not None and (user_id not in seen or at > seen[user_id]):
                seen[user_id] = at
    return seen


def _counts(db: Session, query: Select[str, int]) -> dict[str, int]:
    return {name: int(count) for name, count in db.execute(query)}


def _count(db: Session, query: Select[int]) -> int:
    return int(db.scalar(query) or 0)
