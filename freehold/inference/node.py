"""What this node has for models: memory of the machine, how much of it models may take together, graphics cards."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from freehold.cards.memory import Machine
from freehold.compute import graphics
from freehold.compute.graphics import GraphicsCard
from freehold.core.settings import Settings

#: Where a container is told how much memory it has; the smallest counts. Source: Linux, cgroup-v2 and cgroup-v1.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
#: In place of what only the cluster knows: more than any node has.
_UNKNOWN_BYTES = 1 << 50


@dataclass(frozen=True)
class Room:
    """``memory_bytes`` of the machine, of which models take ``budget_bytes`` together, and its graphics ``cards``.
    ``is_here`` False: models run on a cluster, which knows by itself what it has; nothing is refused beforehand then.
    """

    memory_bytes: int
    budget_bytes: int
    is_here: bool = True
    cards: Sequence[GraphicsCard] = ()

    @property
    def machine(self) -> Machine:
        """As ``cards.memory`` reckons: everything but the budget is others'."""
        memory = max(self.memory_bytes, self.budget_bytes)
        return Machine("cpu", memory, 1, memory - self.budget_bytes)


def room(settings: Settings) -> Room:
    """What there is, by the system's word and the settings'. The first time it may wait for a driver of cards."""
    if settings.ray_address:
        return Room(_UNKNOWN_BYTES, _UNKNOWN_BYTES, is_here=False)
    has = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    has = min([has, *(limit for path in _LIMITS if (limit := _limit(path)))])
    return Room(has, settings.run_memory or has // 2, cards=graphics.cards())


def _limit(path: str) -> int:
    try:
        text = Path(path).read_text().strip()
    except OSError:
        return 0
    return int(text) if text.isdecimal() else 0
