"""Counting as it goes on by itself: a round through all public repositories, a slice at a time."""

import time

from freehold.core import clock
from freehold.core.database import Database
from freehold.tasks.periodic import Periodic
from freehold.trends import queries, service

EVERY_S = 5
#: Of one slice: the first round, after an upgrade, is waited for; later ones leave the machine to others.
FIRST_SLICE_S, SLICE_S = 3.0, 0.25


def periodics(database: Database) -> tuple[Periodic, ...]:
    """What happens every so often."""
    return (Periodic("trends", EVERY_S, Counting(database).turn),)


class Counting:
    """Goes on where whichever node counted last has stopped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def turn(self) -> None:
        """A slice of the round is counted, if one is due and nobody else is at it."""
        with self._database.read() as db:
            if not service.is_due(queries.round_(db), clock.now()):
                return
        with self._database.write() as db:
            mine = service.take(db)
            if mine is None:
                return
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
