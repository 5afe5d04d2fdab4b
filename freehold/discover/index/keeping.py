"""The snapshot of this node's index: read at the start, written now and then, and at the end.

It is only ever a short way to what building gives: taken where the log of changes tells all that came since, and thrown
away where anything else is the case.
"""

import gc
import logging
import os
import resource
import shutil
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from freehold.discover.index import snapshot
from freehold.discover.index.engine import Engine
from freehold.discover.index.feed import Feed
from freehold.discover.index.snapshot import Out, Unusable
from freehold.discover.index.texts import Texts

log = logging.getLogger("freehold.index")
#: Between snapshots, if anything changed: a few of them within the time that the log of changes is kept.
EVERY_S = 900.0
#: What one may be expected to need of the disk, of the memory of its process.
ROOM = 2
_MOST_OPEN = 1 << 16


class Keeping:
    """Of an engine and its ``texts``. ``folder``: where the snapshot lies; None: there is none, and nothing happens."""

    def __init__(self, feed: Feed, texts: Texts, folder: Path | None) -> None:
        self._feed, self._texts, self.folder = feed, texts, _made(folder)
        self._taken = -1  # what the newest one has taken in, of all since the start
        self._next_at = 0.0
        self._writer: int | None = None  # the process that writes one

    def resumed(self) -> Engine | None:
        """What the snapshot holds, ``feed`` going on from there; None where everything has to be read."""
        if self.folder is None:
            return None
        snapshot.clear(self.folder)
        engine = self._feed.engine()
        try:
            with snapshot.reading(self.folder) as kept:
                if not self._feed.resume(kept.value()):
                    raise Unusable("it is of another database, or of another time of this one")
                with snapshot.on_trial(self.folder):
                    engine.restore(kept)
                    self._texts.restore(kept)
                    kept.end()
        except Unusable as err:
            log.info("The index is built from nothing, without a snapshot: %s", err)
            self.forget()
            return None
        self._taken, self._next_at = 0, time.monotonic() + EVERY_S
        return engine

    def forget(self) -> None:
        """There is none, and it is time for one."""
        self._taken, self._next_at = -1, 0.0
        if self.folder is not None:
            snapshot.forget(self.folder)

    def turn(self, engine: Engine, taken: int, lock: threading.Lock) -> None:
        """A snapshot is begun when it is time, by a copy of this process: nobody waits for more than the copying.

        ``taken``: how much was taken in since the start; nothing is being taken in. ``lock``: whoever uses the engine
        holds it. Raises :class:`OSError`.
        """
        if self.folder is None or self._is_writing() or time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + EVERY_S
        if taken == self._taken:
            return
        if shutil.disk_usage(self.folder).free < ROOM * memory_bytes():
            log.warning("There is too little room on the disk for a snapshot of the index")
            return
        self._taken, proof = taken, self._feed.proof()
        with lock:
            self._writer = os.fork()
        if self._writer == 0:
            _write_and_end(self.folder, proof, engine, self._texts)

    def last(self, engine: Engine, taken: int) -> None:
        """What was taken in since is in a snapshot. Nobody uses the engine any more."""
        if self._writer is not None:
            self._has_ended(os.waitpid(self._writer, 0)[1])
        if self.folder is not None and taken != self._taken:
            _write(self.folder, self._feed.proof(), engine, self._texts)

    def _is_writing(self) -> bool:
        if self._writer is not None:
            pid, status = os.waitpid(self._writer, os.WNOHANG)
            if pid == 0:
                return True
            self._has_ended(status)
        return False

    def _has_ended(self, status: int) -> None:
        self._writer = None
        if status:
            log.warning("The snapshot of the index was not written (status %d)", status)
            self._taken = -1


def _made(folder: Path | None) -> Path | None:
    try:
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder
    except OSError as err:
        log.warning("The index keeps no snapshot: %s", err)
        return None


def memory_bytes() -> int:
    """What this process has in memory."""
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * resource.getpagesize()


def _write(folder: Path, proof: Any, engine: Engine, texts: Texts) -> None:
    def save(out: Out) -> None:
        out.value(proof)
        engine.save(out)
        texts.save(out)

    snapshot.write(folder, save)


def _write_and_end(folder: Path, proof: Any, engine: Engine, texts: Texts) -> NoReturn:
    """In a copy of the process, in which this thread alone goes on."""
    try:
        gc.disable()  # a walk over everything would make pages this process's own
        os.closerange(3, _MOST_OPEN)  # so that the hub's ends close when the process ends that it knows
        os.nice(10)
        _write(folder, proof, engine, texts)
        os._exit(0)
    finally:
        os._exit(1)
