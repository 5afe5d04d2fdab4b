"""The same small call again and again on kept connections; light enough to leave the cores to the server."""

import http.client
import re
import selectors
import socket
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

ANSWER_TIMEOUT_S = 30
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


def calls_per_s(method: str, url: str, headers: Mapping[str, str], connections: int, seconds: float) -> float:
    """Answers per second. Each connection asks again as soon as it was answered.

    ``wrk`` waits for a body after HEAD, and ``ab`` speaks HTTP/1.0. Raises when an answer is not 200.
    """
    parts = urlsplit(url)
    lines = [f"{method} {parts.path} HTTP/1.1", f"Host: {parts.netloc}", *(f"{k}: {v}" for k, v in headers.items())]
    request = "\r\n".join([*lines, "", ""]).encode()
    answered = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = socket.create_connection((parts.hostname or "", parts.port or 80))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, bytearray())
            connection.sendall(request)
        began = time.perf_counter()
        while (took_s := time.perf_counter() - began) < seconds:
            ready = selector.select(ANSWER_TIMEOUT_S)
            if not ready:
                raise RuntimeError(f"{method} {url}: no answer for {ANSWER_TIMEOUT_S} s")
            for key, _ in ready:
                if _whole(key.fileobj, key.data, method):  # type: ignore[arg-type]
                    answered += 1
                    key.data.clear()
                    key.fileobj.sendall(request)  # type: ignore[union-attr]
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return answered / took_s


def _whole(connection: socket.socket, seen: bytearray, method: str) -> bool:
    """Read once; whether the answer is complete now."""
    piece = connection.recv(65536)
    seen += piece
    if not piece or not seen.startswith(b"HTTP/1.1 200"[: len(seen)]):
        raise RuntimeError(f"answered {bytes(seen[:300])!r}")
    end = seen.find(b"\r\n\r\n")
    if end < 0:
        return False
    if method == "HEAD":
        return True
    length = _LENGTH.search(seen, 0, end)
    assert length, f"an answer without Content-Length: {bytes(seen[:300])!r}"
    return len(seen) >= end + 4 + int(length[1])


def latencies_ms(url: str, headers: Mapping[str, str], count: int) -> list[float]:
    """Milliseconds until each of ``count`` answers was whole, one after another on one connection."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_TIMEOUT_S)
    took = []
    try:
        for _ in range(count):
            began = time.perf_counter()
            connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
            took.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise RuntimeError(f"GET {url}: {answer.status}")
    finally:
        connection.close()
    return took
