"""Runs tasks: a few threads in the hub's own process, fed by one that looks for work."""

import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import HubError
from freehold.tasks import queue
from freehold.tasks.queue import Claimed, LeaseLost
from freehold.tasks.rules import GiveUp, Kind, TryLater, delay_s, error_text

log = logging.getLogger("freehold.tasks")
#: How long a task of another node can go unseen; those of this process are seen at once.
POLL_S = 2.0
BEAT_S = queue.LEASE.total_seconds() / 4
TICK_S = 1.0
PRUNE_S = 3600.0
#: A clock that goes back by more than this, against the one that only goes forward, was set.
SET_BACK_S = 60.0


@dataclass
class Turn:
    """One attempt at a task, as its body sees it."""

    database: Database
    task: Claimed
    ends_at: float  # by time.monotonic()
    is_done: bool = False

    @property
    def left_s(self) -> float:
        """Seconds until this attempt counts as hung."""
        return max(0.0, self.ends_at - time.monotonic())

    @contextmanager
    def finishing(self) -> Iterator[Session]:
        """A transaction that also marks the task as done: both happen, or neither, and only once.

        Raises :class:`LeaseLost`, and nothing was done, when the task was given to another meanwhile.
        """
        with self.database.write() as db:
            queue.finish(db, self.task)
            yield db
        self.is_done = True


#: What a task does: ``body(turn, **values)``. It opens its own transactions, and holds none while it waits for others.
Body = Callable[..., None]


@dataclass
class _Running:
    task: Claimed
    kind: Kind
    ends_at: float
    is_overdue: bool = False


class Worker:
    """Runs the tasks that it has bodies for, ``threads`` at a time. None: this node runs none."""

    def __init__(self, database: Database, bodies: Mapping[Kind, Body], *, threads: int) -> None:
        self._database, self._threads = database, threads
        self._bodies = {kind.name: (kind, body) for kind, body in bodies.items()}
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._lock = threading.Condition()
        self._is_awake = self._stops = False
        self._running: dict[str, _Running] = {}
        self._finder = threading.Thread(target=self._find, name="tasks", daemon=True)
        self._beater = threading.Thread(target=self._beat, name="task leases", daemon=True)
        if threads:
            database.info["wake_tasks"] = self.wake

    def start(self) -> None:
        if self._threads:
            self._finder.start()
            self._beater.start()

    def stop(self, *, patience_s: float = 10) -> None:
        """No task begins any more, and those that ran have ended, or (out of patience) were put back."""
        if not self._threads:
            return
        with self._lock:
            self._stops = True
            self._lock.notify_all()
            self._lock.wait_for(lambda: not self._running, timeout=patience_s)
            left = list(self._running.values())
        self._finder.join()
        self._beater.join()
        for one in left:
            with self._database.write() as db:
                why = f"{self._holder} was stopped in the middle of it."
                queue.put_back(db, one.task, why, after_s=0, counts=False)

    def wake(self) -> None:
        """Look for work now: some was just committed."""
        with self._lock:
            self._is_awake = True
            self._lock.notify_all()

    def drain(self, *, limit: int = 1000) -> int:
        """Run every task that is due, in this thread, one after the other; how many. For tests and commands."""
        for count in range(limit):
            claimed = self._claim()
            if claimed is None:
                return count
            self._run(claimed)
        raise AssertionError(f"after {limit} tasks there are still more")

    # ---- finding ----

    def _find(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._stops or self._has_room())
                if self._stops:
                    return
                self._is_awake = False
            wait_s = POLL_S
            try:
                wait_s = self._look()
            except Exception as err:
                log.warning("Tasks cannot be read, and are asked for again in %s s: %s", POLL_S, err)
            with self._lock:
                self._lock.wait_for(lambda: self._stops or self._is_awake, timeout=wait_s)

    def _has_room(self) -> bool:
        # A hung thread cannot be ended; it has lost its task, and as many again may take its place.
        hung = sum(one.is_overdue for one in self._running.values())
        return len(self._running) - min(hung, self._threads) < self._threads

    def _look(self) -> float:
        """Start what is due, as far as there is room; how long to wait before looking again."""
        while True:
            with self._lock:
                if self._stops or not self._has_room():
                    return POLL_S
            with self._database.read() as db:  # an idle hub never takes the write lock
                due_at = queue.next_due(db, self._names())
            wait_s = POLL_S if due_at is None else (due_at - clock.now()).total_seconds()
            if wait_s > 0:
                return min(wait_s, POLL_S)
            claimed = self._claim()
            if claimed is None:
                return POLL_S / 4  # due, but its key is busy, or another node was first
            threading.Thread(target=self._run, args=(claimed,), name=claimed.kind.name, daemon=True).start()

    def _names(self) -> list[str]:
        with self._lock:
            busy = Counter(one.kind.name for one in self._running.values() if not one.is_overdue)
        return [name for name, (kind, _) in self._bodies.items() if kind.at_once is None or busy[name] < kind.at_once]

    def _claim(self) -> _Running | None:
        with self._lock:
            ours = [one.task.lease for one in self._running.values()]
        with self._database.write() as db:
            task = queue.claim(db, self._names(), holder=self._holder, not_leases=ours)
        if task is None:
            return None
        kind = self._bodies[task.name][0]
        running = _Running(task, kind, time.monotonic() + kind.timeout_s)
        with self._lock:
            self._running[task.lease] = running
        return running

    # ---- running ----

    def _run(self, running: _Running) -> None:
        task, kind = running.task, running.kind
        try:
            if task.attempts > kind.max_attempts:  # whoever began it before never came back to say why
                self._put_back(running, f"Given up: {kind.max_attempts} attempts began and none ended.", None)
                return
            turn = Turn(self._database, task, running.ends_at)
            try:
                self._bodies[kind.name][1](turn, **task.values)
                if not turn.is_done:
                    with self._database.write() as db:
                        queue.finish(db, task)
            except LeaseLost:
                log.warning("%s %s took too long: another has it now", task.name, task.id)
            except Exception as err:
                self._failed(running, err)
        except Exception as err:  # the database does not answer: the lease ends, and somebody takes it again
            log.warning("%s %s: its end could not be written down: %s", task.name, task.id, err)
        finally:
            with self._lock:
                del self._running[task.lease]
                self._lock.notify_all()
                self._is_awake = True

    def _failed(self, running: _Running, err: Exception) -> None:
        task, kind = running.task, running.kind
        error, after_s = error_text(err), delay_s(kind, task.attempts)
        if isinstance(err, TryLater):
            after_s = err.after_s
        if isinstance(err, GiveUp) or task.attempts >= kind.max_attempts:
            log.error("%s %s failed and is parked: %s", task.name, task.id, error)
            self._put_back(running, error, None)
        else:
            expected = isinstance(err, HubError | TryLater | OSError)
            log.log(
                logging.INFO if expected else logging.ERROR,
                "%s %s failed, attempt %d of %d; again in %.0f s: %s",
                task.name, task.id, task.attempts, kind.max_attempts, after_s, error,
                exc_info=None if expected else err,
            )  # fmt: skip
            self._put_back(running, error, after_s)

    def _put_back(self, running: _Running, error: str, after_s: float | None) -> None:
        with self._database.write() as db:
            queue.put_back(db, running.task, error, after_s=after_s)

    # ---- leases ----

    def _beat(self) -> None:
        """Renew what is running, let go of what hangs, and watch the clock."""
        wall, steady, next_beat, next_prune = time.time(), time.monotonic(), 0.0, 0.0
        is_first = True
        while not self._stops:
            try:
                self._let_go_of_hung()
                if time.monotonic() >= next_beat:
                    self._renew()
                    next_beat = time.monotonic() + BEAT_S
                went_back = (time.monotonic() - steady) - (time.time() - wall) > SET_BACK_S
                wall, steady = time.time(), time.monotonic()
                if went_back or is_first:
                    self._rescue()
                    is_first = False
                if time.monotonic() >= next_prune:
                    with self._database.write() as db:
                        queue.prune(db)
                    next_prune = time.monotonic() + PRUNE_S
            except Exception as err:
                log.warning("Leases of tasks cannot be renewed now: %s", err)
            with self._lock:
                self._lock.wait_for(lambda: self._stops, timeout=TICK_S)

    def _let_go_of_hung(self) -> None:
        with self._lock:
            hung = [one for one in self._running.values() if not one.is_overdue and one.ends_at <= time.monotonic()]
            for one in hung:
                one.is_overdue = True
        for one in hung:
            task, kind = one.task, one.kind
            error = f"{self._holder} did not finish attempt {task.attempts} within {kind.timeout_s:.0f} s."
            is_last = task.attempts >= kind.max_attempts
            log.error("%s %s hangs: %s", task.name, task.id, error)
            self._put_back(one, error, None if is_last else delay_s(kind, task.attempts))
        if hung:
            self.wake()

    def _renew(self) -> None:
        with self._lock:
            leases = [one.task.lease for one in self._running.values() if not one.is_overdue]
        if leases:
            with self._database.write() as db:
                queue.renew(db, leases)

    def _rescue(self) -> None:
        with self._database.read() as db:
            if not queue.has_future(db):
                return
        with self._database.write() as db:
            log.warning("The clock went back: %d tasks are due now", queue.rescue_from_the_future(db))
        self.wake()


def describe(values: Mapping[str, Any]) -> str:
    """The values of a task in one short line, for lists; long ones and secrets are not for lists."""
    shown = [f"{name}={value}" for name, value in values.items() if isinstance(value, int) or _is_short(value)]
    return " ".join(shown)[:120]


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 40 and value.isprintable()
