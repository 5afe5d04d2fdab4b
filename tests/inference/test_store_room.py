"""Who waits for room on a node, and for whom: nobody is refused, held up or broken off by what happens meanwhile."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from freehold.inference import loading
from freehold.inference.errors import DoesNotFit, LoadFailed
from freehold.inference.space import Seat, Space
from freehold.inference.store import NodeStore
from scripts.stand_in import MB, StandIn, call, run, until

pytestmark = pytest.mark.usefixtures("nothing_is_left")


async def held(store: NodeStore, target: Any) -> "asyncio.Task[None]":
    """A call that answers until it is cancelled."""

    async def hold() -> None:
        async with store.replica(target, "somebody"):
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await until(lambda: any(one.held for group in store.groups.values() for one in group.processes))
    return task


async def let_go(*tasks: "asyncio.Task[Any]") -> None:
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_models_that_do_not_fit_together_are_loaded_one_after_the_other_when_all_are_called_at_once() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        targets = [starter.put(name) for name in "abc"]
        answers = await asyncio.gather(*(call(store, one) for one in targets))
        assert len({one["pid"] for one in answers}) == 3
        assert starter.most_at_once == 1

    run(test, budget_bytes=150 * MB)


def test_what_fits_does_not_wait_behind_what_waits_for_room() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        holding = await held(store, starter.put("large", 700 * MB))
        waiting = [asyncio.create_task(call(store, starter.put(name, 600 * MB))) for name in "xyz"]
        await until(lambda: len([one for one in store.groups.values() if one.loading]) == 3)
        assert await call(store, starter.put("small", 50 * MB))
        assert starter.begun == ["large", "small"]
        await let_go(holding)
        assert len(await asyncio.gather(*waiting)) == 3

    run(test)


def test_a_call_that_comes_as_its_model_is_chosen_to_go_is_not_let_in_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a")
        first, real, late = (await call(store, target))["pid"], store._loading._idle, list[asyncio.Task[Any]]()

        def idle() -> Any:
            if not late:
                late.append(asyncio.create_task(call(store, target)))
            return real()

        monkeypatch.setattr(store._loading, "_idle", idle)
        assert await call(store, starter.put("b"))
        assert (await late[0])["pid"] != first

    run(test, budget_bytes=150 * MB)


def test_a_store_that_closes_begins_nothing_for_who_waits_for_room() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        holding = await held(store, starter.put("a"))
        waiting = asyncio.create_task(call(store, starter.put("b")))
        await until(lambda: "b" in store.groups and store.groups["b"].loading is not None)
        await store.close()
        with pytest.raises(LoadFailed, match="stopping"):
            await waiting
        await let_go(holding)
        assert starter.begun == ["a"]

    run(test, budget_bytes=150 * MB)


def test_what_changes_while_it_waits_for_room_is_loaded_as_it_is_then() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        holding = await held(store, starter.put("a"))
        old = asyncio.create_task(call(store, starter.put("b")))
        await until(lambda: "b" in store.groups and store.groups["b"].loading is not None)
        new = asyncio.create_task(call(store, starter.put("b", fingerprint="2")))
        await store.follow(starter.wishes.values())
        await let_go(holding)
        assert (await new)["options"] == "2", "and not by the revision before"
        with pytest.raises(LoadFailed, match="changed at this moment"):
            await old

    run(test, budget_bytes=150 * MB)


def test_what_changes_while_it_waits_in_line_is_not_begun_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        holding = await held(store, starter.put("a"))
        other = asyncio.create_task(call(store, starter.put("c", 200 * MB)))
        await until(lambda: store._loading._line.locked())
        old = asyncio.create_task(call(store, starter.put("b", 200 * MB)))
        await until(lambda: "b" in store.groups and store.groups["b"].loading is not None)
        await asyncio.sleep(0.05)
        real, free = Space.seat, list[bool]()
        monkeypatch.setattr(Space, "seat", lambda *given: real(*given) if not free else Seat(200 * MB))
        free.append(True)  # by the time that it is first in the line there is room
        starter.put("b", 200 * MB, fingerprint="2")
        starter.put("c", 200 * MB, is_on=False)
        await store.follow(starter.wishes.values())
        with pytest.raises(LoadFailed, match="changed at this moment"):
            await old
        await asyncio.sleep(0.1)
        assert "b" not in starter.begun
        await let_go(holding, other)

    run(test, budget_bytes=250 * MB)


def test_who_called_is_remembered_while_they_are_answered_and_no_longer() -> None:
    async def test(store: NodeStore, starter: StandIn) -> None:
        target = starter.put("a")
        for number in range(20):
            async with store.replica(target, f"caller {number}"), store.replica(target, f"caller {number}"):
                assert dict(store.groups["a"].processes[0].callers) == {f"caller {number}": 2}
        assert not store.groups["a"].processes[0].callers

    run(test)


def test_whoever_waits_for_room_in_vain_is_told_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "ROOM_S", 0.1)

    async def test(store: NodeStore, starter: StandIn) -> None:
        holding = await held(store, starter.put("a"))
        calls = [call(store, starter.put(name)) for name in "bcd"]
        told = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in told] == [DoesNotFit] * 3
        with suppress(asyncio.CancelledError):
            await let_go(holding)
        assert await call(store, starter.put("b", is_on=True))

    run(test, budget_bytes=150 * MB)
