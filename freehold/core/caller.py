"""Who is at the other end of the call that this thread answers: for what is written down about it.

Set at the edge for every request (``core.http.RequestId``), and carried into its worker threads by the context. Outside
of any call there is none: the command line, background tasks.
"""

import ipaddress
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """``address``: the network address the call came from; ``request_id``: as the answer's ``X-Request-Id`` says."""

    address: str
    request_id: str


_caller: ContextVar[Caller | None] = ContextVar("freehold_caller", default=None)


def current() -> Caller | None:
    """Whoever called; None outside of any call."""
    return _caller.get()


def set_current(caller: Caller) -> None:
    _caller.set(caller)


def address_of(peer: str, forwarded_for: str) -> str:
    """The address a call came from: that of the connection, or, where that is a proxy on this machine, what it added.

    Only the last hop of ``X-Forwarded-For`` is the proxy's own word; everything before it is the client's.
    """
    if forwarded_for and _is_loopback(peer):
        last = forwarded_for.rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(last))
        except ValueError:
            return peer[:64]
    return peer[:64]


def network_of(address: str) -> str:
    """Where ``address`` is: itself, or of IPv6 the half that names a network, of which its owner can take any other."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a socket without an address
        return address
    return address if known.version == 4 else str(int(known) >> 64)


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
