"""Work on strangers' bytes in a process of its own: started when first asked, limited, ended when nothing is asked.

What such work imports and what a hostile file makes of it stay out of the hub: a child that takes too long or too much
memory is killed, and its caller goes on without. Questions and answers are bytes, each after its length; an answer is
never unpickled, since whoever owns the child must own nothing else.
"""

import atexit
import os
import resource
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_LENGTH = struct.Struct(">I")
_FAILED = 0xFFFFFFFF  # in place of a length: the work raised
_WANTED = 0xFFFFFFFE  # the same: a range of bytes is asked for, which only the hub can read
_RANGE = struct.Struct(">QQ")
_HOME = Path(__file__).parents[2]


class ChildFailed(Exception):
    """The child gave no answer: too slow, too much memory, or the work raised."""


@dataclass(frozen=True)
class ChildLimits:
    """What a child may use. ``wait_s`` is how long somebody waits for others' questions to end."""

    memory_bytes: int = 512 << 20
    cpu_s: int = 600  # over its whole life; the next one begins anew
    answer_s: float = 3.0
    answer_bytes: int = 16 << 20
    wait_s: float = 3.0
    idle_s: float = 60.0


class Child:
    """One process that runs ``module``, whose end calls :func:`serve`: for all threads, one question at a time."""

    def __init__(self, module: str, limits: ChildLimits | None = None) -> None:
        self._module = module
        self._limits = limits or ChildLimits()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the running process; None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def ask(self, question: bytes, read: Callable[[int, int], bytes] | None = None) -> bytes:
        """The answer to ``question``. ``read(start, end)`` serves the ranges that the work asks for (:func:`wanted`).

        Raises :class:`ChildFailed`, and what ``read`` raises.
        """
        if not self._lock.acquire(timeout=self._limits.wait_s):
            raise ChildFailed("others asked before")
        try:
            for _ in range(2):  # one that was idle may end the moment it is asked
                try:
                    return self._asked(question, read, time.monotonic() + self._limits.answer_s)
                except (BrokenPipeError, EOFError):
                    self._end()
            raise ChildFailed("it ended")
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the process; the next question starts another."""
        with self._lock:
            self._end()

    def _asked(self, question: bytes, read: Callable[[int, int], bytes] | None, until: float) -> bytes:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _send(process.stdin.fileno(), _LENGTH.pack(len(question)) + question, until)
            length = self._length(process, read, until)
            if length == _FAILED:
                raise ChildFailed("the work failed")
            if length > self._limits.answer_bytes:
                self._end()
                raise ChildFailed("its answer is too long")
            return _take(process.stdout.fileno(), length, until)
        except TimeoutError as err:
            self._end()
            raise ChildFailed(f"no answer in {self._limits.answer_s} s") from err

    def _length(self, process: subprocess.Popen[bytes], read: Callable[[int, int], bytes] | None, until: float) -> int:
        """The length of the answer, after the ranges that the work asked for."""
        assert process.stdin is not None
        assert process.stdout is not None
        while True:
            (length,) = _LENGTH.unpack(_take(process.stdout.fileno(), _LENGTH.size, until))
            if length != _WANTED or read is None:
                return int(length)
            start, end = _RANGE.unpack(_take(process.stdout.fileno(), _RANGE.size, until))
            try:
                data = read(start, end)
            except BaseException:
                self._end()  # it waits for bytes that do not come
                raise
            _send(process.stdin.fileno(), _LENGTH.pack(len(data)) + data, until)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        limits = self._limits
        bounds = (str(limits.memory_bytes), str(limits.cpu_s), str(limits.idle_s))
        try:
            self._process = subprocess.Popen(  # noqa: S603  # words of our own
                [sys.executable, "-s", "-P", "-m", self._module, *bounds],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                # Nothing of the hub's own: its settings hold keys.
                env={"PYTHONPATH": str(_HOME), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "PATH": os.defpath},
                start_new_session=True,  # the hub's end tells it, not the terminal's
            )
        except OSError as err:  # no process, memory or descriptor is left: pages go on without
            raise ChildFailed(f"it does not start: {err.strerror}") from err
        atexit.register(self._end)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self._end)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass  # what it never read is nobody's


def _send(out: int, data: bytes, until: float) -> None:
    view = memoryview(data)
    while view:
        _await(out, select.POLLOUT, until)
        view = view[os.write(out, view) :]


def _take(source: int, length: int, until: float) -> bytes:
    pieces: list[bytes] = []
    while length:
        _await(source, select.POLLIN, until)
        piece = os.read(source, min(length, 1 << 20))
        if not piece:
            raise EOFError
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _await(descriptor: int, event: int, until: float) -> None:
    # Not select(), which takes no descriptor over 1,023: a hub has thousands.
    ready = select.poll()
    ready.register(descriptor, event)
    if not ready.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError


# ---- in the child ---------------------------------------------------------------------------------------------------


def serve(work: Callable[[bytes], bytes]) -> None:
    """Answer questions with ``work`` until none comes for a while, or the hub is gone. Call it last in a module."""
    memory_bytes, cpu_s, idle_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, out = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no answer
    while select.select([source], [], [], idle_s)[0] and (length := source.read(_LENGTH.size)):
        question = source.read(_LENGTH.unpack(length)[0])
        try:
            _reply(out, work(question))
        except (Exception, MemoryError):
            out.write(_LENGTH.pack(_FAILED))
            out.flush()


def wanted(start: int, end: int) -> bytes:
    """In the work: these bytes of what the question is about, as whoever asked reads them."""
    assert sys.__stdout__ is not None
    out, source = sys.__stdout__.buffer, sys.stdin.buffer
    try:
        out.write(_LENGTH.pack(_WANTED) + _RANGE.pack(start, end))
        out.flush()
        (length,) = _LENGTH.unpack(source.read(_LENGTH.size))
        return source.read(length)
    except BaseException:
        # What was not read of the range would be taken for a question, and its answer for that of somebody else's.
        os._exit(1)


def _reply(out: BinaryIO, answer: bytes) -> None:
    out.write(_LENGTH.pack(len(answer)) + answer)
    out.flush()
