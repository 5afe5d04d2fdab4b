"""Messages between the hub and the process of the index: JSON after its length, over a socket that both were handed."""

import json
import select
import socket
import struct
import time
from typing import Any

_LENGTH = struct.Struct(">I")
#: A page of a thousand, or a few thousand words with their numbers.
MAX_BYTES = 4 << 20


class ChannelClosed(Exception):
    """The other side is gone, or says what no side would."""


def send(channel: socket.socket, message: Any, until: float) -> None:
    """Raises :class:`TimeoutError` at ``until`` (monotonic), and :class:`ChannelClosed`."""
    data = json.dumps(message, separators=(",", ":")).encode()
    view = memoryview(_LENGTH.pack(len(data)) + data)
    while view:
        _await(channel, select.POLLOUT, until)
        try:
            view = view[channel.send(view, socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            continue
        except OSError as err:
            raise ChannelClosed from err


def receive(channel: socket.socket, until: float) -> Any:
    """The next message; raises as :func:`send` does."""
    (length,) = _LENGTH.unpack(_take(channel, _LENGTH.size, until))
    if length > MAX_BYTES:
        raise ChannelClosed
    try:
        return json.loads(_take(channel, length, until))
    except (ValueError, RecursionError) as err:
        raise ChannelClosed from err


def _take(channel: socket.socket, length: int, until: float) -> bytes:
    pieces: list[bytes] = []
    while length:
        _await(channel, select.POLLIN, until)
        try:
            piece = channel.recv(length)
        except BlockingIOError:
            continue
        except OSError as err:
            raise ChannelClosed from err
        if not piece:
            raise ChannelClosed
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _await(channel: socket.socket, event: int, until: float) -> None:
    # Not select(), which takes no descriptor over 1,023: a hub has thousands.
    ready = select.poll()
    ready.register(channel.fileno(), event)
    if not ready.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError
