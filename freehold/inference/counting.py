"""The engine's own count of what a call took: read from its answers, and settled by its totals where it was left early.

An answer that ends says what it took. One that is left early does not: events say how many tokens had come by then, and
the engine works out one or two more before it notices. llama.cpp adds those to its totals (``GET /metrics``), so what a
call left open is what the totals have over all calls that ended, looked at in a moment when no others end.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from freehold.inference.rules import Measured

SETTLE_S = 3.0  # an engine notices within a token or two that its caller left; a busy one takes its time for them
PAUSE_S = 0.02
LAST_S = 1.0
#: No call has more tokens: what somebody else's engine says of itself must be a number that a database adds up.
MAX_TOKENS = 10**9
#: Answers of one call, of which an engine may say the counts apart.
MAX_CHOICES = 4096
_TOTAL = re.compile(rb"^llamacpp:([a-z_]+) ([0-9.eE+]+)$", re.MULTILINE)


def read_usage(usage: object, measured: Measured) -> bool:
    """Take over what an answer's ``usage`` says; False where it says nothing that can be counted."""
    if not isinstance(usage, Mapping):
        return False
    prompt = _number(usage.get("prompt_tokens", usage.get("input_tokens")))
    completion = _number(usage.get("completion_tokens", usage.get("output_tokens", 0)))
    if prompt is None or completion is None:
        return False
    details = usage.get("prompt_tokens_details", usage.get("input_tokens_details"))
    cached = _number(details.get("cached_tokens")) if isinstance(details, Mapping) else None
    measured.prompt_tokens, measured.completion_tokens = prompt, completion
    measured.cached_tokens = cached or 0
    return True


class Token(NamedTuple):
    """What an event of one token says of the count so far. ``timings_at``: where what says so begins in its bytes."""

    choice: int
    cached: int
    read: int
    predicted: int
    timings_at: int


MAX_TOKEN_BYTES = 4096
#: As llama.cpp writes a token of a chat, whole and with nothing else in it. Inside a text of JSON every quote has a
#: backslash before it.
_TOKEN = re.compile(
    rb'\{"choices":\[\{"finish_reason":null,"index":(\d{1,4}),"delta":\{"(?:reasoning_)?content":"[^"\\\x00-\x1f]*(?:\\["\\/bfnrtu][^"\\\x00-\x1f]*)*"\}\}\],'
    rb'"created":\d+,"id":"[\w-]*","model":"[^"\\\x00-\x1f]*","system_fingerprint":"[^"\\\x00-\x1f]*","object":"chat\.completion\.chunk"'
    rb'(,"timings":\{"cache_n":(\d{1,9}),"prompt_n":(\d{1,9}),"[a-z_":.,0-9e+-]*,"predicted_n":(\d{1,9}),[a-z_":.,0-9e+-]*\})\}'
)


def token_of(event: bytes) -> Token | None:
    """What an event says that is a token and nothing else; None of every other, which must be read as JSON.

    A stream brings a hundred a second while the engine wants every processor: this takes a third of reading them whole.
    """
    found = _TOKEN.fullmatch(event) if len(event) <= MAX_TOKEN_BYTES else None
    if found is None:
        return None
    return Token(int(found[1]), int(found[3]), int(found[4]), int(found[5]), found.start(2))


@dataclass
class Progress:
    """How far a stream has come, by what its events say: of several choices the sum."""

    measured: Measured
    predicted: dict[int, int] = field(default_factory=dict)  # choice -> tokens so far

    def read(self, event: Mapping[str, Any]) -> bool:
        """Count what one event says: ``usage`` at the end, ``timings`` and ``prompt_progress`` on the way; whether it
        was the first of them."""
        if read_usage(event.get("usage"), self.measured):
            return True
        timings, progress = event.get("timings"), event.get("prompt_progress")
        if isinstance(progress, Mapping):
            done = max(_number(progress.get("processed")) or 0, _number(progress.get("cache")) or 0)
            self.measured.prompt_tokens = max(self.measured.prompt_tokens, done)
            self.measured.cached_tokens = _number(progress.get("cache")) or 0
        if isinstance(timings, Mapping):
            self._read_timings(timings, event)
        return False

    def _read_timings(self, timings: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        choices = event.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else {}
        told = first.get("index", 0) if isinstance(first, dict) else 0
        index = _number(told) or 0
        cached, read = _number(timings.get("cache_n")) or 0, _number(timings.get("prompt_n")) or 0
        self._count(index, cached, read, _number(timings.get("predicted_n")) or 0)

    def token(self, token: Token) -> None:
        """Count what an event of one token says."""
        self._count(token.choice, token.cached, token.read, token.predicted)

    def _count(self, index: int, cached: int, read: int, predicted: int) -> None:
        if index not in self.predicted and len(self.predicted) >= MAX_CHOICES:
            return
        self.predicted[index] = predicted
        self.measured.prompt_tokens = max(self.measured.prompt_tokens, cached + read)
        self.measured.cached_tokens = cached
        self.measured.completion_tokens = min(sum(self.predicted.values()), MAX_TOKENS)


@dataclass(frozen=True)
class Totals:
    """What a process has counted since it started, ``cached`` as a part of ``prompt``. A prompt counts once it was read
    to its end, an answer's tokens when the call ends. ``at_work``: calls that have not ended."""

    prompt: int
    cached: int
    completion: int
    at_work: int


def read_totals(metrics: bytes) -> Totals | None:
    """The totals out of llama.cpp's metrics; None where they are not there."""
    found = {name.decode(): float(value) for name, value in _TOTAL.findall(metrics)}
    try:
        return Totals(
            prompt=int(found["prompt_tokens_total"] + found["prompt_tokens_cached_total"]),
            cached=int(found["prompt_tokens_cached_total"]),
            completion=int(found["tokens_predicted_total"]),
            at_work=int(found["requests_processing"] + found["requests_deferred"]),
        )
    except KeyError:
        return None


@dataclass(eq=False)
class _Open:
    """A call that was left. ``is_known``: its prompt was counted whole by then, so that only tokens may be missing."""

    measured: Measured
    is_known: bool


class Ledger:
    """What one engine's process was seen to take, beside its own totals. For engines that tell them.

    ``totals``: those of now. None: it tells none; raises ``TimeoutError`` where it is too busy to tell them now.
    """

    def __init__(self, totals: Callable[[], Awaitable[Totals | None]]) -> None:
        self._totals = totals
        self._first: asyncio.Future[None] | None = None
        self._tells = True
        self._sum = Totals(0, 0, 0, 0)  # of calls whose meters are whole
        self._under_way: list[Measured] = []
        self._changes = 0
        self._open: list[_Open] = []
        self._settling = asyncio.Lock()

    async def begin(self, measured: Measured) -> None:
        """A call is about to be sent; its events are counted into ``measured`` as they come."""
        if self._first is None:
            self._first = asyncio.ensure_future(self._begin())
        if not self._first.done():
            # What it did before it was ready, such as warming up, is nobody's. No call is sent before that is known,
            # and whoever is cancelled meanwhile leaves the others waiting for it.
            await asyncio.shield(self._first)
        self._under_way.append(measured)
        self._changes += 1

    async def _begin(self) -> None:
        self._sum = await self._ask() or self._sum

    def end(self, measured: Measured) -> None:
        """A call ended, and ``measured`` is whole."""
        self._depart(measured)
        self._add(measured)

    async def leave(self, measured: Measured, *, is_known: bool) -> bool:
        """A call was left early; afterwards ``measured`` is whole, as far as the engine tells within ``SETTLE_S``:
        whether it did."""
        self._depart(measured)
        mine = _Open(measured, is_known)
        self._open.append(mine)
        for is_last, patience_s in ((False, SETTLE_S), (True, LAST_S)):
            try:
                async with asyncio.timeout(patience_s), self._settling:
                    while self._tells and mine in self._open and not await self._settled(is_last=is_last):
                        await asyncio.sleep(PAUSE_S)
                break
            except TimeoutError:
                continue  # what is missing goes to the next that is settled: sums stay true
        if mine in self._open:
            self._open.remove(mine)
            self._add(measured)
            return False
        return True

    async def _settled(self, *, is_last: bool) -> bool:
        missing = await self._missing()
        if missing is None or missing.completion < 0:
            return False  # one that ended is not added up yet
        unknown = [one.measured for one in self._open if not one.is_known]
        # A prompt that is being read may count already, or not yet.
        is_clear = min(missing.prompt, missing.cached) >= 0 and all(one.completion_tokens for one in self._under_way)
        if unknown and not is_clear and not is_last:
            return False
        # It might be of one that has ended and is still to be read, beside one that has not noticed: looked at twice.
        await asyncio.sleep(PAUSE_S)
        again = await self._missing()
        if again is None or again.completion != missing.completion:
            return False
        if unknown and is_clear and again == missing:
            unknown[-1].prompt_tokens += missing.prompt
            unknown[-1].cached_tokens += missing.cached
        (unknown or [one.measured for one in self._open])[-1].completion_tokens += missing.completion
        for one in self._open:
            self._add(one.measured)
        self._open = []
        return True

    async def _missing(self) -> Totals | None:
        """What the engine has counted beyond all that is known; None where calls that end make it uncertain."""
        changes = self._changes
        seen = await self._ask()
        if seen is None or changes != self._changes or seen.at_work != len(self._under_way):
            return None
        left = [one.measured for one in self._open]
        reading = [*left, *(one for one in self._under_way if one.completion_tokens)]
        return Totals(
            prompt=seen.prompt - self._sum.prompt - sum(one.prompt_tokens for one in reading),
            cached=seen.cached - self._sum.cached - sum(one.cached_tokens for one in reading),
            completion=seen.completion - self._sum.completion - sum(one.completion_tokens for one in left),
            at_work=0,
        )

    async def _ask(self) -> Totals | None:
        try:
            seen = await self._totals() if self._tells else None
        except TimeoutError:  # it reads a long prompt, and tells when it has
            return None
        self._tells = seen is not None
        return seen

    def _depart(self, measured: Measured) -> None:
        self._under_way = [one for one in self._under_way if one is not measured]
        self._changes += 1

    def _add(self, measured: Measured) -> None:
        self._sum = Totals(
            prompt=self._sum.prompt + measured.prompt_tokens,
            cached=self._sum.cached + measured.cached_tokens,
            completion=self._sum.completion + measured.completion_tokens,
            at_work=0,
        )


def _number(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS
    return value if is_count else None  # type: ignore[return-value]  # it is an int
