"""Counts of lists, kept while nothing changes in them: the database itself tells when something did.

A page of a list asks for a hundred numbers, and most readers ask for the same ones. Each is kept with the state of the
database that it was counted in (the end of the log of changes), so none is ever late.
"""

from collections.abc import Callable, Hashable
from typing import TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.core.lru import Lru
from freehold.discover import changes
from freehold.discover.rules import Listing
from freehold.repos.access import reach

T = TypeVar("T")
#: Answers kept in a process; one with all its numbers takes some 10 kB.
MAX_KEPT = 200
#: By database, so that two in one process (tests have them) do not answer for each other.
_kept: WeakKeyDictionary[object, Lru[Hashable, object]] = WeakKeyDictionary()


def kept(db: Session, actor: Actor, listing: Listing, what: Hashable, count: Callable[[], T]) -> T:
    """What ``count`` gives for ``listing`` and ``what``, kept while nothing changes, for readers who see the same.

    A transaction that writes counts for itself: nobody else may see what it does. So does a search in texts, whose
    changes are not in the log.
    """
    bind = db.get_bind()
    if listing.text or not isinstance(bind, Engine) or db.connection().get_execution_options().get("freehold_writes"):
        return count()
    mine = _kept.get(bind) or _kept.setdefault(bind, Lru(MAX_KEPT))
    key = (_state(db), reach(actor), _asked(listing), what)
    found = mine.get(key)
    if found is None:
        found = mine.put(key, count())
    return found  # type: ignore[return-value]


def _state(db: Session) -> Hashable:
    """Two transactions of one state see the same lists."""
    if db.get_bind().dialect.name == "postgresql":
        return str(db.scalar(text("SELECT pg_current_snapshot()::text")))
    return changes.position(db).at


def _asked(listing: Listing) -> Hashable:
    """What a listing is narrowed by."""
    tags = tuple(tuple(group) for group in listing.tags)
    answers = tuple(sorted(listing.answers)), tuple(listing.answers[name] for name in sorted(listing.answers))
    return listing.kind, listing.is_empty, listing.search, listing.author, tags, listing.pipeline_tag, answers
