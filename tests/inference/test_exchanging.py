"""One exchange with an engine: however it answers, breaks off or says nothing, and with whom it is sealed."""

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from freehold.inference.exchanging import MAX_HELD_BYTES, Lost, Request, Silent, Unreached, Unread, exchanged

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\n"


def exchange(serve: Serve, *, silence_s: float = 5.0, sealed: ssl.SSLContext | None = None, **given: object) -> bytes:
    """What is heard of ``serve``, which has read the request; its end must have come."""

    async def whole() -> bytes:
        async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                await serve(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(door, "127.0.0.1", 0, ssl=sealed)
        port = server.sockets[0].getsockname()[1]
        try:
            scheme = "https" if sealed else "http"
            request = Request("GET", f"{scheme}://127.0.0.1:{port}/it", **given)  # type: ignore[arg-type]
            heard = b""
            async with exchanged(request, connect_s=5.0, silence_s=silence_s) as answer:
                while part := await answer.read():
                    heard += part
            return heard
        finally:
            server.close()

    return asyncio.run(whole())


def said(*pieces: bytes) -> Serve:
    """A server that says these, a moment apart, and ends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.005)

    return serve


@pytest.mark.parametrize(
    ("pieces", "heard"),
    [
        ((HEAD + b"Content-Length: 5\r\n\r\nhel", b"lo"), b"hello"),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r", b"\n2\r\nlo\r\n0\r\n\r\n"), b"hello"),
        ((HEAD + b"\r\nhel", b"lo"), b"hello"),  # no length: it ends with its connection
        ((b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"Content-Length: 2\r\n\r\nhi"), b"hi"),
        ((HEAD + b"Content-Length: 2\r\n\r\nhiHTTP/1.1 500 Another\r\n\r\n",), b"hi"),
        ((HEAD + b"Content-Length: 0\r\n\r\n",), b""),
    ],
)
def test_an_answer_is_heard_whole_however_its_end_is_told(pieces: tuple[bytes, ...], heard: bytes) -> None:
    assert exchange(said(*pieces)) == heard


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"SSH-2.0-OpenSSH_9\r\n",),
        (HEAD,),
        (HEAD + b"Content-Length: 9\r\n\r\nhalf",),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nno size\r\n",),
        (HEAD + b"X: " + b"x" * 70_000,),
        (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n",
            *[b"X: " + b"x" * 40_000 + b"\r\n"] * 3,
            b"\r\n",
        ),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;", *[b"x" * 40_000] * 3, b"\r\nhi\r\n0\r\n\r\n"),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\nabc",),
    ],
)
def test_what_is_no_whole_answer_is_an_error(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(Lost):
        exchange(said(*pieces))


def test_nobody_there_is_told_apart_and_silence_has_an_end() -> None:
    async def nobody() -> None:
        async with exchanged(Request("GET", "http://127.0.0.1:1/"), connect_s=5, silence_s=5):
            raise AssertionError("somebody answers on port 1")

    with pytest.raises(Unreached):
        asyncio.run(nobody())

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 9\r\n\r\nhalf")
        await reader.read()

    with pytest.raises(Silent):
        exchange(silent, silence_s=0.1)


def test_what_nobody_takes_is_not_held_and_leaving_closes() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.transport.set_write_buffer_limits(high=0)
        writer.write(HEAD + b"Content-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async def slow() -> None:
        ended = asyncio.Event()

        async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await endless(reader, writer)
            except ConnectionError:
                ended.set()

        server = await asyncio.start_server(door, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with exchanged(Request("GET", url), connect_s=5, silence_s=5) as answer:
            before = -1
            while before != sent:  # until it waits for us
                before = sent
                await asyncio.sleep(0.05)
            held = len(await answer.read())
            assert 0 < held < MAX_HELD_BYTES + (1 << 20)
            assert await answer.read()  # and it goes on
        await ended.wait()
        server.close()

    asyncio.run(slow())


def test_whoever_is_cancelled_at_any_moment_leaves_nothing_behind() -> None:
    async def cancelled() -> int:
        async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(door, "127.0.0.1", 0)
        request = Request("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

        async def ask() -> None:
            async with exchanged(request, connect_s=5, silence_s=5):
                pass

        before = len(os.listdir("/proc/self/fd"))
        for turns in range(12):
            asking = asyncio.ensure_future(ask())
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        for _ in range(100):
            if (left := len(os.listdir("/proc/self/fd")) - before) <= 0:
                break
            await asyncio.sleep(0.02)  # the server closes its own sides
        server.close()
        return left

    assert asyncio.run(cancelled()) <= 0


def test_a_sealed_exchange_wants_the_name_that_was_asked_for(tmp_path: Path) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "models.example")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("models.example")]), critical=False)
    signed = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(plain + signed)
    sealed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    sealed.load_cert_chain(tmp_path / "both.pem")
    trust = ssl.create_default_context(cadata=signed.decode())
    answer = said(HEAD + b"Content-Length: 2\r\n\r\nhi")
    assert exchange(answer, sealed=sealed, trust=trust, name="models.example") == b"hi"
    for wrong in ({"trust": trust, "name": "other.example"}, {"trust": ssl.create_default_context()}):
        with pytest.raises(Unreached):
            exchange(answer, sealed=sealed, **wrong)


@pytest.mark.parametrize(
    ("reads", "at_once", "error"),
    [(0, True, (Unread, Unreached)), (0, False, Unread), (10, False, Unread), (1 << 20, False, Lost)],
)
def test_who_ends_without_a_word_had_read_all_that_was_asked_or_not(reads: int, at_once: bool, error: Any) -> None:
    """A process that ends closes what it has accepted, and what waits for it to accept."""
    listening = socket.create_server(("127.0.0.1", 0))
    asked = threading.Event()

    def serve() -> None:
        taken, _ = listening.accept()
        if not at_once:
            asked.wait(10)
        if reads:
            taken.recv(reads)
        taken.close()

    async def whole() -> None:
        request = Request("POST", f"http://127.0.0.1:{listening.getsockname()[1]}/it", body=b"x" * 5000)
        asyncio.get_running_loop().call_later(0.1, asked.set)  # by then it lies with the other side
        async with exchanged(request, connect_s=5.0, silence_s=5.0):
            raise AssertionError("it was answered")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with pytest.raises(error) as said:
            asyncio.run(whole())
        assert error is not Lost or said.type is Lost
    finally:
        thread.join()
        listening.close()


def test_a_header_cannot_make_another() -> None:
    with pytest.raises(Lost):
        exchange(said(HEAD), headers={"X": "a\r\nY: b"})
