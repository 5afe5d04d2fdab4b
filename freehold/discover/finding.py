"""Quick search: a few of everything whose name holds the words, for a field that answers while one types."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.queries import avatar_path
from freehold.accounts.tables import Account
from freehold.community.queries import collections
from freehold.core.errors import BadRequest
from freehold.discover import queries
from freehold.discover.rules import Listing
from freehold.repos.access import visible
from freehold.repos.rules import KINDS, page_path
from freehold.repos.tables import Repo

#: Newest accounts of a kind whose names are looked through, and found ones that are counted.
MAX_SEARCHED, MAX_COUNTED = 20_000, 1_000
#: Names of each sort that are compared letter by letter, letters of the words, and names that are proposed.
MAX_COMPARED, MAX_COMPARED_CHARS, CLOSE = 1_500, 60, 4

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
    """People or organisations whose name, full name or own words hold all the words, ordered by how well they match.

    Whoever is called exactly so is always found; others among the :data:`MAX_SEARCHED` newest.
    """
    key = words.lower()
    called = [Account.key.contains(word, autoescape=True) for word in key.split()]
    begins = Account.key.startswith(key, autoescape=True)
    full = func.lower(Account.full_name).startswith(key, autoescape=True)
    rank = case((Account.key == key, 0), (begins, 1), (full, 2), (and_(true(), *called), 3), else_=4)
    query = select(Account).where(*_named(kind, words)).order_by(rank, Account.key).limit(most)
    return db.scalars(query).all()


def is_called(db: Session, words: str) -> bool:
    """Whether somebody is called exactly so."""
    query = select(Account.id).where(Account.key == words.lower(), Account.is_disabled.is_(False))
    return db.scalar(query) is not None


def count_accounts(db: Session, kind: str, words: str) -> tuple[int, bool]:
    """How many, and whether there are more than are counted."""
    some = select(Account.id).where(*_named(kind, words)).limit(MAX_COUNTED + 1).subquery()
    number = db.scalar(select(func.count()).select_from(some)) or 0
    return min(number, MAX_COUNTED), number > MAX_COUNTED


def close(db: Session, actor: Actor, words: str) -> Sequence[tuple[str, str]]:
    """Names a slip of the keyboard away from the words, and their pages: for when nothing holds them.

    Compared with what trends most and the newest accounts; only what ``actor`` may know of.
    """
    repos: Any = select(Repo.kind, Account.name, Repo.name).join(Account, Account.id == Repo.owner_id)
    repos = visible(repos, actor).order_by(Repo.trend.desc(), Repo.id.desc()).limit(MAX_COMPARED)
    pages: dict[str, list[tuple[str, str]]] = {}
    for kind, owner, name in db.execute(repos):
        for spelling in (name.lower(), f"{owner}/{name}".lower()):
            pages.setdefault(spelling, []).append((f"{owner}/{name}", page_path(kind, f"{owner}/{name}")))
    newest = select(Account.key, Account.name).where(Account.is_disabled.is_(False)).order_by(Account.id.desc())
    for key, name in db.execute(newest.limit(MAX_COMPARED)):
        pages.setdefault(key, []).append((name, f"/{name}"))
    like = difflib.get_close_matches(words.lower()[:MAX_COMPARED_CHARS], pages, n=CLOSE, cutoff=0.7)
    return list(dict.fromkeys(page for spelling in like for page in pages[spelling]))[:CLOSE]


def _named(kind: str, words: str) -> tuple[ColumnElement[bool], ...]:
    """Accounts of this kind that hold each of the words, in their names or in what they say of themselves."""
    newest = select(Account.id).where(Account.kind == kind).order_by(Account.id.desc()).limit(MAX_SEARCHED)
    held = [
        or_(
            Account.key.contains(word, autoescape=True),
            func.lower(Account.full_name).contains(word, autoescape=True),
            func.lower(Account.details).contains(word, autoescape=True),
        )
        for word in words.lower().split()
    ]
    among = or_(Account.key == words.lower(), and_(Account.id.in_(newest), *held))
    return Account.kind == kind, Account.is_disabled.is_(False), among


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
        return shown, count_accounts(db, kind, search.words)[0]

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
