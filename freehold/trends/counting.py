"""Counting: a round through all public repositories, a slice at a time."""

import time

from freehold.core import clock
from freehold.core.database import Database
from freehold.trends import queries, service

#: Of one slice: the first round, after an upgrade, is waited for; later ones leave the machine to others.
FIRST_SLICE_S, SLICE_S = 3.0, 0.25


class Counting:
    """Goes on where whichever node counted last has stopped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def turn(self) -> bool:
        """A slice of the round is counted, if one is due and nobody else is at it; whether it was."""
        with self._database.read() as db:
            if not service.is_due(queries.round_(db), clock.now()):
                return False
        with self._database.write() as db:
            mine = service.take(db)
            if mine is None:
                return False
            after, slice_s = mine.after, SLICE_S if mine.finished_at else FIRST_SLICE_S
        until = time.monotonic() + slice_s
        while True:
            after, is_over = self._batch(after)
            if is_over or time.monotonic() > until:
                break
        with self._database.write() as db:
            service.advance(db, after, is_over=is_over)
        if is_over:
            with self._database.write() as db:
                service.prune(db)
        return True

    def _batch(self, after: str) -> tuple[str, bool]:
        """The next repositories are counted: the last of them, and whether they were the last of all."""
        with self._database.read() as db:
            found = queries.public(db, after, service.BATCH)
            is_over = len(found) < service.BATCH
            strays = service.strays(db, after, "" if is_over else found[-1])
            steps = service.prepared(db, found)
        for part in service.batches(steps):
            with self._database.write() as db:
                service.count(db, part)
        if strays:
            with self._database.write() as db:
                service.withdraw(db, service.strays(db, after, "" if is_over else found[-1]))
        return found[-1] if found else after, is_over
