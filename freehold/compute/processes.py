"""What a process and those that it started use, as Linux says it in /proc. Elsewhere nothing is known while it runs."""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: A process that is ended while it holds much may take long to be gone.
SPAN_S = 30.0
_TICKS_S = os.sysconf("SC_CLK_TCK")
MAX_PROCESSES = 256


@dataclass(frozen=True)
class Seen:
    """Bytes in memory, those of them that are its own (no file's), the most of the first process so far; and seconds
    of processor, with those of what was started and has ended."""

    memory_bytes: int
    own_bytes: int
    peak_memory_bytes: int
    processor_s: float


def seen(pid: int) -> Seen | None:
    """Of ``pid`` and what it started, all together. None: nothing is known."""
    found = [one for number in _family(pid) if (one := _of_one(number)) is not None]
    if not found:
        return None
    memory_bytes = sum(one.memory_bytes for one in found)
    return Seen(
        memory_bytes,
        sum(one.own_bytes for one in found),
        max(memory_bytes, found[0].peak_memory_bytes),
        sum(one.processor_s for one in found),
    )


def _of_one(pid: int) -> Seen | None:
    try:
        # After the name, which may hold anything, even a closing bracket. Source: proc_pid_stat(5).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except OSError:
        return None  # it ended in between
    said = {line.split(":")[0]: int(line.split()[1]) << 10 for line in status.splitlines() if line.endswith(" kB")}
    processor_s = sum(int(word) for word in fields[11:15]) / _TICKS_S
    return Seen(said.get("VmRSS", 0), said.get("RssAnon", 0), said.get("VmHWM", 0), processor_s)


def _family(pid: int) -> Iterator[int]:
    """``pid`` and all below it, so many at most."""
    waiting, told = [pid], 0
    while waiting and told < MAX_PROCESSES:
        one = waiting.pop()
        told += 1
        yield one
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                waiting += map(int, Path(f"/proc/{one}/task/{thread}/children").read_text().split())
        except OSError:
            continue


class Shortages:
    """Whether the system ended any process for want of memory within the last span of ``SPAN_S``, or the one before."""

    def __init__(self) -> None:
        self._before = self._since = _ended_for_memory()
        self._at = time.monotonic()

    def look(self) -> None:
        """To be called more often than each span."""
        now = time.monotonic()
        if now - self._at > SPAN_S:
            self._before, self._since, self._at = self._since, _ended_for_memory(), now

    @property
    def may_be(self) -> bool:
        """True also where the system does not tell."""
        return self._before is None or _ended_for_memory() != self._before


def _ended_for_memory() -> int | None:
    """How many processes it ended since it started. Source: Linux, mm/vmstat.c, oom_kill (4.13)."""
    try:
        found = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
