"""Jobs on a Ray cluster: each an actor there, which a child of this process starts, follows and ends (``ray_bridge``).

To whoever started one it looks like a job of this machine: an address on loopback, a key, what it took, why it ended.
No child, no jobs: when the child or the hub ends, Ray ends the actors, and they their jobs. docs/decisions/0025.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from freehold.compute.errors import JobFailed
from freehold.compute.rules import Failure, Job, Took

PROGRAM = "freehold.compute.ray_bridge"
#: For an actor to end, beyond what its job is given.
END_S = 25.0
LINE_BYTES = 1 << 20
_HOME = Path(__file__).parents[2]


@dataclass(frozen=True)
class Place:
    """The cluster, and where things are. ``root``: the folder of this machine below which all files of jobs lie;
    ``made`` the one within it where engines keep what they make. ``cache``: the folder of each node of the cluster."""

    address: str
    root: Path
    made: Path
    python: str = ""  # that has Ray; '': this one
    cache: str = "~/.cache/freehold-ray"
    cache_bytes: int = 50 * 10**9
    command: tuple[str, ...] = ("-s", "-P", "-m", PROGRAM)


class Remote:
    """``rules.Running`` of a job on the cluster. Told of everything by the thread that reads the child's words."""

    def __init__(self, job: Job, end: Callable[["Remote"], None]) -> None:
        self.job = job
        self.key, self.port, self.address, self.pid = "", 0, "", 0
        self.failure: tuple[Failure, str] | None = None
        self._end = end
        self._took = Took(0, 0, 0.0)
        self._log = ""
        self._lock = threading.Lock()
        self._is_stopping = False
        self._is_ready, self._has_ended = threading.Event(), threading.Event()
        self._tell: list[Callable[[Any], None]] = []

    @property
    def is_alive(self) -> bool:
        return not self._has_ended.is_set()

    def took(self) -> Took:
        """As of a quarter of a second ago, or so: nobody waits for another machine to know it."""
        return self._took

    def log(self) -> str:
        return self._log

    def on_exit(self, tell: Callable[[Any], None]) -> None:
        with self._lock:
            if self.is_alive:
                self._tell.append(tell)
                return
        tell(self)

    def stop(self, wait_s: float = 5.0) -> None:
        self._is_stopping = True
        if self.is_alive:
            self._end(self)
            if not self._has_ended.wait(wait_s + END_S):
                self.ended(None, "")  # what is lost ends by itself: an actor that nobody asks

    def wait_ready(self) -> None:
        """Until it answers. The child bounds each step on the way. Raises :class:`JobFailed`."""
        self._is_ready.wait()
        if not self.address or not self.is_alive:
            self._has_ended.wait()
            failure, message = self.failure or ("stopped", f"{self.job.name} was stopped before it was ready.")
            raise JobFailed(failure, message, self._log)

    # ---- what the child tells ----------------------------------------------------------------------------------

    def runs(self, said: Mapping[str, Any]) -> None:
        self._took = Took(*said["took"])
        self._log = said["log"]
        if "port" in said and not self.address:
            self.key, self.port, self.pid = said["key"], said["port"], said["pid"]
            self.address = f"http://127.0.0.1:{said['port']}{said['path']}"
            self._is_ready.set()

    def ended(self, failure: tuple[str, str] | None, log: str) -> None:
        with self._lock:
            if not self.is_alive:
                return
            if failure is not None and not self._is_stopping:
                word: Failure = next((one for one in get_args(Failure) if one == failure[0]), "crashed")
                self.failure = (word, failure[1])
            self._log = log or self._log
            self._took = Took(0, self._took.peak_memory_bytes, self._took.processor_s)
            self._has_ended.set()
            told, self._tell = self._tell, []
        self._is_ready.set()
        for tell in told:
            tell(self)


class Cluster:
    """The child, started when the first job begins and again after it died; and the jobs it was asked for."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._reading: threading.Thread | None = None
        self._jobs: dict[int, Remote] = {}
        self._number = 0
        self._is_closed = False

    def begin(self, job: Job) -> Remote:
        """``job`` is on its way to a node. Raises :class:`JobFailed` where there is no child to ask."""
        with self._lock:
            if self._is_closed:
                raise JobFailed("stopped", f"{job.name} does not start: the hub is stopping.")
            self._number += 1
            number = self._number
            running = Remote(job, lambda _: self._say({"do": "stop", "job": number}))
            child = self._running(job)
            self._jobs[number] = running
            self._write(child, {"do": "begin", "job": number, "what": self._worded(job)})
        return running

    def close(self) -> None:
        """No job begins any more; the child ends with the last one."""
        with self._lock:
            self._is_closed = True
            self._let_go()

    def _worded(self, job: Job) -> Mapping[str, Any]:
        return {
            "name": job.name, "argv": list(job.argv), "options": dict(job.options),
            "environment": dict(job.environment), "files": [os.fspath(one) for one in job.files],
            "memory_bytes": job.memory_bytes, "reserved_bytes": job.reserved_bytes, "ready_s": job.ready_s,
            "cpus": job.cpus, "card_needs": [asdict(one) for one in job.card_needs], "python": sys.executable,
            "made": os.fspath(self.place.made), "root": os.fspath(self.place.root), "home": os.fspath(_HOME),
        }  # fmt: skip

    # ---- the child; with the lock held ---------------------------------------------------------------------------

    def _running(self, job: Job) -> "subprocess.Popen[bytes]":
        if self._child is not None and self._child.poll() is None:
            return self._child
        try:
            child = subprocess.Popen(  # noqa: S603  # words of our own
                [self.place.python or sys.executable, *self.place.command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )
        except OSError as err:
            raise JobFailed("not_installed", f"{job.name} does not start: {err.strerror} (Ray's Python).") from err
        self._child = child
        place = self.place
        self._write(child, {"address": place.address, "cache": place.cache, "cache_bytes": place.cache_bytes})
        self._reading = threading.Thread(target=self._read, args=(child,), name="ray", daemon=True)
        self._reading.start()
        return child

    def _write(self, child: "subprocess.Popen[bytes]", line: Mapping[str, Any]) -> None:
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps(line).encode() + b"\n")
            child.stdin.flush()
        except (OSError, ValueError):
            pass  # it has ended: the thread that reads tells its jobs

    def _let_go(self) -> None:
        if self._is_closed and not self._jobs and self._child is not None and self._child.stdin is not None:
            try:
                self._child.stdin.close()
            except OSError:
                pass  # it has ended

    # ---- from outside --------------------------------------------------------------------------------------------

    def _say(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            if self._child is not None:
                self._write(self._child, line)

    def _read(self, child: "subprocess.Popen[bytes]") -> None:
        """Until the child ends: then its jobs have ended too."""
        assert child.stdout is not None
        why = ("crashed", "The hub's connection to the Ray cluster was lost.")
        while line := child.stdout.readline(LINE_BYTES):
            try:
                said = json.loads(line)
            except ValueError:
                break
            if said["is"] == "failed":
                why = (said["failure"][0], said["failure"][1])
            elif (running := self._jobs.get(said.get("job", 0))) is not None:
                if said["is"] == "running":
                    running.runs(said)
                else:
                    self._ended(said["job"], running, said["failure"], said["log"])
        child.kill()
        with self._lock:
            if self._child is child:
                self._child = None
            left, self._jobs = self._jobs, {}
        child.wait()
        for pipe in (child.stdin, child.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass  # what it never read is nobody's
        for running in left.values():
            running.ended(why, "")

    def _ended(self, number: int, running: Remote, failure: Any, log: str) -> None:
        with self._lock:
            self._jobs.pop(number, None)
            self._let_go()
        running.ended((failure[0], failure[1]) if failure else None, log)


def _environment() -> Mapping[str, str]:
    """Nothing of the hub's own but what Ray is to know: its settings, with its token and its certificates."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("RAY_") or name == "HOME"}
    return {
        "PATH": os.defpath,
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(_HOME),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        **ours,
    }
