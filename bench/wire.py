"""The smallest client there is, so that the server is what gets measured: plain sockets, one buffer, no parsing."""

import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

BUFFER_BYTES = 1 << 20
TIMEOUT_S = 300


def get(url: str, headers: Mapping[str, str] | None = None) -> int:
    """GET ``url`` and drop the body; returns its size. Raises when the answer is not 200 or 206."""
    with _asked("GET", url, {"Connection": "close", **(headers or {})}) as connection:
        head, rest = _head(connection)
        if head.split()[1] not in (b"200", b"206"):
            raise RuntimeError(f"GET {url}: {head[:300]!r}")
        size, buffer = len(rest), bytearray(BUFFER_BYTES)
        while count := connection.recv_into(buffer):
            size += count
        return size


def get_ranges(url: str, size_bytes: int, parts: int, headers: Mapping[str, str] | None = None) -> None:
    """The whole file as ``parts`` ranges read at the same time, each on its own connection."""
    step = size_bytes // parts

    def one(number: int) -> None:
        start, end = number * step, size_bytes if number == parts - 1 else (number + 1) * step
        got = get(url, {**(headers or {}), "Range": f"bytes={start}-{end - 1}"})
        if got != end - start:
            raise RuntimeError(f"range {number} of {url}: {got} of {end - start} bytes")

    at_once([lambda number=number: one(number) for number in range(parts)])  # type: ignore[misc]


def put(url: str, path: Path, headers: Mapping[str, str] | None = None) -> bytes:
    """PUT a file; returns the head of the answer. Raises when it is not a 2xx."""
    size = path.stat().st_size
    with _asked("PUT", url, {"Connection": "close", "Content-Length": str(size), **(headers or {})}) as connection:
        with path.open("rb") as file:
            sent = 0
            while sent < size:
                sent += os.sendfile(connection.fileno(), file.fileno(), sent, size - sent)
        head, rest = _head(connection)
        if not head.split()[1].startswith(b"2"):
            raise RuntimeError(f"PUT {url}: {head[:300]!r} {rest[:300]!r}")
        return head


def at_once(jobs: list[Callable[[], object]]) -> None:
    """Every job in its own thread; returns when all are done, raises what the first one raised."""
    failures: list[BaseException] = []

    def guarded(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as err:
            failures.append(err)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def answers(url: str) -> bool:
    """Whether something that speaks HTTP listens there."""
    try:
        with _asked("GET", url, {"Connection": "close"}) as connection:
            return _head(connection)[0].startswith(b"HTTP/1.1 ")
    except OSError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _asked(method: str, url: str, headers: Mapping[str, str]) -> socket.socket:
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", *(f"{k}: {v}" for k, v in headers.items())]
    connection = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=TIMEOUT_S)
    connection.setblocking(True)
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def _head(connection: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise RuntimeError(f"closed after {data[:200]!r}")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest
