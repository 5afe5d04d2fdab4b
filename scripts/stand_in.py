"""A model store whose engines are small programs, with neither rows nor files: for its tests and for troubles."""

import asyncio
import http.client
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from freehold.compute import service as compute
from freehold.compute.errors import JobFailed
from freehold.compute.graphics import GraphicsCard
from freehold.compute.rules import CardNeed, Given, Job, Running
from freehold.core import clock
from freehold.core.errors import HubError
from freehold.engines.rules import Offer, Setup
from freehold.inference.errors import EngineLost
from freehold.inference.plans import Plan, Wish
from freehold.inference.rules import Replica, Target
from freehold.inference.space import Space
from freehold.inference.store import NodeStore

PROGRAM = Path(__file__).with_name("stand_in_engine.py")
MB = 10**6


@dataclass
class StandIn:
    """A starter without rows and files: ``wishes`` are the endpoints, ``options`` what each one's program does."""

    wishes: dict[str, Wish] = field(default_factory=dict)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    needs: dict[str, int] = field(default_factory=dict)
    on_cards: dict[str, Sequence[CardNeed]] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    most_at_once: int = 0
    cluster_has: int = 1000  # processes, whatever this node's budget
    running: list[Running] = field(default_factory=list)

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
        on_cards = self.on_cards.get(endpoint_id, ())
        return Plan(wish, "stand-in", offer, Setup(), self.needs[endpoint_id], None, on_cards=on_cards)

    def begin(self, plan: Plan, limit_bytes: int, given: Given | None) -> Running:
        options = self.options.get(plan.wish.endpoint_id, {})
        if options.get("no_files"):
            raise HubError("The bytes are gone.")
        argv = [sys.executable, "-I", "-S", str(PROGRAM)]
        limit = options.get("limit", limit_bytes)
        job = Job(plan.wish.name, argv, {**options, "echo": plan.wish.fingerprint}, memory_bytes=limit, given=given)
        self.begun.append(plan.wish.endpoint_id)
        if sum(one.is_alive for one in self.running) >= self.cluster_has:
            raise JobFailed("no_room", "No node of the Ray cluster has 2 processor cores free now.")
        running = compute.begin(job)
        self.running.append(running)
        self.most_at_once = max(self.most_at_once, sum(one.is_alive for one in self.running))
        return running

    def ready(self, running: Running) -> None:
        compute.ready(running)

    def body(self, plan: Plan, adapter: str) -> Mapping[str, Any]:
        return {"adapter": adapter}

    def keep_files(self, plan: Plan) -> None:
        """There are none."""

    def stop(self) -> None:
        """Nothing is copied."""


def run(
    test: Callable[[NodeStore, StandIn], Awaitable[None]],
    budget_bytes: int = 1000 * MB,
    cards: Sequence[GraphicsCard] = (),
) -> None:
    """``test`` with a store that is closed afterwards, whatever happened."""

    async def whole() -> None:
        starter = StandIn()
        store = NodeStore(starter, lambda: Space(budget_bytes, cards))
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
        asked = urllib.request.Request(replica.address, data, {"Authorization": f"Bearer {replica.key}"})  # noqa: S310
        try:
            with urllib.request.urlopen(asked) as answer:  # noqa: S310  # loopback
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
