"""What is made of strangers' text in a process apart (``web.drawing``): code in colours, formulas.

A regular expression that backtracks holds Python's lock, so within the hub no clock could stop it. Whatever goes wrong
there, the answer is None, and the page shows the text as it was written.
"""

import json
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from freehold.core.children import Child, ChildFailed

#: Whoever brings pieces that cannot be drawn gets none drawn for a while; nor does anybody else, which harms nobody.
MAX_FAILURES, FAILURES_WITHIN_S = 8, 60.0
#: What may fail at once costs nothing; what fails after this has been a burden.
BURDEN_S = 0.2


class Purse:
    """What one text may spend: so much of the other process's time, however busy the machine, in so long at most."""

    def __init__(self, cpu_s: float, wait_s: float) -> None:
        self._left_s = cpu_s
        self._until = time.monotonic() + wait_s

    @property
    def is_empty(self) -> bool:
        return self._left_s <= 0 or time.monotonic() > self._until

    def pay(self, cpu_s: float) -> None:
        self._left_s -= cpu_s


class Drawn:
    """The process, asked a piece at a time; safe to use from several threads."""

    def __init__(self, ask: Callable[[bytes], bytes]) -> None:
        self._ask = ask
        self._failures: deque[float] = deque(maxlen=MAX_FAILURES)

    def ask(self, kind: str, *words: str, purse: Purse | None = None) -> Any:
        """What the process makes of ``words``; None when it cannot, not in time, or ``purse`` is empty."""
        if purse is not None and purse.is_empty:
            return None
        began = time.monotonic()
        if len(self._failures) == MAX_FAILURES and began - self._failures[0] < FAILURES_WITHIN_S:
            return None
        try:
            made, spent_s = json.loads(self._ask(json.dumps([kind, *words]).encode()))
            if purse is not None:
                purse.pay(float(spent_s))
            return made
        except (ChildFailed, ValueError, TypeError, RecursionError):
            if purse is not None:
                purse.pay(time.monotonic() - began)
            if time.monotonic() - began > BURDEN_S:
                self._failures.append(began)
            return None


#: The one of this hub.
drawn = Drawn(Child("freehold.web.drawing").ask)
