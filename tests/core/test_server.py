"""The server as clients meet it: real sockets, real signals."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.core import server
from freehold.core.settings import SettingsError

FILE = os.urandom(3_000_017)
ROOT = Path(__file__).parents[2]


class Served:
    """The sample application in its own process."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        (directory / "file").write_bytes(FILE)
        self.log = directory / "log"
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "tests.core.sample_app", str(directory), *arguments]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        self.port = int(self.wait_for(r"http://127\.0\.0\.1:(\d+)"))

    def wait_for(self, pattern: str, timeout_s: float = 20) -> str:
        """The first group of ``pattern`` once the log holds it."""
        deadline = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.log.read_text())):
            assert time.monotonic() < deadline, f"no {pattern} in:\n{self.log.read_text()}"
            assert self.process.poll() is None or re.search(pattern, self.log.read_text()), self.log.read_text()
            time.sleep(0.02)
        return found.group(found.lastindex or 0)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("served"))
    yield served
    assert served.stop() == 0


def read_all(connection: socket.socket) -> bytes:
    pieces = []
    while piece := connection.recv(1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def answer(connection: socket.socket) -> tuple[int, list[tuple[str, str]], bytes]:
    """One answer with a Content-Length: status, headers as they came, body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(1)
        assert piece, f"closed after {data!r}"
        data += piece
    head, _, _ = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value) for name, value in (line.split(": ", 1) for line in lines)]
    length = int(dict(headers).get("content-length", "0"))
    body = b""
    while len(body) < length:
        piece = connection.recv(length - len(body))
        assert piece, "closed inside the body"
        body += piece
    return int(status.split()[1]), headers, body


def ask(served: Served, request: str, body: bytes = b"") -> tuple[int, list[tuple[str, str]], bytes]:
    with served.connect() as connection:
        connection.sendall(request.replace("\n", "\r\n").encode("latin-1") + body)
        return answer(connection)


# ---- requests as they were sent --------------------------------------------------------------------------------------


def test_the_path_and_the_query_come_through_untouched(served: Served) -> None:
    _, _, body = ask(served, "GET /a%2Fb/%E4%BD%A0//c?x=1%2F2&y=%20&x HTTP/1.1\nHost: h\n\n")
    seen = json.loads(body)
    assert seen["raw_path"] == "/a%2Fb/%E4%BD%A0//c"
    assert seen["query"] == "x=1%2F2&y=%20&x"


def test_headers_keep_their_order_their_repeats_and_their_bytes(served: Served) -> None:
    _, _, body = ask(served, "GET / HTTP/1.1\nHost: h\nX-A: one\nX-B: caf\xe9\nX-A: two\n\n")
    assert json.loads(body)["headers"] == [["host", "h"], ["x-a", "one"], ["x-b", "caf\xe9"], ["x-a", "two"]]
    _, headers, _ = ask(served, "GET /headers HTTP/1.1\nHost: h\n\n")
    assert [pair for pair in headers if pair[0].startswith("x-")] == [
        ("x-twice", "one"),
        ("x-twice", "two"),
        ("x-latin", "caf\xe9"),
    ]


def test_a_connection_serves_request_after_request(served: Served) -> None:
    with served.connect() as connection:
        for number in range(3):
            connection.sendall(f"POST /{number} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok".encode())
            status, _, body = answer(connection)
            assert (status, json.loads(body)["raw_path"]) == (200, f"/{number}")


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    requests = [
        b"GET /first HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /part?start=5&end=2000000 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"PUT /upload?name=pipe HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /last HTTP/1.1\r\nHost: h\r\n\r\n",
    ]
    with served.connect() as connection:
        connection.sendall(b"".join(requests))
        assert json.loads(answer(connection)[2])["path"] == "/first"
        assert answer(connection)[2] == FILE[5:2_000_000]
        assert json.loads(answer(connection)[2])["size"] == 5
        assert json.loads(answer(connection)[2])["path"] == "/last"


def test_an_upgrade_to_a_websocket_is_an_ordinary_request(served: Served) -> None:
    status, _, _ = ask(
        served, "DELETE /ws HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n\n"
    )
    assert status == 405


def test_nonsense_is_refused(served: Served) -> None:
    assert ask(served, "NONSENSE\n\n")[0] == 400


# ---- answers ---------------------------------------------------------------------------------------------------------


def test_a_stream_arrives_whole(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET /stream?pieces=40 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        head, _, chunked = read_all(connection).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert chunked.count(b"\r\n10000\r\n") + chunked.startswith(b"10000\r\n") == 40
    assert chunked.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0, len(FILE)), (1_048_570, 2_097_160), (7, 7)])
def test_a_part_of_a_file(served: Served, start: int, end: int) -> None:
    status, headers, body = ask(served, f"GET /part?start={start}&end={end} HTTP/1.1\nHost: h\n\n")
    assert (status, dict(headers)["x-part"]) == (206, "yes")
    assert hashlib.sha256(body).digest() == hashlib.sha256(FILE[start:end]).digest()


def test_a_whole_file_by_the_frameworks_own_answer(served: Served) -> None:
    assert ask(served, "GET /whole HTTP/1.1\nHost: h\n\n")[2] == FILE


def test_head_has_the_length_and_no_body(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"HEAD /part?start=0&end=1000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        head = read_all(connection)
    assert b"content-length: 1000\r\n" in head
    assert head.endswith(b"\r\n\r\n")


def test_after_a_file_the_connection_goes_on(served: Served) -> None:
    with served.connect() as connection:
        for _ in range(3):
            connection.sendall(b"GET /part?start=10&end=300000 HTTP/1.1\r\nHost: h\r\n\r\n")
            assert answer(connection)[2] == FILE[10:300000]


def test_a_slow_reader_gets_the_whole_file(served: Served) -> None:
    with served.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(b"GET /part?start=0&end=3000017 HTTP/1.1\r\nHost: h\r\n\r\n")
        time.sleep(0.3)
        assert answer(connection)[2] == FILE


def test_a_reader_that_leaves_disturbs_nobody(served: Served) -> None:
    for _ in range(5):
        with served.connect() as connection:
            connection.sendall(b"GET /part?start=0&end=3000017 HTTP/1.1\r\nHost: h\r\n\r\n")
            connection.recv(1000)
    assert ask(served, "GET / HTTP/1.1\nHost: h\n\n")[0] == 200
    assert "Traceback" not in served.log.read_text().split("our bug")[0]


def test_a_file_that_became_shorter_never_looks_whole(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET /shrunk HTTP/1.1\r\nHost: h\r\n\r\n")
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert b"content-length: 100000" in head
    assert len(body) < 100_000


# ---- bodies ----------------------------------------------------------------------------------------------------------


def put(path: str, body: bytes, *more: str, announced: int | None = None) -> bytes:
    length = len(body) if announced is None else announced
    head = [f"PUT {path} HTTP/1.1", "Host: h", f"Content-Length: {length}", *more]
    return "\r\n".join([*head, "", ""]).encode() + body


def test_a_body_arrives_in_the_file(served: Served) -> None:
    body = os.urandom(5_000_003)
    with served.connect() as connection:
        for name in ("one", "two"):  # the second on the same connection
            connection.sendall(put(f"/upload?name={name}", body))
            status, _, told = answer(connection)
            assert status == 200
            assert json.loads(told) == {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
            assert (served.directory / f"upload-{name}").read_bytes() == body


def test_a_body_in_chunks_arrives_in_the_file(served: Served) -> None:
    body = os.urandom(2_500_000)
    with served.connect() as connection:
        connection.sendall(b"PUT /upload?name=chunks HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 700_000):
            piece = body[at : at + 700_000]
            connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert json.loads(answer(connection)[2])["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_body_in_drops_arrives_in_the_file(served: Served) -> None:
    body = os.urandom(9)
    with served.connect() as connection:
        connection.sendall(put("/upload?name=drops", b"", announced=len(body)))
        for byte in body:
            time.sleep(0.05)
            connection.sendall(bytes([byte]))
        assert json.loads(answer(connection)[2])["sha256"] == hashlib.sha256(body).hexdigest()


def test_an_empty_body_is_an_empty_file(served: Served) -> None:
    assert json.loads(ask(served, "PUT /upload?name=none HTTP/1.1\nHost: h\nContent-Length: 0\n\n")[2])["size"] == 0


def test_the_sender_who_asks_first_is_told_to_go_on(served: Served) -> None:
    body = os.urandom(100_000)
    with served.connect() as connection:
        connection.sendall(put("/upload?name=asked", b"", "Expect: 100-continue", announced=len(body)))
        assert connection.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert json.loads(answer(connection)[2])["size"] == len(body)


def test_the_sender_who_asks_first_is_spared_a_refused_body(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(put("/upload?name=big", b"", "Expect: 100-continue", announced=65 << 20))
        assert answer(connection)[0] == 413


def test_a_body_over_the_limit_is_refused_before_it_is_read(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(put("/upload?name=big", b"x" * 1000, announced=10 << 30))
        assert answer(connection)[0] == 413
    assert not (served.directory / "upload-big").exists()


def test_a_sender_that_leaves_leaves_nothing(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(put("/upload?name=abort", b"x" * 2_000_000, announced=3_000_000))
        time.sleep(0.3)
    assert served.wait_for("gone, left (.*)") == "False"
    assert not (served.directory / "upload-abort").exists()


def test_a_silent_sender_is_told_so(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(put("/upload?name=silent", b"x" * 10, announced=1000))
        assert answer(connection)[0] == 408
        assert connection.recv(1) == b""


def test_a_sender_sees_why_its_body_was_refused_half_way(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(put("/refuse", b"x" * 20_000_000))
        status, _, body = answer(connection)
        assert (status, b"No space left" in body) == (507, True)
        connection.sendall(b"GET /still-there HTTP/1.1\r\nHost: h\r\n\r\n")
        assert answer(connection)[0] == 200


def test_the_rest_of_an_unread_body_is_never_a_request(served: Served) -> None:
    hidden = b"GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n"
    with served.connect() as connection:
        connection.sendall(put("/unread", hidden * 10) + b"GET /real HTTP/1.1\r\nHost: h\r\n\r\n")
        assert answer(connection)[0] == 403
        assert json.loads(answer(connection)[2])["path"] == "/real"
    with served.connect() as connection:  # refused, and the sender stops half-way
        connection.sendall(put("/refuse", b"x" * 2_000_000, announced=3_000_000))
        assert answer(connection)[0] == 507
        try:
            connection.sendall(hidden)
            assert read_all(connection) == b""
        except ConnectionError:
            pass  # closed already


# ---- bounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["GET / HTTP/1.1\r\nX: ", "GET /", "GET / HTTP/1.1\r\n" + "X: y\r\n" * 9000])
def test_an_endless_head_is_refused(served: Served, head: str) -> None:
    with served.connect() as connection:
        try:
            connection.sendall(head.encode())
            for _ in range(40):
                connection.sendall(b"x" * 65536)
            told = read_all(connection)
        except ConnectionError:
            return  # closed on us while we were sending
    assert told == b"" or b"431" in told or b"400" in told


def test_a_head_that_never_ends_in_time_is_closed(served: Served) -> None:
    for begun in (b"", b"GET / HTTP/1.1\r\nHost:", b"\r\n"):
        with served.connect() as connection:
            connection.sendall(begun)
            assert connection.recv(1) == b""


def test_a_crash_is_a_500_and_the_next_request_is_served(served: Served) -> None:
    assert ask(served, "GET /boom HTTP/1.1\nHost: h\n\n")[0] == 500
    assert ask(served, "GET / HTTP/1.1\nHost: h\n\n")[0] == 200


# ---- start and stop --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_waits_for_the_answer_in_progress(tmp_path: Path, how: signal.Signals) -> None:
    served = Served(tmp_path)
    with served.connect() as idle, served.connect() as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        served.wait_for("slow")
        served.process.send_signal(how)
        assert answer(connection)[2] == b"done"
        assert idle.recv(1) == b""
    assert served.process.wait(30) == 0
    assert re.findall(r"^(up|down)$", served.log.read_text(), re.MULTILINE) == ["up", "down"]


def test_a_port_in_use_is_said_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=f"Port {port} on 127.0.0.1 is taken"):
            server.bind("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(SettingsError, match="not an address of this machine"):
        server.bind("192.0.2.1", 0)
    with pytest.raises(SettingsError, match="not an address of this machine"):
        server.bind("no-such-host.invalid", 0)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")])
def test_port_0_is_a_free_one(host: str, shown: str) -> None:
    with server.bind(host, 0) as listener:
        assert server.url_of(listener) == f"http://{shown}:{listener.getsockname()[1]}"


def test_a_body_that_goes_on_for_ever_after_its_answer_is_cut_off(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"PUT /unread HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 403")
        chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            connection.sendall(chunk * (2 * server.MAX_UNWANTED_BYTES >> 20))
