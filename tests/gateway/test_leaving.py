"""Whoever leaves, or does not read, frees the model; what it took until then is recorded."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from freehold.gateway import rules, service
from freehold.gateway.answering import Answer
from freehold.gateway.service import Asker
from freehold.gateway.shapes import OpenAI
from freehold.inference.runtime import NodeRuntime
from tests.gateway.conftest import Hub

Send = Callable[[Message], Awaitable[None]]


def answered(hub: Hub, word: str, send: Send, receive: Callable[[], Awaitable[Message]], **given: Any) -> None:
    """One call of Alice's, with these for its connection."""
    body = {"model": "lab/it", "messages": [{"role": "user", "content": word}], **given}
    wish = rules.wish("chat/completions", body)
    with hub.database.read() as db:
        admitted = service.admit(db, Asker(hub.cast.alice.actor, "r1"), wish.model, lambda _: wish)
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": [], "app": hub.client.app}

    async def run() -> None:
        hub.client.app.state.runtime = runtime = NodeRuntime(hub.store)  # type: ignore[attr-defined]
        await Answer(Request(scope), admitted, OpenAI(admitted.wish), stall_s=0.05)(scope, receive, send)
        assert (runtime.turns.busy(admitted.plan.endpoint_id), hub.store.held) == (0, 0)  # type: ignore[union-attr]

    asyncio.run(run())


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_the_model(hub: Hub, stream: bool) -> None:
    async def send(message: Message) -> None:
        if message.get("body"):
            await asyncio.sleep(0.01)

    async def receive() -> Message:
        while not hub.engine.at_work:
            await asyncio.sleep(0.001)
        return {"type": "http.disconnect"}

    word = "large" if stream else "slow"
    answered(hub, word, send, receive, stream=stream, max_tokens=2000 if stream else 5)
    (meter,) = hub.meters()
    assert meter.outcome == "cancelled"
    assert hub.engine.left == 1
    assert meter.completion_tokens == hub.engine.totals["completion"]


def test_a_client_that_does_not_read_is_let_go(hub: Hub) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if message.get("body"):
            await asyncio.Event().wait()  # its buffers are full, for ever

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    answered(hub, "large", send, receive, stream=True, max_tokens=2000)
    assert len([one for one in sent if one.get("body")]) == 1
    (meter,) = hub.meters()
    assert (meter.outcome, hub.engine.left) == ("cancelled", 1)
    assert meter.completion_tokens == hub.engine.totals["completion"]


def test_a_server_that_stops_records_what_was_under_way(hub: Hub) -> None:
    async def send(message: Message) -> None:
        if message.get("body"):
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await asyncio.sleep(0)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    answered(hub, "large", send, receive, stream=True, max_tokens=2000)
    (meter,) = hub.meters()
    assert (meter.outcome, hub.engine.left) == ("cancelled", 1)
