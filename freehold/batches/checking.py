"""A file of requests is looked through before the first of them is asked: each has a ``custom_id`` of its own, by which
whoever made the batch finds its answer.

Eight bytes are kept of each, and those of lines that may be twins are compared as they were written.
"""

import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from freehold.batches.rules import Line

PARTS = 256
#: Of pairs that look alike, so many are looked at to find the first.
MAX_LOOKED_AT = 1000
#: So many lines are read at a time, and in between live calls have their turn of this process.
READ_AT_ONCE, REST_S = 500, 0.0005
TOLD_CHARS = 100


@dataclass(frozen=True)
class Twins:
    """Two lines of one ``custom_id``, the first such pair; counted from one."""

    custom_id: str
    first: int
    second: int

    @property
    def why(self) -> str:
        return (
            f"Lines {self.first:,} and {self.second:,} have the same custom_id {self.custom_id[:TOLD_CHARS]!r}: each "
            "request needs one of its own, by which its answer is found. Nothing was asked."
        )


def checked(read: Callable[[], Iterable[Line]], go_on: Callable[[], None]) -> tuple[int, Twins | None]:
    """How many lines there are, and the first two of one ``custom_id``. ``read`` begins at the first line, also again;
    ``go_on`` is asked now and then, and raises where it is to be left."""
    parts = [array("q") for _ in range(PARTS)]
    count = 0
    for line in _some_at_a_time(read(), go_on):
        count += 1
        if not line.error:
            mark = hash(line.custom_id)
            parts[mark % PARTS].append(mark)
    alike: set[int] = set()
    for part in parts:
        if len(set(part)) < len(part) and len(alike) < MAX_LOOKED_AT:
            alike.update([mark for mark, times in Counter(part).items() if times > 1][:MAX_LOOKED_AT])
    return count, _first(read, alike, go_on) if alike else None


def _first(read: Callable[[], Iterable[Line]], alike: set[int], go_on: Callable[[], None]) -> Twins | None:
    seen: dict[str, int] = {}
    for line in _some_at_a_time(read(), go_on):
        if not line.error and hash(line.custom_id) in alike:
            if line.custom_id in seen:
                return Twins(line.custom_id, seen[line.custom_id] + 1, line.number + 1)
            seen[line.custom_id] = line.number
    return None


def _some_at_a_time(lines: Iterable[Line], go_on: Callable[[], None]) -> Iterator[Line]:
    for line in lines:
        if line.number % READ_AT_ONCE == 0:
            go_on()
            time.sleep(REST_S)
        yield line
