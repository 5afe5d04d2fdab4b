"""The verbs of a person's saved searches."""

from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams

from freehold.access.rules import Actor
from freehold.core import clock
from freehold.core.events import publish
from freehold.core.ids import ordered_id
from freehold.discover import addresses, machines
from freehold.discover import queries as discover
from freehold.discover.rules import Listing
from freehold.people import access
from freehold.repos.tables import Repo
from freehold.searches import matching, queries, rules
from freehold.searches.errors import BadSearch, SearchExists, TooManySearches
from freehold.searches.events import SearchEnded, SearchLooked
from freehold.searches.tables import SavedSearch, SearchMatch


@dataclass(frozen=True)
class Notice:
    """How a search tells what is new: in the inbox, and by ``mail`` (``rules.MAIL``)."""

    in_page: bool = True
    mail: str = "none"


def save(db: Session, actor: Actor, kind: str, query: str, name: str, notice: Notice) -> SavedSearch:
    """What the list of ``kind`` with this address finds is looked for from now on; what matches already is not new.

    Raises :class:`BadSearch` and what the list raises for an address that is none, :class:`SearchExists`,
    :class:`TooManySearches`, and as ``people.access.person``.
    """
    person, name = access.person(db, actor), rules.checked_name(name)
    rules.checked_mail(notice.mail)
    if len(query) > rules.MAX_QUERY:
        raise BadSearch(f"A search has an address of up to {rules.MAX_QUERY:,} characters.")
    own, given = machines.of(db, actor), QueryParams(query)
    spoken = addresses.spoken(rules.checked_kind(kind), given, own)
    _refuse_more(db, person.id, kind, spoken, name)
    search = SavedSearch(
        id=ordered_id(),
        user_id=person.id,
        name=name,
        name_key=rules.name_key(name),
        kind=kind,
        query=spoken,
        in_page=notice.in_page,
        mail=notice.mail,
        is_paused=False,
        made_after=None,
        created_at=clock.now(),
        looked_at=clock.now(),
    )
    db.add(search)
    db.flush()
    _know(db, actor, search, addresses.listing(kind, given, own))
    matching.begin(db)
    return search


def change(
    db: Session,
    actor: Actor,
    search_id: str,
    *,
    name: str | None = None,
    notice: Notice | None = None,
    is_paused: bool | None = None,
) -> SavedSearch:
    """Its name, how it tells, whether it pauses; None stays. What matches when it goes on again is not new."""
    search = queries.one(db, actor, search_id, reads=False)
    if name is not None and rules.name_key(rules.checked_name(name)) != search.name_key:
        _refuse_name(db, search.user_id, rules.checked_name(name))
    if name is not None:
        search.name = rules.checked_name(name)
        search.name_key = rules.name_key(search.name)
    if notice is not None:
        search.in_page, search.mail = notice.in_page, rules.checked_mail(notice.mail)
    if is_paused is not None and is_paused != search.is_paused:
        search.is_paused = is_paused
        if is_paused:
            publish(db, SearchEnded(search))
        else:
            own = machines.of(db, actor)
            _know(db, actor, search, queries.listing_of(search, own))
            matching.begin(db)
    db.flush()
    return search


def remove(db: Session, actor: Actor, search_id: str) -> str:
    """The search is gone; its name."""
    search = queries.one(db, actor, search_id, reads=False)
    publish(db, SearchEnded(search))
    db.delete(search)
    db.flush()
    return search.name


def look(db: Session, actor: Actor, search_id: str) -> SavedSearch:
    """Nothing that was found until now is new any more."""
    search = queries.one(db, actor, search_id, reads=False)
    search.looked_at = clock.now()
    publish(db, SearchLooked(search))
    db.flush()
    return search


def mailed(db: Session, search: SavedSearch) -> None:
    """What was found until now went out by mail, or need not any more."""
    waits = (SearchMatch.search_id == search.id, SearchMatch.found_at.is_not(None), SearchMatch.mailed_at.is_(None))
    db.execute(update(SearchMatch).where(*waits).values(mailed_at=clock.now()))


def _know(db: Session, actor: Actor, search: SavedSearch, listing: Listing) -> None:
    """What matches now, and was not known, is known; where that is too much, only what is made from now on is told."""
    ids = []
    if not listing.is_empty:
        matching_now = discover.asked_by(db, actor, select(Repo.id), listing)
        ids = list(db.scalars(matching_now.limit(rules.MAX_KNOWN + 1)))
    search.made_after = clock.now() if len(ids) > rules.MAX_KNOWN else None
    if search.made_after is not None:
        return
    known = set(db.scalars(select(SearchMatch.repo_id).where(SearchMatch.search_id == search.id)))
    rows = [{"search_id": search.id, "repo_id": one, "found_at": None, "mailed_at": None} for one in ids]
    if fresh := [row for row in rows if row["repo_id"] not in known]:
        db.execute(insert(SearchMatch), fresh)


def _refuse_more(db: Session, user_id: str, kind: str, query: str, name: str) -> None:
    there = db.scalars(select(SavedSearch.id).where(SavedSearch.user_id == user_id)).all()
    if len(there) >= rules.MAX_SEARCHES:
        raise TooManySearches(f"You have {rules.MAX_SEARCHES} saved searches, the most. Delete one first.")
    found = queries.same(db, user_id, kind, query)
    if found is not None:
        raise SearchExists(f"You saved this search already, as {found.name}.")
    _refuse_name(db, user_id, name)


def _refuse_name(db: Session, user_id: str, name: str) -> None:
    same = select(SavedSearch.id).where(SavedSearch.user_id == user_id, SavedSearch.name_key == rules.name_key(name))
    if db.scalar(same):
        raise SearchExists(f"You have a saved search called {name}.", field="name")
