"""Framing made to confuse: what one side takes for a body must never be a request to the other."""

import socket

import httpx
import pytest

from tests.content.given import digest
from tests.fixtures.servers import Live

SECOND = b"GET /health HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"


def _answers(live: Live, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as connection:
        connection.sendall(sent)
        found = b""
        try:
            while piece := connection.recv(65_536):
                found += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return found


@pytest.fixture(scope="session")
def address(live: Live) -> str:
    """Where a file of five bytes may be PUT, on the direct road; made once, like the server: tests run in any order."""
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    with httpx.Client(base_url=live.url, headers=headers, trust_env=False) as client:
        assert client.post("/api/repos/create", json={"name": "wire"}).status_code == 200
        objects = [{"oid": digest(b"aaaaa"), "size": 5}]
        body = {"operation": "upload", "objects": objects, "ref": {"name": "main"}}
        answer = client.post("/alice/wire.git/info/lfs/objects/batch", json=body)
    href: str = answer.json()["objects"][0]["actions"]["upload"]["href"]
    return href.removeprefix(live.url)


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 5\r\nContent-Length: 6", b"aaaaa"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity", b"0\r\n\r\n"),
        ("Transfer-Encoding: xchunked", b"0\r\n\r\n"),
        ("Transfer-Encoding : chunked", b"0\r\n\r\n"),
        ("Content-Length: +5", b"aaaaa"),
        ("Content-Length: 0x5", b"aaaaa"),
        ("Content-Length: -5", b"aaaaa"),
        ("Content-Length: 5 5", b"aaaaa"),
        ("Content-Length: 99999999999999999999999", b"aaaaa"),
        ("Transfer-Encoding: chunked", b"-5\r\naaaaa\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b"ffffffffffffffffff\r\naaaaa\r\n0\r\n\r\n"),
        ("X: 1\r\n Content-Length: 5", b"aaaaa"),
    ],
)
def test_framing_that_two_readers_could_read_in_two_ways_ends_the_connection(
    live: Live, address: str, framing: str, body: bytes
) -> None:
    head = f"PUT {address} HTTP/1.1\r\nHost: hub\r\n{framing}\r\n\r\n".encode()
    answers = _answers(live, head + body + SECOND)
    assert answers.count(b"HTTP/1.1 ") == 1, answers
    assert answers.startswith(b"HTTP/1.1 4"), answers
    assert b'"status":"ok"' not in answers


def test_the_bytes_of_a_body_are_never_a_request(live: Live, address: str) -> None:
    """A refused body that holds a request, on the direct road and on the ordinary one."""
    for target in (f"PUT {address}", "POST /api/repos/create", "GET /health"):
        head = f"{target} HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(SECOND)}\r\nConnection: close\r\n\r\n"
        answers = _answers(live, head.encode() + SECOND)
        assert answers.count(b"HTTP/1.1 ") == 1, (target, answers)


def test_a_whole_body_and_the_next_request_are_told_apart(live: Live, address: str) -> None:
    head = f"PUT {address} HTTP/1.1\r\nHost: hub\r\nContent-Length: 5\r\n\r\n".encode()
    answers = _answers(live, head + b"aaaaa" + SECOND)
    assert answers.count(b"HTTP/1.1 200") == 2, answers


@pytest.mark.parametrize("host", ["[", "]", "[::1", "x:[y", "a b", "a/b", "evil.test\t", "a@b", "<script>"])
def test_a_host_that_is_none_is_no_crash_and_no_address_of_ours(live: Live, host: str) -> None:
    for path in ("/", "/login", "/api/models", "/api/models/alice/wire", "/xet/data/" + "0" * 64):
        sent = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        answer = _answers(live, sent.encode())
        assert not answer.startswith(b"HTTP/1.1 5"), (path, answer[:300])


@pytest.mark.usefixtures("address")  # which makes the repository
def test_a_header_cannot_be_broken_by_what_was_asked(live: Live) -> None:
    for path in ("/alice/wire/resolve/a%0d%0aX-Evil:%201/x", "/alice/wire/resolve/main/a%0d%0aX-Evil:%201?download=1"):
        answer = _answers(live, f"GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n".encode())
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert answer.startswith(b"HTTP/1.1 404"), answer[:200]
        assert b"\r\nx-evil" not in head
