"""The engine's own count of what a call took: read from its answers, and settled by its totals where it was left early.

An answer that ends says what it took. One that is left early does not: events say how many tokens had come by then, and
the engine works out one or two more before it notices. llama.cpp adds those to its totals (``GET /metrics``), so what a
call left open is what the totals have over all calls that ended, looked at in a moment when no others end.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from freehold.inference.rules import Measured

SETTLE_S = 3.0  # an engine notices within a token or two that its caller left; a busy one takes its time for them
PAUSE_S = 0.02
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


@dataclass
class Progress:
    """How far a stream has come, by what its events say: of several choices the sum."""

    measured: Measured
    predicted: dict[int, int] = field(default_factory=dict)  # choice -> tokens so far

    def read(self, event: Mapping[str, Any]) -> None:
        """Count what one event says: ``usage`` at the end, ``timings`` and ``prompt_progress`` on the way."""
        if read_usage(event.get("usage"), self.measured):
            return
        timings, progress = event.get("timings"), event.get("prompt_progress")
        if isinstance(progress, Mapping):
            done = max(_number(progress.get("processed")) or 0, _number(progress.get("cache")) or 0)
            self.measured.prompt_tokens = max(self.measured.prompt_tokens, done)
            self.measured.cached_tokens = _number(progress.get("cache")) or 0
        if isinstance(timings, Mapping):
            self._read_timings(timings, event)

    def _read_timings(self, timings: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        choices = event.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else {}
        index = first.get("index", 0) if isinstance(first, dict) else 0
        self.predicted[index] = _number(timings.get("predicted_n")) or 0
        cached = _number(timings.get("cache_n")) or 0
        prompt = cached + (_number(timings.get("prompt_n")) or 0)
        self.measured.prompt_tokens = max(self.measured.prompt_tokens, prompt)
        self.measured.cached_tokens = cached
        self.measured.completion_tokens = sum(self.predicted.values())


@dataclass(frozen=True)
class Totals:
    """What a process has counted since it started. ``at_work``: calls that it has not ended yet."""

    prompt: int
    cached: int
    completion: int
    at_work: int


def read_totals(metrics: bytes) -> Totals | None:
    """The totals out of llama.cpp's metrics; None where they are not there."""
    found = {name.decode(): float(value) for name, value in _TOTAL.findall(metrics)}
    try:
        return Totals(
            prompt=int(found["prompt_tokens_total"]),
            cached=int(found["prompt_tokens_cached_total"]),
            completion=int(found["tokens_predicted_total"]),
            at_work=int(found["requests_processing"] + found["requests_deferred"]),
        )
    except KeyError:
        return None


class Ledger:
    """What one engine's process was seen to take, beside its own totals. For engines that tell them."""

    def __init__(self, totals: Callable[[], Awaitable[Totals | None]]) -> None:
        self._totals = totals
        self._begun = False
        self._tells = True
        self._prompt = self._cached = self._completion = 0  # of calls whose meters are whole
        self._at_work = 0
        self._changes = 0
        self._open: list[Measured] = []
        self._settling = asyncio.Lock()

    async def begin(self) -> None:
        """A call is about to be sent."""
        if not self._begun:
            self._begun = True
            at_start = await self._ask()
            if at_start is not None:  # what it did before it was ready, such as warming up, is nobody's
                self._prompt += at_start.prompt + at_start.cached
                self._cached += at_start.cached
                self._completion += at_start.completion
        self._at_work += 1
        self._changes += 1

    def end(self, measured: Measured) -> None:
        """A call ended, and ``measured`` is whole."""
        self._at_work -= 1
        self._changes += 1
        self._add(measured)

    async def leave(self, measured: Measured) -> None:
        """A call was left early; afterwards ``measured`` is whole, as far as the engine tells within ``SETTLE_S``."""
        self._at_work -= 1
        self._changes += 1
        self._open.append(measured)
        if self._tells:
            try:
                async with asyncio.timeout(SETTLE_S):
                    async with self._settling:
                        while measured in self._open and self._tells and not await self._settled():
                            await asyncio.sleep(PAUSE_S)
            except TimeoutError:
                pass  # its last tokens go to the next that is settled: sums stay true
        if any(one is measured for one in self._open):
            self._open = [one for one in self._open if one is not measured]
            self._add(measured)

    async def _settled(self) -> bool:
        changes = self._changes
        seen = await self._ask()
        if seen is None or changes != self._changes or seen.at_work != self._at_work:
            return False
        prompt = seen.prompt + seen.cached - self._prompt - sum(one.prompt_tokens for one in self._open)
        completion = seen.completion - self._completion - sum(one.completion_tokens for one in self._open)
        cached = seen.cached - self._cached - sum(one.cached_tokens for one in self._open)
        if completion < 0:
            return False  # one that ended is not added up yet
        _share(self._open, "prompt_tokens", prompt)
        _share(self._open, "cached_tokens", cached)
        _share(self._open, "completion_tokens", completion)
        for one in self._open:
            self._add(one)
        self._open = []
        return True

    async def _ask(self) -> Totals | None:
        seen = await self._totals() if self._tells else None
        self._tells = seen is not None
        return seen

    def _add(self, measured: Measured) -> None:
        self._prompt += measured.prompt_tokens
        self._cached += measured.cached_tokens
        self._completion += measured.completion_tokens


def _share(calls: list[Measured], name: str, more: int) -> None:
    """The last of ``calls`` takes ``more``; where it is less than nothing (a prompt that was left before its end counts
    for nothing), each gives what it has."""
    for one in reversed(calls):
        had = getattr(one, name)
        setattr(one, name, max(0, had + more))
        more = min(0, had + more)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
