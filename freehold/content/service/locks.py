"""Locks of git-lfs: one person says that they are at work on a file. Source: git-lfs docs/api/locking.md.

A lock binds whoever pushes, through git as through the API, until its owner (or another writer, by force) takes it off.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import rules
from freehold.content.errors import FileLocked, LockExists, LockNotFound, NotYourLock, OverLimit
from freehold.content.tables import Lock
from freehold.core import clock
from freehold.core.ids import new_id
from freehold.repos import service as repos
from freehold.repos.tables import Repo

MAX_LOCKS = 10_000
MAX_PAGE = 1000


@dataclass(frozen=True)
class Page:
    """Some locks by age, and the cursor to the next ones."""

    locks: list[Lock]
    next_cursor: str | None


def create(db: Session, actor: Actor, path: str, file: str, *, kind: str) -> Lock:
    """``file`` is locked for ``actor``. Raises :class:`LockExists`, which carries the lock that is there."""
    repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
    rules.checked_path(file)
    known = _at(db, repo, file)
    if known is not None:
        raise LockExists(told(known))
    if (db.scalar(select(func.count()).where(Lock.repo_id == repo.id)) or 0) >= MAX_LOCKS:
        raise OverLimit(f"A repository has {MAX_LOCKS} locks at most; take some off.")
    lock = Lock(
        id=new_id(), repo_id=repo.id, path=file, path_hash=_hash(file), owner_id=actor.id, locked_at=clock.now()
    )
    try:
        with db.begin_nested():
            db.add(lock)
    except IntegrityError as err:
        known = _at(db, repo, file)
        if known is None:
            raise
        raise LockExists(told(known)) from err
    db.refresh(lock, ["owner"])
    return lock


def found(
    db: Session,
    actor: Actor,
    path: str,
    *,
    kind: str,
    file: str | None = None,
    lock_id: str | None = None,
    cursor: str | None = None,
    limit: int = MAX_PAGE,
) -> Page:
    """The locks of a repository, for its readers: all, the one of ``file``, or the one called ``lock_id``."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    query = select(Lock).where(Lock.repo_id == repo.id)
    if file:
        query = query.where(Lock.path_hash == _hash(file))
    if lock_id:
        query = query.where(Lock.id == lock_id[:24])
    if cursor:
        query = query.where(Lock.id > cursor[:24])  # ids are in the order they were made
    size = max(1, min(limit, MAX_PAGE))
    rows = list(db.scalars(query.order_by(Lock.id).limit(size + 1)))
    return Page(rows[:size], rows[size - 1].id if len(rows) > size else None)


def to_verify(
    db: Session, actor: Actor, path: str, *, kind: str, cursor: str | None = None, limit: int = MAX_PAGE
) -> Page:
    """What a push has to mind, for whoever may push at all (to a pull request of their own at least)."""
    repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    return found(db, actor, path, kind=kind, cursor=cursor, limit=limit)


def remove(db: Session, actor: Actor, path: str, lock_id: str, *, kind: str, force: bool = False) -> Lock:
    """The lock is off; it as it was. Raises :class:`NotYourLock` for another's, unless by ``force``."""
    repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
    lock = db.scalar(select(Lock).where(Lock.repo_id == repo.id, Lock.id == lock_id[:24]))
    if lock is None:
        raise LockNotFound
    if lock.owner_id != actor.id and not force:
        raise NotYourLock(lock.path, lock.owner.name)
    db.delete(lock)
    db.flush()
    return lock


def refuse_locked(db: Session, actor: Actor, repo: Repo, files: Collection[str]) -> None:
    """Raise :class:`FileLocked` when somebody else has locked one of ``files`` (or one in a folder among them)."""
    for lock in of_others(db, actor, repo):
        if lock.path in files or any(folder and folder in files for folder in rules.ancestors(lock.path)):
            raise FileLocked(lock.path, lock.owner.name)


def of_others(db: Session, actor: Actor, repo: Repo) -> list[Lock]:
    """Every lock that binds ``actor``."""
    query = select(Lock).where(Lock.repo_id == repo.id).limit(MAX_LOCKS)
    return [lock for lock in db.scalars(query) if lock.owner_id != actor.id]


def told(lock: Lock) -> dict[str, object]:
    """A lock as git-lfs reads it."""
    when = lock.locked_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": lock.id, "path": lock.path, "locked_at": when, "owner": {"name": lock.owner.name}}


def _at(db: Session, repo: Repo, file: str) -> Lock | None:
    return db.scalar(select(Lock).where(Lock.repo_id == repo.id, Lock.path_hash == _hash(file)))


def _hash(file: str) -> str:
    return hashlib.sha256(file.encode("utf-8", "replace")).hexdigest()
