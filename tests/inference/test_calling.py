"""What is sent to an engine, and what is read from the events of its streams. Pure."""

import asyncio
import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from freehold.inference.calling import MAX_EVENT_BYTES, STEP_TOKENS, EngineReply, Events, engine_body, form, shown_as
from freehold.inference.counting import MAX_CHOICES, MAX_TOKENS, Progress, read_usage, token_of
from freehold.inference.errors import AnswerTooLarge
from freehold.inference.rules import Call, Leg, Measured, Target

TIMINGS = b'"cache_n":24,"prompt_n":10,"prompt_ms":4.5,"prompt_per_second":2.4e-05,"predicted_n":3,"predicted_ms":0.1'


def chunk(content: bytes = b'"here"', *, index: int = 0, more: bytes = b"", timings: bytes = TIMINGS) -> bytes:
    """An event as llama.cpp writes one. Source: build b11549, seen on the wire."""
    return (
        b'{"choices":[{"finish_reason":null,"index":%d,"delta":{"content":%s}}],"created":1795712487,"id":"chatcmpl-f_Q",'
        b'"model":"a.gguf","system_fingerprint":"b0-unknown","object":"chat.completion.chunk"%s,"timings":{%s}}'
        % (index, content, more, timings)
    )


@pytest.mark.parametrize(
    ("prompt", "asked", "is_told"),
    [
        ("short", {}, None),
        ("short", {"return_progress": True}, True),
        ("w" * (STEP_TOKENS + 1), {}, True),
        ([7] * (STEP_TOKENS + 1), {}, True),
    ],
)
def test_llama_tells_of_a_prompt_on_the_way_only_where_that_is_read_in_steps(
    prompt: object, asked: dict[str, Any], is_told: bool | None
) -> None:
    target = Target("1", "lab/it", "lab/it", "", "llama.cpp", frozenset({"completions"}), "owner")
    body = engine_body(Call("completions", {"prompt": prompt, **asked}, "payer", is_stream=True), target, {})
    assert body.get("return_progress") is is_told


@pytest.mark.parametrize("asked", [False, True])
def test_what_vllm_counts_with_each_token_is_told_to_who_asked_for_it(asked: bool) -> None:
    target = Target("1", "lab/it", "lab/it", "", "vllm", frozenset({"chat"}), "owner")
    options = {"include_usage": True, "continuous_usage_stats": asked}
    call = Call("chat/completions", {"messages": [], "stream_options": options}, "payer", is_stream=True)
    answer: Any = SimpleNamespace(headers={})
    reply = EngineReply(answer, Leg(target, call.path, Measured(first_token_s=0.1)), call, 0.0)
    usage = b',"usage":{"prompt_tokens":7,"completion_tokens":2}}'
    (piece,) = reply._heard(b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]' + usage + b"\n\n")
    assert (b"usage" in piece.data) == asked
    assert (reply.measured.prompt_tokens, reply.measured.completion_tokens) == (7, 2)
    (last,) = reply._heard(b'data: {"choices":[]' + usage + b"\n\n")
    assert b"usage" in last.data


@pytest.mark.parametrize("timings", [False, True])
@pytest.mark.parametrize("size", [1, 7, 300, 4096, 0])
def test_a_stream_is_told_and_counted_alike_in_whatever_parts_it_comes(size: int, timings: bool) -> None:
    target = Target("1", "lab/it", "lab/it", "", "llama.cpp", frozenset({"chat"}), "owner")
    call = Call("chat/completions", {"messages": [], "timings_per_token": timings}, "payer", is_stream=True)
    said = [chunk(json.dumps(word).encode()) for word in ("a", "\n\ndata: ", 'b"}')]
    events = [b"data: %b\n\n" % one for one in said]
    parts = [*events, b"data: [DONE]\n\n"] if not size else []
    whole = b"".join(events) + b"data: [DONE]\n\n"
    parts = parts or [whole[at : at + size] for at in range(0, len(whole), size)]

    async def read() -> bytes:
        return parts.pop(0) if parts else b""

    async def told() -> list[Any]:
        return [json.loads(piece.data) async for piece in reply.pieces()]

    answer: Any = SimpleNamespace(headers={}, read=read)
    reply = EngineReply(answer, Leg(target, call.path, Measured()), call, 0.0)
    found = asyncio.run(told())
    assert [one["choices"][0]["delta"]["content"] for one in found] == ["a", "\n\ndata: ", 'b"}']
    assert all(("timings" in one) == timings for one in found)
    assert reply.is_whole
    assert (reply.measured.prompt_tokens, reply.measured.completion_tokens) == (34, 3)


@pytest.mark.parametrize("said", ["here", "", 'a "quote"', "\\", '\\",', '"}}],"timings":{"predicted_n":9}}', "é🙂\n"])
@pytest.mark.parametrize("index", [0, 3])
def test_an_event_of_one_token_is_read_without_parsing_as_it_is_with(said: str, index: int) -> None:
    data = chunk(json.dumps(said, ensure_ascii=index > 0).encode(), index=index)
    token = token_of(data)
    assert token is not None
    quick, whole, event = Measured(), Measured(), json.loads(data)
    Progress(quick).token(token)
    Progress(whole).read(event)
    assert quick == whole
    del event["timings"]
    assert json.loads(data[: token.timings_at] + b"}") == event


@pytest.mark.parametrize(
    "data",
    [
        chunk(b"null"),
        chunk(more=b',"usage":{"completion_tokens":9}'),
        chunk(more=b',"prompt_progress":{"total":34}'),
        chunk(more=b',"error":{"message":"it broke"}'),
        chunk(timings=TIMINGS + b',"draft":{"n":1}'),
        chunk(timings=b'"predicted_n":3'),
        chunk() + b"}",
        chunk(b'"a line\rdata: [DONE]\r\rof its own"'),
        chunk(b'"\x00"'),
        chunk(b'"\\x"'),
        chunk(b'"a"},"logprobs":{"content":[]'),
        chunk().replace(b'"finish_reason":null', b'"finish_reason":"stop"'),
        b'{"error":{"message":"it broke"}}',
        b"[DONE]",
    ],
)
def test_every_other_event_is_parsed(data: bytes) -> None:
    assert token_of(data) is None


def test_no_text_makes_the_quick_way_slow_or_wrong() -> None:
    chance = random.Random(5)
    for _ in range(300):
        said = "".join(chance.choice('"\\{}[],:tn🙂') for _ in range(chance.randrange(40)))
        data = chunk(json.dumps(said, ensure_ascii=chance.random() < 0.5).encode())
        token = token_of(data)
        assert token is not None
        assert json.loads(data[: token.timings_at] + b"}")["choices"][0]["delta"]["content"] == said
    assert token_of(chunk(b'"' + b"\\\\" * 200_000)) is None  # never ends: looked at once


def test_events_come_in_any_parts_and_have_an_end() -> None:
    stream = b'data: {"a":1}\r\n\r\n: still here\n\nevent: x\ndata:{"b":2}\n\ndata: [DONE]\n\n'
    for size in (1, 2, 7, len(stream)):
        events, found = Events(), []
        for at in range(0, len(stream), size):
            found += events.of(stream[at : at + size])
        assert found == [b'{"a":1}', b'{"b":2}', b"[DONE]"]
    events = Events()
    assert not list(events.of(b"x" * MAX_EVENT_BYTES))
    with pytest.raises(AnswerTooLarge):
        list(events.of(b"x"))


def test_counts_that_no_database_adds_up_are_none() -> None:
    measured = Measured()
    assert not read_usage({"prompt_tokens": 10**30, "completion_tokens": 1}, measured)
    progress = Progress(measured)
    for index in ([], "x", -1, *range(2 * MAX_CHOICES)):
        timings = {"cache_n": 1 << 70, "prompt_n": MAX_TOKENS, "predicted_n": MAX_TOKENS}
        assert not progress.read({"choices": [{"index": index}], "timings": timings})
    assert (measured.prompt_tokens, measured.cached_tokens, measured.completion_tokens) == (MAX_TOKENS, 0, MAX_TOKENS)
    assert len(progress.predicted) == MAX_CHOICES


def test_a_name_in_a_form_cannot_begin_a_part_of_its_own() -> None:
    fields = {'a"; filename="b': "one", "c\r\n\r\nd": ["é"]}
    assert form(fields, b"sound", "audio/wav", "EDGE") == (
        b'--EDGE\r\nContent-Disposition: form-data; name="a%22; filename=%22b"\r\n\r\none\r\n'
        b'--EDGE\r\nContent-Disposition: form-data; name="c%0D%0A%0D%0Ad"\r\n\r\n["\\u00e9"]\r\n'
        b'--EDGE\r\nContent-Disposition: form-data; name="file"; filename="upload"\r\n'
        b"Content-Type: audio/wav\r\n\r\nsound\r\n--EDGE--\r\n"
    )


@pytest.mark.parametrize(
    "said", ["text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml", "application/xhtml+xml", "", "x"]
)
def test_no_answer_of_an_engine_is_a_page(said: str) -> None:
    assert shown_as(said) == "application/octet-stream"
    assert shown_as("application/json; charset=utf-8") == "application/json; charset=utf-8"
