"""What the model store of a node keeps of what runs: groups and their processes, and what it needs to start one."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from freehold.compute.rules import Given, Running
from freehold.core import clock
from freehold.core.errors import HubError
from freehold.inference.errors import DoesNotFit, LoadFailed
from freehold.inference.plans import UNKNOWN_BYTES, Plan, Wish

State = Literal["loading", "ready", "ending"]
#: Callers that went before their answers were whole, of one process, and how long what they asked may still end it: an
#: engine that hangs is ended by its own watch after two minutes and a half.
MAX_LEFT, LEFT_S = 64, 200.0
#: After failures in a row: seconds until it is tried again, the last one again and again.
BACK_OFF_S: Sequence[float] = (0.0, 5.0, 15.0, 60.0, 300.0)


class Starter(Protocol):
    """What the store needs of the rooms below; every method blocks and may be called from any thread."""

    def wish(self, endpoint_id: str) -> Wish | None:
        """How the endpoint wants to be kept, by its rows of now; None: it is gone."""
        ...

    def plan(self, endpoint_id: str) -> Plan | None:
        """How a replica is started; None: the endpoint is gone."""
        ...

    def begin(self, plan: Plan, limit_bytes: int, given: Given | None) -> Running:
        """A process that has begun, its files on disk, on the graphics cards that it was ``given``.

        Raises ``JobFailed`` and ``HubError``.
        """
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
    given: Given | None = None  # graphics cards of this node
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

    def limit_bytes(self, budget_bytes: int) -> int:
        """Over this it is ended: what it may take by reckoning, and as much again, for the reckoning may err."""
        return min(budget_bytes, 2 * self.reserved_bytes + UNKNOWN_BYTES)

    def seen(self, endpoint_id: str, name: str) -> "Seen":
        state = "answering" if self.state == "ready" and self.held else self.state
        memory = self.running.took().memory_bytes if self.running is not None else 0
        given = (tuple(self.given.indices), self.given.each_bytes) if self.given else ((), 0)
        return Seen(endpoint_id, name, self.number, state, self.since, "", memory, self.calls, self.called_at, *given)


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

    def standing(self) -> str:
        states = {one.state for one in self.current()}
        if "ready" in states:
            return "ready"
        if "loading" in states or self.loading is not None:
            return "loading"
        return "failed" if self.failed else "off"

    def fail(self, message: str, reason: str, now: float) -> None:
        """Once more in a row; ``now`` and ``again_at`` by the loop's clock."""
        self.failures += 1
        self.failed, self.reason, self.failed_at = message[:500], reason, clock.now()
        self.again_at = now + BACK_OFF_S[min(self.failures, len(BACK_OFF_S)) - 1]

    def load_failed(self, message: str, reason: str, now: float) -> None:
        """As :meth:`fail`, and whoever waits for a load is told."""
        self.failed_loads += 1
        self.fail(message, reason, now)

    def failure(self, now: float) -> HubError:
        """What its callers are told, with when it is tried again."""
        wait_s = max(1, round(self.again_at - now))
        if self.reason == "does_not_fit":
            error: HubError = DoesNotFit(self.failed)
        else:
            error = LoadFailed(self.failed or f"{self.wish.name} could not be loaded.", reason=self.reason)
        error.headers["Retry-After"] = str(min(wait_s, 300))
        return error

    def answered(self) -> None:
        """A call ended well: what failed before is over."""
        self.failures, self.failed, self.reason = 0, "", ""
        self.ended_by.clear()

    def forgive(self) -> None:
        """It may be tried at once, whatever failed before."""
        self.answered()
        self.again_at = 0.0


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
    cards: Sequence[int | str] = ()
    card_bytes: int = 0  # reserved on each
