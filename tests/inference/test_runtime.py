"""A call through the node's runtime: answered, counted to the token, and let go by whoever leaves."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from freehold.inference.errors import ContextTooLong, EngineAway, EngineFailed, EngineLost, LoadFailed, NotAble
from freehold.inference.rules import Call, Leg, Replica, Target
from freehold.inference.runtime import NodeRuntime
from tests.fixtures.engines import CACHED_TOKENS, LIMIT_TOKENS, PROMPT_TOKENS, Engine, OneReplica

TARGET = Target("e1", "lab/it", "lab/it", "0" * 40, "llama.cpp", frozenset({"chat"}), "lab")


def asks(word: str, **given: Any) -> Call:
    body = {"messages": [{"role": "user", "content": word}], **given}
    return Call("chat/completions", body, "lab", is_stream=bool(given.get("stream")))


def ran(engine: Engine, play: Callable[[NodeRuntime, list[Leg]], Awaitable[None]], **store: Any) -> list[Leg]:
    async def run() -> list[Leg]:
        legs: list[Leg] = []
        runtime = NodeRuntime(OneReplica(engine, **store))
        await play(runtime, legs)
        assert (runtime.turns.busy("e1"), runtime.store.held) == (0, 0)  # type: ignore[attr-defined]
        await runtime.close()
        while engine.at_work:  # what it counts it counts after its last word
            await asyncio.sleep(0.001)
        return legs

    return asyncio.run(run())


async def streamed(runtime: NodeRuntime, call: Call, legs: list[Leg], came: list[bytes]) -> None:
    async with runtime.call(TARGET, call, legs) as reply:
        async for piece in reply.pieces():
            came.append(piece.data)


def totals(legs: list[Leg]) -> dict[str, int]:
    return {
        "prompt": sum(leg.measured.prompt_tokens for leg in legs),
        "cached": sum(leg.measured.cached_tokens for leg in legs),
        "completion": sum(leg.measured.completion_tokens for leg in legs),
    }


def test_an_answer_in_one_piece_is_counted(engine: Engine) -> None:
    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        async with runtime.call(TARGET, asks("hello", max_tokens=4), legs) as reply:
            answer = json.loads(await reply.body())
        assert answer["choices"][0]["message"]["content"] == "w0 w1 w2 w3"

    (leg,) = ran(engine, play)
    assert (leg.outcome, leg.measured.is_counted) == ("ok", True)
    assert totals([leg]) == engine.totals == {"prompt": PROMPT_TOKENS, "cached": CACHED_TOKENS, "completion": 4}
    assert engine.seen[0]["temperature"] == 0  # nothing was said of it
    assert leg.measured.peak_memory_bytes == 2 << 20


def test_a_stream_shows_what_was_asked_for_and_counts_all(engine: Engine) -> None:
    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        async with runtime.call(TARGET, asks("hello", stream=True), legs) as reply:
            events = [json.loads(piece.data) async for piece in reply.pieces()]
        assert [event for event in events if "usage" in event or "timings" in event or "prompt_progress" in event] == []
        assert len(events) == 6
        async with runtime.call(TARGET, asks("hello", stream=True, stream_options={"include_usage": True})) as reply:
            assert [json.loads(piece.data) async for piece in reply.pieces()][-1]["usage"]["completion_tokens"] == 5

    (leg,) = ran(engine, play)
    assert (leg.outcome, leg.measured.completion_tokens) == ("ok", 5)
    assert leg.measured.first_token_s is not None


def test_tokens_that_a_task_read_are_counted(engine: Engine) -> None:
    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        call = Call("task", {"task": "text-classification", "inputs": "fine"}, "lab")
        async with runtime.call(TARGET, call, legs) as reply:
            assert json.loads(await reply.body()) == [[{"label": "good", "score": 0.75}]]

    (leg,) = ran(engine, play)
    assert (leg.measured.prompt_tokens, leg.measured.is_counted) == (4, True)


def test_leaving_a_stream_frees_the_engine_and_counts_to_the_last_token(engine: Engine) -> None:
    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        async with runtime.call(TARGET, asks("large", stream=True, max_tokens=2000), legs) as reply:
            async for _ in reply.pieces():
                break
        async with runtime.call(TARGET, asks("hello"), legs) as reply:
            await reply.body()

    left, _ = legs = ran(engine, play)
    assert engine.left == 1
    assert left.outcome == "cancelled"
    assert totals(legs) == engine.totals


def test_a_cancelled_call_frees_the_engine_and_is_counted(engine: Engine) -> None:
    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        async def call() -> None:
            async with runtime.call(TARGET, asks("slow"), legs) as reply:
                await reply.body()

        task = asyncio.create_task(call())
        while not engine.at_work:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    legs = ran(engine, play)
    assert engine.left == 1
    assert totals(legs) == engine.totals


def test_calls_at_the_same_time_are_counted_apart_from_the_one_that_is_left(engine: Engine) -> None:
    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        async def partly() -> None:
            async with runtime.call(TARGET, asks("large", stream=True, max_tokens=3000), legs) as reply:
                async for _ in reply.pieces():
                    break

        first = asyncio.create_task(streamed(runtime, asks("slow", stream=True), legs, []))
        while not engine.at_work:
            await asyncio.sleep(0.001)
        await partly()
        engine.go.set()
        await first

    legs = ran(engine, play)
    assert (legs[0].measured.completion_tokens, legs[0].outcome) == (5, "ok")
    assert totals(legs) == engine.totals


def test_calls_that_are_cancelled_at_any_moment_leave_no_connection(engine: Engine) -> None:
    def sockets() -> int:
        names = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
        return sum(1 for name in names if name.is_symlink() and str(name.readlink()).startswith("socket"))

    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        async with runtime.call(TARGET, asks("hello"), legs) as reply:
            await reply.body()
        before = sockets()
        for turn in range(120):
            task = asyncio.ensure_future(streamed(runtime, asks("hello", stream=True), legs, []))
            for _ in range(turn // 2):  # one step later each time
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        await asyncio.sleep(0.2)
        assert sockets() <= before

    ran(engine, play)


@pytest.mark.parametrize(("word", "error"), [("crash", EngineLost), ("break", EngineFailed)])
def test_an_engine_that_breaks_off_is_said(engine: Engine, word: str, error: type[Exception]) -> None:
    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        came: list[bytes] = []
        with pytest.raises(error) as said:
            await streamed(runtime, asks(word, stream=True), legs, came)
        assert len(came) == 2
        assert "/models" not in str(said.value)
        assert runtime.store.lost == (error is EngineLost)  # type: ignore[attr-defined]

    (leg,) = ran(engine, play)
    assert (leg.outcome, leg.measured.completion_tokens) == ("failed", 2)


def test_a_prompt_that_is_too_long_says_the_limit(engine: Engine) -> None:
    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        with pytest.raises(ContextTooLong) as said:
            async with runtime.call(TARGET, asks("long"), legs):
                raise AssertionError("it was answered")
        assert (said.value.limit_tokens, said.value.given_tokens) == (LIMIT_TOKENS, 900)
        with pytest.raises(NotAble):
            async with runtime.call(TARGET, Call("elsewhere", {}, "lab"), legs):
                raise AssertionError("it was answered")

    legs = ran(engine, play)
    assert [leg.outcome for leg in legs] == ["refused", "refused"]
    assert totals(legs) == {"prompt": 0, "cached": 0, "completion": 0}


def test_a_model_that_cannot_be_loaded_takes_no_turn_with_it(engine: Engine) -> None:
    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        for _ in range(3):
            with pytest.raises(LoadFailed):
                async with runtime.call(TARGET, asks("hello"), legs):
                    raise AssertionError("it was answered")

    assert [leg.outcome for leg in ran(engine, play, failing=LoadFailed("no"))] == ["failed"] * 3


@pytest.mark.parametrize("gone", [1, 2])
def test_a_process_that_ended_unnoticed_costs_no_answer_unless_the_next_one_is_gone_too(
    engine: Engine, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, asked = engine.replica, 0

    def replica() -> Replica:
        nonlocal asked
        asked += 1
        return replace(there(), address="http://127.0.0.1:1") if asked <= gone else there()

    monkeypatch.setattr(engine, "replica", replica)

    async def play(runtime: NodeRuntime, legs: list[Leg]) -> None:
        async with runtime.call(TARGET, asks("hello", max_tokens=4), legs) as reply:
            await reply.body()

    if gone == 1:
        (leg,) = ran(engine, play)
        assert (leg.outcome, totals([leg])) == ("ok", engine.totals)
    else:
        with pytest.raises(EngineAway):
            ran(engine, play)
        assert asked == 2
