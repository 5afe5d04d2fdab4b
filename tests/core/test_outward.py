"""Calls outward reach what their author owns, and never the hub's own network."""

import ipaddress
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from freehold.core import outward
from freehold.core.outward import AddressRefused, Allowed, Unreachable, check_address, post, target
from freehold.core.settings import SettingsError

NOTHING = Allowed()
HERE = Allowed.parse("127.0.0.1", setting="X")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

INNER = [
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
    "http://0/", "http://0.0.0.0/", "http://[::1]/", "http://[::]/", "http://169.254.169.254/latest/meta-data",
    "http://[fd00:ec2::254]/", "http://10.0.0.1/", "http://172.16.3.4/", "http://192.168.1.1/", "http://100.64.0.1/",
    "http://[fe80::1]/", "http://[fc00::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:a00:1]/",
    "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::a00:1]/", "http://[2002:7f00:1::]/", "http://[::127.0.0.1]/",
    "http://224.0.0.1/", "http://[ff02::1]/", "http://255.255.255.255/", "http://240.0.0.1/", "http://192.0.0.192/",
    "http://198.18.0.1/", "http://[2001:db8::1]/", "http://[fec0::1]/", "http://127.0.0.1./",
    "http://[::ffff:0:7f00:1]/", "http://[4000::1]/",
]  # fmt: skip


@contextmanager
def receiver(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on loopback that reads one head a connection and leaves the rest to ``answer``; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)

        def serve() -> None:
            while True:
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                with peer:
                    peer.settimeout(20)
                    try:
                        peer.recv(65536)
                        answer(peer)
                    except OSError:
                        pass  # the hub has hung up

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(20)


def send(port: int, *, timeout_s: float = 5, allowed: Allowed = HERE, host: str = "127.0.0.1") -> outward.Answer:
    to = target(f"http://{host}:{port}/hook?x=1", allowed)
    return post(to, b'{"a": 1}', {"Content-Type": "application/json"}, allowed, timeout_s=timeout_s)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """The resolver gives these answers in turn; the names it was asked for."""
    asked, left, real = [], list(answers), socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *given: Any, **named: Any) -> list[Any]:
        if host == "127.0.0.1":  # a connection to what was judged asks no name server
            return real(host, port, *given, **named)
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


# ---- addresses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", INNER)
def test_addresses_inside_are_refused_however_they_are_spelt(url: str) -> None:
    with pytest.raises(AddressRefused, match=r"own network|not an address"):
        target(url, NOTHING)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "example.org", "http://", "http:///x",
        "http://user:pw@example.org/", "http://example.org:25/", "http://example.org:22/", "http://example.org:99999/",
        "http://exa mple.org/", "http://example.org/\r\nX: y", "http://ex\u00e4mple.org/", "http://[::1", "http://[x]/",
        "http://a..b/", "http://-a.org/", "http://1.2.3.4.5/", "http://0x/", "http://999.1.1.1/",
            "http://a/" + "x" * 3000,
        "http://example.org\\@127.0.0.1/", "http://%31%32%37.0.0.1/",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        target(url, NOTHING)


@pytest.mark.parametrize("url", ["https://webhook.site/test", "http://8.8.8.8:8080/x", "https://[2606:4700::1111]/"])
def test_addresses_outside_are_fine(url: str) -> None:
    assert target(url, NOTHING).url == url


def test_an_address_of_this_machine_is_inside_whatever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    check_address(ipaddress.ip_address("8.8.8.8"), NOTHING)
    monkeypatch.setattr(outward, "_is_ours", lambda address: True)
    with pytest.raises(AddressRefused):
        check_address(ipaddress.ip_address("8.8.8.8"), NOTHING)
    monkeypatch.undo()
    assert outward._is_ours(ipaddress.ip_address("127.0.0.1"))


def test_what_is_allowed_is_allowed_by_name_or_by_network() -> None:
    allowed = Allowed.parse(" ci.internal , 10.2.0.0/16,fd00::/8 ", setting="X")
    assert target("http://ci.internal:81/", allowed).is_named
    target("http://10.2.3.4/", allowed)
    target("http://[fd00::1]/", allowed)
    target("http://[::ffff:10.2.3.4]/", allowed)
    for url in ("http://10.3.0.1/", "http://127.0.0.1/"):
        with pytest.raises(AddressRefused, match="FREEHOLD_WEBHOOK_ALLOW"):
            target(url, allowed)
    assert Allowed.parse("", setting="X") == NOTHING


@pytest.mark.parametrize("text", ["10.0.0.0/99", "a b", "http://x", "10.0.0", "..", "a..b"])
def test_a_list_that_cannot_work_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="SETTING"):
        Allowed.parse(text, setting="SETTING")


# ---- names -------------------------------------------------------------------------------------------------


def test_a_name_that_leads_inside_is_refused() -> None:
    with receiver(lambda peer: peer.sendall(OK)) as port, pytest.raises(AddressRefused):
        send(port, host="localhost", allowed=NOTHING)


def test_one_address_inside_among_others_is_a_trick(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(AddressRefused):
        send(8080, host="tricky.example", allowed=NOTHING)


def test_a_name_is_asked_for_once_and_what_was_judged_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    called = []

    def create_connection(address: tuple[str, int], timeout: float) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", create_connection)
    with pytest.raises(Unreachable, match="Connection refused"):
        send(8080, host="rebinds.example", allowed=NOTHING)
    assert (asked, called) == (["rebinds.example"], [("93.184.216.34", 8080)])


def test_the_host_stays_the_name_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["127.0.0.1"])
    heads = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def serve() -> None:
            peer, _ = listening.accept()
            with peer:
                heads.append(peer.recv(65536).decode())
                peer.sendall(OK)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        answer = send(port, host="hooks.example")
        thread.join(20)
    assert (answer.status, answer.excerpt) == (200, "ok")
    assert heads[0].startswith("POST /hook?x=1 HTTP/1.1\r\n")
    assert f"Host: hooks.example:{port}\r\n" in heads[0]


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with receiver(lambda peer: peer.sendall(OK)) as port:
        assert send(port).status == 200


def test_an_unknown_name_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(Unreachable, match=r"nowhere\.example is not known: Name or service"):
        send(80, host="nowhere.example")


# ---- receivers that misbehave ------------------------------------------------------------------------------


def test_a_redirect_is_not_followed() -> None:
    def redirect(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    with receiver(redirect) as port:
        assert send(port).status == 302


def drip_head(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.sendall(b"X")
        time.sleep(0.05)


def drip_body(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
    while True:
        peer.sendall(b"x")
        time.sleep(0.05)


def endless_continue(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def silence(peer: socket.socket) -> None:
    while peer.recv(64):
        pass


@pytest.mark.parametrize("behaviour", [drip_head, endless_continue, silence])
def test_a_slow_receiver_is_left_at_the_deadline(behaviour: Callable[[socket.socket], None]) -> None:
    with receiver(behaviour) as port:
        with pytest.raises(Unreachable, match="within"):
            send(port, timeout_s=0.5)


def test_a_body_that_drips_is_cut_at_the_deadline() -> None:
    with receiver(drip_body) as port:
        try:
            excerpt = send(port, timeout_s=0.5).excerpt
            assert set(excerpt) == {"x"} and len(excerpt) < 200, "twenty come in a second"
        except Unreachable as err:
            assert "within" in str(err) or "broke off" in str(err)


def test_of_a_huge_answer_only_the_beginning_is_read() -> None:
    sent = []

    def flood(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        piece = b"x" * 65536
        for _ in range(16384):
            peer.sendall(piece)
            sent.append(len(piece))

    tracemalloc.start()
    with receiver(flood) as port:
        answer = send(port)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(answer.excerpt) == outward.EXCERPT_BYTES
    assert sum(sent) < 1 << 28
    assert peak < 8 << 20


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff\xfe" * 100,
        b"HTTP/1.1 999999 Odd\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\nx",
    ],
)
def test_what_is_no_answer_is_told_as_such(answer: bytes) -> None:
    with receiver(lambda peer: peer.sendall(answer)) as port, pytest.raises(Unreachable, match="broke off"):
        send(port)


def test_odd_answers_are_kept_as_text() -> None:
    with receiver(lambda peer: peer.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\n\x00\xff\xfe!")) as port:
        answer = send(port)
    assert (answer.status, answer.excerpt) == (500, "\ufffd\ufffd\ufffd!")


def test_a_certificate_that_is_not_valid_is_refused(tmp_path: Any) -> None:
    with receiver(lambda peer: peer.sendall(b"not TLS at all")) as port:
        to = target(f"https://127.0.0.1:{port}/", HERE)
        with pytest.raises(Unreachable, match="broke off"):
            post(to, b"", {}, HERE, timeout_s=5)
    assert outward._tls().verify_mode is ssl.CERT_REQUIRED
    assert outward._tls().check_hostname
