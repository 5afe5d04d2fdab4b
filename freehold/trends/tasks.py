"""Counting as it goes on by itself."""

from freehold.core.database import Database
from freehold.tasks.periodic import Periodic
from freehold.trends.apart import Apart
from freehold.trends.counting import Counting

EVERY_S = 5


def periodics(database: Database) -> tuple[Periodic, ...]:
    """What happens every so often."""
    return (Rounds(database),)


class Rounds(Periodic):
    """Slices of rounds, here; the first round of a large hub is counted apart."""

    def __init__(self, database: Database) -> None:
        self._counting, self._apart = Counting(database), Apart(database)
        super().__init__("trends", EVERY_S, self._slice)

    def stop(self) -> None:
        super().stop()
        self._apart.end()

    def _slice(self) -> None:
        if not self._apart.is_at_it():
            self._counting.turn()
