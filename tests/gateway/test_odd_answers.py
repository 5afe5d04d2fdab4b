"""What an engine says that is no answer, as one elsewhere may: it is the engine's fault, and told as such."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from freehold.inference import calling
from freehold.inference.rules import Piece
from tests.gateway.conftest import Hub

ODD = [
    b"[]",
    b'"x"',
    b"no JSON",
    b'{"choices": "abc"}',
    b'{"choices": [1]}',
    b'{"choices": [{"message": null, "delta": 5, "text": 4}]}',
    b'{"choices": [{"message": {"content": 5, "tool_calls": [1]}, "delta": {"content": 5}}], "usage": [1]}',
]
HELLO = [{"role": "user", "content": "hello"}]
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"model": "lab/it", "messages": HELLO}),
    ("/v1/chat/completions", {"model": "lab/it", "messages": HELLO, "n": 2}),
    ("/v1/completions", {"model": "lab/it", "prompt": "hello"}),
    ("/v1/responses", {"model": "lab/it", "input": "hello"}),
    ("/models/lab/it", {"inputs": "hello"}),
]


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_answer_is_the_engines_fault(hub: Hub, odd: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(_: calling.EngineReply) -> bytes:
        return odd

    async def pieces(_: calling.EngineReply) -> AsyncIterator[Piece]:
        for _each in range(2):
            yield Piece(odd)

    monkeypatch.setattr(calling.EngineReply, "body", body)
    monkeypatch.setattr(calling.EngineReply, "pieces", pieces)
    for path, call in CALLS:
        for is_stream in (False, True):
            answer = hub.client.post(path, json=call | {"stream": is_stream}, headers=hub.cast.alice.headers)
            assert answer.status_code in (200, 502), (path, answer.text)
            assert "mistake" not in answer.text, path


def test_a_stream_of_nothing_but_its_end_is_one(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def pieces(_: calling.EngineReply) -> AsyncIterator[Piece]:
        for nothing in list[Piece]():
            yield nothing

    monkeypatch.setattr(calling.EngineReply, "pieces", pieces)
    answer = hub.ask(stream=True)
    assert (answer.status_code, answer.text) == (200, "data: [DONE]\n\n")
