"""What runs in the background: changed repositories are held against saved searches."""

from freehold.core.database import Database
from freehold.searches import matching
from freehold.tasks.periodic import Periodic
from freehold.tasks.queue import enqueue
from freehold.tasks.rules import Kind
from freehold.tasks.worker import Body, Turn

#: One at a time on the whole hub, whichever node looked first.
MATCH = Kind("searches.match", timeout_s=300)
EVERY_S = 15


def bodies() -> dict[Kind, Body]:
    """Each kind with its body, for the worker."""

    def match(turn: Turn) -> None:
        matching.turn(turn.database)
        with turn.finishing():
            pass

    return {MATCH: match}


def periodics(database: Database) -> tuple[Periodic, ...]:
    """What happens every so often."""
    return (Periodic("new matches of saved searches", EVERY_S, lambda: look(database)),)


def look(database: Database) -> None:
    """Where something changed, a turn is asked for."""
    if not matching.waits(database):
        return
    with database.write() as db:
        enqueue(db, MATCH, key="searches.match", once=True)
