"""A model store whose engines are small programs, with neither rows nor files; what a test of it needs."""

import asyncio
import gc
import http.client
import json
import os
import random
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from freehold.compute import service as compute
from freehold.compute.errors import JobFailed
from freehold.compute.rules import Job, Running
from freehold.core import clock
from freehold.core.errors import HubError
from freehold.engines.rules import Offer, Setup
from freehold.inference import store as store_module
from freehold.inference.errors import EngineLost
from freehold.inference.plans import Plan, Wish
from freehold.inference.rules import Replica, Target
from freehold.inference.store import NodeStore

PROGRAM = Path(__file__).with_name("engine.py")
MB = 10**6


@dataclass
class StandIn:
    """A starter without rows and files: ``wishes`` are the endpoints, ``options`` what each one's program does."""

    wishes: dict[str, Wish] = field(default_factory=dict)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    needs: dict[str, int] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    most_at_once: int = 0
    cluster_has: int = 1000  # processes, whatever this node's budget
    _running: list[Running] = field(default_factory=list)

    def put(self, endpoint_id: str, need_bytes: int = 100 * MB, **given: Any) -> Target:
        """The endpoint is so from now on; what a call of it is about."""
        old = self.wishes.get(endpoint_id)
        wish = old or Wish(endpoint_id, f"lab/{endpoint_id}", "1", True, False, 600, 1, 2, clock.now())
        self.wishes[endpoint_id] = replace(wish, **given)
        self.needs[endpoint_id] = need_bytes
        return self.target(endpoint_id)

    def target(self, endpoint_id: str) -> Target:
        one = self.wishes[endpoint_id]
        return Target(
            endpoint_id, one.name, one.name, "", "stand-in", frozenset({"chat"}), "owner",
            fingerprint=one.fingerprint, replicas=one.replicas, parallel=one.parallel,
        )  # fmt: skip

    def wish(self, endpoint_id: str) -> Wish | None:
        return self.wishes.get(endpoint_id)

    def plan(self, endpoint_id: str) -> Plan | None:
        wish = self.wishes.get(endpoint_id)
        if wish is None:
            return None
        offer = Offer("stand-in", "", frozenset({"chat"}), [], None, None)
        return Plan(wish, "stand-in", offer, Setup(), self.needs[endpoint_id], None)

    def begin(self, plan: Plan, limit_bytes: int) -> Running:
        options = self.options.get(plan.wish.endpoint_id, {})
        if options.get("no_files"):
            raise HubError("The bytes are gone.")
        argv = [sys.executable, "-I", "-S", str(PROGRAM)]
        limit = options.get("limit", limit_bytes)
        job = Job(plan.wish.name, argv, {**options, "echo": plan.wish.fingerprint}, memory_bytes=limit)
        self.begun.append(plan.wish.endpoint_id)
        if sum(one.is_alive for one in self._running) >= self.cluster_has:
            raise JobFailed("no_room", "No node of the Ray cluster has 2 processor cores free now.")
        running = compute.begin(job)
        self._running.append(running)
        self.most_at_once = max(self.most_at_once, sum(one.is_alive for one in self._running))
        return running

    def ready(self, running: Running) -> None:
        compute.ready(running)

    def body(self, plan: Plan, adapter: str) -> Mapping[str, Any]:
        return {"adapter": adapter}

    def keep_files(self, plan: Plan) -> None:
        """There are none."""

    def stop(self) -> None:
        """Nothing is copied."""


@pytest.fixture
def nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(store_module, "LOOK_S", 0.05)
    gc.collect()  # what tests before this one left to it goes now, and not while this one counts
    before = (len(os.listdir("/proc/self/fd")), threading.active_count(), _children())
    yield
    assert (len(os.listdir("/proc/self/fd")), threading.active_count(), _children()) == before


def _children() -> set[str]:
    """Processes of this one, unreaped ones too."""
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found |= set((task / "children").read_text().split())
    return found


def run(test: Callable[[NodeStore, StandIn], Awaitable[None]], budget_bytes: int = 1000 * MB) -> None:
    """``test`` with a store that is closed afterwards, whatever happened."""

    async def whole() -> None:
        starter = StandIn()
        store = NodeStore(starter, budget_bytes)
        try:
            await test(store, starter)
        finally:
            await store.close()
        assert store.used_bytes() == 0
        assert not [one for group in store.groups.values() for one in group.processes]

    asyncio.run(whole())


async def ask(replica: Replica, **body: Any) -> Any:
    """What the stand-in answers. Raises :class:`EngineLost` as whoever calls engines does."""

    def post() -> Any:
        data = json.dumps({**replica.body, **body}).encode()
        headers = {"Authorization": f"Bearer {replica.key}"}
        try:
            with urllib.request.urlopen(urllib.request.Request(replica.address, data, headers)) as answer:
                return json.load(answer)
        except (OSError, ValueError, http.client.HTTPException) as err:
            if isinstance(err, urllib.error.HTTPError):
                err.close()
            raise EngineLost("It broke off.") from err

    return await asyncio.to_thread(post)


async def call(store: NodeStore, target: Target, caller: str = "alice", **body: Any) -> Any:
    async with store.replica(target, caller) as replica:
        return await ask(replica, **body)


async def until(true: Callable[[], bool]) -> None:
    """``true`` comes to be; a test that waits for what never comes fails by its own time limit."""
    while not true():
        await asyncio.sleep(0.02)


async def trouble(store: NodeStore, starter: StandIn, events: int, seed: int) -> None:
    """So many accidents and changes in an order of chance, while calls go on: each ends, well or with its error."""
    order = random.Random(seed)
    names = ["a", "b", "c", "d"]
    for name in names:
        starter.put(name, parallel=2)

    async def one(number: int) -> None:
        name = order.choice(names)
        what = order.choice(["call", "call", "die", "kill", "change", "off", "cancel", "refuse", "grow", "rest"])
        if what in ("refuse", "grow"):
            starter.options[name] = {"refuse": "no"} if what == "refuse" else {"grow": 150 * MB, "limit": 40 * MB}
        if what == "change":
            starter.put(name, fingerprint=str(number))
        if what == "off":
            starter.put(name, is_on=not starter.wishes[name].is_on)
        if what in ("change", "off", "rest"):
            await store.follow(list(starter.wishes.values()))
            await store.rest()
        more = {"die": True} if what == "die" else {}
        calling = asyncio.create_task(call(store, starter.target(name), f"caller {number % 40}", **more))
        if what == "kill":
            await asyncio.sleep(0.01)
            for running in [one for one in starter._running if one.is_alive][:1]:
                with suppress(ProcessLookupError):
                    os.kill(running.pid, signal.SIGKILL)
        if what == "cancel":
            await asyncio.sleep(order.random() / 20)
            calling.cancel()
        try:
            await calling
        except (HubError, asyncio.CancelledError):
            pass
        finally:
            starter.options.pop(name, None)

    for start in range(0, events, 4):
        await asyncio.gather(*(one(number) for number in range(start, min(start + 4, events))))
    assert all(one.held == 0 for group in store.groups.values() for one in group.processes), "a slot is taken"
