"""A tool that must be called: what the engine is asked for then, and how its answer is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from freehold.inference import forcing
from freehold.inference.calling import engine_body
from freehold.inference.rules import Call, Measured, Piece, Target

LLAMA = Target("1", "lab/it", "lab/it", "", "llama.cpp", frozenset({"chat"}), "owner")


def tool(name: str, **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "$defs": {"Place": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def call(choice: object, path: str = "chat/completions", **given: Any) -> Call:
    tools = [tool("weather", place={"$ref": "#/$defs/Place"}), tool("time")]
    return Call(path, {"messages": [], "tools": tools, "tool_choice": choice, **given}, "payer")


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", ["weather", "time"]),
        (named("time"), ["time"]),
        (named("none"), []),
        ("auto", []),
        (None, []),
        (7, []),
    ],
)
def test_what_must_be_called(choice: object, names: list[str]) -> None:
    found = forcing.tools_of(call(choice), LLAMA)
    assert [one["function"]["name"] for one in found] == names


def test_another_engine_and_a_grammar_of_the_callers_own_are_left_alone() -> None:
    elsewhere = Target("1", "lab/it", "lab/it", "", "remote", frozenset({"chat"}), "owner")
    assert not forcing.tools_of(call("required"), elsewhere)
    assert not forcing.tools_of(call("required", grammar='root ::= "a"'), LLAMA)
    assert not forcing.tools_of(call("required", path="completions"), LLAMA)


@pytest.mark.parametrize("tools", [None, "x", [], [7], [{"function": 7}], [{"function": {"name": 7}}]])
def test_what_are_no_tools_is_left_to_the_engine_to_refuse(tools: object) -> None:
    assert not forcing.tools_of(call("required", tools=tools), LLAMA)


def test_the_engine_is_asked_for_a_call_and_its_prompt_tells_of_the_tools() -> None:
    body = engine_body(call("required", parallel_tool_calls=True), LLAMA, {})
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(body)
    assert [one["function"]["name"] for one in body["chat_template_kwargs"]["tools"]] == ["weather", "time"]
    schema = body["response_format"]["json_schema"]["schema"]
    assert [way["properties"]["name"] for way in schema["anyOf"]] == [{"const": "weather"}, {"const": "time"}]
    place = schema["$defs"]["0"]["properties"]["place"]["$ref"]
    found: Any = schema
    for step in place.removeprefix("#/").split("/"):
        found = found[step]
    assert found == {"type": "string"}, "what a tool's schema refers to is there"


class Said:
    """An engine's reply that says ``texts``, each as a piece of a stream, or all at once."""

    target, content_type, is_whole, legs = LLAMA, "application/json", True, ()

    def __init__(self, texts: Sequence[str], reason: str = "stop") -> None:
        self.measured = Measured()
        self.texts, self.reason = texts, reason

    async def body(self) -> bytes:
        message = {"role": "assistant", "content": "".join(self.texts)}
        return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": self.reason}]}).encode()

    async def pieces(self) -> AsyncIterator[Piece]:
        deltas: list[dict[str, Any]] = [
            {"role": "assistant", "content": None},
            *({"content": one} for one in self.texts),
        ]
        for delta in deltas:
            yield Piece(json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode())
        yield Piece(json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": self.reason}]}).encode())
        yield Piece(json.dumps({"choices": [], "usage": {"total_tokens": 3}}).encode())


def whole(said: Said) -> dict[str, Any]:
    choice: dict[str, Any] = json.loads(asyncio.run(forcing.Forced(said).body()))["choices"][0]  # type: ignore[arg-type]
    return choice


def streamed(said: Said) -> tuple[str, str, str, list[Any]]:
    """Name, arguments, reason, and every text that was told as one."""

    async def read() -> list[dict[str, Any]]:
        return [json.loads(piece.data) async for piece in forcing.Forced(said).pieces()]  # type: ignore[arg-type]

    name = arguments = reason = ""
    texts = []
    for event in asyncio.run(read()):
        for choice in event["choices"]:
            for one in choice["delta"].get("tool_calls", ()):
                name += one["function"].get("name", "")
                arguments += one["function"].get("arguments", "")
            texts += [choice["delta"]["content"]] if choice["delta"].get("content") else []
            reason = choice["finish_reason"] or reason
    return name, arguments, reason, texts


ARGUMENTS = '{"place": {"city": "Paris }} \\" {"}, "days": [1, 2]}'
TEXT = '{\n  "name": "weather",\n  "arguments": ' + ARGUMENTS + "\n}"


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 11, 1000])
def test_the_answer_is_told_as_a_call_however_it_comes(step: int) -> None:
    texts = [TEXT[at : at + step] for at in range(0, len(TEXT), step)]
    name, arguments, reason, told = streamed(Said(texts))
    assert arguments == ARGUMENTS
    assert (name, json.loads(arguments), reason, told) == ("weather", json.loads(ARGUMENTS), "tool_calls", [])
    choice = whole(Said(texts))
    called = choice["message"]["tool_calls"][0]["function"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    assert (called["name"], json.loads(called["arguments"])) == ("weather", json.loads(ARGUMENTS))


@pytest.mark.parametrize("cut", range(1, len(TEXT)))
def test_one_that_was_cut_short_says_so(cut: int) -> None:
    name, arguments, reason, told = streamed(Said([TEXT[:cut]], "length"))
    assert (reason, told) == ("length", [])
    assert name in ("", "weather")
    assert ARGUMENTS.startswith(arguments.rstrip())
    assert whole(Said([TEXT[:cut]], "length"))["finish_reason"] == "length"


def test_events_of_no_choice_go_through() -> None:
    async def last() -> Any:
        return [json.loads(piece.data) async for piece in forcing.Forced(Said([TEXT])).pieces()][-1]  # type: ignore[arg-type]

    assert asyncio.run(last())["usage"] == {"total_tokens": 3}
