"""Quick search: a few of everything whose name holds the words, for a field that answers while one types."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.queries import avatar_path
from freehold.accounts.tables import Account
from freehold.community.queries import collections
from freehold.core.errors import BadRequest
from freehold.discover import queries
from freehold.discover.rules import Listing
from freehold.repos.rules import KINDS

#: What is looked for, as addresses name it, and the key of the answer that holds it.
PLACES = {kind: plural for kind, (plural, _) in KINDS.items()} | {
    "org": "orgs",
    "user": "users",
    "collection": "collections",
    "paper": "papers",
}


@dataclass(frozen=True)
class Search:
    """``words`` in names and titles; ``types`` of things, all of them when empty; ``most`` of each."""

    words: str
    types: Sequence[str]
    most: int
    base_url: str


def quick(db: Session, actor: Actor, search: Search) -> dict[str, Any]:
    """A few of each, and how many there are: ``{"models": [...], "modelsCount": 3, ...}``, only what is known of."""
    found: dict[str, Any] = {"q": search.words}
    for type in search.types or PLACES:
        if type not in PLACES:
            raise BadRequest(f"{type[:40]!r} is nothing to search for; use {', '.join(PLACES)}.")
        find = _FINDERS.get(type, _repos(type))
        found[PLACES[type]], found[f"{PLACES[type]}Count"] = find(db, actor, search)
    return found


def accounts(db: Session, kind: str, words: str, most: int) -> Sequence[Account]:
    """People or organisations whose name, or full name, holds the words; the names that begin with them first."""
    begins = case((Account.key.startswith(words.lower(), autoescape=True), 0), else_=1)
    query = select(Account).where(*_named(kind, words)).order_by(begins, Account.key).limit(most)
    return db.scalars(query).all()


def _named(kind: str, words: str) -> tuple[ColumnElement[bool], ...]:
    lowered = words.lower()
    in_name = Account.key.contains(lowered, autoescape=True)
    in_full_name = func.lower(Account.full_name).contains(lowered, autoescape=True)
    return Account.kind == kind, Account.is_disabled.is_(False), or_(in_name, in_full_name)


Found = tuple[list[dict[str, Any]], int]
Finder = Callable[[Session, Actor, Search], Found]


def _repos(kind: str) -> Finder:
    def find(db: Session, actor: Actor, search: Search) -> Found:
        listing = Listing(kind=kind, search=search.words, sort="likes", limit=search.most)
        page = queries.page(db, actor, listing)
        shown = [{"_id": item.repo.id, "id": item.repo.path, "likes": item.repo.likes} for item in page.items]
        return shown, queries.count(db, actor, listing)

    return find


def _accounts(kind: str, key: str) -> Finder:
    def find(db: Session, actor: Actor, search: Search) -> Found:
        shown = [
            {
                "_id": account.id,
                key: account.name,
                "fullname": account.full_name or account.name,
                "avatarUrl": search.base_url + avatar_path(account),
            }
            for account in accounts(db, kind, search.words, search.most)
        ]
        number = db.scalar(select(func.count(Account.id)).where(*_named(kind, search.words)))
        return shown, number or 0

    return find


def _collections(db: Session, actor: Actor, search: Search) -> Found:
    listing = collections.Listing(search=search.words, sort="upvotes", limit=search.most)
    page = collections.listed(db, actor, listing)
    shown = [
        {"_id": each.collection.id, "id": each.slug, "slug": each.slug, "title": each.collection.title}
        for each in page.collections
    ]
    return shown, collections.count(db, actor, listing)


def _papers(db: Session, actor: Actor, search: Search) -> Found:
    return [], 0  # none is kept here


_FINDERS: Mapping[str, Finder] = {
    "user": _accounts("user", "user"),
    "org": _accounts("org", "name"),
    "collection": _collections,
    "paper": _papers,
}
