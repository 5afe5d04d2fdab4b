"""Who likes what, and who follows whom. Lists are newest first, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account
from freehold.community.errors import MembersHidden
from freehold.community.tables import Follow, Like
from freehold.core import paging
from freehold.core.paging import Cursor
from freehold.people import queries as people
from freehold.people.access import sees_members
from freehold.repos import service as repos
from freehold.repos.access import visible
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Liked:
    """One like of somebody's."""

    repo: Repo
    at: datetime


@dataclass(frozen=True)
class LikedPage:
    """One page of likes, and where the next begins."""

    likes: Sequence[Liked]
    next: Cursor | None


@dataclass(frozen=True)
class AccountsPage:
    """One page of people (and organisations), and where the next begins."""

    accounts: Sequence[Account]
    next: Cursor | None


def liked(db: Session, actor: Actor, name: str, *, limit: int, cursor: Cursor | None = None) -> LikedPage:
    """What the person ``name`` likes, as far as ``actor`` may know of it."""
    person = accounts.account(db, name, kind="user")
    query: Any = select(Repo, Like.created_at).join(Like, Like.repo_id == Repo.id).where(Like.user_id == person.id)
    if cursor is not None:
        query = query.where(paging.after(Like.created_at, Like.repo_id, cursor))
    query = visible(query, actor).order_by(Like.created_at.desc(), Like.repo_id.desc()).limit(limit + 1)
    rows = [Liked(repo, at) for repo, at in db.execute(query)]
    last = rows[limit - 1] if len(rows) > limit else None
    return LikedPage(rows[:limit], Cursor(last.at, last.repo.id) if last else None)


def likers(
    db: Session, actor: Actor, path: str, *, kind: str, limit: int, cursor: Cursor | None = None
) -> tuple[Repo, AccountsPage]:
    """Who likes a repository that ``actor`` may know of."""
    repo = repos.load(db, actor, path, Action.LIST, kind=kind)
    query: Any = select(Account, Like.created_at).join(Like, Like.user_id == Account.id).where(Like.repo_id == repo.id)
    return repo, _page(db, query, Like.created_at, limit, cursor)


def newest_likers(db: Session, repo_id: str, limit: int) -> Sequence[Account]:
    """Who liked a repository last; whoever asks may know of it already."""
    query = select(Account).join(Like, Like.user_id == Account.id).where(Like.repo_id == repo_id)
    return list(db.scalars(query.order_by(Like.created_at.desc(), Like.user_id.desc()).limit(limit)))


def likes(db: Session, actor: Actor, repo_id: str) -> bool:
    return actor.id is not None and db.get(Like, (repo_id, actor.id)) is not None


def followers(db: Session, name: str, *, kind: str | None, limit: int, cursor: Cursor | None = None) -> AccountsPage:
    """Who follows the account ``name``."""
    account = accounts.account(db, name, kind=kind)
    query: Any = select(Account, Follow.created_at).join(Follow, Follow.follower_id == Account.id)
    return _page(db, query.where(Follow.account_id == account.id), Follow.created_at, limit, cursor)


def following(db: Session, name: str, *, limit: int, cursor: Cursor | None = None, of: str = "") -> AccountsPage:
    """Whom the person ``name`` follows: people and organisations, or only one kind ``of`` them."""
    person = accounts.account(db, name, kind="user")
    query: Any = select(Account, Follow.created_at).join(Follow, Follow.account_id == Account.id)
    query = query.where(Follow.follower_id == person.id)
    return _page(db, query.where(Account.kind == of) if of else query, Follow.created_at, limit, cursor)


def follows(db: Session, actor: Actor, account_id: str) -> bool:
    return actor.id is not None and db.get(Follow, (account_id, actor.id)) is not None


def followed_among(db: Session, actor: Actor, found: Sequence[Account]) -> frozenset[str]:
    """Which of ``found`` the actor follows."""
    if actor.id is None or not found:
        return frozenset()
    ids = [account.id for account in found]
    query = select(Follow.account_id).where(Follow.follower_id == actor.id, Follow.account_id.in_(ids))
    return frozenset(db.scalars(query))


def members(db: Session, actor: Actor, name: str, *, limit: int, cursor: Cursor | None = None) -> AccountsPage:
    """Who is in the organisation ``name``, those who may most first. Raises :class:`MembersHidden`."""
    org = accounts.account(db, name, kind="org")
    if not sees_members(actor, org):
        raise MembersHidden(org.name)
    after = (cursor.at, cursor.id) if cursor is not None and isinstance(cursor.at, int) else None
    found = people.members(db, org, after=after, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    following = Cursor(people.rank(last.role), last.user.key) if last else None
    return AccountsPage([each.user for each in found[:limit]], following)


def _page(db: Session, query: Select[Any], moment: Any, limit: int, cursor: Cursor | None) -> AccountsPage:
    """One page of accounts by ``moment``; those that were disabled are left out."""
    if cursor is not None:
        query = query.where(paging.after(moment, Account.id, cursor))
    query = query.where(Account.is_disabled.is_(False)).order_by(moment.desc(), Account.id.desc()).limit(limit + 1)
    rows = [(account, at) for account, at in db.execute(query)]
    last = rows[limit - 1] if len(rows) > limit else None
    return AccountsPage([account for account, _ in rows[:limit]], Cursor(last[1], last[0].id) if last else None)
