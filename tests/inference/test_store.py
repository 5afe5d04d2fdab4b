"""The model store: replicas come and go as calls, rows and memory want it, and nothing of them is left."""

import asyncio
import random
from contextlib import suppress
from dataclasses import replace

import pytest

from freehold.inference.errors import DoesNotFit, EndpointOff, EngineLost, LoadFailed, ModelUnknown
from freehold.inference.store import NodeStore
from freehold.web import figures
from scripts.stand_in import MB, StandIn, ask, call, run, until

pytestmark = pytest.mark.usefixtures("nothing_is_left")


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


def test_a_call_that_is_cancelled_while_it_waits_leaves_no_slot_taken() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a", parallel=1)
        waiting = asyncio.create_task(call(store, target))
        await until(lambda: bool(starter.running))
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        for _ in range(3):
            assert await call(store, target)
        assert starter.begun == ["a"]

    run(test)


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
        await until(lambda: not starter.running[0].is_alive)
        assert starter.running[1].is_alive

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
        await until(lambda: not any(group.processes for group in store.groups.values()))
        assert not any(one.is_alive for one in starter.running)
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
            await until(lambda: len(starter.running) == 2)
            await store.close()
            with pytest.raises(EngineLost):
                await ask(replica)
        with pytest.raises(LoadFailed):
            await loading
        with pytest.raises(LoadFailed, match="stopping"):
            await call(store, target)

    run(test)
