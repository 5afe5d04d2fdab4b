"""Bytes passed on between two addresses, for a job whose own port only its machine can reach.

Two ends: *the node's* listens on the node's address and lets through to the job whoever says the job's key first; *the
hub's* listens on loopback and says it. When the job is lost, the hub's end closes every connection at once, so that no
call waits for a machine that is gone. A side that closes takes the other along: that is how a call is cancelled.
"""

import asyncio
import hmac
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

PIECE_BYTES = 64 << 10
MAX_KEY_BYTES = 200
#: For the key to be said, and for the other side to be reached.
REACH_S = 10.0
MAX_CONNECTIONS = 1_024

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Gate:
    """A thread of its own passes bytes on, until :meth:`close`. ``port`` is where it listens."""

    def __init__(self, host: str, reach: Callable[[Ends], Awaitable[Ends | None]]) -> None:
        self._reach = reach
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._listening = socket.create_server((host, 0), backlog=128)
        self.port = int(self._listening.getsockname()[1])
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"gate {self.port}", daemon=True)
        self._thread.start()
        self._is_open.wait()

    def close(self) -> None:
        """No connection is left. May be called from any thread, also twice."""
        with suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        loop = self._loop
        server = loop.run_until_complete(asyncio.start_server(self._accepted, sock=self._listening))
        loop.call_soon(self._is_open.set)
        loop.run_forever()
        server.close()
        loop.run_until_complete(self._ended())
        loop.close()

    async def _ended(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted is closed in the next turn

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._writers) >= 2 * MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._writers.add(writer)
        other: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(REACH_S):
                ends = await self._reach((reader, writer))
            if ends is None:
                return
            other = ends[1]
            self._writers.add(other)
            ways = [asyncio.create_task(_pass(reader, other)), asyncio.create_task(_pass(ends[0], writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, TimeoutError, ValueError):
            pass  # whoever waits sees that it is closed
        finally:
            for one in (writer, other):
                if one is not None:
                    self._writers.discard(one)
                    one.close()


def of_node(host: str, port: int, key: str) -> Gate:
    """On the node: from ``host`` to the job at loopback's ``port``, for who says ``key`` and a line's end first."""

    async def reach(ends: Ends) -> Ends | None:
        said = (await ends[0].readline()).rstrip(b"\n")
        if not hmac.compare_digest(said[:MAX_KEY_BYTES], key.encode()):
            return None
        return await asyncio.open_connection("127.0.0.1", port)

    return Gate(host, reach)


def of_hub(host: str, port: int, key: str) -> Gate:
    """On the hub's machine: from loopback to the gate of the node at ``host`` and ``port``."""

    async def reach(ends: Ends) -> Ends | None:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(key.encode() + b"\n")
        return reader, writer

    return Gate("127.0.0.1", reach)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(PIECE_BYTES):
        writer.write(data)
        await writer.drain()
