"""What everything in a node's model store stands on: one event loop, news that wakes who waits, and a few threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

#: Whoever waits looks again this often, whatever it was told.
LOOK_S = 1.0
THREADS = 8


class Waiting:
    """Begun outside the loop, which it learns of when it is first used. ``is_closed``: nothing new begins any more."""

    def __init__(self) -> None:
        self.is_closed = False
        self._news = asyncio.Event()  # of what changes next; no lock, which whoever is cancelled might leave locked
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="models")
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def now(self) -> float:
        """By the loop's clock, in seconds."""
        self._loop = self._loop or asyncio.get_running_loop()
        return self._loop.time()

    async def tell(self) -> None:
        """Whoever waits looks again."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def wait(self, seconds: float) -> None:
        """Until something changes, at most so long."""
        with suppress(TimeoutError):
            # Not wait_for, which until Python 3.12 may keep it from whoever waits that they were cancelled.
            async with asyncio.timeout(max(0.01, min(seconds, LOOK_S))):
                await self._news.wait()

    def spawn(self, work: Any) -> "asyncio.Task[Any]":
        """``work`` goes on by itself; :meth:`close` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """What blocks, in one of a few threads."""
        self._loop = asyncio.get_running_loop()
        return await self._loop.run_in_executor(self._threads, work, *args)

    def from_outside(self, work: Callable[..., None], *args: Any) -> None:
        """``work`` happens in the loop. May be called from any thread, also when the loop has ended."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(work, *args)
            except RuntimeError:
                pass  # it was closed at this moment

    async def close(self) -> None:
        """Nothing goes on any more, and no thread is left."""
        while left := [one for one in self._tasks if one is not asyncio.current_task()]:
            await asyncio.wait(left)
        self._threads.shutdown(wait=True)
