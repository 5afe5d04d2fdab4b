"""Something small, every so often, in one thread, until stopped."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from freehold.core import clock
from freehold.tasks.rules import error_text

log = logging.getLogger("freehold.tasks")


@dataclass(frozen=True)
class Last:
    """How the last turn went; ``error`` is empty when it went well."""

    began_at: datetime
    took_s: float
    error: str


class Periodic:
    """Runs ``work`` every ``every_s`` seconds. A failure is logged and the next turn comes all the same.

    ``last`` tells of the last turn on this node, for whoever looks.
    """

    def __init__(self, name: str, every_s: float, work: Callable[[], object]) -> None:
        self.name, self.every_s, self._work = name, every_s, work
        self.last: Last | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No turn begins after this returns."""
        self._stopping.set()
        self._thread.join()

    def turn(self) -> None:
        """One turn, now; what it raises is logged and kept."""
        began_at, since, error = clock.now(), time.monotonic(), ""
        try:
            self._work()
        except Exception as err:
            log.exception("%s failed; it is tried again in %s s", self.name, self.every_s)
            error = error_text(err)
        self.last = Last(began_at, time.monotonic() - since, error)

    def _run(self) -> None:
        while not self._stopping.wait(self.every_s):
            self.turn()
