"""Bodies of any size in and out, in bounded memory: what every door that moves bytes uses.

Under ``freehold serve`` they take the direct road (``core.direct``); under any other ASGI server, and in tests, the
ordinary one. Both behave the same.
"""

import asyncio
import logging
import os
import zlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from freehold.core.direct import PIECE_BYTES, STALL_S, Intake, PeerGone, Stalled, Take, in_bytes_thread
from freehold.core.errors import BadRequest, HubError, TooLarge

log = logging.getLogger("freehold.http")


class Hasher(Protocol):
    """``hashlib``'s and ``blake3``'s shape."""

    def update(self, data: Any, /) -> Any: ...


class RequestStalled(HubError):
    """The sender went silent in the middle of a body."""

    status = 408


async def receive_to_file(
    request: Request, target: Path | int, *, limit_bytes: int, hasher: Hasher | None = None
) -> int:
    """The request's body is in ``target``; returns its size in bytes.

    ``target`` is a path, which is created (and removed again when this fails), or an open file descriptor, which stays
    the caller's. ``hasher`` sees the same bytes in the same worker threads. Nothing is forced to disk: a store does
    that when it takes the file. Raises :class:`TooLarge`, :class:`RequestStalled`, ``ClientDisconnect``, ``OSError``.
    """
    if isinstance(target, int):
        return await receive_body(request, _writer(target, hasher), limit_bytes=limit_bytes)
    fd = await in_bytes_thread(os.open, target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        return await receive_body(request, _writer(fd, hasher), limit_bytes=limit_bytes)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


def _writer(fd: int, hasher: Hasher | None) -> Take:
    def take(piece: memoryview) -> None:
        if hasher is not None:
            hasher.update(piece)
        while piece:
            piece = piece[os.write(fd, piece) :]  # a disk that fills up writes a part first

    return take


async def receive_body(request: Request, take: Take, *, limit_bytes: int) -> int:
    """``take`` has seen the whole body, in order, in worker threads; returns its size in bytes.

    ``take`` gets pieces of about ``PIECE_BYTES``, valid only during the call, one at a time.
    Raises :class:`TooLarge` (before reading, where the length is announced), :class:`RequestStalled` and
    ``ClientDisconnect``.
    """
    announced = _announced(request)
    if announced is not None and announced > limit_bytes:
        raise _too_large(limit_bytes)
    intake: Intake | None = request.scope.get("extensions", {}).get("freehold.body")
    if intake is None or announced is None:
        return await _receive_messages(request, take, limit_bytes)
    try:
        return await intake.pour(take)
    except PeerGone as err:
        raise ClientDisconnect from err
    except Stalled as err:
        raise RequestStalled("The body stopped arriving; send it again.") from err


def unzipped(request: Request, take: Take) -> Take:
    """``take`` for the plain bytes of a body that may be gzip. Raises :class:`BadRequest` for another coding."""
    coding = request.headers.get("content-encoding", "identity").lower()
    if coding == "identity":
        return take
    if coding not in ("gzip", "x-gzip"):
        raise BadRequest("A body is sent as it is, or as gzip.")
    inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def take_zipped(piece: memoryview) -> None:
        data: bytes | memoryview = piece
        while not inflate.eof:
            try:
                plain = inflate.decompress(data, PIECE_BYTES)
            except zlib.error as err:
                raise BadRequest("The body is not gzip, as it says.") from err
            take(memoryview(plain))
            data = inflate.unconsumed_tail
            if not data and len(plain) < PIECE_BYTES:
                return

    return take_zipped


def _announced(request: Request) -> int | None:
    length = request.headers.get("content-length")
    if length is None:
        return None
    if not length.isascii() or not length.isdigit():
        raise BadRequest("The Content-Length is not a number.")
    return int(length)


async def _receive_messages(request: Request, take: Take, limit_bytes: int) -> int:
    """The ordinary road: pieces from the event loop, joined until a thread hop is worth it."""
    size = held = 0
    pieces: list[bytes] = []
    async for piece in request.stream():
        size += len(piece)
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        pieces.append(piece)
        held += len(piece)
        if held >= PIECE_BYTES:
            await in_bytes_thread(take, memoryview(b"".join(pieces)))
            pieces, held = [], 0
    if held:
        await in_bytes_thread(take, memoryview(b"".join(pieces)))
    return size


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"The body is over {limit_bytes} bytes, the limit of this call.")


class FileSlice(Response):
    """A stretch of a file as the answer: ``start`` to ``end``, end exclusive; the whole file by default.

    Make it in a worker thread: the file is opened at once, so that a missing one is the route's to handle
    (``FileNotFoundError``), and one that is unlinked meanwhile is still sent whole. HEAD sends the headers only.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        start: int = 0,
        end: int | None = None,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/octet-stream",
    ) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115  closed when sent, or with the response
        size = os.fstat(self._file.fileno()).st_size
        self.start, self.end = start, size if end is None else end
        if not 0 <= self.start <= self.end <= size:
            self._file.close()
            raise ValueError(f"bytes {start} to {end} of a file of {size}")
        self.body = b""
        self.status_code = status_code
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)
        self.headers["content-length"] = str(self.end - self.start)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD" or self.start == self.end:
                await send({"type": "http.response.body", "body": b""})
            elif "freehold.filerange" in scope.get("extensions", {}):
                slice_ = {"fd": self._file.fileno(), "start": self.start, "end": self.end}
                await send({"type": "freehold.filerange", **slice_})
            else:
                await self._send_pieces(send)

    async def _send_pieces(self, send: Send) -> None:
        at = self.start
        while at < self.end:
            piece = await in_bytes_thread(os.pread, self._file.fileno(), min(PIECE_BYTES, self.end - at), at)
            assert piece, "the file became shorter while it was sent"
            at += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": at < self.end})


class Flow(Response):
    """An answer that is made while it is sent: ``work(write)`` writes it piece by piece, no faster than it is taken.

    The head is sent with the first piece, so that what ``work`` raises before is answered as an error. ``work`` is
    cancelled when the client leaves, or takes nothing for ``STALL_S``.
    """

    def __init__(
        self, work: Callable[[Callable[[bytes], Awaitable[None]]], Awaitable[None]], *, headers: Mapping[str, str]
    ) -> None:
        self._work = work
        self._has_begun = False
        self.body = b""
        self.status_code = 200
        self.background = None
        self.init_headers(headers)
        if "content-length" in self.headers:
            del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        working = asyncio.ensure_future(self._sent(send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        except (HubError, TimeoutError) as err:
            if not self._has_begun:
                raise
            # It is too late for another status: the answer breaks off, which every client notices.
            log.info("An answer to %s broke off: %s", scope["path"], err)
        finally:
            for task in (working, leaving):
                task.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)

    async def _sent(self, send: Send) -> None:
        async def write(piece: bytes) -> None:
            if not self._has_begun:
                self._has_begun = True
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await asyncio.wait_for(send({"type": "http.response.body", "body": piece, "more_body": True}), STALL_S)

        await self._work(write)
        await write(b"")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    """The client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
