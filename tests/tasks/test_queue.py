"""The queue: there exactly when its transaction is, delivered at least once, parked with its reason in the end."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import BadRequest
from freehold.tasks import queue
from freehold.tasks.queue import LeaseLost, NoSuchTask, enqueue
from freehold.tasks.rules import GiveUp, Kind, TryLater, checked_values, delay_s, error_text
from freehold.tasks.tables import Task
from freehold.tasks.worker import Turn, Worker

NOTE = Kind("test.note", timeout_s=30, max_attempts=3)
LIMIT_S = 20
HUNG_SCRIPT = Path(__file__).parent / "hung_worker.py"


class Notes:
    """A body that remembers what it was called with, and does what it is told."""

    def __init__(self, then: Callable[[Turn], Any] = lambda turn: None) -> None:
        self.seen: list[Any] = []
        self.then = then

    def __call__(self, turn: Turn, value: Any = None) -> None:
        self.seen.append(value)
        self.then(turn)


def worker(database: Database, body: Any, *, threads: int = 0, kind: Kind = NOTE) -> Worker:
    return Worker(database, {kind: body}, threads=threads)


def put(database: Database, value: Any = 1, **how: Any) -> None:
    with database.write() as db:
        enqueue(db, how.pop("kind", NOTE), value=value, **how)


def rows(database: Database) -> list[Task]:
    with database.read() as db:
        return list(queue.unfinished(db))


def later(seconds: float) -> Any:
    return clock.frozen(clock.now() + timedelta(seconds=seconds))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def raising(err: Exception) -> Callable[[Turn], None]:
    def body(turn: Turn) -> None:
        raise err

    return body


# ---- put in ------------------------------------------------------------------------------------------------


def test_a_task_is_there_exactly_when_its_transaction_is(database: Database) -> None:
    notes = Notes()
    with database.write() as db:
        enqueue(db, NOTE, value="never")
        db.rollback()
    put(database, "kept")
    assert worker(database, notes).drain() == 1
    assert notes.seen == ["kept"]
    assert rows(database) == []


def test_a_task_waits_for_its_moment(database: Database) -> None:
    notes = Notes()
    put(database, after_s=100)
    assert worker(database, notes).drain() == 0
    with later(101):
        assert worker(database, notes).drain() == 1


def test_one_that_waits_stands_for_both_and_takes_the_earlier_moment(database: Database) -> None:
    put(database, "first", key="k", once=True, after_s=100)
    put(database, "second", key="k", once=True)
    put(database, "third", key="k", once=True, after_s=50)
    put(database, "other", key="other", once=True)
    notes = Notes()
    assert worker(database, notes).drain() == 2
    assert sorted(notes.seen) == ["first", "other"]


def test_one_that_runs_already_does_not_stand_for_the_next(database: Database) -> None:
    def again(turn: Turn) -> None:
        if len(notes.seen) == 1:
            put(database, "again", key="k", once=True)

    notes = Notes(again)
    put(database, "first", key="k", once=True)
    assert worker(database, notes).drain() == 2
    assert notes.seen == ["first", "again"]


def test_what_is_not_plain_is_refused_at_once() -> None:
    for wrong in ({"a": (1, 2)}, {"a": "x" * (300 << 10)}):
        with pytest.raises(AssertionError):
            checked_values(wrong)


# ---- attempts ----------------------------------------------------------------------------------------------


def test_a_failure_is_tried_again_later_and_parked_in_the_end(database: Database) -> None:
    notes = Notes(raising(ValueError("the sky is \x00 down")))
    put(database)
    for attempt in range(1, 4):
        with later(attempt * 4000):
            assert worker(database, notes).drain() == 1
            assert worker(database, notes).drain() == 0, "not at once"
    (task,) = rows(database)
    assert (task.attempts, task.due_at, len(notes.seen)) == (3, None, 3)
    assert task.error.startswith("ValueError: the sky is")
    with later(10**6):
        assert worker(database, notes).drain() == 0, "parked"


def test_a_body_can_give_up_or_say_when(database: Database) -> None:
    put(database, kind=Kind("a"))
    put(database, kind=Kind("b"))
    bodies = {Kind("a"): Notes(raising(GiveUp("no such place"))), Kind("b"): Notes(raising(TryLater("busy", 500)))}
    assert Worker(database, bodies, threads=0).drain() == 2
    parked, waiting = rows(database)
    assert (parked.name, parked.due_at, parked.error) == ("a", None, "no such place")
    assert waiting.due_at is not None
    assert 400 < (waiting.due_at - clock.now()).total_seconds() <= 500


def test_a_parked_task_is_tried_again_on_demand_or_dropped(database: Database) -> None:
    notes = Notes(raising(GiveUp("no")))
    put(database)
    worker(database, notes).drain()
    (task,) = rows(database)
    with database.write() as db:
        queue.retry(db, task.id)
    with pytest.raises(BadRequest), database.write() as db:
        queue.drop(db, task.id)
    worker(database, notes).drain()
    assert len(notes.seen) == 2
    with database.write() as db:
        assert queue.counts(db) == queue.Counts(waiting=0, running=0, failed=1)
        queue.drop(db, task.id)
    with pytest.raises(NoSuchTask), database.write() as db:
        queue.retry(db, task.id)


def test_parked_tasks_do_not_pile_up_for_ever(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MAX_FAILED", 2)
    for value in range(4):
        put(database, value)
        worker(database, Notes(raising(GiveUp("no")))).drain()
    with database.write() as db:
        queue.prune(db)
    assert len(rows(database)) == 2
    with later(40 * 86400), database.write() as db:
        queue.prune(db)
    assert rows(database) == []


def test_delays_double_up_to_their_limit_and_differ() -> None:
    kind = Kind("k", first_delay_s=10, max_delay_s=100)
    assert all(5 <= delay_s(kind, 1) <= 10 and 10 <= delay_s(kind, 2) <= 20 for _ in range(50))
    assert all(50 <= delay_s(kind, attempts) <= 100 for attempts in (5, 60, 5000))
    assert len({delay_s(kind, 3) for _ in range(10)}) > 1


def test_an_error_is_told_with_its_place_in_our_code() -> None:
    try:
        checked_values({"a": ()})
    except AssertionError as err:
        assert "plain values" in error_text(err)
        assert "tasks/rules.py:" in error_text(err)
    assert error_text(GiveUp("plain")) == "plain"


# ---- leases ------------------------------------------------------------------------------------------------


def test_done_and_effect_are_one_transaction_and_only_once(database: Database) -> None:
    def slow(turn: Turn) -> None:
        with later(120):  # the lease ends meanwhile, and another does it
            assert worker(database, other).drain() == 1
        with turn.finishing() as db:
            enqueue(db, NOTE, value="must not be")

    def quick(turn: Turn) -> None:
        with turn.finishing() as db:
            enqueue(db, NOTE, value="from the other", after_s=1000)

    notes, other = Notes(slow), Notes(quick)
    put(database)
    assert worker(database, notes).drain() == 1
    assert [task.values for task in rows(database)] == [{"value": "from the other"}]


def test_a_task_that_outlived_its_lease_counts_no_more(database: Database) -> None:
    put(database)
    with database.write() as db:
        first = queue.claim(db, ["test.note"], holder="one", not_leases=[])
    assert first is not None
    with later(120), database.write() as db:
        second = queue.claim(db, ["test.note"], holder="two", not_leases=[])
        assert second is not None
        assert second.attempts == 2
        (task,) = queue.unfinished(db)
        assert task.error.startswith("one began attempt 1 and was not heard of for 1")
    with database.write() as db:
        queue.put_back(db, first, "too late", after_s=0)
        with pytest.raises(LeaseLost):
            queue.finish(db, first)
        queue.finish(db, second)


def test_a_renewed_lease_lasts(database: Database) -> None:
    put(database)
    with database.write() as db:
        task = queue.claim(db, ["test.note"], holder="one", not_leases=[])
        assert task is not None
    with later(50), database.write() as db:
        queue.renew(db, [task.lease])
    with later(100), database.write() as db:
        assert queue.claim(db, ["test.note"], holder="two", not_leases=[]) is None


def test_what_kills_its_worker_is_parked_in_the_end(database: Database) -> None:
    notes = Notes()
    put(database)
    for attempt in range(3):
        with later(attempt * 100), database.write() as db:
            assert queue.claim(db, ["test.note"], holder=f"node {attempt}", not_leases=[]) is not None
    with later(400):
        assert worker(database, notes).drain() == 1
    (task,) = rows(database)
    assert task.due_at is None
    assert "3 attempts began and none ended" in task.error
    assert notes.seen == []


def test_a_clock_that_jumps_ahead_takes_nothing_from_ourselves(database: Database) -> None:
    put(database)
    with database.write() as db:
        task = queue.claim(db, ["test.note"], holder="one", not_leases=[])
        assert task is not None
    with later(86400), database.write() as db:
        assert queue.claim(db, ["test.note"], holder="one", not_leases=[task.lease]) is None
        queue.renew(db, [task.lease])
        queue.finish(db, task)


def test_a_clock_that_goes_back_keeps_nothing_waiting(database: Database) -> None:
    notes = Notes()
    with later(86400):
        put(database, "from tomorrow")
        put(database, "leased tomorrow", key="k")
        with database.write() as db:
            queue.claim(db, ["test.note"], holder="one", not_leases=[])
    put(database, "far ahead on purpose", after_s=86400)
    assert worker(database, notes).drain() == 0
    with database.write() as db:
        assert queue.has_future(db)
        assert queue.rescue_from_the_future(db) == 2
    assert worker(database, notes).drain() == 2
    assert sorted(notes.seen) == ["from tomorrow", "leased tomorrow"]


# ---- workers -----------------------------------------------------------------------------------------------


def test_two_workers_share_the_work_and_run_each_key_one_at_a_time(database: Database) -> None:
    lock, seen, running, overlaps = threading.Lock(), [], set(), []

    def body(turn: Turn, value: int, key: str | None) -> None:
        with lock:
            overlaps.extend([key] if key in running else [])
            running.add(key or value)
        time.sleep(0.002)
        with lock:
            running.discard(key or value)
            seen.append(value)

    with database.write() as db:
        for value in range(40):
            key = f"key {value % 2}" if value < 10 else None
            enqueue(db, NOTE, key=key, value=value)
    keyed: dict[int, str] = {value: f"key {value % 2}" for value in range(10)}
    workers = [worker(database, lambda turn, value: body(turn, value, keyed.get(value)), threads=3) for _ in range(2)]
    for one in workers:
        one.start()
    try:
        wait_for(lambda: len(seen) >= 40)
    finally:
        for one in workers:
            one.stop()
    assert (sorted(seen), overlaps) == (list(range(40)), [])
    assert rows(database) == []


def test_work_is_found_at_once_after_its_commit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freehold.tasks.worker.POLL_S", 3600.0)
    notes = Notes()
    running = worker(database, notes, threads=1)
    running.start()
    try:
        put(database, "hello")
        wait_for(lambda: notes.seen == ["hello"])
    finally:
        running.stop()


def test_a_hung_task_goes_back_says_why_and_keeps_nobody_waiting(database: Database) -> None:
    release, kind = threading.Event(), Kind("hangs", timeout_s=0.2, max_attempts=1)
    notes = Notes(lambda turn: release.wait(LIMIT_S))
    running = Worker(database, {kind: notes, NOTE: (quick := Notes())}, threads=1)
    put(database, kind=kind)
    running.start()
    try:
        wait_for(lambda: any(task.due_at is None for task in rows(database)))
        put(database, "after it")
        wait_for(lambda: quick.seen == ["after it"])
        wait_for(lambda: len(rows(database)) == 1)
        assert "did not finish attempt 1 within 0 s" in rows(database)[0].error
    finally:
        release.set()
        running.stop()
    assert len(rows(database)) == 1, "what ended too late changed nothing"


def test_a_stop_in_the_middle_puts_the_task_back(database: Database) -> None:
    begun, release = threading.Event(), threading.Event()

    def body(turn: Turn, value: int) -> None:
        begun.set()
        release.wait(LIMIT_S)

    running = worker(database, body, threads=1)
    running.start()
    put(database)
    assert begun.wait(LIMIT_S)
    running.stop(patience_s=0.05)
    (task,) = rows(database)
    assert (task.lease, task.attempts) == (None, 0)
    assert "was stopped in the middle of it" in task.error
    release.set()
    wait_for(lambda: threading.active_count() == 1 or not any(t.name == NOTE.name for t in threading.enumerate()))


def test_a_kind_leaves_room_for_the_others(database: Database) -> None:
    release, slow_kind = threading.Event(), Kind("slow", at_once=1)
    running = Worker(database, {slow_kind: Notes(lambda turn: release.wait(LIMIT_S)), NOTE: (n := Notes())}, threads=2)
    for _ in range(3):
        put(database, kind=slow_kind)
    running.start()
    try:
        put(database, "through")
        wait_for(lambda: n.seen == ["through"])
    finally:
        release.set()
        wait_for(lambda: rows(database) == [])
        running.stop()


def test_an_older_node_leaves_what_it_does_not_know(database: Database) -> None:
    put(database, kind=Kind("from.the.future"))
    assert worker(database, Notes()).drain() == 0
    assert len(rows(database)) == 1


def test_a_killed_process_loses_its_task_to_another(database: Database, tmp_path: Path) -> None:
    put(database, "survives")
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    hung = subprocess.Popen([sys.executable, str(HUNG_SCRIPT), database.url], stdout=subprocess.PIPE, env=env)
    try:
        assert hung.stdout is not None
        assert hung.stdout.readline() == b"begun\n"
    finally:
        hung.send_signal(signal.SIGKILL)
        hung.wait()
        hung.stdout.close()
    notes = Notes()
    assert worker(database, notes).drain() == 0, "its lease still stands"
    with later(61):
        assert worker(database, notes).drain() == 1
    assert notes.seen == ["survives"]
    assert rows(database) == []
