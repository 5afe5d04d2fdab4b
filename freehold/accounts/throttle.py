"""Guessing passwords takes time: after a few wrong ones, one has to wait."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from freehold.accounts.errors import TooManyAttempts
from freehold.core import clock

FREE_ATTEMPTS = 8
WINDOW_S = 300
WRONG_PASSWORDS = "Too many wrong passwords for this name. Try again in {wait} s."
MAX_KEPT = 10_000
#: A password takes 16 MiB and 50 ms to check: strangers with many names get no more of the hub than this.
CHECKS_AT_ONCE = 4
_checks = threading.BoundedSemaphore(CHECKS_AT_ONCE)


@contextmanager
def one_check() -> Iterator[None]:
    """Leave to check one password; raises :class:`TooManyAttempts` while others take it all."""
    if not _checks.acquire(blocking=False):
        raise TooManyAttempts("Many people sign in at this moment. Try again in a second.", 1)
    try:
        yield
    finally:
        _checks.release()


class Throttle:
    """Counts wrong passwords, or whatever else is to be rare, in this process.

    It slows guessing down; it keeps nobody's account locked.
    """

    def __init__(self, sentence: str = WRONG_PASSWORDS, *, free: int = FREE_ATTEMPTS) -> None:
        self._sentence, self._free = sentence, free
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()  # name -> (count, window began)

    def check(self, who: str) -> None:
        """Raise :class:`TooManyAttempts` when ``who`` (a name and an address) has no attempts left."""
        with self._lock:
            count, began_s = self._failures.get(who.lower(), (0, 0))
        left_s = began_s + WINDOW_S - clock.epoch_s()
        if count >= self._free and left_s > 0:
            raise TooManyAttempts(self._sentence.format(wait=left_s), left_s)

    def note_failure(self, who: str) -> None:
        with self._lock:
            count, began_s = self._failures.pop(who.lower(), (0, 0))
            if clock.epoch_s() - began_s >= WINDOW_S:
                count, began_s = 0, clock.epoch_s()
            self._failures[who.lower()] = (count + 1, began_s)
            while len(self._failures) > MAX_KEPT:
                self._failures.popitem(last=False)

    def note_success(self, who: str) -> None:
        with self._lock:
            self._failures.pop(who.lower(), None)
