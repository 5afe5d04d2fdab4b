"""Somebody in numbers. Numbers count only what whoever asks may know of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts import queries as accounts_queries
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account
from freehold.community import access
from freehold.community.queries import marks
from freehold.community.tables import Collection, Follow, Like
from freehold.people.access import sees_members
from freehold.people.queries import count_members
from freehold.repos.access import visible
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Overview:
    """An account in numbers. ``repos`` by kind; ``likes`` and ``following`` are what a person does."""

    account: Account
    repos: Mapping[str, int]
    collections: int
    upvotes: int  #: that its collections got
    followers: int
    following: int
    likes: int
    members: int | None  #: None where the organisation keeps them to itself
    orgs: Sequence[Account]
    is_followed: bool  #: by whoever asks


def overview(db: Session, actor: Actor, name: str, *, kind: str | None = None) -> Overview:
    """The account ``name`` as ``actor`` may know it."""
    account = accounts.account(db, name, kind=kind)
    is_person = account.kind == "user"
    owned: Any = select(func.count(Collection.id), func.coalesce(func.sum(Collection.upvotes), 0))
    collections, upvotes = db.execute(access.visible(owned.where(Collection.owner_id == account.id), actor)).one()
    return Overview(
        account=account,
        repos=repos_by_kind(db, actor, account),
        collections=collections,
        upvotes=upvotes,
        followers=_people(db, Follow.follower_id, Follow.account_id == account.id),
        following=_people(db, Follow.account_id, Follow.follower_id == account.id) if is_person else 0,
        likes=_likes(db, actor, account) if is_person else 0,
        members=_members(db, actor, account),
        orgs=_orgs(db, actor, account) if is_person else [],
        is_followed=marks.follows(db, actor, account.id),
    )


def repos_by_kind(db: Session, actor: Actor, account: Account) -> Mapping[str, int]:
    query: Any = select(Repo.kind, func.count(Repo.id)).where(Repo.owner_id == account.id)
    return {str(kind): int(number) for kind, number in db.execute(visible(query, actor).group_by(Repo.kind))}


def _members(db: Session, actor: Actor, org: Account) -> int | None:
    if org.kind != "org" or not sees_members(actor, org):
        return None
    return count_members(db, org)


def _orgs(db: Session, actor: Actor, person: Account) -> Sequence[Account]:
    """Where somebody is a member, as far as ``actor`` may know it; they know it of themselves."""
    orgs = [found.org for found in accounts_queries.memberships(db, person.id)]
    return [org for org in orgs if actor.id == person.id or sees_members(actor, org)]


def _likes(db: Session, actor: Actor, account: Account) -> int:
    query: Any = select(func.count(Like.repo_id)).join(Repo, Repo.id == Like.repo_id)
    return db.scalar(visible(query.where(Like.user_id == account.id), actor)) or 0


def _people(db: Session, column: Any, which: Any) -> int:
    """How many accounts of ``column`` there are, without those that were disabled: the lists leave them out too."""
    query = select(func.count()).select_from(column.class_).join(Account, Account.id == column)
    return db.scalar(query.where(which, Account.is_disabled.is_(False))) or 0
