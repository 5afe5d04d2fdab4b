"""Headers of stored files, taken apart in a child process with limits: a file can cost a child, never the hub.

The child reads nothing itself: it asks for ranges, which are bounded here as well. It ends when nothing is asked.
"""

import json
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from freehold.cards.headers import child, digest
from freehold.cards.headers.header import MAX_HEADER_BYTES, Read, Unreadable
from freehold.core.children import Child, ChildFailed, ChildLimits
from freehold.core.errors import Unavailable

Form = Literal["safetensors", "gguf", "onnx", "parquet", "pickle", "index", "raw"]

#: Files of a form, by their ending.
FORMS: dict[str, Form] = {"safetensors": "safetensors", "gguf": "gguf", "onnx": "onnx", "parquet": "parquet"}
FORMS |= dict.fromkeys(("bin", "pt", "pth", "pkl", "pickle", "ckpt", "joblib"), "pickle")
#: ``answer_s`` is for one file, reads from the store included.
LIMITS = ChildLimits(memory_bytes=512 << 20, answer_s=20.0, answer_bytes=64 << 20, idle_s=30.0)
AT_ONCE = 2
PATIENCE_S = 30.0
#: Who has a child or waits for one. Each is a thread of the hub's, which has 16: whoever opens twenty slow files at
#: once must leave some for everybody else.
MAX_ASKING = 8
#: What one file may make us read: the largest header, or the windows of the longest walk.
MAX_READ_BYTES = 160 << 20
#: Tensors packed into less are searched and sorted in this process: some ten thousand.
MAX_HERE_BYTES = 192 << 10

#: Those that nobody uses; the one that was used last is the one most likely to run still.
_free: queue.LifoQueue[Child] = queue.LifoQueue()
for _ in range(AT_ONCE):
    _free.put(Child("freehold.cards.headers.child", LIMITS))
_asking = threading.BoundedSemaphore(MAX_ASKING)


@dataclass(frozen=True)
class Parsed:
    """What a file says: ``told`` is :func:`digest.summary`, or what ``parquet``, ``pickles``, ``safetensors`` tell.

    ``body`` are the tensors, packed. ``problem``: why there is nothing of both, in words; else empty.
    """

    told: dict[str, Any]
    body: bytes
    problem: str = ""


def parse(form: Form, read: Read, size_bytes: int) -> Parsed:
    """What a file says. Never raises for what it holds; what ``read`` raises is the caller's.

    Raises :class:`Unavailable` while too many others are looked into.
    """
    return _ask({"form": form, "size_bytes": size_bytes}, (), _bounded(read, size_bytes))


def page(bodies: Sequence[bytes], search: str = "", sort: str = "", number: int = 1) -> dict[str, Any]:
    """As :func:`digest.page`; many tensors are looked through in the child. Raises :class:`Unreadable`."""
    if sum(map(len, bodies)) <= MAX_HERE_BYTES:
        return digest.page(bodies, search, sort, number)
    parsed = _ask({"form": "page", "search": search, "sort": sort, "number": number}, bodies, None)
    if parsed.problem:
        raise Unreadable(parsed.problem)
    return parsed.told


def _ask(job: dict[str, Any], bodies: Sequence[bytes], read: Read | None) -> Parsed:
    try:
        with _child() as one:
            told, body = child.split(one.ask(child.joined(json.dumps(job).encode(), *bodies), read))
    except ChildFailed:
        return Parsed({}, b"", "it takes more time or memory than a header is given")
    except Unreadable as err:
        return Parsed({}, b"", str(err))
    said = json.loads(told)
    return Parsed({}, b"", said["problem"][:480]) if "problem" in said else Parsed(said, body)


@contextmanager
def _child() -> Iterator[Child]:
    if not _asking.acquire(blocking=False):
        raise _busy()
    try:
        try:
            one = _free.get(timeout=PATIENCE_S)
        except queue.Empty as err:
            raise _busy() from err
        try:
            yield one
        finally:
            _free.put(one)
    finally:
        _asking.release()


def _busy() -> Unavailable:
    busy = "The hub is reading many headers at once; the call can be repeated."
    return Unavailable(busy, headers={"Retry-After": "5"})


def _bounded(read: Read, size_bytes: int) -> Read:
    taken = 0

    def bounded(start: int, end: int) -> bytes:
        nonlocal taken
        end = min(end, size_bytes)
        if end <= start:
            return b""
        taken += end - start
        if end - start > MAX_HEADER_BYTES + 8 or taken > MAX_READ_BYTES:
            raise Unreadable("it needs more of the file than is read")
        return read(start, end)

    return bounded
