"""``/v1/responses``: a chat in another form, whole and as events."""

import json
from typing import Any

import pytest

from freehold.gateway.conversing import chat_of
from freehold.gateway.errors import BadCall
from freehold.gateway.responses import Responses
from freehold.inference.rules import Measured, Target
from tests.gateway.conftest import REVISION, Hub


class Reply:
    target = Target("e", "lab/it", "lab/it", REVISION, "llama.cpp", frozenset({"chat"}), "lab")
    measured = Measured(prompt_tokens=7, cached_tokens=3, completion_tokens=2)
    content_type = "application/json"
    legs = ()


def told(data: bytes) -> list[dict[str, Any]]:
    lines = data.decode().splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def events(*deltas: dict[str, Any], end: str = "stop") -> list[dict[str, Any]]:
    shape, out = Responses("lab/it", {}), b""
    for delta in deltas:
        out += shape.piece(json.dumps({"choices": [{"delta": delta, "finish_reason": None}]}).encode(), Reply())
    out += shape.piece(json.dumps({"choices": [{"delta": {}, "finish_reason": end}]}).encode(), Reply())
    return told(out + shape.last(Reply()))


@pytest.mark.rules
def test_a_conversation_becomes_messages() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    body = chat_of(
        {
            "model": "lab/it",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
                {"type": "reasoning", "summary": []},
                call,
                {"type": "function_call_output", "call_id": "c1", "output": "done"},
            ],
            "max_output_tokens": 9,
            "tools": [{"type": "function", "name": "look", "parameters": {}}],
            "text": {"format": {"type": "json_schema", "name": "it", "schema": {"type": "object"}}},
        }
    )
    roles = [(one["role"], one["content"]) for one in body["messages"]]
    assert roles == [("system", "Be brief."), ("user", "Hello"), ("assistant", None), ("tool", "done")]
    assert body["messages"][2]["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}
    assert (body["max_tokens"], body["tools"][0]["function"]["name"]) == (9, "look")
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}


@pytest.mark.rules
@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"input": "x", "previous_response_id": "r"}, "previous_response_id"),
        ({"input": "x", "background": True}, "background"),
        ({"input": 7}, "input"),
        ({"input": [7]}, "input[0]"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0]"),
        ({"input": "x", "tools": [{"type": "web_search"}]}, "tools"),
        ({"input": [{"type": "function_call", "name": "look", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": "x", "text": "json"}, "text"),
        ({"input": "x", "text": {"format": {"type": "xml"}}}, "text.format"),
    ],
)
def test_what_has_no_counterpart_is_said(given: dict[str, Any], param: str) -> None:
    with pytest.raises(BadCall) as refused:
        chat_of(given)
    assert refused.value.param == param


@pytest.mark.rules
def test_words_and_a_call_come_as_events_in_order() -> None:
    start = {"index": 0, "id": "c1", "function": {"name": "look", "arguments": '{"a'}}
    more = {"index": 0, "function": {"arguments": '":1}'}}
    said = events(
        {"content": "He"}, {"content": "llo"}, {"tool_calls": [start]}, {"tool_calls": [more]}, end="tool_calls"
    )
    assert [one["type"].removeprefix("response.") for one in said] == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.delta", "output_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done", "completed"),
    ]
    assert [one["sequence_number"] for one in said] == list(range(15))
    words, call = said[-1]["response"]["output"]
    assert words["content"][0]["text"] == "Hello"
    assert (call["call_id"], call["name"], call["arguments"]) == ("c1", "look", '{"a":1}')
    assert said[-1]["response"]["usage"]["input_tokens_details"]["cached_tokens"] == 3


@pytest.mark.rules
def test_a_choice_among_some_functions_is_put_as_a_chat_has_it() -> None:
    few = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]}
    told = {"mode": "required", "tools": [{"function": {"type": "function", "name": "look"}}]}
    assert chat_of({"input": "x", "tool_choice": few})["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": told,
    }
    one = {"type": "function", "function": {"name": "look"}}
    assert chat_of({"input": "x", "tool_choice": {"type": "function", "name": "look"}})["tool_choice"] == one
    assert chat_of({"input": "x", "include": ["message.output_text.logprobs"]})["logprobs"] is True


@pytest.mark.rules
def test_how_likely_each_token_was_goes_with_its_words() -> None:
    shape = Responses("lab/it", {})
    token = {
        "id": 5,
        "token": "He",
        "bytes": [72, 101],
        "logprob": -0.5,
        "top_logprobs": [{"token": "L", "logprob": -2}],
    }
    chunk = {"choices": [{"delta": {"content": "He"}, "logprobs": {"content": [token]}, "finish_reason": "stop"}]}
    said = told(shape.piece(json.dumps(chunk).encode(), Reply()) + shape.last(Reply()))
    shown = {"token": "He", "bytes": [72, 101], "logprob": -0.5}
    shown |= {"top_logprobs": [{"token": "L", "bytes": None, "logprob": -2}]}
    assert [one["logprobs"] for one in said if "logprobs" in one] == [[shown], [shown]]
    assert said[-1]["response"]["output"][0]["content"][0]["logprobs"] == [shown]


@pytest.mark.rules
def test_an_answer_that_was_cut_says_so() -> None:
    assert events({"content": "He"}, end="length")[-1]["response"]["incomplete_details"] == {
        "reason": "max_output_tokens"
    }


def test_a_model_answers_it(hub: Hub) -> None:
    whole = hub.ask(path="responses", input="hello", max_output_tokens=2).json()
    assert whole["output"][0]["content"][0]["text"] == "w0 w1"
    assert (whole["model"], whole["freehold"]["revision"], whole["usage"]["output_tokens"]) == ("lab/it", REVISION, 2)
    said = told(hub.ask(path="responses", input="hello", max_output_tokens=2, stream=True).content)
    assert said[-1]["response"]["output"][0]["content"][0]["text"] == "w0 w1 "
    broken = told(hub.ask(path="responses", input="crash", stream=True).content)
    assert (broken[-1]["type"], broken[-1]["code"]) == ("error", "engine_lost")
    assert [one.outcome for one in hub.meters()] == ["ok", "ok", "failed"]
    refused = hub.ask(path="responses", input="hello", max_output_tokens=0).json()["error"]
    assert (refused["param"], "max_output_tokens" in refused["message"]) == ("max_output_tokens", True)


@pytest.mark.parametrize("include", [5, {"message.output_text.logprobs": 1}, ["another"], None])
def test_what_is_no_list_of_what_is_included_includes_nothing(include: Any) -> None:
    assert "logprobs" not in chat_of({"input": "hello", "include": include})
