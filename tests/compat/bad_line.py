"""A line to the hub that breaks: it passes everything on, and cuts or holds what comes back when told to."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PIECE_BYTES = 64 * 1024
REQUEST = re.compile(rb"^(GET|HEAD|POST|PUT) (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n", re.DOTALL | re.MULTILINE)


@dataclass
class BadLine:
    """What the test sets and reads.

    A connection that has brought ``cut_after_bytes`` to the client is cut (``holds``: goes silent instead), as often as
    ``cuts_left`` says. ``ranges`` are the Range headers that clients sent through it.
    """

    url: str
    cut_after_bytes: int
    cuts_left: int
    holds: bool = False
    ranges: list[str] = field(default_factory=list)
    #: Set when the line has gone silent for the first time.
    silent: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def heard(self, request: bytes) -> None:
        for _, _, headers in REQUEST.findall(request):
            found = re.search(rb"(?im)^range: *(\S+)", headers)
            if found:
                self.ranges.append(found[1].decode())

    def breaks(self, brought_bytes: int) -> bool:
        """Whether the connection ends here."""
        with self._lock:
            if brought_bytes < self.cut_after_bytes or not self.cuts_left:
                return False
            self.cuts_left -= 1
            return True


@contextmanager
def bad_line(port: int, *, cut_after_bytes: int, cuts: int, holds: bool = False) -> Iterator[BadLine]:
    """A line to ``port`` of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        line = BadLine(f"http://127.0.0.1:{door.getsockname()[1]}", cut_after_bytes, cuts, holds)
        ended = threading.Event()
        threading.Thread(target=_serve, args=(door, port, line, ended), daemon=True).start()
        try:
            yield line
        finally:
            ended.set()
            door.shutdown(socket.SHUT_RDWR)


def _serve(door: socket.socket, port: int, line: BadLine, ended: threading.Event) -> None:
    while True:
        try:
            near, _ = door.accept()
        except OSError:
            return
        far = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_there, args=(near, far, line), daemon=True).start()
        threading.Thread(target=_back, args=(near, far, line, ended), daemon=True).start()


def _there(near: socket.socket, far: socket.socket, line: BadLine) -> None:
    try:
        while piece := near.recv(PIECE_BYTES):
            line.heard(piece)
            far.sendall(piece)
        far.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # cut from the other side


def _back(near: socket.socket, far: socket.socket, line: BadLine, ended: threading.Event) -> None:
    brought_bytes = 0
    with near, far:
        try:
            while piece := far.recv(PIECE_BYTES):
                near.sendall(piece)
                brought_bytes += len(piece)
                if line.breaks(brought_bytes):
                    if line.holds:
                        line.silent.set()
                        ended.wait()
                    break
        except OSError:
            pass  # the client has gone
        for side in (near, far):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
