"""One process that serves the hub: uvicorn, with direct roads for bytes, bounds on waiting, and a quiet stop."""

import asyncio
import errno
import gc
import os
import resource
import socket
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import httptools
import uvicorn
from starlette.types import ASGIApp, Message
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from freehold.core.direct import STALL_S, Intake, PeerGone, Stalled, send_range
from freehold.core.settings import SettingsError, local_url

MAX_HEAD_BYTES = 64 << 10
HEAD_TIMEOUT_S = 30.0
KEEP_ALIVE_S = 75  # longer than the clients' pools keep a connection, so that they, not we, drop it
DEAD_PEER_MS = 120_000
STOP_S = 20
MAX_CONNECTIONS = 4096
#: Of a body whose answer was given already: read, so that its sender gets to the answer, but not for ever.
MAX_UNWANTED_BYTES = 128 << 20
BACKLOG = 1024
SWEEP_TICKS = 50  # of a tenth of a second
#: How long a thread that computes keeps the interpreter from one that answers. With the usual 5 ms, a page that reads
#: the database a dozen times took 75 to 100 ms beside a thread that counts; with this, 20 to 25.
SWITCH_S = 0.001

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HEAD_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def run(app: ASGIApp, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve ``app`` until SIGTERM or SIGINT; answers in progress get ``STOP_S`` seconds to end.

    ``ready(url)`` is called once, when requests are answered; with port 0 the URL holds the port that was chosen.
    Raises :class:`SettingsError` when the address cannot be used.
    """
    listener = bind(host, port)
    sys.setswitchinterval(SWITCH_S)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # FREEHOLD_PUBLIC_URL says what a proxy would; a client's word is not taken
        server_header=False,
        backlog=BACKLOG,
        limit_concurrency=_connections_allowed(),
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
    )
    _Server(config, lambda: ready(url_of(listener))).run(sockets=[listener])


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on the first address of ``host``. Raises :class:`SettingsError` in one sentence."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as err:
        raise SettingsError(f"{host} is not an address of this machine: {err.strerror}.") from err
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bound_waiting(listener)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as err:
        listener.close()
        raise SettingsError(_why_not(err, host, port)) from err
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where ``listener`` is reached from this machine."""
    return local_url(*listener.getsockname()[:2])


def _why_not(err: OSError, host: str, port: int) -> str:
    if err.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program: stop that one, or choose another with --port."
    if err.errno == errno.EACCES:
        return f"Port {port} on {host} needs more rights than this account has: choose one above 1023 with --port."
    if err.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine: choose another with --host."
    return f"{host}:{port} cannot be listened on: {err.strerror}."


def _bound_waiting(listener: socket.socket) -> None:
    """Accepted connections inherit these: the kernel ends one whose peer is dead, or takes no byte, for two minutes."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        for option, value in (
            (socket.TCP_KEEPIDLE, 60),
            (socket.TCP_KEEPINTVL, 15),
            (socket.TCP_KEEPCNT, 4),
            (socket.TCP_USER_TIMEOUT, DEAD_PEER_MS),
        ):
            listener.setsockopt(socket.IPPROTO_TCP, option, value)


def _connections_allowed() -> int:
    """As many as open files allow (a connection and its file are two to three), after raising that limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS * 3 + 512
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(16, min(MAX_CONNECTIONS, (soft - 512) // 3))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what the start left behind lives as long as the process: no need to walk it again
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % SWEEP_TICKS == 0:
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.close_if_silent()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not uvicorn's own: it raises the signal again after a clean stop, and the exit status would say "killed".
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with the direct roads of ``core.direct`` and the bounds that uvicorn leaves open.

    Leans on uvicorn's inner names (``_start_asgi_task``, ``cycle``): the versions are pinned with hashes, and the tests
    on a live server fail when one of them moves.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unheard = 0  # bytes fed to the parser since it last reported something whole
        self._body_seen = 0  # bytes of the newest request's body that came through the parser
        self._unwanted = 0  # bytes of it that came after its answer
        self._waiting_since: float | None = None  # for the rest of a head, or of a body that the application reads
        self._wait_limit_s = HEAD_TIMEOUT_S
        self._spoiled = False  # the rest of a body was left unread: what comes next is no request

    # ---- bounds ----

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        self._wait(HEAD_TIMEOUT_S)

    def data_received(self, data: bytes) -> None:
        if self._spoiled:
            return
        if self._waiting_since is None and (self.cycle is None or self.cycle.response_complete):
            self._wait(HEAD_TIMEOUT_S)
        self._unheard += len(data)
        super().data_received(data)
        if self._unheard > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._spoiled = True
            self.transport.write(HEAD_TOO_LONG)
            self.transport.close()

    def on_message_begin(self) -> None:
        self._body_seen = self._unwanted = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._unheard, self._waiting_since = 0, None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unheard = 0
        self._body_seen += len(body)
        super().on_body(body)
        if self.cycle is not None and self.cycle.response_complete:
            self._unwanted += len(body)
            if self._unwanted > MAX_UNWANTED_BYTES:
                self._spoiled = True
                self.transport.abort()

    def on_message_complete(self) -> None:
        self._unheard = 0
        super().on_message_complete()

    def _wait(self, limit_s: float) -> None:
        self._waiting_since, self._wait_limit_s = self.loop.time(), limit_s

    def close_if_silent(self) -> None:
        """End a connection whose peer started something and went silent; called every few seconds."""
        since = self._waiting_since
        if since is not None and self.loop.time() - since > self._wait_limit_s:
            self.transport.abort()

    # ---- the direct roads ----

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        async def direct(scope: Any, receive: Any, send: Any) -> None:
            async def send_direct(message: Message) -> None:
                kind = message["type"]
                if kind == "freehold.filerange":
                    await self._send_file(cycle, message["fd"], message["start"], message["end"])
                elif kind == "http.response.pathsend":
                    with open(message["path"], "rb", buffering=0) as file:
                        await self._send_file(cycle, file.fileno(), 0, cycle.expected_content_length)
                else:
                    await send(message)

            async def receive_in_time() -> Any:
                if cycle.more_body and not cycle.response_started:
                    self._wait(STALL_S)
                try:
                    return await receive()
                finally:
                    self._waiting_since = None

            # Only a plain connection can be handed to the kernel; with TLS the bytes must pass through us.
            if self.scheme == "http":
                intake = Intake(partial(self._take_over, cycle), partial(self._give_back, cycle))
                scope["extensions"] = {
                    "http.response.pathsend": {},
                    "freehold.filerange": {},
                    "freehold.body": intake,
                }
            await app(scope, receive_in_time, send_direct)

        super()._start_asgi_task(cycle, direct)

    async def _send_file(self, cycle: RequestResponseCycle, file: int, start: int, end: int) -> None:
        """The announced body was sent from ``file``; a peer that left is no error, as with any other ``send``."""
        if cycle.scope["method"] != "HEAD" and not cycle.disconnected:
            if cycle.chunked_encoding or cycle.expected_content_length != end - start:
                raise RuntimeError("A file slice needs a Content-Length of its own length.")
            await self._flushed()
            try:
                await send_range(self.transport.get_extra_info("socket"), file, start, end)
            except (PeerGone, Stalled):
                cycle.disconnected = True
                self.transport.abort()
            cycle.expected_content_length = 0
        await cycle.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _flushed(self) -> None:
        """Everything written so far (the head) is with the kernel, so that bytes of a file cannot overtake it."""
        self.transport.set_write_buffer_limits(high=0)
        try:
            if self.transport.get_write_buffer_size():
                await self.flow.drain()
        finally:
            if not self.transport.is_closing():
                self.transport.set_write_buffer_limits()

    def _take_over(self, cycle: RequestResponseCycle) -> tuple[socket.socket, bytes, int]:
        """The event loop stops reading; what it read of the body, and how much the kernel still has to bring."""
        if cycle.disconnected or self.transport.is_closing():
            raise PeerGone
        if cycle.waiting_for_100_continue:
            cycle.waiting_for_100_continue = False
            self.transport.write(CONTINUE)
        self.flow.pause_reading()
        already, cycle.body = bytes(cycle.body), bytearray()
        left = 0
        if cycle.more_body:
            # Still in this request's body, so ``_body_seen`` counts it and no other.
            left = int(dict(cycle.scope["headers"])[b"content-length"]) - self._body_seen
        connection = socket.socket(fileno=os.dup(self.transport.get_extra_info("socket").fileno()))
        connection.setblocking(False)
        return connection, already, left

    def _give_back(self, cycle: RequestResponseCycle, left: int) -> None:
        """The event loop reads again, from the end of the body on."""
        if left:
            self._spoiled, cycle.keep_alive = True, False
            return
        if cycle.more_body and self.parser is not None:
            # The parser never saw the rest of this body; a fresh one starts at the next request.
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own, which says why
            cycle.more_body = False
            cycle.message_event.set()
        self.flow.resume_reading()
