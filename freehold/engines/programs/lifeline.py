"""How a program of an engine begins, says that it is ready or why not, and ends with its hub."""

import json
import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

#: Where programs put their paths: below it everything asks for the key.
PATH = "/_"


def begin(on_end: Callable[[], None] | None = None) -> dict[str, Any]:
    """The options and the ``key``. From here on the process ends when the hub does, whatever it is doing then.

    What libraries print goes to stderr: stdout is for one line. ``on_end``: what is done first, then. Where memory runs
    out before it is ready, that is what it says.
    """
    global _out
    said = _line()
    _out = os.dup(1)
    os.dup2(2, 1)
    sys.excepthook = _failed
    threading.Thread(target=_wait, args=(on_end,), daemon=True).start()
    options: dict[str, Any] = json.loads(said)
    return options


def ready(port: int, path: str = PATH) -> None:
    """Calls may come to ``port``."""
    _say({"port": port, "path": path})


def refuse(code: str, error: str) -> NoReturn:
    """It will not be ready: ``code`` of ``compute.rules.Failure``, and a sentence for people."""
    _say({"code": code, "error": error})
    sys.stderr.flush()
    os._exit(1)


def wait() -> NoReturn:
    """Until the hub lets go; the waiting thread ends the process."""
    threading.Event().wait()
    raise AssertionError("nobody sets it")


_out = 1


def _failed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.__excepthook__(kind, error, trace)
    if issubclass(kind, MemoryError):
        refuse("out_of_memory", "There was no memory for what it loads.")


def _say(said: dict[str, Any]) -> None:
    os.write(_out, json.dumps(said).encode() + b"\n")


def _line() -> bytes:
    """The first line of stdin, and no byte more."""
    taken = bytearray()
    while not taken.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            os._exit(0)  # the hub is gone already
        taken += piece
    return bytes(taken)


def _wait(on_end: Callable[[], None] | None) -> None:
    while os.read(0, 4096):
        pass
    if on_end is not None:
        on_end()
    os._exit(0)
