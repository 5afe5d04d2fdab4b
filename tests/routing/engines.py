"""A runtime of engines that say what they are told to: small and real, for whatever stands before engines."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from freehold.inference.errors import EngineLost, TooBusy
from freehold.inference.rules import Call, Leg, Measured, Piece, Reply, Target

#: What an engine does: from the call's body to its text, or to an error.
Says = Callable[[Mapping[str, Any]], str | Exception]


def target(name: str, *, abilities: Sequence[str] = ("chat", "completions"), engine: str = "llama.cpp") -> Target:
    return Target(f"e-{name}", name, name, "1" * 40, engine, frozenset(abilities), "owner")  # type: ignore[arg-type]


def chat(text: str, **more: Any) -> Call:
    return Call("chat/completions", {"messages": [{"role": "user", "content": text}], **more}, "payer")


@dataclass
class Engines:
    """``says``: by served name, a text, an error, or a function of the call's body."""

    says: Mapping[str, str | Exception | Says]
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    open_calls: int = 0
    #: Calls at a time of all engines together; None: any number.
    slots: int | None = None
    #: Engines that die when their answer is read.
    breaks: frozenset[str] = frozenset()
    #: After so many pieces of a stream the engine dies.
    dies_after: int | None = None

    @asynccontextmanager
    async def call(self, target: Target, call: Call, legs: list[Leg] | None = None) -> AsyncIterator[Reply]:
        leg = Leg(target, call.path, Measured())
        if legs is not None:
            legs.append(leg)
        self.asked.append((target.served_name, call.body))
        assert self.slots is None or self.open_calls < self.slots, "one who waits for a turn here waits for ever"
        self.open_calls += 1
        try:
            await asyncio.sleep(0)
            said = self.says[target.served_name]
            said = said(call.body) if callable(said) else said
            if isinstance(said, Exception):
                leg.outcome = "refused" if isinstance(said, TooBusy) else "failed"
                raise said
            dies_after = -1 if target.served_name in self.breaks else self.dies_after
            answer = Answer(target, leg, call, said, dies_after)
            yield answer
            leg.outcome = "ok" if answer.is_whole else "cancelled"
        except EngineLost:
            leg.outcome = "failed"
            raise
        finally:
            self.open_calls -= 1

    def standing(self, endpoint_ids: Sequence[str]) -> Mapping[str, str]:
        return dict.fromkeys(endpoint_ids, "ready")


@dataclass
class Answer:
    """What an engine says, whole or word by word; each word counts as a token."""

    target: Target
    leg: Leg
    call: Call
    text: str
    dies_after: int | None
    is_whole: bool = False
    content_type: str = "application/json"

    @property
    def measured(self) -> Measured:
        return self.leg.measured

    @property
    def legs(self) -> Sequence[Leg]:
        return [self.leg]

    async def body(self) -> bytes:
        self._live()
        self.is_whole = True
        self.measured.prompt_tokens, self.measured.completion_tokens = 3, len(self.text.split())
        if self.call.path == "task":
            return self.text.encode()
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        if self.call.path == "completions":
            choice["text"] = self.text
        else:
            choice["message"] = {"role": "assistant", "content": self.text}
        return json.dumps({"id": "x", "choices": [choice]}).encode()

    async def pieces(self) -> AsyncIterator[Piece]:
        self._live()
        yield self._piece({"role": "assistant", "content": ""})
        for at, word in enumerate(self.text.split(" ")):
            if self.dies_after is not None and at >= self.dies_after:
                raise EngineLost("The engine died.")
            await asyncio.sleep(0)
            self.measured.completion_tokens += 1
            yield self._piece({"content": word if at == 0 else f" {word}"})
        self.is_whole = True
        yield self._piece({}, "stop")

    def _live(self) -> None:
        if self.dies_after == -1:
            raise EngineLost("The engine died.")

    def _piece(self, delta: Mapping[str, Any], finish: str | None = None) -> Piece:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return Piece(json.dumps({"id": "x", "model": "m", "choices": [choice]}).encode())


async def text_of(reply: Reply, call: Call) -> str:
    """What a reply says, however it comes."""
    if not call.is_stream:
        return str(json.loads(await reply.body())["choices"][0]["message"]["content"])
    said = ""
    async for piece in reply.pieces():
        for choice in json.loads(piece.data)["choices"]:
            said += choice["delta"].get("content") or ""
    return said
