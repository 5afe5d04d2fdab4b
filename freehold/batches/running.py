"""A slice of a batch: lines are asked beside each other, as many as the endpoint takes, for a while.

What was answered is written down every second; a hub that is killed asks again what was in flight, and what was
answered in that second. How far ahead of the oldest unanswered line another may be is bounded, so memory is.
"""

import asyncio
import json
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from freehold.access.rules import Actor
from freehold.access.service import remembered
from freehold.accounts.errors import BadCredentials
from freehold.batches import rules, sources
from freehold.batches.readers import Reader, Readers
from freehold.batches.rules import Line
from freehold.batches.service import jobs
from freehold.batches.tables import Batch, BatchLine
from freehold.content.kit import Kit
from freehold.core.database import Database
from freehold.core.errors import HubError
from freehold.gateway import rules as gateway_rules
from freehold.gateway import service as gateway
from freehold.gateway.asking import ask
from freehold.gateway.errors import told
from freehold.gateway.remembering import Memory
from freehold.inference.rules import Runtime, Target
from freehold.usage.errors import BudgetSpent, RateLimited

log = logging.getLogger("freehold.batches")
SLICE_S = 45.0
NOTE_S = 1.0
MAX_AHEAD = 1000
#: Lines of which a slice knows that they were answered, where an early one of many is asked again. Each takes a
#: hundred bytes.
MAX_KNOWN = 100_000
MAX_PARALLEL = 64
#: Lines that stand in the endpoint's line beside those it answers, so that none of its slots waits for the next.
WAITING = 2
#: Of a route or a pipeline, whose models have slots of their own.
USUAL_PARALLEL = 4
READ_AT_ONCE = 32
MAX_WAIT_S = 60.0


class Later(Exception):
    """The slice is over, and a line that waited to be let in waits for the next."""


class Stopped(Exception):
    """The batch cannot go on by itself; the message says why, for its owner."""


@dataclass(frozen=True)
class Answered:
    """What became of one line. ``was_let_in`` False: it was refused before a model was asked."""

    line: Line
    status: int
    answer: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    was_let_in: bool = True


@dataclass(frozen=True)
class Node:
    """Where slices run: what answers there, who is known to be let in, and where batches are in what they read."""

    runtime: Runtime
    memory: Memory
    readers: Readers


class Slice:
    """One stretch of work on ``batch``. ``is_exhausted`` afterwards: no line is left to be asked. ``reached``: every
    line before it is answered."""

    def __init__(self, node: Node, database: Database, kit: Kit, batch: Batch) -> None:
        self._runtime, self._memory, self._readers = node.runtime, node.memory, node.readers
        self._database, self._kit, self._batch = database, kit, batch
        self._until = 0.0
        self.reached = batch.reached
        self._finished: set[int] = set()
        self._known_until: float = math.inf  # of later lines it is not known whether they are finished
        self._is_behind = False  # lines that were answered are to be asked again, since the slice began
        self._noted: list[Answered] = []
        self._refused = self._unread = 0
        self._parallel = 1
        self._is_wider = asyncio.Event()  # more lines may be asked at a time than was known
        self.is_exhausted = False

    async def work(self, stops: asyncio.Event) -> str:
        """Lines are asked until ``stops`` is set, the slice is over, or none are left; the state the batch is in.

        Raises :class:`Stopped`; what was answered until then is written down.
        """
        loop = asyncio.get_running_loop()
        self._until, noted_at, state = loop.time() + SLICE_S, loop.time(), "running"
        reader = await run_in_threadpool(self._begin)
        asking: dict[asyncio.Task[Answered], Line] = {}
        noting: asyncio.Task[str] | None = None
        try:
            # What is in flight when it ends is asked again by whoever goes on.
            while state == "running" and not (stops.is_set() or self._is_behind):
                while loop.time() < self._until and len(asking) < self._parallel:
                    line = await self._next(reader)
                    if line is None:
                        break
                    asking[asyncio.ensure_future(self._asked(line))] = line
                if not asking:
                    break
                await self._one_of(asking)
                done = {task: asking.pop(task) for task in list(asking) if task.done()}
                self._take_in(done, reader)
                if noting is None and loop.time() - noted_at > NOTE_S:  # beside the lines, which do not wait for it
                    noting, noted_at = asyncio.ensure_future(self._note()), loop.time()
                elif noting is not None and noting.done():
                    state, noting = noting.result(), None
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, *([noting] if noting is not None else []), return_exceptions=True)
            with suppress(Exception):  # of the same moment as what ended the slice
                self._take_in(asking, reader)
            try:
                state = await self._note()
                self.is_exhausted = not reader.has_more and not self._is_behind
            finally:
                await run_in_threadpool(self._readers.keep, self._batch.id, reader)
        return state

    async def _next(self, reader: Reader) -> Line | None:
        """The next line that is to be asked; None: there is none for now."""
        while reader.has_more and reader.number - self.reached <= MAX_AHEAD:
            line = reader.next()
            if line is None:
                await run_in_threadpool(reader.read, READ_AT_ONCE)
            elif line.number >= self._known_until:
                reader.put_back([line])
                return None
            elif line.number >= self.reached and line.number not in self._finished:
                return line
        return None

    async def _one_of(self, asking: Iterable["asyncio.Task[Answered]"]) -> None:
        """One of them is answered, or more may be asked at a time, or some time went by."""
        wider = asyncio.ensure_future(self._is_wider.wait())
        await asyncio.wait({*asking, wider}, timeout=NOTE_S, return_when=asyncio.FIRST_COMPLETED)
        wider.cancel()
        self._is_wider.clear()

    # ---- in a thread ----

    def _begin(self) -> Reader:
        with self._database.read() as db:
            files = sources.opened(db, self._database, self._kit, lambda now: actor_of(now, self._batch), self._batch)
            beyond = BatchLine.batch_id == self._batch.id, BatchLine.number >= self.reached
            found = select(BatchLine.number).where(*beyond).order_by(BatchLine.number).limit(MAX_KNOWN)
            self._finished = set(db.scalars(found))
        if len(self._finished) == MAX_KNOWN:
            self._known_until = max(self._finished) + 1
        unanswered = self.reached
        while unanswered in self._finished:
            unanswered += 1
        kept = self._readers.take(self._batch.id)
        if kept is not None and kept.number <= unanswered:
            return kept
        if kept is not None:  # lines before where it is are to be asked again
            kept.close()
        return Reader(sources.lines(self._batch, files, self.reached), self.reached)

    async def _note(self) -> str:
        """What was answered until now is written down; the state that the batch is in."""
        noted, self._noted = self._noted, []
        while self.reached in self._finished:
            self._finished.discard(self.reached)
            self.reached += 1
        try:
            told = await run_in_threadpool(self._noted_down, noted, self.reached)
            self._is_behind |= told.reached < self.reached
            return told.state
        except BaseException:
            self._noted[:0] = noted  # the last one of the slice tries again
            raise

    def _noted_down(self, noted: Sequence[Answered], reached: int) -> jobs.Noted:
        rows = [
            {
                "number": one.line.number,
                "custom_id": one.line.custom_id,
                "status": one.status,
                "answer": rules.plain(one.answer),
            }
            for one in noted
        ]
        tokens = {one.line.number: (one.prompt_tokens, one.completion_tokens) for one in noted}
        with self._database.write() as db:
            return jobs.note(db, self._batch.id, rows, tokens, reached)

    # ---- one line ----

    async def _asked(self, line: Line) -> Answered:
        if line.error:
            return Answered(line, 400, _error({"message": line.error, "code": "invalid_request"}))
        refusals = 0
        while True:
            try:
                return await self._ask(line)
            except RateLimited as err:
                await self._pause(min(MAX_WAIT_S, float(err.headers.get("Retry-After", 5))))
            except BudgetSpent as err:
                if "Retry-After" not in err.headers:
                    raise Stopped(err.message) from err
                await self._pause(float(err.headers["Retry-After"]))
            except HubError as err:
                if err.status < 500 and err.status != 429:
                    was_let_in = err.status not in (401, 403, 404)
                    return Answered(line, err.status, _error(told(err)), was_let_in=was_let_in)
                refusals += err.status != 429  # a full queue is no fault of the line
                if refusals >= rules.ATTEMPTS:
                    return Answered(line, err.status, _error(told(err)))
                await self._pause(min(MAX_WAIT_S, float(err.headers.get("Retry-After", 0)) or 2.0**refusals))
            except (Stopped, Later):
                raise
            except Exception:  # one line that the hub stumbles over does not end all the others
                log.exception("%s of %s broke off", line.custom_id, self._batch.id)
                refusals += 1
                if refusals >= rules.ATTEMPTS:
                    return Answered(line, 500, _error({"message": "The hub made a mistake and broke off here."}))
                await self._pause(2.0**refusals)

    async def _pause(self, seconds: float) -> None:
        """So long nothing is asked. Raises :class:`Later` where the slice is over before that is."""
        left = self._until - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, min(seconds, left)))
        if seconds > left:
            raise Later

    async def _ask(self, line: Line) -> Answered:
        wish = gateway_rules.wish(self._batch.path, line.body)
        admitted = await self._admitted(line, wish)
        parallel = USUAL_PARALLEL
        if isinstance(admitted.plan, Target):
            parallel = max(1, min(MAX_PARALLEL, admitted.plan.replicas * admitted.plan.parallel))
        if parallel + WAITING != self._parallel:
            self._parallel = parallel + WAITING
            self._is_wider.set()
        body = await ask(self._runtime, self._database, self._kit, admitted)
        prompt, completion = admitted.tokens
        if len(body) > rules.MAX_ANSWER_CHARS:
            return Answered(line, 502, _error({"message": "The answer is too large to be kept."}), prompt, completion)
        if not _is_object(body):
            return Answered(line, 502, _error({"message": "The answer is no JSON object."}), prompt, completion)
        return Answered(line, 200, body.decode("utf-8", "replace"), prompt, completion)

    async def _admitted(self, line: Line, wish: gateway_rules.Wish) -> gateway.Admitted:
        """The line is let in as a call of whoever made the batch would be at this moment. Raises :class:`Stopped` where
        they are not let in to anything any more, or may not read what it is about."""

        def asker(actor: Actor) -> gateway.Asker:
            return gateway.Asker(actor, f"{self._batch.id}-{line.number}", self._batch.bill_to, is_batch=True)

        def enter(known: gateway.Known) -> gateway.Admitted:
            return gateway.enter(self._database, known, asker(known.actor), lambda _: wish)

        def read() -> tuple[gateway.Known, gateway.Admitted]:
            with self._database.read() as db:
                actor = actor_of(db, self._batch)
                lasts = self._checked(db, actor)
                known = gateway.known(db, asker(actor), wish.model)
                known = replace(known, is_lasting=known.is_lasting and lasts)
                return known, gateway.enter(db, known, asker(actor), lambda _: wish)

        return await self._memory.admitted(self._batch.id, wish.model, enter, lambda: run_in_threadpool(read))

    def _checked(self, db: Session, actor: Actor) -> bool:
        """What the batch is about may be read still; whether that lasts until somebody changes it."""
        try:
            return sources.check(db, actor, self._batch)
        except HubError as err:
            if err.status >= 500:
                raise
            raise Stopped(err.message) from err

    def _take_in(self, done: Mapping["asyncio.Task[Answered]", Line], reader: Reader) -> None:
        """What is answered is kept, and what is not put back, whatever became of the others. Raises what the first of
        them raised."""
        wrong: Exception | None = None
        for task, line in done.items():
            try:
                self._keep(task.result())
            except (Later, asyncio.CancelledError):
                reader.put_back([line])
            except Exception as err:
                wrong = wrong or err
                if line.number not in self._finished:
                    reader.put_back([line])
        if wrong is not None:
            raise wrong

    def _keep(self, one: Answered) -> None:
        """Raises :class:`Stopped` where too many in a row were refused, or could not be asked."""
        self._noted.append(one)
        self._finished.add(one.line.number)
        self._refused = 0 if one.was_let_in else self._refused + 1
        self._unread = self._unread + 1 if one.line.error else 0
        if self._unread >= rules.PAUSE_AFTER_UNREAD:
            raise Stopped(f"{self._unread:,} lines in a row cannot be asked: {one.line.error}")
        if self._refused >= rules.PAUSE_AFTER:
            with suppress(ValueError, KeyError, TypeError):
                raise Stopped(f"{self._refused} lines in a row were refused: {json.loads(one.answer)['message']}")


def actor_of(db: Any, batch: Batch) -> Actor:
    """Whoever made ``batch``, with the rights of now. Raises :class:`Stopped` when they or their token are gone."""
    try:
        return remembered(db, batch.user_id, batch.token_id)
    except BadCredentials as err:
        raise Stopped("The token that made this batch is not good any more. Make it anew with another.") from err


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _error(what: Mapping[str, Any]) -> str:
    return json.dumps(what, ensure_ascii=False)
