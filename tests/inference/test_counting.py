"""A real engine's totals are what its calls were counted as, to the token: whole, streamed, left, refused."""

import asyncio
import os
import random
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from freehold.compute import service as compute
from freehold.compute.rules import Running
from freehold.core.errors import HubError
from freehold.engines import llama
from freehold.engines.rules import Setup
from freehold.inference.counting import read_totals
from freehold.inference.rules import Call, Leg, Replica, Target
from freehold.inference.runtime import NodeRuntime
from scripts.looking import model_of

SETUP = Setup(context_tokens=2048, parallel=4, threads=1)
TARGET = Target("e1", "lab/tiny", "lab/tiny", "0" * 40, "llama.cpp", frozenset({"chat"}), "lab", parallel=4)
#: More are made by hand before a release: ``CALLS=1000``.
CALLS = int(os.environ.get("CALLS", "60"))


@dataclass
class One:
    """A store of the one process that runs."""

    running: Running

    def slots(self, target: Target) -> int:
        return SETUP.parallel

    @asynccontextmanager
    async def replica(self, target: Target, caller_id: str = "") -> AsyncIterator[Replica]:
        yield Replica(self.running.address, self.running.key, self.running.took)

    def standing(self, endpoint_ids: Sequence[str]) -> Mapping[str, str]:
        return dict.fromkeys(endpoint_ids, "ready")

    async def close(self) -> None:
        return


@pytest.fixture(scope="module")
def running(tiny_gguf: Path) -> Iterator[Running]:
    offers = llama.look(model_of(tiny_gguf), SETUP)
    running = compute.start(llama.job(offers[0], SETUP, tiny_gguf.parent, {}))  # type: ignore[index]
    yield running
    running.stop()


def counted(running: Running) -> dict[str, int]:
    asked = urllib.request.Request(f"{running.address}/metrics", headers={"Authorization": f"Bearer {running.key}"})
    with urllib.request.urlopen(asked) as answer:
        totals = read_totals(answer.read())
    assert totals is not None
    assert totals.at_work == 0
    return {"prompt": totals.prompt, "cached": totals.cached, "completion": totals.completion}


def summed(legs: Sequence[Leg]) -> dict[str, int]:
    return {
        "prompt": sum(leg.measured.prompt_tokens for leg in legs),
        "cached": sum(leg.measured.cached_tokens for leg in legs),
        "completion": sum(leg.measured.completion_tokens for leg in legs),
    }


async def one_call(runtime: NodeRuntime, dice: random.Random, legs: list[Leg]) -> None:
    """Whole, streamed, streamed and left, left before its answer, or refused; of one choice or of two."""
    kind = dice.choice(["whole", "streamed", "left", "left", "cancelled", "too long", "wrong", "prompts"])
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "the city " * dice.randint(1, 12)}]}
    body["max_tokens"] = 180 if kind in ("left", "cancelled") else dice.randint(1, 24)
    if kind in ("whole", "streamed") and dice.random() < 0.2:
        body |= {"n": 2, "temperature": 1}
    if kind == "too long":
        body["messages"][0]["content"] = "the city " * 1_200
    if kind == "wrong":
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": {"type": "nonsense"}}}
    path = "chat/completions"
    if kind == "prompts":
        path = "completions"
        body = {"prompt": ["the city " * dice.randint(1, 6) for _ in range(3)], "max_tokens": dice.randint(1, 9)}
    call = Call(path, body, "lab", is_stream=kind in ("streamed", "left"))
    patience = dice.random() * 0.1 if kind == "cancelled" else 60
    pieces = dice.randint(1, 30) if kind == "left" else 10**6
    try:
        async with asyncio.timeout(patience), runtime.call(TARGET, call, legs) as reply:
            if not call.is_stream:
                await reply.body()
                return
            async for _ in reply.pieces():
                pieces -= 1
                if pieces == 0:
                    break
    except (HubError, TimeoutError):
        pass


def test_everything_is_counted_as_the_engine_counts_it(running: Running) -> None:
    dice, legs = random.Random(6), list[Leg]()
    before = counted(running)

    async def callers() -> None:
        runtime = NodeRuntime(One(running))
        left = iter(range(CALLS))

        async def caller() -> None:
            for _ in left:
                await one_call(runtime, dice, legs)

        await asyncio.gather(*(caller() for _ in range(6)))

    asyncio.run(callers())
    after = counted(running)
    assert {leg.outcome for leg in legs} == {"ok", "cancelled", "refused"}
    assert summed(legs) == {name: after[name] - before[name] for name in after}


def test_a_slot_is_free_again_when_a_stream_is_left(running: Running) -> None:
    """Four slots, and more that leave than there are: nobody waits for a story that nobody reads."""

    async def play() -> list[Leg]:
        legs: list[Leg] = []
        runtime = NodeRuntime(One(running))
        body = {"messages": [{"role": "user", "content": "it"}], "max_tokens": 1_800}
        for _ in range(6):
            async with runtime.call(TARGET, Call("chat/completions", body, "lab", is_stream=True), legs) as reply:
                async for _ in reply.pieces():
                    break
        return legs

    legs = asyncio.run(play())
    assert counted(running)  # says itself that nothing is at work
    assert all(leg.measured.completion_tokens < 1_800 for leg in legs)
