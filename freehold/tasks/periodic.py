"""Something small, every so often, in one thread, until stopped."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("freehold.tasks")


class Periodic:
    """Runs ``work`` every ``every_s`` seconds. A failure is logged and the next turn comes all the same."""

    def __init__(self, name: str, every_s: float, work: Callable[[], object]) -> None:
        self._every_s, self._work = every_s, work
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No turn begins after this returns."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self._work()
            except Exception:
                log.exception("%s failed; it is tried again in %s s", self._thread.name, self._every_s)
