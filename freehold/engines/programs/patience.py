"""No step goes on for ever: a graph can loop, and a tokenizer's patterns can go back and forth without an end.

A process whose step takes too long ends, and says so: calls in a line behind it are told at once, and the next one has
a process that answers. What keeps even Python's own threads from running is ended by a clock outside of them.
"""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: A step takes seconds, on a slow machine a minute.
PATIENCE_S, LOOK_S = 150.0, 5.0
_steps: dict[object, float] = {}


@contextmanager
def step() -> Iterator[None]:
    """What is done within has so long."""
    mine = object()
    _steps[mine] = time.monotonic()
    try:
        yield
    finally:
        del _steps[mine]


def begin(patience_s: float = PATIENCE_S) -> None:
    """From here on steps are watched."""
    threading.Thread(target=_watch, args=(patience_s,), daemon=True).start()


def _watch(patience_s: float) -> None:
    look_s = min(LOOK_S, patience_s / 4)
    while True:
        faulthandler.dump_traceback_later(patience_s, exit=True)
        time.sleep(look_s)
        if any(time.monotonic() - began > patience_s for began in list(_steps.values())):
            sys.stderr.write(f"It did nothing but one step for {patience_s:g} seconds, and was ended.\n")
            sys.stderr.flush()
            os._exit(1)
