"""Whose calls ended engines: one caller must not be able to stop a model for all the others.

A grammar or a prompt may end an engine that answers everybody else. So what dies while it answers is started anew at
once, and those whose calls it died of are marked: with a whole mark whoever was alone with it, with a part of one
each of several. Whoever has three within an hour is not let to that endpoint for some minutes. Who is not signed in is
known by where they call from, which one may change: all of them together have a few more. In the node's memory.
"""

import math
from collections import deque
from collections.abc import Collection

from freehold.inference.errors import CallerPaused
from freehold.inference.rules import OF_MANY, Target

MARKS, MARKS_OF_MANY = 3, 12
WITHIN_S, PAUSE_S = 3600.0, 300.0
#: Callers of all endpoints that are remembered; the one marked longest ago is forgotten first.
MAX_REMEMBERED = 10_000
#: Parts are not numbers that add up to a whole.
_NEARLY = 1e-6


class Blame:
    """Times are those of one clock, in seconds."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, str], deque[tuple[float, float]]] = {}
        self._until: dict[tuple[str, str], float] = {}

    def ended(self, endpoint_id: str, callers: Collection[str], now: float) -> None:
        """An engine of the endpoint died of a call of one of ``callers``."""
        for caller_id in callers:
            of_many, is_one_of_many, _ = caller_id.partition(OF_MANY)
            self._mark((endpoint_id, caller_id), 1 / len(callers), MARKS, now)
            if is_one_of_many:
                self._mark((endpoint_id, of_many + OF_MANY), 1 / len(callers), MARKS_OF_MANY, now)
        while len(self._marks) > MAX_REMEMBERED:
            oldest = next(iter(self._marks))
            del self._marks[oldest]
            self._until.pop(oldest, None)

    def _mark(self, key: tuple[str, str], part: float, most: int, now: float) -> None:
        marks = self._marks.pop(key, deque())  # to the end of those that are remembered
        marks.append((now, part))
        while marks[0][0] < now - WITHIN_S:
            marks.popleft()
        self._marks[key] = marks
        if sum(part for _, part in marks) > most - _NEARLY:
            self._until[key] = now + PAUSE_S

    def check(self, target: Target, caller_id: str, now: float) -> None:
        """The caller is let to the endpoint. Raises :class:`CallerPaused`."""
        of_many, is_one_of_many, _ = caller_id.partition(OF_MANY)
        callers = (caller_id, of_many + OF_MANY) if is_one_of_many else (caller_id,)
        wait_s = max(self._until.get((target.endpoint_id, one), 0.0) for one in callers) - now
        if wait_s > 0:
            raise CallerPaused(
                f"Calls of yours ended the engine of {target.served_name} several times within an hour: it answers you "
                f"again in {max(1, round(wait_s / 60))} min, and others meanwhile. If what you asked was harmless, "
                "whoever owns the endpoint can switch it off and on, which lifts this.",
                headers={"Retry-After": str(math.ceil(wait_s))},
            )

    def is_marked(self, endpoint_id: str, caller_id: str, now: float) -> bool:
        """Whether an engine of the endpoint died while it answered the caller, not long ago."""
        marks = self._marks.get((endpoint_id, caller_id))
        return marks is not None and marks[-1][0] > now - WITHIN_S

    def forget(self, endpoint_id: str) -> None:
        """It is another engine now, or its owner switched it off and on."""
        for key in [one for one in self._marks if one[0] == endpoint_id]:
            del self._marks[key]
            self._until.pop(key, None)
