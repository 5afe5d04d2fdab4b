"""How the hub is, in words for everybody: no address, no size and no name of what it keeps."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text

from freehold.core import clock
from freehold.core.database import Database
from freehold.stores.store import Store
from freehold.tasks import queue
from freehold.tasks.tables import Task

#: Strangers may ask as often as they like: the hub looks at itself this often at most.
KEPT_S = 10
SLOW_S = 1.0
LATE = timedelta(minutes=15)


@dataclass(frozen=True)
class Part:
    """One thing the hub depends on. ``state``: ``well``, ``warn`` (it works, with trouble) or ``down``."""

    name: str
    state: str
    word: str
    told: str


def look(state: Any, database: Database, store: Store) -> tuple[Sequence[Part], datetime]:
    """The parts as they are now, or were up to :data:`KEPT_S` ago; leaves two words for the foot of every page."""
    kept = getattr(state, "looked", None)
    if kept is not None and time.monotonic() - kept[0] < KEPT_S:
        return kept[1], kept[2]
    parts = (_database(database), _store(store), _tasks(database))
    worst = {part.state for part in parts}
    state.health = "Not well" if "down" in worst else "In trouble" if "warn" in worst else "All well"
    looked_at = clock.now()
    state.looked = (time.monotonic(), parts, looked_at)
    return parts, looked_at


def _database(database: Database) -> Part:
    started = time.monotonic()
    try:
        with database.read() as db:
            db.execute(text("SELECT 1"))
    except Exception:  # whatever it is: this page says that it does not answer
        return Part("Database", "down", "does not answer", "Nothing can be read or changed until it does.")
    if time.monotonic() - started > SLOW_S:
        return Part("Database", "warn", "slow", "It answers, after more than a second.")
    return Part("Database", "well", "well", "It answers at once.")


def _store(store: Store) -> Part:
    started = time.monotonic()
    try:
        store.size("health/nothing-lies-here")
    except Exception:
        return Part("Store", "down", "does not answer", "Files can be neither read nor written until it does.")
    if time.monotonic() - started > SLOW_S:
        return Part("Store", "warn", "slow", "It answers, after more than a second.")
    return Part("Store", "well", "well", "It answers at once.")


def _tasks(database: Database) -> Part:
    try:
        with database.read() as db:
            counts = queue.counts(db)
            oldest = db.scalar(select(func.min(Task.due_at)).where(Task.lease.is_(None)))
    except Exception:
        return Part("Tasks", "down", "not known", "The database has to answer first.")
    if counts.failed:
        return Part("Tasks", "warn", "some failed", "An administrator can see why, and try them again.")
    if oldest is not None and clock.now() - oldest > LATE:
        return Part("Tasks", "warn", "late", "Work waits for longer than a quarter of an hour.")
    return Part("Tasks", "well", "well", "Nothing waits for long, and nothing has failed.")
