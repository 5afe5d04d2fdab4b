"""The hub's end of the index: keeps its process, and asks it. Whoever gets no answer asks the database instead."""

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.core.database import Database
from freehold.discover.index.channel import ChannelClosed, receive, send
from freehold.repos.tables import Repo

log = logging.getLogger("freehold.index")
#: From so many repositories on, lists are answered from an index, unless settings say otherwise: a page right after a
#: change, which has everything counted anew, takes the database 15 ms there.
WORTH_IT = 2_000
#: How often the process is looked at, and before it is ready; how often a hub without one counts its repositories.
LOOK_S, SOON_S, COUNT_S = 1.0, 0.2, 60.0
#: An answer that takes longer is not waited for; one that is older than this is not taken.
ANSWER_S, LAG_S = 1.0, 10.0
#: A process that says nothing for so long will say nothing any more: it is ended, and begins anew.
SILENT_S = 60.0
#: Between starts of a process that ends again and again; one that lasted so long begins from the shortest.
SHORTEST_S, LONGEST_S, LASTED_S = 1.0, 60.0, 300.0
STOP_S = 2.0
#: A process that ends writes down what it knows, if that is not there yet: some seconds for millions of repositories.
KEEPING_S = 8.0


@dataclass(frozen=True)
class State:
    """How the index of this node is. ``word``: off, starting, building, ready, behind."""

    word: str
    repos: int = 0
    lag_s: float = 0.0
    built_s: float = 0.0
    is_resumed: bool = False  #: it was built from its snapshot, and what changed since
    taken: int = 0  #: changes since it was built
    memory_bytes: int = 0
    starts: int = 0  #: of its process, since this node began


#: What is done when lists are answered from an index for the first time, until it is told to stop.
Warm = Callable[[threading.Event], None]


class Index:
    """One for each node. ``mode``: ``auto`` (for hubs that are large enough), ``on`` or ``off``."""

    def __init__(self, database: Database, mode: str, folder: Path | None = None) -> None:
        """``folder``: where it keeps a snapshot, to be ready sooner at the next start."""
        self._database, self._mode, self._folder = database, mode, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._lock = threading.Lock()
        self._free: list[socket.socket] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="index", daemon=True)
        self._starts, self._pause_s, self._not_before, self._began = 0, SHORTEST_S, 0.0, 0.0
        self._heard = 0.0
        self._number_said = 0  # of the start that was said to be ready
        self._told: Mapping[str, Any] = {}
        self._warm: Warm = lambda stopping: None

    # ---- for whoever lists ----

    @property
    def is_ready(self) -> bool:
        told = self._told
        return bool(told.get("is_ready")) and told["lag_s"] <= LAG_S

    def ask(self, questions: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]] | None:
        """The answer to each (``process.answer``); None: ask the database. Any thread may."""
        if not self.is_ready:
            return None
        reply = self._asked(list(questions))
        if reply is None:
            self._told = {**self._told, "is_ready": False}  # until it is looked at again: nobody else has to wait
        if reply is None or "found" not in reply:
            return None
        found: Sequence[Mapping[str, Any]] = reply["found"]
        return found

    def state(self) -> State:
        told, is_running = self._told, self._process is not None
        if not told:
            return State("starting" if is_running else "off", starts=self._starts)
        word = "building" if not told["is_ready"] else "ready" if told["lag_s"] <= LAG_S else "behind"
        numbers = {name: told[name] for name in ("repos", "lag_s", "built_s", "is_resumed", "taken", "memory_bytes")}
        return State(word, **numbers, starts=self._starts)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None else None

    # ---- its process ----

    def start(self, warm: Warm | None = None) -> None:
        """The process is started when it is worth it, and kept. ``warm``: done before it is said that it is ready."""
        self._warm = warm or self._warm
        if self._mode != "off":
            self._thread.start()

    def stop(self) -> None:
        """It has ended."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._end()

    def _keep(self) -> None:
        next_count = 0.0
        while not self._stopping.is_set():
            try:
                if self._process is not None:
                    self._look()
                elif time.monotonic() >= self._not_before:
                    if self._mode == "on" or self._starts or self._is_worth_it():
                        self._begin()
                    else:
                        next_count = COUNT_S
            except Exception:
                log.exception("The index could not be looked after")
            self._stopping.wait(next_count or (LOOK_S if self._told.get("is_ready") else SOON_S))
            next_count = 0.0

    def _is_worth_it(self) -> bool:
        with self._database.read() as db:
            return _has_many(db)

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(  # noqa: S603  # words of our own
                [sys.executable, "-s", "-m", "freehold.discover.index.process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # the hub's end tells it, not the terminal's
            )
        except OSError as err:
            ours.close()
            log.warning("The index does not start: %s", err.strerror)
            self._wait_longer()
            return
        finally:
            theirs.close()
        ours.setblocking(False)
        with self._lock:
            self._process, self._control = process, ours
            self._starts, self._began = self._starts + 1, time.monotonic()
            self._heard = self._began
        # Not as an argument, which everybody on the machine can read.
        told = {"database": self._database.url, "folder": str(self._folder or "")}
        send(ours, told, time.monotonic() + STOP_S)

    def _look(self) -> None:
        assert self._process is not None
        status = self._process.poll()
        if status is None:
            reply = self._asked("state")
            if reply is not None:
                self._heard = time.monotonic()
            elif time.monotonic() - self._heard > SILENT_S:
                log.warning("The index has said nothing for %.0f s, and is ended", time.monotonic() - self._heard)
                self._process.kill()
            self._told = reply if reply is not None else self._told and {**self._told, "is_ready": False}
            if self._told.get("is_ready") and self._number_said != self._starts:
                self._number_said = self._starts
                self._say_ready(self._told)
            return
        log.warning("The index ended with status %s; it begins anew, and lists are answered without it", status)
        self._end()
        self._wait_longer()

    def _say_ready(self, told: Mapping[str, Any]) -> None:
        self._warm(self._stopping)
        how = "from its snapshot" if told["is_resumed"] else "from nothing"
        log.info("The index is ready: %d repositories in %.1f s, %s", told["repos"], told["built_s"], how)

    def _wait_longer(self) -> None:
        has_lasted = time.monotonic() - self._began > LASTED_S
        self._pause_s = SHORTEST_S if has_lasted else min(LONGEST_S, 2 * self._pause_s)
        self._not_before = time.monotonic() + (0 if has_lasted else self._pause_s / 2)

    def _end(self) -> None:
        with self._lock:
            process, control = self._process, self._control
            self._process = self._control = None
            self._told, free, self._free = {}, self._free, []
        for channel in free:
            channel.close()
        if control is not None:
            control.close()
        if process is not None:
            try:
                process.wait(STOP_S if self._folder is None else KEEPING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # ---- asking ----

    def _asked(self, message: Any) -> Any:
        until = time.monotonic() + ANSWER_S
        channel = None
        try:
            number, channel = self._channel()
            send(channel, message, until)
            reply = receive(channel, until)
        except (ChannelClosed, TimeoutError, OSError):
            if channel is not None:
                channel.close()  # what comes late would be taken for the answer to the next question
            return None
        with self._lock:
            if number == self._starts and self._process is not None:
                self._free.append(channel)
                return reply
        channel.close()
        return reply

    def _channel(self) -> tuple[int, socket.socket]:
        """One that nobody else asks over, to the process that runs now, and the number of that process."""
        with self._lock:
            if self._free:
                return self._starts, self._free.pop()
            if self._control is None:
                raise ChannelClosed
            ours, theirs = socket.socketpair()
            try:
                socket.send_fds(self._control, [b"+"], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
            finally:
                theirs.close()
            ours.setblocking(False)
            return self._starts, ours


def _has_many(db: Session) -> bool:
    some = select(Repo.id).limit(WORTH_IT + 1).subquery()
    return (db.scalar(select(func.count()).select_from(some)) or 0) > WORTH_IT
