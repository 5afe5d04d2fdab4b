"""What a process and those that it started use, as Linux says it in /proc. Elsewhere nothing is known while it runs."""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: A process that is ended while it holds much may take long to be gone.
SPAN_S = 30.0
_TICKS_S = os.sysconf("SC_CLK_TCK")
_MEMORY = re.compile(rb"^(VmRSS|RssAnon|VmHWM):\s*(\d+) kB$", re.MULTILINE)
MAX_PROCESSES = 256
MOST_BYTES = 64 << 10  # of one file, which has some 2 KiB


@dataclass(frozen=True)
class Seen:
    """Bytes in memory, those of them that are its own (no file's), the most of the first process so far; and seconds
    of processor, with those of what was started and has ended."""

    memory_bytes: int
    own_bytes: int
    peak_memory_bytes: int
    processor_s: float


def seen(family: Sequence[int]) -> Seen | None:
    """Of all of ``family`` together, the first process first. None: nothing is known."""
    found = [one for number in family if (one := _of_one(number)) is not None]
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
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        status = _read(f"/proc/{pid}/status")
    except OSError:
        return None  # it ended in between
    said = {name: int(kilobytes) << 10 for name, kilobytes in _MEMORY.findall(status)}
    processor_s = sum(map(int, fields[11:15])) / _TICKS_S
    return Seen(said.get(b"VmRSS", 0), said.get(b"RssAnon", 0), said.get(b"VmHWM", 0), processor_s)


def _read(path: str) -> bytes:
    """A file of /proc, whole: without what Python puts around a file, since it is read before each call's answer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, MOST_BYTES)
    finally:
        os.close(descriptor)


def family(pid: int) -> Sequence[int]:
    """``pid`` and all below it, so many at most. Reads a file for each of their threads."""
    waiting, found = [pid], list[int]()
    while waiting and len(found) < MAX_PROCESSES:
        one = waiting.pop()
        found.append(one)
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                waiting += map(int, Path(f"/proc/{one}/task/{thread}/children").read_text().split())
        except OSError:
            continue
    return found


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
