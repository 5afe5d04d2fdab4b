"""Lists are asked for by the hub itself before it says that its index is ready."""

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from freehold.core import inward
from freehold.core.database import Database
from freehold.discover import warming
from freehold.discover.index.client import Index


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


def test_the_hub_asks_itself_as_a_visitor_would(client: TestClient, loop: asyncio.AbstractEventLoop) -> None:
    def status(address: str) -> int:
        return asyncio.run_coroutine_threadsafe(inward.status_of(client.app, address), loop).result(20)

    assert [status(address) for address in warming.ADDRESSES] == [200] * len(warming.ADDRESSES)
    assert status("/models?sort=%00") == 400


def test_what_goes_wrong_is_said_and_keeps_nothing_from_starting(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("no templates")

    warming.warm(app, loop, threading.Event())
    assert "no templates" in caplog.text


def test_a_hub_that_stops_does_not_wait_for_its_lists(loop: asyncio.AbstractEventLoop) -> None:
    seen = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.set()
        await asyncio.Event().wait()

    stopping = threading.Event()
    thread = threading.Thread(target=warming.warm, args=(app, loop, stopping))
    thread.start()
    assert seen.wait(20)
    stopping.set()
    thread.join(warming.MOST_S / 2)
    assert not thread.is_alive()


def test_an_index_is_said_to_be_ready_once_lists_were_asked_for(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "freehold.index")
    index, warmed, said = Index(database, "on"), threading.Event(), []

    def warm(stopping: threading.Event) -> None:
        said.append((index.is_ready, caplog.text.count("The index is ready")))
        warmed.set()

    index.start(warm)
    assert warmed.wait(60)
    index.stop()
    assert said == [(True, 0)]
    assert caplog.text.count("The index is ready: 0 repositories") == 1
