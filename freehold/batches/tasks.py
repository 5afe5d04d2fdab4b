"""A batch goes on, a slice at a time, in the event loop of whichever node took its task."""

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError

from freehold.batches import checking, finishing, queue, rules, sources
from freehold.batches.readers import Readers
from freehold.batches.running import Node, Slice, Stopped, actor_of
from freehold.batches.service import files, jobs
from freehold.batches.tables import Batch
from freehold.content.kit import Kit
from freehold.core.database import Database
from freehold.core.errors import HubError
from freehold.gateway.remembering import Memory
from freehold.inference.rules import Runtime
from freehold.tasks.periodic import Periodic
from freehold.tasks.rules import Kind, TryLater
from freehold.tasks.worker import Body, Turn

NOT_YET_S = 5
SWEEPING_S = 1800


class Host:
    """Where slices run: the event loop and the runtime of this node, once it is up."""

    def __init__(self) -> None:
        self.readers = Readers()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runtime: Callable[[], Runtime | None] = lambda: None
        self._memory: Memory | None = None
        self._stops = asyncio.Event()

    def begin(self, loop: asyncio.AbstractEventLoop, runtime: Callable[[], Runtime | None], memory: Memory) -> None:
        """Slices may run from now on. ``memory``: of who may call what, the loop's own. Called in the loop."""
        self._loop, self._runtime, self._memory, self._stops = loop, runtime, memory, asyncio.Event()
        self.readers = Readers()

    def end(self) -> None:
        """Slices under way stop, and write down what was answered. Called in the loop."""
        self._stops.set()
        self.readers.close()

    def goes_on(self) -> None:
        """Raises ``TryLater`` once the hub stops."""
        if self._stops.is_set():
            raise TryLater("The hub was stopped.", NOT_YET_S)

    def work(self, turn: Turn, kit: Kit, batch: Batch) -> tuple[str, int | None]:
        """One slice, from a worker's thread: the state the batch is in, and its lines' number once all were asked."""
        runtime = self._runtime()
        if self._loop is None or self._memory is None or runtime is None or self._stops.is_set():
            raise TryLater("No models run on this node yet.", NOT_YET_S)
        one = Slice(Node(runtime, self._memory, self.readers), turn.database, kit, batch)
        working = asyncio.run_coroutine_threadsafe(one.work(self._stops), self._loop)
        try:
            state = working.result(turn.left_s)
        except CancelledError as err:
            raise TryLater("The hub was stopped.", NOT_YET_S) from err
        except TimeoutError as err:  # it would go on beside whoever takes it up next
            working.cancel()
            raise TryLater("Its lines waited for their turn for too long.", NOT_YET_S) from err
        return state, one.reached if one.is_exhausted and not self._stops.is_set() else None


def bodies(kit: Kit, host: Host) -> dict[Kind, Body]:
    return {queue.RUN: lambda turn, batch_id: run(turn, kit, host, batch_id)}


def periodics(database: Database, kit: Kit) -> tuple[Periodic, ...]:
    return (Periodic("batches", SWEEPING_S, lambda: _sweep(database, kit)),)


def _sweep(database: Database, kit: Kit) -> None:
    """No old files, and no batch that looks as if it ran."""
    jobs.stop_given_up(database)
    files.sweep(database, kit)


def run(turn: Turn, kit: Kit, host: Host, batch_id: str) -> None:
    """The batch goes on; where it is not over, another task goes on after this one."""
    with turn.database.read() as db:
        batch = db.get(Batch, batch_id)
    if batch is None or batch.state not in ("running", "finishing"):
        host.readers.drop(batch_id)
        if batch is not None and batch.state in rules.ENDED:
            finishing.forget(turn.database, batch_id)
        return
    state = ""
    try:
        if _is_unread(batch) and not _checked(turn, kit, host, batch):
            return
        state, lines = (batch.state, None) if batch.state == "finishing" else host.work(turn, kit, batch)
        if state == "running" and lines is not None:
            state = _all_asked(turn, batch_id, lines)
        if state == "finishing":
            with turn.database.read() as db:
                batch = db.get_one(Batch, batch_id)
            finishing.finish(turn.database, kit, batch)
    except Stopped as err:
        _stop(turn, batch_id, str(err))
        return
    except HubError as err:
        if err.status >= 500:
            raise
        _stop(turn, batch_id, err.message)
        return
    finally:
        if state != "running":
            host.readers.drop(batch_id)
    if state == "running":
        with turn.finishing() as db:
            queue.go_on(db, batch_id)


def _is_unread(batch: Batch) -> bool:
    """Of a file, and no line of it was asked."""
    is_begun = batch.total is not None or batch.reached or batch.done or batch.failed
    return batch.source == "file" and batch.state == "running" and not is_begun


def _checked(turn: Turn, kit: Kit, host: Host, batch: Batch) -> bool:
    """Whether its lines can be told apart; where not, the batch has failed."""
    with turn.database.read() as db:
        files = sources.opened(db, turn.database, kit, lambda now: actor_of(now, batch), batch)
    total, twins = checking.checked(lambda: sources.lines(batch, files), host.goes_on)
    with turn.database.write() as db:
        if twins is None:
            jobs.counted(db, batch.id, total)
        else:
            jobs.refuse(
                db, batch.id, twins.why, code="duplicate_custom_id", param="custom_id", line=twins.second
            )  # fmt: skip
    return twins is None


def _all_asked(turn: Turn, batch_id: str, lines: int) -> str:
    """No line of so many is left: it is finished, or waits to be told what becomes of the rows that failed."""
    with turn.database.write() as db:
        batch = db.get_one(Batch, batch_id, with_for_update=True)
        if batch.state != "running" or batch.reached < lines:  # some are to be asked again, since this moment
            return batch.state
        batch.total = batch.reached
        if batch.source == "dataset" and batch.failed:
            jobs.stop(db, batch_id, f"{batch.failed:,} of {batch.total:,} rows failed. Retry them, or finish without.")
            return "paused"
        batch.state = "finishing"
        return "finishing"


def _stop(turn: Turn, batch_id: str, why: str) -> None:
    with turn.database.write() as db:
        batch = db.get(Batch, batch_id)
        if batch is not None and batch.state == "finishing":
            batch.state = "paused"  # the answers are there; where they were to go is not
            batch.why = why[:1000]
        jobs.stop(db, batch_id, why)
