"""What leaves by a stream, in whatever pieces and forms engines send it: pure."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from freehold.guards.answering import guarded
from freehold.guards.rules import Finding, Guard
from freehold.guards.sieve import Holder, Placed, Sieve
from freehold.inference.rules import Call, Leg, Measured, Piece, Target

pytestmark = pytest.mark.rules
KEY = "hf_abcdefghijABCDEFGHIJabcd"
MASK = (Guard("secrets", "output", "mask"), Guard("personal", "output", "mask"))


@dataclass
class Said:
    """A reply of an engine: ``events`` of a stream, or ``whole``."""

    events: Sequence[Any] = ()
    whole: Any = None
    content_type: str = "application/json"
    measured: Measured = field(default_factory=Measured)
    target: Target = None  # type: ignore[assignment]
    legs: Sequence[Leg] = ()

    async def body(self) -> bytes:
        return json.dumps(self.whole).encode()

    async def pieces(self) -> AsyncIterator[Piece]:
        for event in self.events:
            yield Piece(json.dumps(event).encode())


async def nobody(*_: Any) -> bytes:
    raise AssertionError("no model is asked")


def behind(reply: Said, *guards: Guard) -> list[Any]:
    """The events, or the one whole answer, that leave."""
    placed = [Placed(one, "r") for one in guards or MASK]
    findings: list[Finding] = []
    reply_ = guarded(reply, Call("chat/completions", {}, "p", is_stream=reply.whole is None), placed, findings, nobody)  # type: ignore[arg-type]

    async def run() -> list[Any]:
        if reply.whole is not None:
            return [json.loads(await reply_.body())]
        return [json.loads(piece.data) async for piece in reply_.pieces()]

    return asyncio.run(run())


def deltas(key: str, text: str, pieces: int) -> list[Any]:
    """``text`` in so many pieces, as a chat streams it."""
    cuts = sorted(random.Random(pieces).sample(range(1, len(text)), min(pieces, len(text)) - 1))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    events = [{"choices": [{"index": 0, "delta": {key: part}, "finish_reason": None}]} for part in parts]
    return [*events, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]


def joined(events: list[Any], key: str) -> str:
    return "".join(choice["delta"].get(key) or "" for one in events for choice in one["choices"])


@pytest.mark.parametrize("key", ["content", "reasoning_content", "reasoning", "refusal"])
@pytest.mark.parametrize("pieces", [2, 5, 30])
def test_a_secret_in_many_pieces_is_one_secret(key: str, pieces: int) -> None:
    told = behind(Said(deltas(key, f"It is {KEY} and ４１１１\u200b １１１１ １１１１ １１１１.", pieces)))
    assert joined(told, key) == "It is [secret] and [card]."
    blocked = behind(Said(deltas(key, f"It is {KEY}.", pieces)), Guard("secrets", "output", "block"))
    assert blocked[-1]["choices"][0]["finish_reason"] == "content_filter" and "hf_" not in json.dumps(blocked)


def test_digits_that_are_drawn_out_by_what_cannot_be_seen_are_held_together() -> None:
    card = "".join(f"{digit}\u200b\u2060\u200d\u200b\u2060\u200d" for digit in "4111 1111 1111 1111")
    assert (
        joined(behind(Said(deltas("content", f"It is {card} so", 60))), "content")
        == "It is [card]\u200b\u2060\u200d\u200b\u2060\u200d so"
    )
    flood = deltas("content", "a" + "\u200b" * 20_000 + " b", 2_000)
    assert joined(behind(Said(flood)), "content") == "a" + "\u200b" * 16 + " b"


def call(at: int, **function: Any) -> Any:
    return {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": at, **function}]}, "finish_reason": None}]}


END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}


def test_what_tools_are_called_with_is_looked_at_whole() -> None:
    arguments = json.dumps({"to": "bob@example.com", "password": "hunter2hunter", "n": [1, 4111111111111111]})
    events = [
        call(0, id="c-1", type="function", function={"name": "se", "arguments": ""}),
        call(0, function={"name": "nd"}),
    ]
    events += [call(0, function={"arguments": piece}) for piece in arguments]
    events += [call(1, id="c-2", type="custom", custom={"name": KEY, "input": f"key {KEY}"})]
    (told,) = [one for event in behind(Said([*events, END])) for one in event["choices"] if one["delta"]]
    first, second = told["delta"]["tool_calls"]
    assert (first["index"], first["id"], first["function"]["name"]) == (0, "c-1", "send")
    assert json.loads(first["function"]["arguments"]) == {"to": "[mail]", "password": "[secret]", "n": [1, "[card]"]}
    assert second["custom"] == {"name": "[secret]", "input": "key [secret]"}
    old = {
        "choices": [
            {"index": 0, "delta": {"function_call": {"name": "f", "arguments": json.dumps(KEY)}}, "finish_reason": None}
        ]
    }
    (told,) = [one for event in behind(Said([old, END])) for one in event["choices"] if one["delta"]]
    assert told["delta"]["function_call"] == {"name": "f", "arguments": '"[secret]"'}


def test_completions_and_what_engines_send_beside_choices() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 5}
    events = [
        {"id": "x", "choices": [], "prompt_filter_results": []},
        {"id": "x", "choices": [{"index": 0, "text": "It is hf_abcdefghij", "token_ids": [1], "finish_reason": None}]},
        {"type": "ping"},
        {"id": "x", "prompt": KEY, "choices": [
            {"index": 0, "text": "ABCDEFGHIJabcd!", "logprobs": {"tokens": [KEY]}, "finish_reason": "stop"}]},
        {"id": "x", "usage": usage}, {"id": "x", "choices": None, "usage": usage, "timings": {"predicted_n": 5}},
    ]  # fmt: skip
    told = behind(Said(events))
    assert "".join(choice.get("text", "") for one in told for choice in one["choices"]) == "It is [secret]!"
    assert "hf_" not in json.dumps(told) and "token_ids" not in json.dumps(told)
    assert [one.get("usage") for one in told if one.get("usage")] == [usage, usage]
    refused = behind(Said([{"content": f"It is {KEY}", "stop": False}]))
    assert refused[-1]["choices"][0]["finish_reason"] == "content_filter" and "hf_" not in json.dumps(refused)
    assert KEY not in json.dumps(behind(Said([{"error": {"message": f"no {KEY}"}}])))
    for odd in ({"index": "0", "delta": {"content": "x"}}, {"index": -1, "delta": {}}, "x"):
        assert behind(Said([{"choices": [odd]}]))[-1]["choices"][0]["finish_reason"] == "content_filter"


def test_a_text_that_comes_as_parts_is_a_text() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm. "}]},
        {"type": "text", "text": f"It is {KEY}"},
    ]
    told = behind(Said([{"choices": [{"index": 0, "delta": {"content": parts}, "finish_reason": "stop"}]}]))
    assert joined(told, "content") == "Hm. It is [secret]"


def test_a_whole_answer_leaves_by_no_other_field() -> None:
    message = {
        "role": "assistant", "content": f"It is {KEY}", "reasoning_content": KEY, "refusal": None,
        "audio": {"transcript": KEY},
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"k": KEY})}}],
        "function_call": {"name": KEY, "arguments": "{}"}, "annotations": [{"url": KEY}], "content_parts": [KEY],
    }  # fmt: skip
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "stop",
        "logprobs": {"content": [{"token": KEY}]},
        "token_ids": [1],
    }
    (told,) = behind(
        Said(whole={"id": "x", "choices": [choice], "__verbose": {"content": KEY}, "usage": {"prompt_tokens": 1}})
    )
    assert KEY not in json.dumps(told) and told["usage"] == {"prompt_tokens": 1}
    kept = told["choices"][0]["message"]
    assert kept["content"] == "It is [secret]" and kept["reasoning_content"] == "[secret]"
    assert json.loads(kept["tool_calls"][0]["function"]["arguments"]) == {"k": "[secret]"}
    (blocked,) = behind(Said(whole={"choices": [choice]}), Guard("secrets", "output", "block"))
    assert blocked["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "content_filter"}
    ]
    (ranked,) = behind(
        Said(whole={"results": [{"index": 0, "relevance_score": 0.12345678, "document": {"text": KEY}}]})
    )
    assert ranked["results"][0] == {"index": 0, "relevance_score": 0.12345678, "document": {"text": "[secret]"}}


def test_vectors_are_no_words() -> None:
    vectors = {"data": [{"index": 0, "embedding": "AAA/+49309018200/AAA="}], "usage": {"prompt_tokens": 1}}
    assert behind(Said(whole=vectors)) == [vectors]


def test_a_guard_that_reads_answers_reads_what_is_said_to_tools() -> None:
    seen: list[str] = []

    async def judge(_: str, __: str, body: Any) -> bytes:
        seen.append(body["messages"][0]["content"])
        return json.dumps({"choices": [{"message": {"content": "yes"}}]}).encode()

    guard = Guard("model", "output", "mask", {"model": "a/guard", "prompt": "{{text}}", "answers": ["yes"]})
    events = [call(0, id="c", function={"name": "f", "arguments": '{"do": "harm"}'}), END]
    reply = guarded(Said(events), Call("chat/completions", {}, "p", is_stream=True), [Placed(guard, "r")], [], judge)  # type: ignore[arg-type]

    async def run() -> list[Any]:
        return [json.loads(piece.data) async for piece in reply.pieces()]

    told = asyncio.run(run())
    assert "harm" in seen[0] and "harm" not in json.dumps(told)


def test_a_long_secret_takes_time_as_it_is_long() -> None:
    """Counted in characters that are looked at: a key that goes on is not read anew with each of its tokens."""
    looked = 0

    sieve = Sieve([Placed(MASK[0], "r")], "output", [])
    spans = sieve.spans

    def counted(text: str) -> Any:
        nonlocal looked
        looked += len(text)
        return spans(text)

    sieve.spans = counted  # type: ignore[method-assign]
    holder = Holder(sieve, "answer")
    for _ in range(6_000):
        holder.take("abc+")
    looked, holder = 0, Holder(sieve, "answer")
    said = (
        holder.take("-----BEGIN PRIVATE KEY-----\n") + "".join(holder.take("MIIE") for _ in range(5_500)) + holder.end()
    )
    assert said == "[secret]" and looked < 40 * 22_000


def test_an_end_and_a_count_say_nothing_else() -> None:
    usage = {"prompt_tokens": 3, "note": KEY, KEY: 1, "details": {"cached_tokens": 1, "said": [KEY]}}
    whole = {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": KEY}], "usage": usage}
    events = [{"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": KEY}], "usage": usage}]
    for left in (behind(Said(whole=whole)), behind(Said(events))):
        assert KEY not in json.dumps(left)
        assert left[0]["usage"] == {"prompt_tokens": 3, "details": {"cached_tokens": 1}}
        assert left[0]["choices"][0]["finish_reason"] == "stop"
