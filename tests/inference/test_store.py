"""The model store: replicas come and go as calls, rows, memory and accidents want it, and nothing of them is left."""

import asyncio
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
from freehold.inference.errors import CallerPaused, DoesNotFit, EndpointOff, EngineLost, LoadFailed, ModelUnknown
from freehold.inference.plans import Plan, Wish
from freehold.inference.rules import Replica, Target
from freehold.inference.store import NodeStore
from freehold.web import figures

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


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(store_module, "LOOK_S", 0.05)
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


def test_the_first_call_loads_and_the_others_wait_for_that_load() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a", parallel=4)
        assert store.standing(["a", "b"]) == {"a": "off", "b": "off"}
        answers = await asyncio.gather(*(call(store, target) for _ in range(4)))
        assert len({one["pid"] for one in answers}) == 1
        assert starter.begun == ["a"]
        assert store.standing(["a"]) == {"a": "ready"}
        assert store.slots(target) == 4
        (seen,) = store.seen()
        assert (seen.state, seen.calls, seen.name) == ("ready", 4, "lab/a")
        assert seen.memory_bytes > 0
        assert store.log_of("a") == "ready"

    run(test)


def test_a_second_replica_comes_when_the_first_is_full() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a", replicas=2, parallel=1)
        async with store.replica(target) as one, store.replica(target) as two:
            assert one.address != two.address
            third = asyncio.create_task(call(store, target))
            await asyncio.sleep(0.1)
            assert not third.done(), "there are two slots"
        await third
        assert starter.begun == ["a", "a"]

    run(test)


def test_what_a_call_says_of_an_adapter_is_the_engines_word() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = replace(starter.put("a"), adapter="lab/lora")
        assert (await call(store, target))["body"] == {"adapter": "lab/lora"}

    run(test)


# ---- memory ------------------------------------------------------------------------------------------------


def test_what_is_used_least_goes_for_what_is_asked_and_never_what_answers_or_is_kept_warm() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        old, newer, warm = starter.put("old"), starter.put("newer"), starter.put("warm", keep_warm=True)
        for target in (warm, old, newer):
            await call(store, target)
        async with store.replica(old):  # the least used, but it answers
            await call(store, starter.put("next"))
            assert store.standing(["old", "newer", "warm", "next"]) == {
                "old": "ready", "newer": "off", "warm": "ready", "next": "ready",
            }  # fmt: skip

    run(test, budget_bytes=350 * MB)


def test_what_answers_is_waited_for_and_what_never_fits_is_refused_at_once() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        first, second = starter.put("a", 200 * MB), starter.put("b", 200 * MB)
        async with store.replica(first):
            waiting = asyncio.create_task(call(store, second))
            await until(lambda: store.standing(["b"])["b"] == "loading")
            assert not waiting.done()
        assert (await waiting)["pid"]
        assert store.standing(["a", "b"]) == {"a": "off", "b": "ready"}
        with pytest.raises(DoesNotFit) as refused:
            await call(store, starter.put("c", 400 * MB))
        assert figures.size(400 * MB) in refused.value.message
        assert figures.size(300 * MB) in refused.value.message
        assert "Retry-After" in refused.value.headers

    run(test, budget_bytes=300 * MB)


def test_there_is_no_room_beside_what_is_kept_warm() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        await call(store, starter.put("warm", 200 * MB, keep_warm=True))
        with pytest.raises(DoesNotFit, match="no room beside"):
            await call(store, starter.put("b", 200 * MB))
        assert store.standing(["warm", "b"]) == {"warm": "ready", "b": "failed"}

    run(test, budget_bytes=300 * MB)


def test_what_is_idle_goes_where_a_cluster_has_no_room_and_what_answers_does_not() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        starter.cluster_has = 1
        first, second = starter.put("a"), starter.put("b")
        await call(store, first)
        await call(store, second)
        assert store.standing(["a", "b"]) == {"a": "off", "b": "ready"}
        async with store.replica(second):
            with pytest.raises(DoesNotFit, match="No node of the Ray cluster"):
                await call(store, first)

    run(test)


def test_many_calls_of_more_models_than_fit_all_answer_within_the_budget() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        targets = [starter.put(name) for name in "abcd"]
        order = random.Random(6)
        answers = await asyncio.gather(*(call(store, order.choice(targets)) for _ in range(24)))
        assert len(answers) == 24
        assert starter.most_at_once <= 2
        assert len(starter.begun) > 2

    run(test, budget_bytes=250 * MB)


# ---- accidents ---------------------------------------------------------------------------------------------


def test_a_crash_while_answering_is_of_its_callers_alone_and_the_next_call_loads_anew() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target, other = starter.put("a"), starter.put("b")
        pid, beside = (await call(store, target))["pid"], (await call(store, other))["pid"]
        with pytest.raises(EngineLost):
            await call(store, target, die=True)
        assert (await call(store, target))["pid"] != pid
        assert (await call(store, other))["pid"] == beside
        assert starter.begun == ["a", "b", "a"]

    run(test)


def test_one_that_is_killed_while_nobody_calls_is_noticed() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a")
        os.kill((await call(store, target))["pid"], signal.SIGKILL)
        await until(lambda: [one.state for one in store.seen()] == ["failed"])
        assert store.standing(["a"]) == {"a": "failed"}
        (seen,) = store.seen()
        assert "killed" in seen.message
        assert await call(store, target)
        assert store.standing(["a"]) == {"a": "ready"}
        assert "failed" not in {one.state for one in store.seen()}

    run(test)


def test_a_caller_whose_calls_end_the_engine_is_paused_and_others_are_answered_at_once() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a")
        for _ in range(3):
            with pytest.raises(EngineLost):
                await call(store, target, "mallory", die=True)
            assert await call(store, target, "bob"), "no back-off"
        await until(lambda: len(store.groups["a"].processes) == 1)  # what died is known
        with pytest.raises(CallerPaused, match="in 5 min") as refused:
            await call(store, target, "mallory")
        assert 0 < int(refused.value.headers["Retry-After"]) <= 300
        assert await call(store, target, "bob")
        assert await call(store, starter.put("b"), "mallory"), "it is about the one model"
        starter.put("a", is_on=False)
        await store.follow(starter.wishes.values())
        starter.put("a", is_on=True)
        assert await call(store, target, "mallory"), "its owner forgave"

    run(test)


def test_of_several_under_way_each_is_blamed_in_part_and_who_left_before_it_died_too() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a", parallel=3)

        async def held(caller: str) -> None:
            async with store.replica(target, caller) as replica:
                await until(lambda: not starter._running[-1].is_alive)
                await ask(replica)

        for at in range(6):
            beside, leaving = (asyncio.create_task(held(caller)) for caller in ("bob", "carol"))
            await until(lambda: [one.held for one in store.groups["a"].processes] == [2] if store.groups else False)
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving
            os.kill(starter._running[-1].pid, signal.SIGKILL)
            with pytest.raises(EngineLost):
                await beside
            await until(lambda: len(store.groups["a"].processes) == 0)
            if at < 5:
                assert await call(store, target, "bob"), "half a mark each"
        for caller in ("bob", "carol"):
            with pytest.raises(CallerPaused):
                await call(store, target, caller)
        assert await call(store, target, "dave")

    run(test)


def test_one_that_dies_of_everybody_is_left_alone_for_a_while_with_its_reason_kept() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a")
        for caller in ("bob", "carol", "dave", "erin"):
            with pytest.raises(EngineLost):
                await call(store, target, caller, die=True)
            await until(lambda: not store.groups["a"].processes)
        with pytest.raises(LoadFailed) as refused:
            await call(store, target, "frank")
        assert int(refused.value.headers["Retry-After"]) > 0
        assert len(starter.begun) == 4
        await store.unload("a")  # whoever owns it says to try again
        assert await call(store, target, "frank")

    run(test)


def test_one_that_dies_again_and_again_with_nobody_near_is_left_alone() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        starter.put("a", keep_warm=True)
        for _ in range(2):
            await store.follow(starter.wishes.values())
            await until(lambda: store.standing(["a"])["a"] == "ready")
            os.kill(starter._running[-1].pid, signal.SIGKILL)
            await until(lambda: store.standing(["a"])["a"] == "failed")
        await store.follow(starter.wishes.values())
        assert len(starter.begun) == 2

    run(test)


@pytest.mark.parametrize(
    ("options", "reason", "says"),
    [
        ({"refuse": "These weights are of no architecture."}, "bad_model", "no architecture"),
        ({"die": True}, "crashed", "exit status 3"),
        ({"grow": 300 * MB, "limit": 100 * MB, "hang": True}, "out_of_memory", "100 MB"),
        ({"no_files": True}, "", "bytes are gone"),
    ],
)
def test_what_fails_to_load_says_why_to_all_who_wait(options: dict[str, Any], reason: str, says: str) -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a")
        starter.options["a"] = options
        failed = await asyncio.gather(*(call(store, target) for _ in range(3)), return_exceptions=True)
        for one in failed:
            assert isinstance(one, LoadFailed), one
            assert says in one.message
            assert one.reason == reason
        assert store.standing(["a"]) == {"a": "failed"}
        assert len(starter.begun) <= 1
        if "refuse" in options:
            assert store.log_of("a") == "what I wrote"

    run(test)


def test_one_killed_while_loading_fails_its_callers_and_not_others() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a")
        starter.options["a"] = {"hang": True}
        waiting = asyncio.create_task(call(store, target))
        await until(lambda: bool(starter._running))
        assert await call(store, starter.put("b"))
        os.kill(starter._running[0].pid, signal.SIGKILL)
        with pytest.raises(LoadFailed, match="killed"):
            await waiting

    run(test)


def test_a_call_that_is_cancelled_while_it_waits_leaves_no_slot_taken() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a", parallel=1)
        waiting = asyncio.create_task(call(store, target))
        await until(lambda: bool(starter._running))
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        for _ in range(3):
            assert await call(store, target)
        assert starter.begun == ["a"]

    run(test)


# ---- what the rows say -------------------------------------------------------------------------------------


def test_a_changed_endpoint_is_loaded_anew_while_its_old_replica_finishes() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a")
        async with store.replica(target) as old:
            changed = starter.put("a", fingerprint="2")
            await store.follow(starter.wishes.values())
            assert (await call(store, changed))["options"] == "2"
            assert (await ask(old))["options"] == "1", "it was under way"
            with pytest.raises(LoadFailed, match="changed at this moment"):
                await call(store, target)
        await until(lambda: not starter._running[0].is_alive)
        assert starter._running[1].is_alive

    run(test)


def test_a_call_that_knows_of_a_change_first_makes_it_known() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        await call(store, starter.put("a"))
        assert (await call(store, starter.put("a", fingerprint="2")))["options"] == "2"

    run(test)


def test_what_is_off_or_gone_ends_and_answers_nobody() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        off, gone = starter.put("off"), starter.put("gone")
        await call(store, off)
        await call(store, gone)
        starter.put("off", is_on=False)
        del starter.wishes["gone"]
        await store.follow(starter.wishes.values())
        await until(lambda: not any(one.is_alive for one in starter._running))
        with pytest.raises(EndpointOff):
            await call(store, off)
        with pytest.raises(ModelUnknown):
            await call(store, gone)
        await store.follow(starter.wishes.values())
        assert list(store.groups) == ["off"]

    run(test)


def test_what_is_idle_is_unloaded_and_what_is_kept_warm_is_loaded_unasked() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        starter.put("warm", keep_warm=True, idle_s=0)
        await store.follow(starter.wishes.values())
        await until(lambda: store.standing(["warm"])["warm"] == "ready")
        idle = starter.put("idle", idle_s=0)
        async with store.replica(idle):
            await store.rest()
            assert store.standing(["idle"]) == {"idle": "ready"}, "it answers"
        await store.rest()
        await until(lambda: store.standing(["idle"])["idle"] == "off")
        assert store.standing(["warm"]) == {"warm": "ready"}
        starter.put("warm", replicas=0)
        await store.follow(starter.wishes.values())
        await until(lambda: store.standing(["warm"])["warm"] == "off")

    run(test)


def test_a_store_that_closes_ends_what_loads_and_what_answers() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        starter.options["slow"] = {"hang": True}
        loading = asyncio.create_task(call(store, starter.put("slow")))
        target = starter.put("a")
        async with store.replica(target) as replica:
            await until(lambda: len(starter._running) == 2)
            await store.close()
            with pytest.raises(EngineLost):
                await ask(replica)
        with pytest.raises(LoadFailed):
            await loading
        with pytest.raises(LoadFailed, match="stopping"):
            await call(store, target)

    run(test)


# ---- all of it together ------------------------------------------------------------------------------------


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


def test_sixty_troubles_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BACK_OFF_S", (0.0, 0.05))
    monkeypatch.setattr(store_module, "ROOM_S", 2.0)
    run(lambda store, starter: trouble(store, starter, 60, seed=6), budget_bytes=250 * MB)
