"""Bytes straight between a socket and a file, in threads, while the event loop does something else.

What the server offers to the application in ``scope["extensions"]`` on top of this file:

- ``freehold.filerange``: after ``http.response.start`` the application sends ``{"type": "freehold.filerange", "fd",
  "start", "end"}`` (end exclusive) instead of a body; the kernel copies (``sendfile``).
- ``freehold.body``: an :class:`Intake`; ``await pour(take)`` hands the request's body to ``take`` in a worker thread.

A *burst* is a bounded stretch of work in a thread. Between bursts a slow peer waits in the event loop, so that a
thousand of them hold no thread. Why not the server's ordinary road: docs/decisions, "Bytes bypass the event loop".
"""

import asyncio
import os
import select
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
Take = Callable[[memoryview], None]

PIECE_BYTES = 1 << 20
BURST_BYTES = 64 << 20  # some 50 ms of a fast peer; then the next in line gets the thread
LINGER_MS = 20  # a fast peer is awaited inside the burst: going back to the event loop costs more
STALL_S = 60.0  # a peer that moves no byte for so long is given up
LEFTOVERS_S = 10.0  # how long the rest of a refused body is read, so that its sender gets to see the answer
THREADS = 16

_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="bytes")


class Stalled(Exception):
    """The peer moved no byte for ``STALL_S``."""


class PeerGone(Exception):
    """The peer closed or reset the connection in the middle."""


class FileTooShort(Exception):
    """The file ends before the range that was announced; the answer must not look complete."""


async def in_bytes_thread(work: Callable[..., T], *args: object) -> T:
    """``work(*args)`` in one of the threads kept for bytes.

    A cancelled caller still waits for the thread to finish: what the thread uses may be closed only after it.
    """
    future = asyncio.get_running_loop().run_in_executor(_pool, work, *args)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


# ---- out -------------------------------------------------------------------------------------------------------------


async def send_range(connection: socket.socket, file: int, start: int, end: int) -> None:
    """Bytes ``start`` to ``end`` (exclusive) of the open file have been given to the kernel for ``connection``.

    ``connection`` is non-blocking and nobody else writes to it meanwhile; a duplicate is used, so its owner may close
    it. Raises :class:`PeerGone`, :class:`Stalled`, :class:`FileTooShort`.
    """
    fd = os.dup(connection.fileno())
    try:
        while start < end:
            reached = await in_bytes_thread(_send_burst, fd, file, start, end)
            if reached == start:
                await _until_ready(fd, to_write=True)
            start = reached
    finally:
        os.close(fd)


def _send_burst(fd: int, file: int, start: int, end: int) -> int:
    """Send until the burst is full or the peer is slow; returns the new start."""
    stop = min(end, start + BURST_BYTES)
    writable = select.poll()
    writable.register(fd, select.POLLOUT)
    while start < stop:
        try:
            moved = os.sendfile(fd, file, start, stop - start)
        except BlockingIOError:
            if not writable.poll(LINGER_MS):
                break
            continue
        except ConnectionError as err:
            raise PeerGone from err
        if moved == 0:
            raise FileTooShort
        start += moved
    return start


# ---- in --------------------------------------------------------------------------------------------------------------


class Intake:
    """The body of one request, taken straight from its connection; for one use.

    ``take_over()`` makes the event loop let go of the reading side and returns a duplicate of the connection, what the
    parser had seen of the body already, and how many bytes are still to come. ``give_back(left)`` ends that; ``left``
    is not 0 when the rest of the body stays unread, and the connection is then of no more use.
    """

    def __init__(
        self,
        take_over: Callable[[], tuple[socket.socket, bytes, int]],
        give_back: Callable[[int], None],
    ) -> None:
        self._take_over = take_over
        self._give_back = give_back

    async def pour(self, take: Take) -> int:
        """``take`` has seen the whole body, in order, in worker threads, one piece at a time; returns its size.

        The memory behind a piece is reused once ``take`` returns. When ``take`` raises, the rest of the body is read
        and dropped (for at most ``LEFTOVERS_S``) so that the sender sees the answer, and the error goes on.
        Raises :class:`PeerGone`, :class:`Stalled`.
        """
        connection, already, left = self._take_over()
        reader = _Reader(connection, left, take)
        try:
            try:
                await in_bytes_thread(reader.begin, already)
                await reader.finish()
            except (PeerGone, Stalled):
                raise
            except Exception:
                await reader.drop_rest()
                raise
            return len(already) + left
        finally:
            connection.close()
            self._give_back(reader.left)


class _Reader:
    """Fills one buffer from the connection and hands it on whenever it is full."""

    def __init__(self, connection: socket.socket, left: int, take: Take) -> None:
        self.left = left
        self._connection = connection
        self._take = take
        self._buffer = memoryview(bytearray(min(PIECE_BYTES, max(left, 1))))
        self._filled = 0

    def begin(self, already: bytes) -> None:
        if already:
            self._take(memoryview(already))

    async def finish(self) -> None:
        while self.left:
            before = self.left
            await in_bytes_thread(self._burst)
            if self.left == before:
                await _until_ready(self._connection.fileno(), to_write=False)

    async def drop_rest(self) -> None:
        self._take, self._filled = _drop, 0
        try:
            await asyncio.wait_for(self.finish(), LEFTOVERS_S)
        except (PeerGone, Stalled, TimeoutError):
            pass  # the refusal is answered all the same; the connection ends with it

    def _burst(self) -> None:
        """Receive until the burst is full, the body ends or the peer is slow."""
        stop = max(0, self.left - BURST_BYTES)
        readable = select.poll()
        readable.register(self._connection.fileno(), select.POLLIN)
        while self.left > stop:
            try:
                moved = self._connection.recv_into(self._buffer[self._filled :], min(self.left, self._room))
            except BlockingIOError:
                if not readable.poll(LINGER_MS):
                    return
                continue
            except ConnectionError as err:
                raise PeerGone from err
            if moved == 0:
                raise PeerGone
            self._filled += moved
            self.left -= moved
            if not self._room or not self.left:
                piece, self._filled = self._buffer[: self._filled], 0
                self._take(piece)

    @property
    def _room(self) -> int:
        return len(self._buffer) - self._filled


def _drop(_piece: memoryview) -> None:
    return


async def _until_ready(fd: int, *, to_write: bool) -> None:
    """The peer has made room, or sent something (or left). Raises :class:`Stalled` after ``STALL_S``."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    watch, unwatch = (loop.add_writer, loop.remove_writer) if to_write else (loop.add_reader, loop.remove_reader)
    watch(fd, wake)
    try:
        await asyncio.wait_for(ready, STALL_S)
    except TimeoutError:
        raise Stalled from None
    finally:
        unwatch(fd)
