"""Calls that meet an engine which ends: carried over to another where it did not end of them, and told where it may."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from freehold.compute import processes
from freehold.inference.errors import CallerPaused, EngineAway, EngineLost
from freehold.inference.rules import Call, Leg
from freehold.inference.runtime import NodeRuntime
from freehold.inference.store import NodeStore
from scripts.stand_in import StandIn, run, until

pytestmark = pytest.mark.usefixtures("nothing_is_left", "nothing_ran_out")
Ask = Callable[..., Awaitable[Leg]]
ROUNDS, AT_ONCE = 12, 4


@pytest.fixture
def nothing_ran_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else this machine ended for want of memory while the tests ran."""
    monkeypatch.setattr(processes, "_ended_for_memory", lambda: 0)


def played(test: Callable[[Ask, StandIn, NodeStore], Awaitable[None]]) -> None:
    """``test`` with what makes a call of ``a`` by a caller, and tells its meter."""

    async def whole(store: NodeStore, starter: StandIn) -> None:
        runtime, target = NodeRuntime(store), starter.put("a", parallel=AT_ONCE)

        async def ask(caller: str, *, is_stream: bool = False, **body: Any) -> Leg:
            legs: list[Leg] = []
            came = 0
            words = {"messages": [{"role": "user", "content": caller}], **body}
            call = Call("chat/completions", words, "lab", caller_id=caller, is_stream=is_stream)
            try:
                async with runtime.call(target, call, legs) as reply:
                    if is_stream:
                        async for _ in reply.pieces():
                            came += 1
                    else:
                        assert b'"content": "%s"' % caller.encode() in await reply.body()
            except EngineLost:
                if not came:  # after the first word it is told of, as it must be
                    raise
            (leg,) = legs
            assert leg.outcome == "ok" or came
            return leg

        await test(ask, starter, store)
        assert not runtime.turns.busy("a")
        assert not [one for one in store.groups["a"].processes if one.held]

    run(whole)


def alive(starter: StandIn) -> list[int]:
    return [one.pid for one in starter.running if one.is_alive]


def test_calls_beside_engines_killed_at_any_moment_are_answered_and_metered_once() -> None:
    order = random.Random(11)

    async def test(ask: Ask, starter: StandIn, store: NodeStore) -> None:
        async def later(caller: str) -> Leg:
            await asyncio.sleep(order.random() * 0.04)
            return await ask(caller, wait=order.random() * 0.04, is_stream=order.random() < 0.5)

        for turn in range(ROUNDS):
            await ask(f"first of {turn}")
            calls = [asyncio.ensure_future(later(f"{turn} {at}")) for at in range(AT_ONCE)]
            await asyncio.sleep(order.random() * 0.06)
            for pid in alive(starter):
                os.kill(pid, signal.SIGKILL)
            for leg in await asyncio.gather(*calls):  # one engine ends in each round: no call meets two
                took = leg.measured
                if leg.outcome == "ok":
                    assert (took.is_counted, took.prompt_tokens, took.completion_tokens) == (True, 7, 5)
        assert len(starter.begun) <= 2 * ROUNDS + 1

    played(test)


def test_a_call_that_ends_its_engine_is_not_asked_of_another() -> None:
    async def test(ask: Ask, starter: StandIn, store: NodeStore) -> None:
        for times in (1, 2, 3):
            with pytest.raises(EngineLost) as said:
                await ask("mallory", die=True)
            assert not isinstance(said.value, EngineAway)
            assert "exit status 9" in said.value.message
            await until(lambda: not store.groups["a"].processes)
            assert len(starter.begun) == times
        with pytest.raises(CallerPaused):
            await ask("mallory")

    played(test)


def test_whose_calls_engines_ended_of_is_not_carried_over_though_somebody_killed_the_next() -> None:
    """Not all that ends an engine for its memory is known to the system."""

    async def test(ask: Ask, starter: StandIn, store: NodeStore) -> None:
        async def killed(caller: str) -> Leg:
            asking = asyncio.ensure_future(ask(caller, wait=0.3))
            await until(lambda: bool(alive(starter)) and any(one.held for one in store.groups["a"].processes))
            await asyncio.sleep(0.1)
            os.kill(alive(starter)[0], signal.SIGKILL)
            return await asking

        await ask("bob")
        assert (await killed("mallory")).outcome == "ok"
        with pytest.raises(EngineLost, match="was killed"):
            await killed("mallory")
        assert (await killed("bob")).outcome == "ok"

    played(test)
