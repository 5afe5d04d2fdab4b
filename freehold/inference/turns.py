"""Whose turn it is: a bounded line before each endpoint, fair between payers and between callers of one of them, live
calls before batches.

A place in the line is given up at once when its caller leaves. Everything runs in the event loop: no locks.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from freehold.inference.errors import TooBusy
from freehold.inference.rules import Priority

MAX_WAITING = 512  # before one endpoint, all payers together
MAX_WAITING_OF_ONE = 128  # of one payer: the rest of the line stays free for others
MAX_WAITING_OF_CALLER = 32  # and of one of several callers that a payer has, as live calls
MAX_WAIT_S = 120.0
MAX_REMEMBERED = 10_000  # payers of one line that never was empty
FIRST_GUESS_S = 5.0  # how long a call holds its slot, before any has been seen
REMEMBERED = 0.8  # of what was known of that, beside each new call


#: A payer, or a payer and one of its callers.
_Who = str | tuple[str, str]


@dataclass(eq=False)
class _Waiting:
    payer_id: str
    caller_id: str
    ready: asyncio.Future[None]


@dataclass
class _Line:
    """One endpoint: who is at it, and who waits, by priority and payer."""

    slots: int
    busy: int = 0
    at_it: dict[_Who, int] = field(default_factory=dict)  # calls under way
    served: dict[_Who, int] = field(default_factory=dict)  # the number of the last turn
    live: dict[str, deque[_Waiting]] = field(default_factory=dict)
    batch: dict[str, deque[_Waiting]] = field(default_factory=dict)
    turns: int = 0
    waiting: int = 0
    held_s: float = FIRST_GUESS_S

    @property
    def is_idle(self) -> bool:
        return not self.busy and not self.waiting


class Turns:
    """The lines of one node. ``max_wait_s`` bounds each wait; batches wait for as long as it takes."""

    def __init__(
        self,
        *,
        max_waiting: int = MAX_WAITING,
        max_waiting_of_one: int = MAX_WAITING_OF_ONE,
        max_wait_s: float = MAX_WAIT_S,
    ) -> None:
        self._max_waiting, self._max_waiting_of_one = max_waiting, max_waiting_of_one
        self._max_wait_s = max_wait_s
        self._lines: dict[str, _Line] = {}

    def busy(self, endpoint_id: str) -> int:
        """Calls of the endpoint that hold a slot."""
        line = self._lines.get(endpoint_id)
        return line.busy if line else 0

    def waiting(self, endpoint_id: str) -> int:
        """Calls of the endpoint that wait for one."""
        line = self._lines.get(endpoint_id)
        return line.waiting if line else 0

    @asynccontextmanager
    async def turn(
        self, endpoint_id: str, payer_id: str, caller_id: str = "", *, slots: int, priority: Priority = "live"
    ) -> AsyncIterator[float]:
        """Hold one of the endpoint's ``slots``; gives the seconds that were waited for it. ``caller_id`` '': the payer.

        Raises :class:`TooBusy` when the line is full, or did not move in time.
        """
        loop = asyncio.get_running_loop()
        line = self._lines.setdefault(endpoint_id, _Line(slots))
        line.slots = max(1, slots)
        began, caller_id = loop.time(), caller_id or payer_id
        try:
            await self._wait(line, payer_id, caller_id, priority)
            taken = loop.time()
            try:
                yield taken - began
            finally:
                line.held_s = REMEMBERED * line.held_s + (1 - REMEMBERED) * (loop.time() - taken)
                _leave(line, payer_id, caller_id)
        finally:
            if line.is_idle and self._lines.get(endpoint_id) is line:
                del self._lines[endpoint_id]

    async def _wait(self, line: _Line, payer_id: str, caller_id: str, priority: Priority) -> None:
        if line.busy < line.slots and not line.waiting:
            _take(line, payer_id, caller_id)
            return
        queue = line.live if priority == "live" else line.batch
        mine = queue.setdefault(payer_id, deque())
        is_one_of_many = caller_id != payer_id and priority == "live"
        of_caller = sum(one.caller_id == caller_id for one in mine) if is_one_of_many else 0
        is_full = line.waiting >= self._max_waiting or len(mine) >= self._max_waiting_of_one
        if is_full or of_caller >= MAX_WAITING_OF_CALLER:
            if not mine:
                del queue[payer_id]
            raise self._too_busy(line, "The line before this model is full")
        waiting = _Waiting(payer_id, caller_id, asyncio.get_running_loop().create_future())
        mine.append(waiting)
        line.waiting += 1
        _hand_out(line)  # there may be more slots than when the last one left
        try:
            # Not wait_for, by which until Python 3.12 whoever leaves in the moment of their turn would go on.
            async with asyncio.timeout(self._max_wait_s if priority == "live" else None):
                await waiting.ready
        except TimeoutError:
            if _is_given(waiting):  # in the same moment: the slot is somebody else's
                _leave(line, payer_id, caller_id)
            raise self._too_busy(
                line, f"This model was busy for {self._max_wait_s:g} seconds, and no turn came"
            ) from None
        except asyncio.CancelledError:
            if _is_given(waiting):
                _leave(line, payer_id, caller_id)
            raise
        finally:
            if not _is_given(waiting):
                _forget(line, queue, waiting)

    def _too_busy(self, line: _Line, what: str) -> TooBusy:
        retry_after_s = min(max(1.0, line.held_s * (line.waiting + 1) / line.slots), self._max_wait_s)
        return TooBusy(
            f"{what}: {line.busy} calls are under way and {line.waiting} wait. Try again in {retry_after_s:.0f} s.",
            retry_after_s=retry_after_s,
        )


def _is_given(waiting: _Waiting) -> bool:
    return waiting.ready.done() and not waiting.ready.cancelled()


def _take(line: _Line, payer_id: str, caller_id: str) -> None:
    line.busy += 1
    line.turns += 1
    if len(line.served) >= MAX_REMEMBERED:
        line.served.clear()
    for who in (payer_id, (payer_id, caller_id)):
        line.served[who] = line.turns
        line.at_it[who] = line.at_it.get(who, 0) + 1


def _leave(line: _Line, payer_id: str, caller_id: str) -> None:
    line.busy -= 1
    for who in (payer_id, (payer_id, caller_id)):
        line.at_it[who] -= 1
        if not line.at_it[who]:
            del line.at_it[who]
    _hand_out(line)


def _hand_out(line: _Line) -> None:
    """Free slots go to whoever is next: live before batch, and of the payers the one with the fewest under way, among
    equals the one that was served longest ago; of its callers likewise."""

    def order(who: _Who) -> tuple[int, int]:
        return line.at_it.get(who, 0), line.served.get(who, 0)

    while line.busy < line.slots and line.waiting:
        queue = line.live or line.batch
        payer_id = min(queue, key=order)
        waiting = min(queue[payer_id], key=lambda one: order((one.payer_id, one.caller_id)))
        queue[payer_id].remove(waiting)
        line.waiting -= 1
        if not queue[payer_id]:
            del queue[payer_id]
        if waiting.ready.done():  # its caller left in this very moment
            continue
        _take(line, payer_id, waiting.caller_id)
        waiting.ready.set_result(None)


def _forget(line: _Line, queue: dict[str, deque[_Waiting]], waiting: _Waiting) -> None:
    mine = queue.get(waiting.payer_id)
    if mine is not None and waiting in mine:
        mine.remove(waiting)
        line.waiting -= 1
        if not mine:
            del queue[waiting.payer_id]
