"""What waits in a node's model store: woken by news, by itself after a while, and gone when it is cancelled."""

import asyncio
import time

import pytest

from freehold.inference import waiting
from freehold.inference.waiting import Waiting

pytestmark = pytest.mark.rules


@pytest.mark.parametrize("turns", range(8))
def test_those_who_are_cancelled_in_the_moment_of_looking_again_hold_up_nobody(
    turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_S", 0.01)

    async def test() -> None:
        store = Waiting()
        waits = [asyncio.create_task(store.wait(0.01)) for _ in range(5)]
        await asyncio.sleep(0)
        time.sleep(0.02)  # the alarms of all are due at once
        for _ in range(turns):
            await asyncio.sleep(0)
        for one in waits:
            one.cancel()
        async with asyncio.timeout(5):
            ended = await asyncio.gather(*waits, return_exceptions=True)
            await store.tell()
            await store.wait(0.01)
        assert not [one for one in ended if isinstance(one, Exception)]

    asyncio.run(test())


@pytest.mark.parametrize("turns", range(4))
def test_whoever_is_cancelled_in_the_moment_of_news_does_not_go_on(turns: int) -> None:
    async def test() -> None:
        store = Waiting()
        leaves = asyncio.create_task(store.wait(5))
        await asyncio.sleep(0.01)
        await store.tell()
        for _ in range(turns):
            await asyncio.sleep(0)
        had_ended = leaves.done()
        leaves.cancel()
        await asyncio.wait({leaves})
        assert leaves.cancelled() is not had_ended

    asyncio.run(test())
