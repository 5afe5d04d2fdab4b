"""The queue's verbs: put in, take, renew, finish, put back, park. All but :func:`enqueue` are the worker's."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, literal, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from freehold.core import clock, events
from freehold.core.database import UtcDateTime
from freehold.core.errors import BadRequest, NotFound
from freehold.core.ids import new_id
from freehold.tasks.rules import MAX_ERROR_CHARS, Kind, checked_values
from freehold.tasks.tables import Task

#: A holder that says nothing for so long has lost its task.
LEASE = timedelta(seconds=60)
#: Clocks of several nodes may differ by less than this; a row from further ahead means that the clock went back.
SKEW = timedelta(minutes=10)
KEEP_FAILED = timedelta(days=30)
MAX_FAILED = 10_000


class NoSuchTask(NotFound):
    """No parked task has this id."""


class LeaseLost(Exception):
    """Somebody else has the task by now: what was done for it must not count."""


@dataclass(frozen=True)
class Claimed:
    """A task in our hands, until its lease ends."""

    id: str
    name: str
    values: dict[str, Any]
    attempts: int
    lease: str


def enqueue(
    db: Session, kind: Kind, *, key: str | None = None, once: bool = False, after_s: float = 0, **values: Any
) -> None:
    """The task is there once the transaction of ``db`` is durable, and begins not before ``after_s`` from now.

    Of tasks with one ``key``, one runs at a time. ``once``: where one of this kind and key waits already, that one
    stands for both (and begins when the earlier of the two would have); its own values stay.
    """
    assert key is not None or not once, "once needs a key to know the other by"
    values, now = checked_values(values), clock.now()
    due_at = now + timedelta(seconds=after_s)
    if not (once and key is not None and _stands_already(db, kind, key, due_at)):
        db.add(
            Task(
                id=new_id(),
                name=kind.name,
                key=key,
                values=values,
                attempts=0,
                due_at=due_at,
                lease=None,
                holder="",
                error="",
                created_at=now,
                touched_at=now,
            )
        )
        db.flush()
    wake: Callable[[], None] | None = db.info.get("wake_tasks")
    if wake is not None and "wakes_tasks" not in db.info:
        db.info["wakes_tasks"] = True  # once a transaction is enough
        events.after_commit(db, wake)


def _stands_already(db: Session, kind: Kind, key: str, due_at: datetime) -> bool:
    waiting = (Task.key == key, Task.name == kind.name, Task.lease.is_(None), Task.due_at.is_not(None))
    # Written even where it changes nothing: the row stays locked, so no worker takes it before this commit.
    sooner = case((Task.due_at > due_at, literal(due_at, UtcDateTime())), else_=Task.due_at)
    moved = db.execute(update(Task).where(*waiting).values(due_at=sooner).execution_options(synchronize_session=False))
    return bool(moved.rowcount)  # type: ignore[attr-defined]


# ---- for the worker ----------------------------------------------------------------------------------------


def next_due(db: Session, names: Collection[str]) -> datetime | None:
    """When the next task of these names may be taken; None when there is none."""
    return db.scalar(select(Task.due_at).where(*_of(names)).order_by(Task.due_at).limit(1))


def claim(db: Session, names: Collection[str], *, holder: str, not_leases: Collection[str]) -> Claimed | None:
    """One due task is ours, or None. ``not_leases``: what we hold already, lapsed only because the clock jumped."""
    now, other = clock.now(), aliased(Task)
    key_is_busy = select(other.id).where(other.key == Task.key, other.lease.is_not(None), other.id != Task.id)
    query = (
        select(Task)
        .where(*_of(names), Task.due_at <= now)
        .where(or_(Task.key.is_(None), ~key_is_busy.exists()))
        .order_by(Task.due_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=Task)
    )
    if not_leases:
        query = query.where(or_(Task.lease.is_(None), Task.lease.not_in(not_leases)))
    task = db.scalar(query)
    if task is None:
        return None
    lease = secrets.token_hex(16)
    taken = update(Task).where(Task.id == task.id).values(
        lease=lease,
        due_at=now + LEASE,
        holder=holder[:128],
        attempts=Task.attempts + 1,
        touched_at=now,
        error=_let_go(task, now) if task.lease else task.error,
    )  # fmt: skip
    try:
        with db.begin_nested():
            db.execute(taken.execution_options(synchronize_session=False))
    except IntegrityError:  # another node took one with the same key at the same moment
        return None
    return Claimed(task.id, task.name, task.values, task.attempts + 1, lease)


def _let_go(task: Task, now: datetime) -> str:
    silent_s = int((now - task.touched_at).total_seconds())
    return task.error or f"{task.holder} began attempt {task.attempts} and was not heard of for {silent_s} s."


def renew(db: Session, leases: Collection[str]) -> None:
    """These tasks are ours for another while."""
    now = clock.now()
    db.execute(update(Task).where(Task.lease.in_(leases)).values(due_at=now + LEASE, touched_at=now))


def finish(db: Session, task: Claimed) -> None:
    """The task is done. Raises :class:`LeaseLost` when it is not ours any more."""
    gone = db.execute(delete(Task).where(Task.id == task.id, Task.lease == task.lease))
    if not gone.rowcount:  # type: ignore[attr-defined]
        raise LeaseLost(task.id)


def put_back(db: Session, task: Claimed, error: str, *, after_s: float | None, counts: bool = True) -> None:
    """The task waits for another attempt after ``after_s``; None: it is parked as failed. Nothing when it is not ours.

    ``counts`` False: the attempt was not its own fault.
    """
    now = clock.now()
    mine = update(Task).where(Task.id == task.id, Task.lease == task.lease)
    db.execute(
        mine.values(
            lease=None,
            due_at=None if after_s is None else now + timedelta(seconds=after_s),
            error=error.replace("\x00", "�")[: MAX_ERROR_CHARS + 100],
            touched_at=now,
            attempts=Task.attempts - (0 if counts else 1),
        ).execution_options(synchronize_session=False)
    )


def rescue_from_the_future(db: Session) -> int:
    """After the clock went back: what waits for a moment of the other time waits no longer. Returns how many."""
    now = clock.now()
    moved = db.execute(update(Task).where(Task.touched_at > now + SKEW, Task.due_at > now).values(due_at=now))
    return int(moved.rowcount)  # type: ignore[attr-defined]


def has_future(db: Session) -> bool:
    """Whether a row was written at a moment that is still to come."""
    return db.scalar(select(Task.id).where(Task.touched_at > clock.now() + SKEW).limit(1)) is not None


def prune(db: Session) -> None:
    """Parked tasks that nobody looked at for long are gone, and the oldest where there are very many."""
    is_parked = Task.due_at.is_(None)
    db.execute(delete(Task).where(is_parked, Task.touched_at < clock.now() - KEEP_FAILED))
    newest = select(Task.touched_at).where(is_parked).order_by(Task.touched_at.desc()).offset(MAX_FAILED).limit(1)
    oldest_kept = db.scalar(newest)
    if oldest_kept is not None:
        db.execute(delete(Task).where(is_parked, Task.touched_at <= oldest_kept))


def _of(names: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    # An older node leaves what it does not know to the newer ones.
    return (Task.due_at.is_not(None), Task.name.in_(names))


# ---- for whoever runs the hub ------------------------------------------------------------------------------


def unfinished(db: Session, *, only_failed: bool = False, limit: int = 100) -> Sequence[Task]:
    """Tasks that are not done, parked ones first, then by when they are due."""
    query = select(Task).order_by(Task.due_at.is_not(None), Task.due_at, Task.touched_at.desc()).limit(limit)
    return db.scalars(query.where(Task.due_at.is_(None)) if only_failed else query).all()


def listed(db: Session, *, state: str = "", name: str = "", limit: int = 100) -> Sequence[Task]:
    """Tasks of one state (``waiting``, ``late``, ``running``, ``failed``; empty: all), the failed ones first.

    Late: due, and nobody has taken it.
    """
    query = select(Task).order_by(Task.due_at.is_not(None), Task.lease.is_(None), Task.due_at, Task.id).limit(limit)
    states = {
        "waiting": (Task.due_at.is_not(None), Task.lease.is_(None)),
        "late": (Task.due_at < clock.now(), Task.lease.is_(None)),
        "running": (Task.lease.is_not(None),),
        "failed": (Task.due_at.is_(None),),
    }
    query = query.where(*states.get(state, ()))
    return db.scalars(query.where(Task.name == name) if name else query).all()


def longest_due(db: Session) -> datetime | None:
    """Since when the task waits that has waited longest for somebody to take it; None: none is late."""
    return db.scalar(select(func.min(Task.due_at)).where(Task.due_at < clock.now(), Task.lease.is_(None)))


@dataclass(frozen=True)
class Counts:
    """How many tasks there are of each state."""

    waiting: int
    running: int
    failed: int


def counts(db: Session) -> Counts:
    running = func.count(Task.lease)
    total, leased, due = db.execute(select(func.count(), running, func.count(Task.due_at)).select_from(Task)).one()
    return Counts(waiting=due - leased, running=leased, failed=total - due)


def retry(db: Session, task_id: str) -> Task:
    """The parked task is tried again, as if for the first time. Raises :class:`NoSuchTask`, ``BadRequest``."""
    task = _parked(db, task_id)
    task.attempts, task.due_at, task.touched_at = 0, clock.now(), clock.now()
    db.flush()
    return task


def drop(db: Session, task_id: str) -> None:
    """The parked task is gone. Raises :class:`NoSuchTask`, ``BadRequest``."""
    db.delete(_parked(db, task_id))
    db.flush()


def _parked(db: Session, task_id: str) -> Task:
    task = db.get(Task, task_id)
    if task is None:
        raise NoSuchTask(f"No task has the id {task_id[:24]!r}; it may be done. List them with: freehold tasks")
    if task.due_at is not None:
        raise BadRequest(f"Task {task.id} is not parked: it is tried again by itself.")
    return task
