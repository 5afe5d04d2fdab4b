"""A loopback relay that counts what a client really sends."""

import socket
import threading
from contextlib import suppress

PIECE_BYTES = 1 << 18


class Relay:
    """Passes connections on to ``port``; ``sent_bytes`` counts everything clients sent, heads included."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.sent_bytes = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            hub = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._pass, args=(client, hub, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(hub, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                if counted:
                    with self._lock:
                        self.sent_bytes += len(piece)
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
