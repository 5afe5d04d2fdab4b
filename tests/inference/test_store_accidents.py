"""The model store when engines crash, are killed or do not load: whose calls fail, and who is left alone."""

import asyncio
import os
import signal
from contextlib import suppress
from typing import Any

import pytest

from freehold.inference import loading, processes
from freehold.inference.blame import MARKS_OF_MANY, PAUSE_S, Blame
from freehold.inference.errors import CallerPaused, EngineLost, LoadFailed
from freehold.inference.store import NodeStore
from scripts.stand_in import MB, StandIn, ask, call, run, until
from scripts.troubles import trouble

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def test_a_crash_while_answering_is_of_its_callers_alone_and_the_next_call_loads_anew() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target, other = starter.put("a"), starter.put("b")
        pid, beside = (await call(store, target))["pid"], (await call(store, other))["pid"]
        with pytest.raises(EngineLost, match="exit status 9"):
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


def test_who_is_not_signed_in_is_paused_by_where_they_call_from_and_all_of_them_after_more() -> None:
    blame, target = Blame(), StandIn().put("a")
    for network in range(MARKS_OF_MANY // 3):
        for at in range(3):
            blame.check(target, f"anonymous@{network}", at)
            blame.ended("a", [f"anonymous@{network}"], at)
        with pytest.raises(CallerPaused):
            blame.check(target, f"anonymous@{network}", 3.0)
        blame.check(target, "alice", 3.0)
    with pytest.raises(CallerPaused):
        blame.check(target, "anonymous@elsewhere", 3.0)
    blame.check(target, "anonymous@elsewhere", 3.0 + PAUSE_S)


def test_of_several_under_way_each_is_blamed_in_part_and_who_left_before_it_died_too() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a", parallel=3)

        async def held(caller: str) -> None:
            async with store.replica(target, caller) as replica:
                await until(lambda: not starter.running[-1].is_alive)
                await ask(replica)

        for at in range(6):
            beside, leaving = (asyncio.create_task(held(caller)) for caller in ("bob", "carol"))
            await until(lambda: [one.held for one in store.groups["a"].processes] == [2] if store.groups else False)
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving
            os.kill(starter.running[-1].pid, signal.SIGKILL)
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
            os.kill(starter.running[-1].pid, signal.SIGKILL)
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
        await until(lambda: bool(starter.running))
        assert await call(store, starter.put("b"))
        os.kill(starter.running[0].pid, signal.SIGKILL)
        with pytest.raises(LoadFailed, match="killed"):
            await waiting

    run(test)


def test_sixty_troubles_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "BACK_OFF_S", (0.0, 0.05))
    monkeypatch.setattr(loading, "ROOM_S", 2.0)
    run(lambda store, starter: trouble(store, starter, 60, seed=6), budget_bytes=250 * MB)
