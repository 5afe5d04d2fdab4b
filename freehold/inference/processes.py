"""What the model store of a node keeps of what runs: groups and their processes, and what it needs to start one."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from freehold.compute.rules import Running
from freehold.inference.plans import Plan, Wish

State = Literal["loading", "ready", "ending"]
#: Callers that went before their answers were whole, of one process, and how long what they asked may still end it: an
#: engine that hangs is ended by its own watch after two minutes and a half.
MAX_LEFT, LEFT_S = 64, 200.0


class Starter(Protocol):
    """What the store needs of the rooms below; every method blocks and may be called from any thread."""

    def wish(self, endpoint_id: str) -> Wish | None:
        """How the endpoint wants to be kept, by its rows of now; None: it is gone."""
        ...

    def plan(self, endpoint_id: str) -> Plan | None:
        """How a replica is started; None: the endpoint is gone."""
        ...

    def begin(self, plan: Plan, limit_bytes: int) -> Running:
        """A process that has begun, its files on disk. Raises ``JobFailed`` and ``HubError``."""
        ...

    def ready(self, running: Running) -> None:
        """It answers. Raises ``JobFailed``."""
        ...

    def body(self, plan: Plan, adapter: str) -> Mapping[str, Any]:
        """What a call says to reach ``adapter``, or none of them where it is '' (``rules.Replica.body``)."""
        ...

    def keep_files(self, plan: Plan) -> None:
        """The files of a replica that runs are in use."""
        ...

    def stop(self) -> None:
        """Files that are on their way to disk come no further."""
        ...


@dataclass(eq=False)
class Process:
    """One replica. ``held``: calls under way; ``used_at`` and ``since`` by the loop's clock."""

    number: int
    plan: Plan
    reserved_bytes: int
    used_at: float
    since: datetime
    state: State = "loading"
    held: int = 0
    calls: int = 0
    called_at: datetime | None = None
    running: Running | None = None
    callers: Counter[str] = field(default_factory=Counter)  # of the calls under way
    broken: set[str] = field(default_factory=set)  # callers whose calls it broke off
    left: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=MAX_LEFT))  # who went early, and when

    @property
    def is_open(self) -> bool:
        """Whether a call may begin."""
        return self.state == "ready" and self.running is not None and self.running.is_alive

    def suspects(self, now: float) -> set[str]:
        """Callers one of whose calls it may have ended of: those that were under way, where it has ended."""
        if self.running is None or self.running.is_alive:
            return set(self.broken)  # it lives, and broke off these alone
        return self.broken | set(+self.callers) | {one for one, at in self.left if at > now - LEFT_S}

    def memory_bytes(self) -> int:
        """What it has reserved, or has taken where that is more."""
        return max(self.reserved_bytes, self.running.took().memory_bytes if self.running and self.is_open else 0)


@dataclass(eq=False)
class Group:
    """An endpoint on this node. ``failed``: why the last load or the last process failed, '' after a success."""

    wish: Wish
    processes: list[Process] = field(default_factory=list)
    loading: "asyncio.Task[None] | None" = None
    failures: int = 0
    failed_loads: int = 0
    failed: str = ""
    reason: str = ""
    failed_at: datetime | None = None
    again_at: float = 0.0
    log: str = ""

    ended_by: set[str] = field(default_factory=set)  # callers, each alone with one that died, since a call ended well

    def current(self) -> list[Process]:
        """Those that are not on their way out."""
        return [one for one in self.processes if one.state != "ending"]


@dataclass(frozen=True)
class Seen:
    """A replica as pages tell it; ``state`` also ``answering`` and ``failed``."""

    endpoint_id: str
    name: str
    number: int
    state: str
    since: datetime
    message: str
    memory_bytes: int
    calls: int
    called_at: datetime | None
