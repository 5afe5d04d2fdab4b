"""How what nobody touches gets what newer releases keep of it."""

from collections.abc import Callable

from sqlalchemy import Select
from sqlalchemy.orm import Session

from freehold.core.database import Database

#: Things that are asked for at a time.
BATCH = 200


class Backfill:
    """Asks for what things lack, or have of an older version: once through all of them, in batches.

    ``lacking(after)`` is a query for the ids behind ``after``, in their order; ``ask`` wants it for one of them.
    """

    def __init__(
        self,
        database: Database,
        lacking: Callable[[str], Select[str]],
        ask: Callable[[Session, str], object],
        *,
        batch: int = BATCH,
    ) -> None:
        self._database, self._lacking, self._ask, self._batch = database, lacking, ask, batch
        self._after: str | None = ""

    def turn(self) -> int:
        """The next batch is asked for; how many. Costs nothing once there are no more."""
        if self._after is None:
            return 0
        with self._database.read() as db:
            found = list(db.scalars(self._lacking(self._after).limit(self._batch)))
        if found:
            with self._database.write() as db:
                for repo_id in found:
                    self._ask(db, repo_id)
        self._after = found[-1] if len(found) == self._batch else None
        return len(found)
