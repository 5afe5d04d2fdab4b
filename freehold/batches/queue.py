"""The task that goes on with a batch, for a while at a time: a slice."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from freehold.tasks.queue import enqueue
from freehold.tasks.rules import Kind
from freehold.tasks.tables import Task

#: A slice ends by itself long before this; what hangs longer is begun anew by whoever is free.
RUN = Kind("batches.run", timeout_s=900, max_attempts=20, first_delay_s=2, max_delay_s=60, at_once=2)


def go_on(db: Session, batch_id: str, *, after_s: float = 0) -> None:
    """The batch goes on once the transaction is durable."""
    enqueue(db, RUN, key=f"batch {batch_id}", once=True, after_s=after_s, batch_id=batch_id)


def given_up(db: Session, most: int) -> Sequence[str]:
    """Ids of batches that no task goes on with any more: every attempt of the last one failed."""
    other = aliased(Task)
    goes_on = select(other.id).where(other.key == Task.key, other.name == RUN.name, other.due_at.is_not(None)).exists()
    parked = select(Task.key).where(Task.name == RUN.name, Task.due_at.is_(None), ~goes_on).limit(most)
    return [str(key).partition(" ")[2] for key in db.scalars(parked)]
