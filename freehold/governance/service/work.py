"""Background tasks: try a failed one again, or forget it."""

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.governance import access
from freehold.governance.service import trail
from freehold.governance.service.trail import Thing
from freehold.tasks import queue
from freehold.tasks.tables import Task


def retry(db: Session, actor: Actor, task_id: str) -> Task:
    """The parked task is tried again at once. Raises ``NoSuchTask``, and ``BadRequest`` for one that is not parked."""
    access.administer(actor, writes=True)
    task = queue.retry(db, task_id)
    trail.record(db, "task.retried", Thing("task", task.id, task.name), actor=actor)
    return task


def drop(db: Session, actor: Actor, task_id: str) -> None:
    """The parked task is forgotten."""
    access.administer(actor, writes=True)
    task = db.get(Task, task_id)
    name, error = (task.name, task.error) if task is not None else ("", "")
    queue.drop(db, task_id)
    trail.record(db, "task.dropped", Thing("task", task_id, name), actor=actor, error=error)


def retry_all(db: Session, actor: Actor, *, limit: int = 500) -> int:
    """Every parked task is tried again, up to ``limit``; how many."""
    access.administer(actor, writes=True)
    found = queue.unfinished(db, only_failed=True, limit=limit)
    for task in found:
        queue.retry(db, task.id)
    if found:
        trail.record(db, "task.retried", Thing("task", "", "every failed task"), actor=actor, count=len(found))
    return len(found)
