"""The task that goes on with a batch, for a while at a time: a slice."""

from sqlalchemy.orm import Session

from freehold.tasks.queue import enqueue
from freehold.tasks.rules import Kind

#: A slice ends by itself long before this; what hangs longer is begun anew by whoever is free.
RUN = Kind("batches.run", timeout_s=900, max_attempts=20, first_delay_s=2, max_delay_s=60, at_once=2)


def go_on(db: Session, batch_id: str, *, after_s: float = 0) -> None:
    """The batch goes on once the transaction is durable."""
    enqueue(db, RUN, key=f"batch {batch_id}", once=True, after_s=after_s, batch_id=batch_id)
