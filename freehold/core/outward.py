"""Calls to addresses that somebody else chose (webhooks), without becoming their way into our own network.

The name is resolved once, every address it has is judged, and the connection goes to the address that was judged: a
name server that answers differently a moment later (DNS rebinding) changes nothing. No redirect is followed, no proxy
of the environment is used, and the whole call has one deadline, however slowly the other side drips.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from freehold.core.errors import BadRequest
from freehold.core.settings import SettingsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL_CHARS = 2048
MAX_ADDRESSES = 3  # of one name, tried in turn
CONNECT_S = 5.0
EXCERPT_BYTES = 4096
WEB_PORTS = (80, 443)
#: Below this stand mail, name and login services, which a crafted body could speak to.
FIRST_FREE_PORT = 1024

#: Not global in fact, though Python (or one of its releases) calls them so, or leading to IPv4 through a gateway.
_INNER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
        "::/96", "100::/64", "2001::/23", "3fff::/20", "5f00::/16", "fec0::/10", "64:ff9b:1::/48",
    )
)  # fmt: skip
#: All that is given out of IPv6 to networks of the world; the rest leads to IPv4 by some translation, or nowhere.
_WORLD = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_6TO4 = ipaddress.ip_network("2002::/16")


class AddressRefused(BadRequest):
    """An address that this hub does not call."""


class Unreachable(Exception):
    """The other side did not answer as HTTP does; the message says in a sentence what happened."""


@dataclass(frozen=True)
class Allowed:
    """What inside the hub's own network may be called all the same: host names and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str, *, setting: str) -> "Allowed":
        """From ``ci.internal, 10.2.0.0/16``; raises :class:`SettingsError` for what is neither a name nor a network."""
        hosts, networks = set(), []
        for part in filter(None, (part.strip().lower() for part in text.split(","))):
            try:
                networks.append(ipaddress.ip_network(part, strict=False))
            except ValueError as err:
                if not re.fullmatch(r"(?!.*\.\.)[a-z0-9_][a-z0-9_.-]{0,252}", part) or re.fullmatch(r"[\d.]+", part):
                    raise SettingsError(f"{setting}: {part!r} is neither a host name nor a network.") from err
                hosts.add(part.rstrip("."))
        return cls(frozenset(hosts), tuple(networks))


@dataclass(frozen=True)
class Target:
    """Where an address leads, as far as it can be judged without asking a name server."""

    url: str
    is_tls: bool
    host: str
    port: int
    path: str
    is_named: bool  # the host itself is on the list of what is allowed


@dataclass(frozen=True)
class Answer:
    """What came back: the head, and the first bytes of the body as text."""

    status: int
    headers: Mapping[str, str]
    excerpt: str
    took_ms: int


def target(url: str, allowed: Allowed) -> Target:
    """What ``url`` means. Raises :class:`AddressRefused` where it is clear already that the hub will not call it."""
    if len(url) > MAX_URL_CHARS or not re.fullmatch(r"[\x21-\x7e]+", url):
        raise AddressRefused(f"An address has up to {MAX_URL_CHARS} visible ASCII characters; encode the others.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as err:
        raise AddressRefused(f"{url[:100]!r} is not an address: {err}.") from err
    if parts.scheme not in ("http", "https") or not host:
        raise AddressRefused("The address must begin with http:// or https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("The address must hold no name or password: use the secret instead.")
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    is_named = host in allowed.hosts
    literal = _literal(host)
    if literal is not None and not is_named:
        check_address(literal, allowed)
        is_named = is_named or _is_listed(literal, allowed)
    elif literal is None and not re.fullmatch(r"(?!-)([a-z0-9_-]{1,63}\.)*(?![0-9]+$)[a-z0-9_-]{1,63}", host):
        raise AddressRefused(f"{host[:100]!r} is not a host name.")
    if port not in WEB_PORTS and port < FIRST_FREE_PORT and not is_named:
        raise AddressRefused(f"Port {port} is not called: use 80, 443 or one from {FIRST_FREE_PORT} up.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(url, parts.scheme == "https", host, port, path, is_named)


def check_address(address: Address, allowed: Allowed) -> None:
    """Raise :class:`AddressRefused` for an address inside this machine or its network, unless it is allowed."""
    if _is_listed(address, allowed):
        return
    carried = _carried(address)
    if carried is not None:
        check_address(carried, allowed)
    elif not address.is_global or address.is_multicast or _is_inner(address) or _is_ours(address):
        raise AddressRefused(
            f"{address} is inside the hub's own network, which webhooks do not reach. Whoever runs it can allow it "
            "with FREEHOLD_WEBHOOK_ALLOW."
        )


def post(to: Target, body: bytes, headers: Mapping[str, str], allowed: Allowed, *, timeout_s: float) -> Answer:
    """The answer to ``body``. Raises :class:`AddressRefused` and :class:`Unreachable`; takes at most ``timeout_s``.

    (Resolving the name can add what the machine's resolver takes.)
    """
    addresses = resolved(to, allowed)
    started = time.monotonic()
    last: Exception = Unreachable(f"{to.host} has no address.")
    for sockaddr in addresses[:MAX_ADDRESSES]:
        left_s = timeout_s - (time.monotonic() - started)
        if left_s <= 0:
            break
        connection = _Pinned(to, sockaddr, min(CONNECT_S, left_s))
        try:
            connection.connect()
        except OSError as err:
            connection.close()
            last = Unreachable(f"No connection to {to.host} ({sockaddr[0]}) port {to.port}: {_reason(err)}.")
            continue
        with connection.deadline(left_s):
            return _exchange(connection, to, body, headers, started, timeout_s)
    raise last


def _exchange(
    connection: "_Pinned", to: Target, body: bytes, headers: Mapping[str, str], started: float, timeout_s: float
) -> Answer:
    try:
        connection.handshake()
        connection.request("POST", to.path, body, {**headers, "Connection": "close"})
        response = connection.getresponse()
        raw = b"" if response.status == 204 else response.read(EXCERPT_BYTES)
    except (OSError, http.client.HTTPException, ValueError) as err:
        if connection.is_overdue or isinstance(err, TimeoutError):
            raise Unreachable(f"{to.host} did not answer within {timeout_s:.0f} s.") from err
        raise Unreachable(f"{to.host} broke off: {_reason(err)}.") from err
    if connection.is_overdue and not raw:
        raise Unreachable(f"{to.host} did not finish its answer within {timeout_s:.0f} s.")
    took_ms = int((time.monotonic() - started) * 1000)
    heads = {name: value[:500] for name, value in response.getheaders()[:50]}
    return Answer(response.status, heads, raw.decode("utf-8", "replace").replace("\x00", "�"), took_ms)


class _Pinned(http.client.HTTPConnection):
    """A connection to one address that was judged, under the name that was asked for (``Host`` and TLS alike)."""

    def __init__(self, to: Target, sockaddr: "tuple[str, int]", timeout_s: float) -> None:
        super().__init__(f"[{to.host}]" if ":" in to.host else to.host, to.port, timeout=timeout_s)
        self.default_port = 443 if to.is_tls else 80  # so that ``Host`` names no usual port
        self._to, self._sockaddr = to, sockaddr
        self._raw: socket.socket | None = None
        self.is_overdue = False

    def connect(self) -> None:
        if self._raw is None:
            self.sock = self._raw = socket.create_connection(self._sockaddr[:2], self.timeout)

    def handshake(self) -> None:
        """TLS, where it is asked for, with the certificate checked against the name."""
        if self._to.is_tls:
            assert self._raw is not None
            wrapped = _tls().wrap_socket(self._raw, server_hostname=self._to.host, do_handshake_on_connect=False)
            self.sock = self._raw = wrapped
            wrapped.do_handshake()

    @contextmanager
    def deadline(self, left_s: float) -> Iterator[None]:
        """After ``left_s`` the connection is cut, whatever it is waiting for: a drip of bytes resets every timeout."""
        timer = threading.Timer(left_s, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self.close()
            if self._raw is not None:
                self._raw.close()

    def _cut(self) -> None:
        self.is_overdue = True
        try:
            if self._raw is not None:
                socket.socket.shutdown(self._raw, socket.SHUT_RDWR)
        except OSError:
            pass  # it ended by itself at this very moment


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def resolved(to: Target, allowed: Allowed) -> Sequence[tuple[str, int]]:
    """Where ``to`` leads. All of a name's addresses must be fit to be called: one that is not tells of a trick.

    Raises :class:`AddressRefused`, :class:`Unreachable`."""
    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as err:
        raise Unreachable(f"The name {to.host} is not known: {_reason(err)}.") from err
    addresses = [(str(sockaddr[0]), int(sockaddr[1])) for *_, sockaddr in found]
    if not to.is_named:
        for text, _ in addresses:
            check_address(ipaddress.ip_address(text), allowed)
    return addresses


def _literal(host: str) -> Address | None:
    """The address that ``host`` spells: also as ``127.1``, ``0x7f000001`` or ``2130706433``, as the system reads it."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", host):
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError as err:
            raise AddressRefused(f"{host[:100]!r} is not an address.") from err
    return None


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to, by mapping or through a gateway."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return address.sixtofour
    return None


def _is_inner(address: Address) -> bool:
    return any(address in n for n in _INNER) or (address.version == 6 and address not in _WORLD)


def _is_listed(address: Address, allowed: Allowed) -> bool:
    return any(address.version == network.version and address in network for network in allowed.networks)


def _is_ours(address: Address) -> bool:
    """Whether this very machine has ``address``: a service that trusts its own machine would answer."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
        return True
    except OSError:
        return False


def _reason(err: Exception) -> str:
    if isinstance(err, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({err.verify_message})"
    if isinstance(err, OSError) and err.strerror:
        return err.strerror[:200]
    if isinstance(err, http.client.RemoteDisconnected):
        return "it closed the connection without an answer"
    return (str(err) or type(err).__name__)[:200]
