"""Where words hide in a call, and what guards do there: pure, with no engine."""

import asyncio
import base64
import json
import re
from typing import Any

import pytest

from freehold.guards import answering, asked
from freehold.guards.errors import BadGuard, Blocked
from freehold.guards.rules import Finding, Guard
from freehold.guards.service import read
from freehold.guards.sieve import Holder, Placed, Sieve
from freehold.inference.rules import Call

pytestmark = pytest.mark.rules
KEY = "hf_abcdefghijABCDEFGHIJabcd"
CARD = "4111 1111 1111 1111"
ENCODED = base64.b64encode(KEY.encode()).decode()
PNG = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 4).decode()


def looked(body: dict[str, Any], *guards: Guard, path: str = "chat/completions") -> tuple[Any, list[Finding]]:
    """``body`` as an engine gets it, and what was found."""

    async def nobody(*_: Any) -> bytes:
        raise AssertionError("no model is asked")

    findings: list[Finding] = []
    placed = [
        Placed(one, "r") for one in guards or (Guard("secrets", "input", "mask"), Guard("personal", "input", "mask"))
    ]
    call = Call(path, body, "payer")
    return asyncio.run(answering.checked_input(call, placed, findings, nobody)).body, findings


def chat(content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content, **more}]}


def tool(**function: Any) -> dict[str, Any]:
    return chat("?") | {"tools": [{"type": "function", "function": {"name": "look", **function}}]}


def form(schema: Any) -> dict[str, Any]:
    return chat("?") | {"response_format": {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}}


@pytest.mark.parametrize("body", [
    chat(f"It is {KEY}."),
    chat([{"type": "text", "text": KEY}]),
    chat([{"type": "text", "text": "hf_abcdefghij"}, {"type": "text", "text": "ABCDEFGHIJabcd"}]),
    chat("?", name=KEY),
    chat("?", tool_call_id=KEY),
    {"messages": [{"role": KEY, "content": "?"}]},
    {"messages": [{"role": "tool", "tool_call_id": "c", "content": json.dumps({"key": KEY})}]},
    {"messages": [{"role": "assistant", "content": None, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"k": [KEY]})}}]}]},
    tool(description=f"Looks with {KEY}"),
    tool(name=KEY),
    tool(parameters={"type": "object", "properties": {"q": {"type": "string", "description": KEY}}}),
    tool(parameters={"type": "object", "properties": {KEY: {"type": "string"}}}),
    chat("?") | {"functions": [{"name": "f", "description": KEY}]},
    form({"type": "object", "properties": {"a": {"enum": ["x", KEY]}}}),
    form({"type": "object", "description": KEY}),
    form({"const": KEY}),
    chat("?") | {"documents": [{"title": "a", "text": KEY}]},
    chat("?") | {"chat_template_kwargs": {"said": KEY}},
    chat("?") | {"stop": [KEY]},
    chat("?") | {"anything_new": {"deep": [{"er": KEY}]}},
    {"prompt": KEY, "suffix": "x"},
    {"prompt": ["a", KEY]},
    {"prompt": "x", "suffix": KEY},
    {"prompt": {"prompt_string": KEY, "multimodal_data": []}},
    {"input": KEY}, {"input": ["a", KEY]},
    {"query": KEY, "documents": ["a"]}, {"query": "a", "documents": ["b", KEY]},
    {"query": "a", "documents": [{"text": KEY}]}, {"query": "a", "texts": [KEY]},
    {"task": "text-classification", "inputs": KEY, "parameters": {}},
    {"task": "zero-shot-classification", "inputs": "a", "parameters": {"candidate_labels": ["b", KEY]}},
    chat([{"type": "file", "file": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{ENCODED}"}}]),
    chat([{"type": "input_audio", "input_audio": {"data": KEY}}]),
    chat([{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{KEY}"}}]),
    chat("?") | {"documents": [{"url": f"data:image/png;base64,{'A' * 99} {KEY}"}]},
])  # fmt: skip
def test_a_secret_is_masked_wherever_it_stands(body: dict[str, Any]) -> None:
    kept, findings = looked(body)
    told = json.dumps(kept)
    assert KEY not in told and "ABCDEFGHIJ" not in told and ENCODED not in told
    assert [one.what for one in findings] == ["secret"]
    with pytest.raises(Blocked) as refused:
        looked(body, Guard("secrets", "input", "block"))
    assert KEY not in refused.value.message
    assert looked(body, Guard("secrets", "input", "mark"))[0] == body


def test_what_says_nothing_goes_as_it_came() -> None:
    picture = {"type": "image_url", "image_url": {"url": PNG}}
    body = chat([{"type": "text", "text": "What is it?"}, picture]) | {
        "seed": 4111111111111111, "temperature": 0.12345678, "max_tokens": 9, "logit_bias": {"50256": -100},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {
            "type": "object", "properties": {"n": {"type": "number", "maximum": 9007199254740991}}}}}],
    }  # fmt: skip
    kept, findings = looked(body)
    assert kept == body and not findings


def test_json_that_is_masked_stays_json() -> None:
    said = json.dumps(
        {"card": 4111111111111111, "password": "hunter2hunter", "score": 0.12345678, "of": ["bob@example.com"]}
    )
    kept, _ = looked({"messages": [{"role": "tool", "tool_call_id": "c", "content": said}]})
    assert json.loads(kept["messages"][0]["content"]) == {
        "card": "[card]", "password": "[secret]", "score": 0.12345678, "of": ["[mail]"]
    }  # fmt: skip
    # Of two members of one name a parser tells one: the text is looked at as it is.
    twice = f'{{"a": "{KEY}", "a": "x"}}'
    assert KEY not in looked(chat(twice))[0]["messages"][0]["content"]
    assert looked(form({"const": 4111111111111111}))[0]["response_format"]["json_schema"]["schema"] == {
        "const": "[card]"
    }


def test_what_stands_in_two_parts_is_masked_where_it_begins() -> None:
    parts = [
        {"type": "text", "text": "My card is 4111 1111"},
        {"type": "text", "text": " 1111 11"},
        {"type": "text", "text": "11, bob@example.com."},
    ]
    kept, findings = looked(chat(parts))
    assert [one["text"] for one in kept["messages"][0]["content"]] == ["My card is [card]", "", ", [mail]."]
    assert sorted(one.what for one in findings) == ["card", "mail"]


@pytest.mark.parametrize("text", [
    "４１１１ １１１１ １１１１ １１１１", "4\u200b1\u200b1\u200b1\u200b1111\u00ad11111111", "٤١١١١١١١١١١١١١١١",
    "④①①①①①①①①①①①①①①①",
    "".join(f"{digit}\ufe0f\u20e3" for digit in "4111111111111111"),
    "".join(f"{digit}\u0332" for digit in "4111111111111111"),
    "𝟜𝟙𝟙𝟙 𝟙𝟙𝟙𝟙 𝟙𝟙𝟙𝟙 𝟙𝟙𝟙𝟙", "⁴¹¹¹ ¹¹¹¹ ¹¹¹¹ ¹¹¹¹", "4111\u2800111111111111", "4111\u00a01111\u20111111\u22121111",
    "bоb@ехаmple.cоm", "ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ", "h\u2060f_abcdefghij\U000e0041ABCDEFGHIJ",
])  # fmt: skip
def test_other_ways_of_writing_it_are_seen_through(text: str) -> None:
    kept, findings = looked(chat(f"It is {text} so"))
    assert len(findings) == 1
    said = kept["messages"][0]["content"]  # what was drawn over the last digit stays, over the mask
    assert re.fullmatch(r"It is \[(card|mail|secret)\]\W{0,2} so", said)


@pytest.mark.parametrize("body", [
    {"prompt": [1, 2]}, {"prompt": [[1, 2]]}, {"input": [1]}, {"input": ["a", 1]},
    {"prompt_embeds": "AAAA", "prompt": "x"},
    chat("?") | {"chat_template": "{{ 'hf_' }}"}, chat("?") | {"prompt_token_ids": [1]},
    chat("?") | {"grammar": f'root ::= "{KEY}"'}, form({"pattern": KEY}), chat("?") | {"enum": ["a"] * 70_000},
])  # fmt: skip
def test_what_no_guard_can_read_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Blocked):
        looked(body)


def test_files_are_sized_and_are_no_words() -> None:
    body = chat([{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": PNG}}])
    assert asked.words(body) == "What?"
    assert asked.file_bytes(Call("chat/completions", body, "p")) == pytest.approx(1024, rel=0.05)
    assert asked.file_bytes(Call("audio/transcriptions", {}, "p", upload=b"x" * 7)) == 7
    assert looked(body, Guard("size", "input", "block", {"characters": 5, "bytes": 1200}))[0] == body
    for options in ({"characters": 4}, {"bytes": 1000}):
        with pytest.raises(Blocked):
            looked(body, Guard("size", "input", "block", options))
    picture = {"task": "image-classification", "inputs": PNG.partition(",")[2], "parameters": {}}
    assert looked(picture, path="task")[0] == picture
    assert read({"kind": "size", "side": "input", "does": "block", "bytes": "1000"}).options == {"bytes": 1000}
    for bad in ({"side": "output", "bytes": 9}, {"side": "input"}, {"side": "input", "bytes": 0}):
        with pytest.raises(BadGuard):
            read({"kind": "size", "does": "block", **bad})


def test_a_description_counts_as_words() -> None:
    with pytest.raises(Blocked):
        looked(tool(description="x" * 200), Guard("size", "input", "block", {"characters": 100}))


@pytest.mark.parametrize("unit", ["a ", "a@", "4111 ", "\u200b", " -hf_abcdefghijABCDEFGHIJ", '{"a":', "["])
def test_long_texts_are_looked_at_piece_by_piece_and_alike(unit: str) -> None:
    text = f"{unit * (100_000 // len(unit))} {CARD} {KEY}"
    sieve = Sieve(
        [Placed(Guard("secrets", "input", "mask"), "r"), Placed(Guard("personal", "input", "mask"), "r")], "input", []
    )
    kept = sieve.clean(text, "x")
    assert KEY not in kept and CARD not in kept and kept == sieve.apply(text, sieve.spans(text), "x")


@pytest.mark.parametrize(
    "said",
    [
        r'Here: {"to": "somebody\u0040example.com"}',
        r'{"to": "somebody\u0040example.com"',
        r'{"a": 1, "a": 2, "to": "somebody\u0040example.com"}',
        r"some\u200bbody\u0040ex\u0430mple.com",
    ],
)
def test_characters_that_are_written_by_their_numbers_are_read_as_models_read_them(said: str) -> None:
    told, findings = looked(chat(said))
    assert [one.what for one in findings] == ["mail"]
    assert "0040" not in json.dumps(told)
    for pieces in (1, 3, len(said)):
        holder = Holder(Sieve([Placed(Guard("personal", "output", "mask"), "r")], "output", []), "answer")
        size = -(-len(said) // pieces)
        out = "".join(holder.take(said[at : at + size]) for at in range(0, len(said), size)) + holder.end()
        assert out == told["messages"][0]["content"]


def test_a_path_that_looks_like_an_escape_stays_as_it_is() -> None:
    said = r"C:\users\u1234 and \uZZZZ and 1\u00e9 of tea"
    assert looked(chat(said)) == (chat(said), [])


def test_what_only_says_that_it_is_a_picture_is_words() -> None:
    body = chat([{"type": "image_url", "image_url": {"url": f"data:image/png;base64,somebody@example.com {KEY}"}}])
    told, _ = looked(body)
    assert KEY not in json.dumps(told)


def test_json_of_too_many_values_is_refused_and_a_text_of_many_commas_is_not() -> None:
    assert looked(chat(json.dumps(["a, " * 70_000])))[1] == []
    with pytest.raises(Blocked, match="values"):
        looked(chat(json.dumps([[1_234_567] * 100] * 700)))
