"""What has come to match: repositories that changed are held against all saved searches, in batches.

The log of changes says which changed, whatever verb did it. Searches for the same are asked once; what is found is then
judged by the rights of each person. What a search knows is written before anybody is told, so that a turn that runs
twice, or on two nodes, tells nobody twice.
"""

import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.access.service import of_user
from freehold.accounts.tables import Account
from freehold.cards.tables import RepoFacts
from freehold.core import clock
from freehold.core.database import Database, bounded
from freehold.core.errors import HubError, TookTooLong
from freehold.core.events import publish, savepoint
from freehold.core.instance import InstanceValue
from freehold.discover import changes, machines
from freehold.discover import queries as discover
from freehold.discover.changes import FellBehind, Position
from freehold.discover.rules import Listing
from freehold.repos.access import may, visible
from freehold.repos.tables import Repo
from freehold.searches import queries, rules
from freehold.searches.events import MatchesChanged
from freehold.searches.tables import SavedSearch, SearchMatch

log = logging.getLogger("freehold.searches")
_PLACE = "searches_position"
#: Repositories held against the searches at a time, searches read at a time, and told of in one transaction.
REPOS, SEARCHES, TOLD = 400, 500, 50
#: Seconds after which a turn leaves the rest to the next; changes taken in where too many were missed to read them all.
TURN_S, MAX_MISSED = 30.0, 20_000
#: Seconds that one search may take to be held against a batch.
MATCH_S = 5.0
#: A place in the log that is older goes forward though nothing changed, lest what it remembers be pruned.
REFRESH = timedelta(minutes=10)


@dataclass
class People:
    """Who the persons of the searches are now, and their machines; read once a turn."""

    db: Session
    _actors: dict[str, Actor | None] = field(default_factory=dict)
    _listings: dict[tuple[str, str, str], Listing | None] = field(default_factory=dict)

    def actor(self, user_id: str) -> Actor | None:
        """None: gone, or disabled."""
        if user_id not in self._actors:
            user = self.db.get(Account, user_id)
            self._actors[user_id] = None if user is None or user.is_disabled else of_user(self.db, user)
        return self._actors[user_id]

    def listing(self, search: SavedSearch) -> tuple[tuple[str, str, str], Listing | None]:
        """What the search asks for, under a key that searches for the same share; None: its address is not good."""
        is_own = "fits=" in search.query and "%3A" in search.query  # whose machines it means depends on who asks
        key = (search.kind, search.query, search.user_id if is_own else "")
        if key not in self._listings:
            actor = self.actor(search.user_id)
            try:
                own = machines.of(self.db, actor) if is_own and actor is not None else {}
                self._listings[key] = queries.listing_of(search, own)
            except HubError:  # said on the page of its person's searches
                self._listings[key] = None
        return key, self._listings[key]


def begin(db: Session) -> None:
    """There is a search: the log is read from here on, if nobody reads it yet."""
    if db.get(InstanceValue, _PLACE) is None:
        db.add(InstanceValue(name=_PLACE, value=_written(changes.position(db))))
        db.flush()


def waits(database: Database) -> bool:
    """Whether anything changed since the last turn, or that turn is long ago."""
    with _snapshot(database) as db:
        kept = db.get(InstanceValue, _PLACE)
        if kept is None:
            return False
        place, looked = _read(kept.value)
        if clock.now() - looked > REFRESH:
            return place.at != changes.position(db).at
        try:
            return bool(changes.since(db, place, 1).repo_ids)
        except FellBehind:
            return True


def turn(database: Database) -> None:
    """Everything that changed until now was held against every search, or as much as fits into :data:`TURN_S`."""
    ends_at = time.monotonic() + TURN_S
    while time.monotonic() < ends_at:
        with _snapshot(database) as db:
            kept = db.get(InstanceValue, _PLACE)
            if kept is None:
                return
            before = kept.value
            repo_ids, position, is_all = _news(db, before)
        for at in range(0, len(repo_ids), REPOS):
            _hold(database, repo_ids[at : at + REPOS])
        with database.write() as db:
            _go_on(db, before, position)
        if is_all:
            return


@contextmanager
def _snapshot(database: Database) -> Iterator[Session]:
    """Reads that see one moment, as the log of changes asks for (PostgreSQL would show each query its own)."""
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with Session(connection) as db:
            yield db


def _news(db: Session, kept: str) -> tuple[Sequence[str], Position, bool]:
    """What changed since, where to go on from, and whether that is all there is."""
    place, looked = _read(kept)
    try:
        news = changes.since(db, place, REPOS)
        is_all = db.get_bind().dialect.name == "postgresql" or len(news.repo_ids) < REPOS
        return list(dict.fromkeys(news.repo_ids)), news.position, is_all
    except FellBehind:
        log.warning("Changes since %s were pruned before saved searches were held against them.", looked)
        changed = or_(Repo.updated_at >= looked, RepoFacts.computed_at >= looked)
        query = select(Repo.id).outerjoin(RepoFacts, RepoFacts.repo_id == Repo.id).where(changed)
        missed = db.scalars(query.order_by(Repo.updated_at.desc()).limit(MAX_MISSED)).all()
        return missed, changes.position(db), True


def _go_on(db: Session, before: str, position: Position) -> None:
    """The next turn goes on from there, unless another node went on meanwhile. Without searches nobody reads on."""
    kept = db.get(InstanceValue, _PLACE)
    if kept is None or kept.value != before:
        return
    if db.scalar(select(SavedSearch.id).where(SavedSearch.is_paused.is_(False)).limit(1)) is None:
        db.delete(kept)
    else:
        kept.value = _written(position)


def _written(position: Position) -> str:
    return json.dumps({"at": position.at, "seen": sorted(position.seen), "looked": clock.now().isoformat()})


def _read(value: str) -> tuple[Position, datetime]:
    said = json.loads(value)
    return Position(said["at"], frozenset(said["seen"])), datetime.fromisoformat(said["looked"])


# ---- one batch of repositories -----------------------------------------------------------------------------


def _hold(database: Database, repo_ids: Sequence[str]) -> None:
    """These repositories are held against every search, and what came of it is told."""
    after = ""
    while True:
        with database.read() as db:
            query = select(SavedSearch).where(SavedSearch.id > after, SavedSearch.is_paused.is_(False))
            searches = db.scalars(query.order_by(SavedSearch.id).limit(SEARCHES)).all()
            found = _found(db, searches, repo_ids)
            touched = _touched(db, searches, repo_ids) | set(found)
        concerned = [search.id for search in searches if search.id in touched]
        for at in range(0, len(concerned), TOLD):
            with database.write() as db:
                people = People(db)
                for search_id in concerned[at : at + TOLD]:
                    _tell(db, people, search_id, found.get(search_id, ()))
        if len(searches) < SEARCHES:
            return
        after = searches[-1].id


def _found(db: Session, searches: Sequence[SavedSearch], repo_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """By search, the repositories that match now and are not known to it, and that its person may know of."""
    people, groups = People(db), defaultdict(list)
    listings: dict[Any, Listing] = {}
    for search in searches:
        key, listing = people.listing(search)
        if listing is not None and not listing.is_empty:
            groups[key].append(search)
            listings[key] = listing
    found = {}
    for key, listing in listings.items():
        hits = _hits(db, listing, repo_ids)
        for search in groups[key] if hits else ():
            if fresh := _fresh(db, people.actor(search.user_id), search, hits):
                found[search.id] = fresh
    return found


def _hits(db: Session, listing: Listing, repo_ids: Sequence[str]) -> Sequence[str]:
    """Which of these match; none where the database cannot tell: one search must not keep the others from theirs."""
    query: Any = discover.filtered(select(Repo.id), listing).where(Repo.id.in_(repo_ids))
    try:
        with savepoint(db), bounded(db, MATCH_S):
            found: Sequence[str] = db.scalars(query).all()
            return found
    except (DBAPIError, TookTooLong):
        log.exception("A saved search for %s was left out this time.", listing.kind)
        return ()


def _fresh(db: Session, actor: Actor | None, search: SavedSearch, hits: Sequence[str]) -> Sequence[str]:
    if actor is None:
        return ()
    known = select(SearchMatch.repo_id).where(SearchMatch.search_id == search.id)
    query: Any = visible(select(Repo.id).where(Repo.id.in_(hits), Repo.id.not_in(known)), actor)
    if search.made_after is not None:
        query = query.where(Repo.created_at >= search.made_after)
    fresh: Sequence[str] = db.scalars(query).all()
    return fresh


def _touched(db: Session, searches: Sequence[SavedSearch], repo_ids: Sequence[str]) -> set[str]:
    """Searches to which one of these was new, and may be so no more: it became private, or does not match now."""
    query = select(SearchMatch.search_id).join(SavedSearch, SavedSearch.id == SearchMatch.search_id)
    query = query.where(SearchMatch.repo_id.in_(repo_ids), SearchMatch.found_at > SavedSearch.looked_at)
    return set(db.scalars(query.where(SearchMatch.search_id.in_([search.id for search in searches])).distinct()))


def _tell(db: Session, people: People, search_id: str, repo_ids: Sequence[str]) -> None:
    """What was found is known to the search, and its person is told how much is new, by their rights of this moment."""
    search = db.get(SavedSearch, search_id)
    actor = people.actor(search.user_id) if search is not None else None
    if search is None or actor is None or search.is_paused:
        return
    is_fresh = sum(_keep(db, search, repo_id) for repo_id in repo_ids) > 0
    if is_fresh:
        _bound(db, search)
    _, listing = people.listing(search)
    new = queries.new(db, actor, search, listing, rules.MAX_NEW) if listing is not None else ()
    only = db.get(Repo, new[0]) if len(new) == 1 else None
    if only is not None and not may(actor, Action.READ, only):
        only = None  # behind a gate: that there is one may be known, and is all that is said
    publish(db, MatchesChanged(search, len(new), only, is_fresh and bool(new)))


def _keep(db: Session, search: SavedSearch, repo_id: str) -> bool:
    """The search knows the repository; whether it did not before."""
    if db.get(SearchMatch, (search.id, repo_id)) is not None:
        return False
    row = {"search_id": search.id, "repo_id": repo_id, "found_at": clock.now(), "mailed_at": None}
    try:
        with savepoint(db):
            db.execute(insert(SearchMatch), [row])
    except IntegrityError:  # another node was first, or the repository is gone
        return False
    return True


def _bound(db: Session, search: SavedSearch) -> None:
    """A search that came to know too much goes by when things are made from now on, and forgets the rest."""
    knows = select(func.count()).select_from(SearchMatch).where(SearchMatch.search_id == search.id)
    if (db.scalar(knows) or 0) <= 2 * rules.MAX_KNOWN:
        return
    newest = select(SearchMatch.repo_id).where(SearchMatch.search_id == search.id, SearchMatch.found_at.is_not(None))
    kept = db.scalars(newest.order_by(SearchMatch.found_at.desc()).limit(rules.MAX_NEW)).all()
    of_search = delete(SearchMatch).where(SearchMatch.search_id == search.id)
    db.execute(of_search.where(SearchMatch.repo_id.not_in(kept)))
    search.made_after = clock.now()
    db.flush()
