"""One exchange with an engine: a request out and its answer in, over a connection of its own. Source: RFC 9112.

A stream brings a hundred pieces a second on processors that its engine uses wholly, so what a piece costs here is time
between tokens. httpx took a fifth of a millisecond for each (h11 reads in Python, and every read sets an alarm); here
llhttp reads, as it does for the hub's own callers, and one alarm looks now and then whether anything was heard.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools

#: Of an answer's head, and of whatever follows that is no body: trailers, and what chunks say of themselves.
MAX_HEAD_BYTES = 64 << 10
#: Of an answer that nobody takes so much is held; the engine waits with the rest.
MAX_HELD_BYTES = 256 << 10
LOOKS = 20  # in the longest silence


class Lost(Exception):
    """What came is no answer, or not a whole one."""


class Unreached(Lost):
    """There is no connection: nothing was asked."""


class Unread(Lost):
    """The connection was reset before a word of an answer: whoever ended had not read all that was asked.

    Of one that had read it all its system says that the connection is at its end. Source: RFC 2525, 2.17.
    """


class Silent(Exception):
    """Nothing was heard for too long."""


@dataclass(frozen=True)
class Request:
    """What is asked. ``url`` in ASCII, with a number for a host; ``trust`` and ``name`` where the connection is sealed:
    who vouches for the other side, and the name that it must show."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    trust: ssl.SSLContext | None = None
    name: str = ""

    def head(self) -> bytes:
        parts = urlsplit(self.url)
        headers = {"Host": parts.netloc, "Connection": "close", "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"{self.method} {parts.path or '/'} HTTP/1.1", *(f"{name}: {told}" for name, told in headers.items())]
        if any("\r" in line or "\n" in line for line in lines):
            raise Lost("A header has a line end in it.")
        return "\r\n".join((*lines, "", "")).encode("latin-1", "replace")


class Answer(asyncio.Protocol):
    """What is heard: ``status`` and ``headers`` (in lower case) once :meth:`begun` returns, then :meth:`read`."""

    def __init__(self, silence_s: float) -> None:
        self.status, self.headers = 0, dict[str, str]()
        self.is_whole = False
        self._silence_s = silence_s
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._given: dict[str, str] = {}
        self._has_begun = self._is_left = self._is_paused = False
        self._is_heard = False  # anything at all
        self._unheard = 0  # bytes since the last of its body
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._wrong: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._waiting_since = 0.0
        self._alarm = self._loop.call_later(silence_s / LOOKS, self._look)

    async def begun(self) -> None:
        """Its head is here. Raises :class:`Lost`, :class:`Silent`."""
        while not self._has_begun:
            await self._more()

    async def read(self) -> bytes:
        """All that came since; b'' at the end of a whole answer. Raises :class:`Lost`, :class:`Silent`."""
        while not self._held:
            if self.is_whole:
                return b""
            await self._more()
        held, self._held, self._held_bytes = self._held, [], 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return held[0] if len(held) == 1 else b"".join(held)

    def ask(self, request: Request) -> None:
        """The request is on its way. Raises :class:`Lost`."""
        if self._transport is None or self._transport.is_closing():
            raise Unreached("The connection ended at once.")
        self._transport.write(request.head() + request.body)

    def leave(self) -> None:
        """The connection is closed, or will be once it is made."""
        self._is_left = True
        self._alarm.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def _more(self) -> None:
        if self._wrong is not None:
            raise self._wrong
        self._waiter = self._loop.create_future()
        self._waiting_since = self._loop.time()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, err: Exception) -> None:
        if self._wrong is None and not self.is_whole:
            self._wrong = err
        self._wake()

    def _look(self) -> None:
        if self._waiter is not None and self._loop.time() - self._waiting_since > self._silence_s:
            self._fail(Silent())
        else:
            self._alarm = self._loop.call_later(self._silence_s / LOOKS, self._look)

    # ---- of the connection -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        self._transport = transport
        if self._is_left:  # its caller was cancelled in this very moment
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.is_whole or self._wrong is not None:
            return  # whatever follows an answer is no part of it
        self._is_heard = True
        self._unheard += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as err:
            self._fail(Lost(f"What came is no answer: {err}"))
        if self._unheard > MAX_HEAD_BYTES:
            self._fail(Lost("What came beside the body of the answer is too long."))
        if self._held_bytes > MAX_HELD_BYTES and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        # It may have ended between accepting and being asked: then its system has answered what was asked by a reset.
        if not self._is_heard and self._transport is not None:
            code = self._transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._fail(Unread(os.strerror(code)))
        self._ended()

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ConnectionError) and not self._is_heard:
            self._fail(Unread(str(exc)))
        self._ended()

    def _ended(self) -> None:
        # An answer that says no length ends with its connection. Source: RFC 9112, 6.3.
        says_length = "content-length" in self.headers or "transfer-encoding" in self.headers
        if self._has_begun and not says_length and self._wrong is None:
            self.is_whole = True
        self._fail(Lost("The connection ended in the middle."))

    # ---- of the parser ---------------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self._given[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:  # before that the answer is still to come. Source: RFC 9110, 15.2.
            self.status, self.headers, self._has_begun = status, self._given, True
        self._given = {}

    def on_body(self, body: bytes) -> None:
        self._unheard = 0
        if self._has_begun and not self.is_whole:
            self._held.append(body)
            self._held_bytes += len(body)

    def on_message_complete(self) -> None:
        self.is_whole = self._has_begun
        self._given = {}  # what trails a body in chunks is not looked at


@asynccontextmanager
async def exchanged(request: Request, *, connect_s: float, silence_s: float) -> AsyncIterator[Answer]:
    """The answer to ``request``, of which the head is here; the connection is closed with the context.

    Raises :class:`Unreached`, :class:`Unread`, :class:`Lost`, and :class:`Silent` where nothing is heard for
    ``silence_s`` or connecting takes longer than ``connect_s``.
    """
    parts = urlsplit(request.url)
    host, is_sealed = parts.hostname or "", parts.scheme == "https"
    assert not is_sealed or request.trust is not None, "nobody vouches for the other side"
    answer = Answer(silence_s)
    try:
        try:
            async with asyncio.timeout(connect_s):
                await asyncio.get_running_loop().create_connection(
                    lambda: answer,
                    host,
                    parts.port or (443 if is_sealed else 80),
                    ssl=request.trust if is_sealed else None,
                    server_hostname=request.name or host if is_sealed else None,
                )
        except TimeoutError as err:
            raise Silent from err
        except OSError as err:
            raise Unreached(str(err)) from err
        answer.ask(request)
        await answer.begun()
        yield answer
    finally:
        answer.leave()
        await asyncio.sleep(0)  # the loop closes it in its next turn: by then nothing is left behind
