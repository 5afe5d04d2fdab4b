"""What a task is, and when it is tried again. Pure."""

import json
import random
from dataclasses import dataclass
from typing import Any

MAX_VALUES_BYTES = 256 << 10
MAX_ERROR_CHARS = 2000


@dataclass(frozen=True)
class Kind:
    """A kind of task, declared where its room can enqueue it; its body is given to the worker in ``main.py``.

    ``timeout_s``: an attempt that takes longer has failed, and somebody else may try. ``max_attempts``: then it is
    parked with its error. ``first_delay_s`` doubles from attempt to attempt, up to ``max_delay_s``.
    ``at_once``: how many one node runs beside each other; None: as many as it has threads.
    """

    name: str
    timeout_s: float = 60
    max_attempts: int = 10
    first_delay_s: float = 5
    max_delay_s: float = 3600
    at_once: int | None = None


class GiveUp(Exception):
    """Raised by a body: trying again is no use. The task is parked with this message at once."""


class TryLater(Exception):
    """Raised by a body that knows when to try again. Counts as an attempt."""

    def __init__(self, why: str, after_s: float) -> None:
        super().__init__(why)
        self.after_s = after_s


def delay_s(kind: Kind, attempts: int) -> float:
    """Seconds until the next attempt after ``attempts`` that failed.

    Half of it is chance, so that what failed together does not come back together.
    """
    longest = min(kind.max_delay_s, kind.first_delay_s * 2.0 ** min(attempts - 1, 40))
    return longest * (0.5 + random.random() / 2)  # noqa: S311  spreads load, keeps no secret


def checked_values(values: dict[str, Any]) -> dict[str, Any]:
    """``values``, which must be plain: what JSON gives back as it was, and not much of it."""
    text = json.dumps(values)
    assert json.loads(text) == values, "a task takes plain values: texts, numbers, lists and ids, not things"
    assert len(text) <= MAX_VALUES_BYTES, f"a task's values have at most {MAX_VALUES_BYTES} bytes: pass an id"
    return values


def error_text(err: BaseException) -> str:
    """What is kept of an error: what it is, what it says, and the last place in our code it came through."""
    said = str(err).strip() or type(err).__name__
    if isinstance(err, GiveUp | TryLater):
        return said[:MAX_ERROR_CHARS]
    trace, place = err.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "freehold" in code.co_filename:
            place = f" ({code.co_filename.rpartition('freehold/')[2]}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(err).__name__}: {said}"[:MAX_ERROR_CHARS] + place
