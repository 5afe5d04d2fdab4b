"""Saved searches and what is new to them, by the rights of whoever looks, at each look anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams

from freehold.access.rules import Actor
from freehold.core.errors import HubError, TookTooLong
from freehold.core.events import savepoint
from freehold.discover import addresses, counting, machines
from freehold.discover import queries as discover
from freehold.discover.machines import Choice
from freehold.discover.rules import Listing
from freehold.people import access
from freehold.repos.rules import KINDS
from freehold.repos.tables import Repo
from freehold.searches import rules
from freehold.searches.errors import SearchNotFound
from freehold.searches.tables import SavedSearch, SearchMatch

PAGE = 25


@dataclass(frozen=True)
class Standing:
    """A search as its person sees it: how many match now and how many of them are new, or why it finds nothing."""

    search: SavedSearch
    matches: int
    new: int  #: up to ``rules.MAX_NEW``
    problem: str  #: empty: its address is as good as when it was saved


def mine(db: Session, actor: Actor, *, after: str = "", most: int = rules.MAX_SEARCHES) -> Sequence[SavedSearch]:
    """The searches of ``actor``, the newest first, older than the id ``after``. Raises as ``people.access.person``."""
    person = access.person(db, actor, reads=True)
    query = select(SavedSearch).where(SavedSearch.user_id == person.id)
    if after:
        query = query.where(SavedSearch.id < after)
    return db.scalars(query.order_by(SavedSearch.id.desc()).limit(most)).all()


def one(db: Session, actor: Actor, search_id: str, *, reads: bool = True) -> SavedSearch:
    """The search of this id if it is ``actor``'s. Raises :class:`SearchNotFound`, as ``people.access.person`` else."""
    person = access.person(db, actor, reads=reads)
    found = db.get(SavedSearch, search_id[:24])
    if found is None or found.user_id != person.id:
        raise SearchNotFound(f"You have no saved search {search_id[:24]!r}; it may be gone.")
    return found


def same(db: Session, user_id: str, kind: str, query: str) -> SavedSearch | None:
    """The search of a person for just this."""
    mine = select(SavedSearch).where(SavedSearch.user_id == user_id, SavedSearch.kind == kind)
    return db.scalars(mine.where(SavedSearch.query == query).limit(1)).first()


def standings(db: Session, actor: Actor, searches: Sequence[SavedSearch]) -> Sequence[Standing]:
    own = machines.of(db, actor)
    return [_standing(db, actor, search, own) for search in searches]


def _standing(db: Session, actor: Actor, search: SavedSearch, own: Mapping[str, Choice]) -> Standing:
    try:
        listing = listing_of(search, own)
    except HubError as err:
        return Standing(search, 0, 0, err.message)
    try:
        with savepoint(db):  # one that takes too long leaves the others their page
            total = counting.total(db, actor, listing)
    except TookTooLong as err:
        return Standing(search, 0, 0, err.message)
    return Standing(search, total, len(new(db, actor, search, listing, rules.MAX_NEW)), "")


def listing_of(search: SavedSearch, own: Mapping[str, Choice]) -> Listing:
    """What the search lists. Raises a ``HubError`` where its address is not good any more."""
    return replace(addresses.listing(search.kind, QueryParams(search.query), own), cursor=None)


def new(
    db: Session, actor: Actor, search: SavedSearch, listing: Listing, most: int, *, since: datetime | None = None
) -> Sequence[str]:
    """What was found after the person looked (or ``since``), still matches, and may be known to ``actor``: ids."""
    if listing.is_empty or actor.id != search.user_id:
        return ()
    after = SearchMatch.found_at > (since or search.looked_at)
    found = select(SearchMatch.repo_id).where(SearchMatch.search_id == search.id, after)
    return db.scalars(_among(db, actor, listing).where(Repo.id.in_(found)).order_by(Repo.id.desc()).limit(most)).all()


def unmailed(db: Session, actor: Actor, search: SavedSearch, listing: Listing, most: int) -> Sequence[Repo]:
    """Of what is new, what did not go out by mail; the newest first."""
    waits = (SearchMatch.found_at > search.looked_at, SearchMatch.mailed_at.is_(None))
    found = select(SearchMatch.repo_id).where(SearchMatch.search_id == search.id, *waits)
    query: Any = discover.asked_by(db, actor, select(Repo), listing)
    repos: Sequence[Repo] = db.scalars(query.where(Repo.id.in_(found)).order_by(Repo.id.desc()).limit(most)).all()
    return repos


def address(search: SavedSearch, **more: str) -> str:
    """The list, what changed last first, where what is new to the search is marked."""
    rest = urlencode({"sort": "lastModified", "saved": search.id, **more})
    return f"/{KINDS[search.kind][0]}?{search.query}{'&' if search.query else ''}{rest}"


def _among(db: Session, actor: Actor, listing: Listing) -> Select[Any]:
    return discover.asked_by(db, actor, select(Repo.id), listing)
