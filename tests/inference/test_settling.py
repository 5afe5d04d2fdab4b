"""What is counted of calls that were left, of engines whose last word alone says what they took."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from freehold.compute import service as compute
from freehold.compute.rules import Running
from freehold.core.errors import HubError
from freehold.engines import encoder
from freehold.engines.rules import Setup
from freehold.inference.rules import Call, Leg, Measured, Replica, Target
from freehold.inference.runtime import NodeRuntime
from freehold.inference.settling import Shown, by_what_was_shown
from scripts.looking import model_of
from tests.engines.conftest import BERT, bert_tensors, write_safetensors, write_tokenizer
from tests.fixtures.engines import Engine, OneReplica

TARGET = Target("e1", "lab/it", "lab/it", "0" * 40, "encoder", frozenset({"embeddings"}), "lab", parallel=4)
#: More are made by hand before a release: ``CALLS=1000``.
CALLS = int(os.environ.get("CALLS", "60"))


@dataclass
class One:
    """A store of the one process that runs."""

    running: Running
    held: int = 0

    def slots(self, target: Target) -> int:
        return target.parallel

    @asynccontextmanager
    async def replica(self, target: Target, caller_id: str = "") -> AsyncIterator[Replica]:
        yield Replica(self.running.address, self.running.key, self.running.took)

    def standing(self, endpoint_ids: Sequence[str]) -> Mapping[str, str]:
        return dict.fromkeys(endpoint_ids, "ready")

    async def close(self) -> None:
        return


def encoder_of(folder: Path) -> Running:
    write_tokenizer(folder)
    write_safetensors(folder / "model.safetensors", bert_tensors())
    (folder / "config.json").write_text(json.dumps(BERT))
    setup = Setup(threads=1, parallel=2)
    (offer,) = encoder.look(model_of(folder=folder), setup)  # type: ignore[misc]
    return compute.start(encoder.job(offer, setup, folder, {}))


def test_all_that_an_encoder_read_is_counted_also_for_those_who_left(tmp_path: Path) -> None:
    """Its own total is the sum over what it was sent: each word of these texts is a token, and two go around a text."""
    running, legs, dice = encoder_of(tmp_path), list[Leg](), random.Random(7)

    async def one(runtime: NodeRuntime, at: int) -> None:
        words = [dice.randint(1, 12) for _ in range(dice.choice([1, 40, 300]))]
        texts = ["the city " * (count // 2) + "a " * (count % 2) for count in words]
        mine: list[Leg] = []
        with suppress(TimeoutError, HubError):
            async with asyncio.timeout(dice.random() / 20 if at % 2 else 60):
                async with runtime.call(TARGET, Call("embeddings", {"input": texts}, "lab"), mine) as reply:
                    await reply.body()
        legs.extend(mine)
        # Sixteen at a time are read, the longest first; who left is let go between two such steps.
        order = sorted(range(len(texts)), key=lambda number: -len(texts[number]))
        steps = [sum(words[number] + 2 for number in order[:so_far]) for so_far in range(0, len(texts) + 16, 16)]
        for leg in mine:
            assert leg.measured.prompt_tokens in (steps if leg.outcome == "cancelled" else steps[-1:])

    async def callers() -> None:
        runtime = NodeRuntime(One(running))
        left = iter(range(CALLS))

        async def caller() -> None:
            for at in left:
                await one(runtime, at)

        await asyncio.gather(*(caller() for _ in range(6)))

    try:
        asyncio.run(callers())
    finally:
        running.stop()
    assert all(leg.measured.is_counted for leg in legs)
    read = [leg for leg in legs if leg.outcome == "cancelled" and leg.measured.prompt_tokens]
    assert read, "some left while they were read"


def ran(engine: Engine, play: Callable[[NodeRuntime, Target, list[Leg]], Any], name: str) -> list[Leg]:
    legs: list[Leg] = []

    async def run() -> None:
        runtime = NodeRuntime(OneReplica(engine))
        await play(runtime, replace(TARGET, engine=name), legs)

    asyncio.run(run())
    return legs


@pytest.mark.parametrize("word", ["hello", "crash"])
def test_of_an_engine_that_says_it_at_its_end_alone_an_estimate_is_kept_and_marked(engine: Engine, word: str) -> None:
    async def play(runtime: NodeRuntime, target: Target, legs: list[Leg]) -> None:
        body = {"messages": [{"role": "user", "content": word}], "max_tokens": 40}
        came = 0
        with suppress(HubError):
            call = Call("chat/completions", body, "lab", is_stream=True)
            async with runtime.call(target, call, legs) as reply:
                async for _ in reply.pieces():
                    came += 1
                    if came == 5:
                        break

    (leg,) = ran(engine, play, "remote")
    assert not leg.measured.is_counted
    assert leg.measured.completion_tokens == {"hello": 5, "crash": 2}[word]
    assert leg.measured.prompt_tokens == 1


@pytest.mark.parametrize(("name", "word"), [("remote", "hello"), ("transformers", "undone")])
def test_a_whole_answer_of_an_engine_elsewhere_is_its_own_count(engine: Engine, name: str, word: str) -> None:
    async def play(runtime: NodeRuntime, target: Target, legs: list[Leg]) -> None:
        body = {"messages": [{"role": "user", "content": word}], "max_tokens": 9}
        async with runtime.call(target, Call("chat/completions", body, "lab", is_stream=True), legs) as reply:
            assert [piece async for piece in reply.pieces()]

    (leg,) = ran(engine, play, name)
    assert (leg.outcome, leg.measured.is_counted, leg.measured.completion_tokens) == ("ok", True, 9)


def test_pictures_are_no_words_and_long_events_more_than_one_token() -> None:
    shown, measured = Shown(), Measured()
    for text in ("", "four", "twenty letters long."):
        shown.add({"choices": [{"delta": {"content": text}}, {"delta": {"reasoning_content": "more"}}]})
    content = [{"type": "text", "text": "x" * 40}, {"type": "image_url", "image_url": {"url": "data:" + "A" * 4_000}}]
    by_what_was_shown(Call("chat/completions", {"messages": [{"content": content}]}, "lab"), measured, shown)
    assert (measured.prompt_tokens, measured.completion_tokens, measured.is_counted) == (10, 9, False)
