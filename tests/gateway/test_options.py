"""What a call says beside its words: refused where it cannot be, and told as OpenAI's clients read it where it can."""

import json
from typing import Any

import pytest

from freehold.gateway import rules
from freehold.gateway.completing import Completions
from freehold.gateway.errors import BadCall
from freehold.gateway.hearing import HeardAsEvents
from freehold.gateway.shapes import OpenAI
from freehold.inference import refusals
from freehold.inference.errors import EngineFailed, EngineRefused, NotAble
from freehold.inference.rules import Measured, Target
from tests.gateway.conftest import REVISION, Hub

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
TARGET = Target("e", "lab/it", "lab/it", REVISION, "llama.cpp", frozenset({"chat"}), "lab")


class Reply:
    target = TARGET
    content_type = "application/json"
    legs = ()

    def __init__(self) -> None:
        self.measured = Measured(prompt_tokens=7, cached_tokens=3, completion_tokens=9)


def chat(**given: Any) -> rules.Wish:
    words = {"model": "lab/it", "messages": [{"role": "user", "content": "hello"}]}
    return rules.wish("chat/completions", {**words, **given})


def completion(**given: Any) -> rules.Wish:
    return rules.wish("completions", {"model": "lab/it", "prompt": "Go on", **given})


@pytest.mark.rules
@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"temperature": 99}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"seed": "x"}, "seed"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"stop": 3}, "stop"),
        ({"stop": ["x"] * 1000}, "stop"),
        ({"logit_bias": {"5": 101}}, "logit_bias"),
        ({"logit_bias": [1]}, "logit_bias"),
        ({"logprobs": 3}, "logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"stream_options": "x", "stream": True}, "stream_options"),
        ({"functions": [TOOL["function"]]}, "functions"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"tools": "x"}, "tools"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"tools": [TOOL, {"type": "web_search"}]}, "tools[1]"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0]"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": "x"}}]},
            "tools[0].function.parameters",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "always"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "nope"}}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": []}}}, "tool_choice"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{x"}}]}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
    ],
)
def test_what_cannot_be_is_said_by_its_name(given: dict[str, Any], param: str) -> None:
    with pytest.raises(BadCall) as refused:
        chat(**given)
    assert refused.value.param == param


@pytest.mark.rules
def test_what_engines_take_in_other_words_is_put_into_theirs() -> None:
    nothing = dict.fromkeys(("seed", "n", "tools", "tool_choice", "functions", "audio", "response_format"))
    assert chat(**nothing, temperature=2, logit_bias={"5": -100}, stop="").body.get("stop") is None
    assert chat(stop=["", "x"]).body["stop"] == ["x"]
    bare = chat(logprobs=True)
    assert (bare.body["top_logprobs"], bare.has_no_others) == (1, True)
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": ""}}
    assert chat(messages=[{"role": "assistant", "tool_calls": [call]}]).body["messages"][0]["tool_calls"] == [
        {**call, "function": {"name": "look", "arguments": "{}"}}
    ]
    other = {"type": "function", "function": {"name": "other"}}
    among = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [other]}}
    settled = chat(tools=[TOOL, other], tool_choice=among).body
    assert (settled["tools"], settled["tool_choice"]) == ([other], "required")
    for wrong in ({"best_of": 2}, {"max_tokens": 0}):
        with pytest.raises(BadCall, match=next(iter(wrong))):
            completion(**wrong)
    with pytest.raises(BadCall, match="float or base64"):
        rules.wish("embeddings", {"model": "lab/it", "input": "a", "encoding_format": "xml"})


@pytest.mark.rules
def test_several_answers_are_told_what_they_took_together() -> None:
    first = {"choices": [{"index": 0, "message": {}}, {"index": 1, "message": {}}], "usage": {"completion_tokens": 4}}
    whole = json.loads(OpenAI(chat(n=2)).whole(json.dumps(first).encode(), Reply()))
    assert (whole["usage"]["completion_tokens"], whole["usage"]["total_tokens"]) == (9, 16)
    shape = OpenAI(chat(n=2, stream=True, stream_options={"include_usage": True}))
    delta = {"role": "assistant", "content": "x"}
    piece = {"id": "c1", "object": "chat.completion.chunk", "choices": [{"index": 1, "delta": delta}]}
    begun = shape.piece(json.dumps(piece).encode(), Reply()).decode().split("\n\n")[:-1]
    choices = [json.loads(one.removeprefix("data: "))["choices"][0] for one in begun]
    assert [(one["index"], "role" in one["delta"]) for one in choices] == [(0, True), (1, True), (1, False)]
    assert '"freehold"' in begun[-1]
    assert shape.piece(json.dumps({**piece, "choices": [], "usage": first["usage"]}).encode(), Reply()) == b""
    said, _, done = shape.last(Reply()).partition(b"\n\n")
    last = json.loads(said.removeprefix(b"data: "))
    assert (last["id"], last["choices"], last["usage"]["completion_tokens"]) == ("c1", [], 9)
    assert done == b"data: [DONE]\n\n"
    assert OpenAI(chat(n=2, stream=True)).last(Reply()) == b"data: [DONE]\n\n"


@pytest.mark.rules
def test_how_likely_a_token_was_is_told_as_each_path_has_it() -> None:
    other = {"token": "b", "logprob": -1.5}
    tokens = [
        {"token": "aa", "logprob": -0.5, "top_logprobs": [other]},
        {"token": "c", "logprob": 0, "top_logprobs": []},
    ]
    event = json.dumps({"choices": [{"index": 0, "text": "aac", "logprobs": {"content": tokens}}]}).encode()
    told = json.loads(Completions(completion(logprobs=1)).whole(event, Reply()))["choices"][0]["logprobs"]
    assert told == {
        "tokens": ["aa", "c"],
        "token_logprobs": [-0.5, 0],
        "top_logprobs": [{"b": -1.5}, {}],
        "text_offset": [0, 2],
    }
    shape = Completions(completion(logprobs=1, stream=True))
    pieces = [json.loads(shape.piece(event, Reply()).removeprefix(b"data: ")) for _ in range(2)]
    assert [one["choices"][0]["logprobs"]["text_offset"] for one in pieces] == [[0, 2], [3, 5]]
    whole = json.loads(OpenAI(chat(logprobs=True)).whole(event, Reply()))["choices"][0]["logprobs"]["content"]
    assert [(one["logprob"], one["top_logprobs"]) for one in whole] == [(-0.5, []), (0, [])]


@pytest.mark.rules
def test_a_prompt_is_repeated_before_its_own_answer() -> None:
    answers = json.dumps({"choices": [{"index": at, "text": f"-{at}"} for at in range(4)]}).encode()
    whole = json.loads(Completions(completion(prompt=["a", "b"], n=2, echo=True)).whole(answers, Reply()))
    assert [one["text"] for one in whole["choices"]] == ["a-0", "a-1", "b-2", "b-3"]
    shape = Completions(completion(echo=True, stream=True))
    event = json.dumps({"choices": [{"index": 0, "text": "!"}]}).encode()
    said = [json.loads(shape.piece(event, Reply()).removeprefix(b"data: "))["choices"][0]["text"] for _ in range(2)]
    assert said == ["Go on!", "!"]


@pytest.mark.rules
@pytest.mark.parametrize("said", [{"text": "a", "usage": {"type": "tokens"}}, {"text": "a"}, {}, []])
def test_what_was_heard_is_told_as_events_with_what_it_took(said: Any) -> None:
    told = HeardAsEvents(chat()).whole(json.dumps(said).encode(), Reply()).decode().split("\n\n")
    delta, done = (json.loads(one.removeprefix("data: ")) for one in told[:2])
    assert (delta["delta"], told[2]) == (done["text"], "data: [DONE]")
    assert done.get("usage") == (said.get("usage") if isinstance(said, dict) else None)


@pytest.mark.rules
@pytest.mark.parametrize("choices", ["x", [7], [{"index": 9, "text": "!", "logprobs": {"content": [5]}}], None])
def test_an_engine_may_answer_anything(choices: Any) -> None:
    said = json.dumps({"choices": choices}).encode()
    assert json.loads(OpenAI(chat()).whole(said, Reply()))["choices"] == choices
    for shape in (Completions(completion(echo=True, logprobs=1)), OpenAI(chat(n=2, logprobs=True))):
        try:
            shape.whole(said, Reply())
        except EngineFailed:
            continue


@pytest.mark.rules
@pytest.mark.parametrize("value", [7, "x", [], {}, [[]], {"a": {}}, [{"type": {}}], {"type": "allowed_tools"}, True])
def test_an_option_may_be_anything_and_is_refused_in_words(value: Any) -> None:
    for name in (
        *("tools", "tool_choice", "stop", "logit_bias", "logprobs", "stream_options", "modalities", "functions", "n"),
        *("response_format", "seed", "temperature"),
    ):
        for tools in ({}, {"tools": [TOOL]}):
            try:
                chat(**{**tools, name: value})
            except BadCall as err:
                assert err.param
    for deep in (
        {"function": {"name": {}}},
        {"type": "allowed_tools", "allowed_tools": {"tools": value, "mode": value}},
    ):
        with pytest.raises(BadCall):
            chat(tools=[TOOL], tool_choice=deep)


@pytest.mark.rules
@pytest.mark.parametrize(
    ("words", "error", "param", "said"),
    [
        (
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
            NotAble,
            "tools",
            "calls no tools",
        ),
        ('tool_choice="required" requires --tool-call-parser to be set', NotAble, "tools", "no way that vLLM reads"),
        ("image input is not supported - hint: provide the mmproj", NotAble, "messages", "takes no pictures"),
        ("Failed to parse tools: [json.exception.out_of_range.403] key", EngineRefused, "tools", "tools: key"),
        ("Failed to parse messages: type must be string", EngineRefused, "messages", "must be string"),
    ],
)
def test_what_a_caller_got_wrong_is_not_the_engines_fault(words: str, error: Any, param: str, said: str) -> None:
    found = refusals.of_answer(500, json.dumps({"error": {"message": words}}).encode(), TARGET)
    assert isinstance(found, error)
    assert (found.status, found.param) == (400, param)
    assert said in found.message


def test_what_an_engine_would_leave_out_unseen_is_refused(hub: Hub) -> None:
    def refused(**given: Any) -> Any:
        answer = hub.ask(path="completions", **{"prompt": "hello", **given})
        return answer.status_code, answer.json().get("error", {}).get("code")

    assert (
        refused(suffix="end") == refused(echo=True, logprobs=1) == refused(echo=True, prompt=[5]) == (400, "not_able")
    )
    assert (
        hub.ask(path="completions", prompt="hello", echo=True, max_tokens=2).json()["choices"][0]["text"]
        == "hellow0 w1"
    )
    assert hub.engine.seen[-1]["prompt"] == "hello"
