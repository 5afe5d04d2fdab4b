"""What a process and those that it started use, as Linux says it in /proc. Elsewhere nothing is known while it runs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
