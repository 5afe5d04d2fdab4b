"""Jobs on this machine: each a process with a session of its own, watched by a thread of the hub.

The memory limit is watched, not set: what a system can limit beforehand counts what is reserved rather than used, and
a library in C++ that is refused memory ends in the middle of something, by any signal, so that nobody could say why.
Twice a second what the job holds of its own is read, and over its limit it is killed and said to be out of memory. A
wide limit of the system's stands behind that, for what grows faster than it is looked at. docs/decisions/0021.
"""

import atexit
import errno
import json
import os
import resource
import secrets
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from freehold.compute import graphics, processes
from freehold.compute.errors import JobFailed
from freehold.compute.rules import Failure, Job, Took

LOOK_S = 0.5
LOG_BYTES = 16 << 10
READY_BYTES = 64 << 10
MAX_SAID_BYTES = 60 << 10
#: Between being asked and being terminated, and between that and being killed, at most.
ASK_S = 2.0
#: Codes of a process that somebody ended; no program ends itself by them.
OF_OTHERS = frozenset({-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP})
_HOME = Path(__file__).parents[2]
#: What a library may reserve beyond its limit before the system itself refuses: rooms for threads, arenas.
_RESERVED_BYTES = 4 << 30
#: By which a program that was given graphics cards knows how many, and which part of each one's memory it may take.
CARDS, SHARE = "FREEHOLD_CARDS", "FREEHOLD_CARD_SHARE"
#: Source: proc_pid_oom_score_adj(5). Its children begin with the same.
FIRST_TO_GO = "1000"
_STARTED = threading.Lock()
_running: set["Local"] = set()


class Local:
    """A job's process. One thread waits for what it says and for its end, and looks at its memory."""

    def __init__(self, job: Job, process: subprocess.Popen[bytes], key: str) -> None:
        self.job = job
        self.key = key
        self.port = 0
        self.address = ""
        self.pid = process.pid
        self._family: Sequence[int] = (process.pid,)  # with what it had started when it was last looked for
        self.failure: tuple[Failure, str] | None = None
        self._process = process
        self._lock = threading.Lock()
        self._said = b""  # on stdout: one line
        self._wrote = bytearray()  # on stderr: its end
        self._took = Took(0, 0, 0.0)
        self._own_bytes = 0
        self._shortages = processes.Shortages()
        self._is_stopping = False
        self._is_ready = threading.Event()  # or it never will be
        self._has_ended = threading.Event()
        self._tell: list[Callable[[Any], None]] = []
        self._begun = time.monotonic()
        self._watching = threading.Thread(target=self._watch, name=f"job {process.pid}", daemon=True)

    @property
    def is_alive(self) -> bool:
        return not self._has_ended.is_set()

    def took(self) -> Took:
        if self.is_alive:
            self._look()
        return self._took

    def log(self) -> str:
        with self._lock:
            text = bytes(self._wrote).decode("utf-8", "replace")
        return "".join(letter for letter in text if letter == "\n" or letter.isprintable()).strip()

    def on_exit(self, tell: Callable[[Any], None]) -> None:
        with self._lock:
            if self.is_alive:
                self._tell.append(tell)
                return
        tell(self)

    def stop(self, wait_s: float = 5.0) -> None:
        self._is_stopping = True
        self._close_lifeline()
        for patience_s, word in ((ASK_S, signal.SIGTERM), (max(0.0, wait_s - ASK_S), signal.SIGKILL)):
            if self._has_ended.wait(min(patience_s, wait_s)):
                break
            self._signal(word)
        self._has_ended.wait()
        if threading.current_thread() is not self._watching:
            self._watching.join()

    def wait_ready(self) -> None:
        """Until it answers. Raises :class:`JobFailed`."""
        left_s = self.job.ready_s - (time.monotonic() - self._begun)
        if not self._is_ready.wait(max(0.0, left_s)):
            self._fail("too_slow", f"{self.job.name} was not ready after {self.job.ready_s:g} seconds.")
            self.stop(wait_s=0.0)
        if not self.address or not self.is_alive:
            self._has_ended.wait()
            failure, message = self.failure or ("stopped", f"{self.job.name} was stopped before it was ready.")
            raise JobFailed(failure, message, self.log())

    # ---- in the thread that watches ----------------------------------------------------------------------------

    def _watch(self) -> None:
        out, err = self._process.stdout, self._process.stderr
        assert out is not None
        assert err is not None
        ready = select.poll()  # not select(), which takes no descriptor over 1,023
        for pipe in (out, err):
            ready.register(pipe.fileno(), select.POLLIN)
        open_pipes = {out.fileno(), err.fileno()}
        looked = 0.0
        while not self._over(bool(open_pipes)):
            for descriptor, _ in ready.poll(LOOK_S * 1000 if open_pipes else 0):
                data = os.read(descriptor, 64 << 10)
                if not data:
                    ready.unregister(descriptor)
                    open_pipes.discard(descriptor)
                elif descriptor == out.fileno():
                    self._hear(data)
                else:
                    self._keep(data)
            if time.monotonic() - looked >= LOOK_S:
                looked = time.monotonic()
                self._family = processes.family(self.pid)
                self._look()
                self._within_memory()
                self._shortages.look()
        self._end()

    def _over(self, has_pipes: bool) -> bool:
        """Whether the process has ended. It stays unreaped, so that its number is nobody else's while its group is
        signalled. Without pipes there is nothing to wake up for, so this is waited for itself."""
        options = os.WEXITED | os.WNOWAIT | os.WNOHANG
        ended = os.waitid(os.P_PID, self.pid, options) is not None
        if not ended and not has_pipes:
            time.sleep(LOOK_S / 10)
        return ended

    def _hear(self, data: bytes) -> None:
        """The line by which it says that it is ready, or why not; whatever else it prints is nobody's."""
        if self._is_ready.is_set():
            return
        self._said += data
        line, newline, _ = self._said.partition(b"\n")
        if newline:
            self._understand(line)
        elif len(self._said) > READY_BYTES:
            self._refuse("crashed", f"{self.job.name} said nothing that can be understood.")

    def _understand(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            self._refuse("crashed", f"{self.job.name} said nothing that can be understood.")
        elif isinstance(said.get("port"), int) and 0 < said["port"] < 65_536:
            path = str(said.get("path", ""))[:100].rstrip("/")
            self.port, self.address = said["port"], f"http://127.0.0.1:{said['port']}{path}"
            self._is_ready.set()
        else:
            failure: Failure = next((one for one in get_args(Failure) if one == said.get("code")), "crashed")
            self._refuse(failure, str(said.get("error") or f"{self.job.name} did not start.")[:2_000])

    def _refuse(self, failure: Failure, message: str) -> None:
        self._fail(failure, message)
        self._signal(signal.SIGKILL)

    def _keep(self, data: bytes) -> None:
        with self._lock:
            self._wrote += data
            del self._wrote[:-LOG_BYTES]

    def _look(self) -> None:
        seen = processes.seen(self._family)
        with self._lock:
            if seen is not None and self.is_alive:
                peak = max(self._took.peak_memory_bytes, seen.peak_memory_bytes)
                self._took = Took(seen.memory_bytes, peak, max(self._took.processor_s, seen.processor_s))
                self._own_bytes = seen.own_bytes

    def _within_memory(self) -> None:
        most = self.job.memory_bytes
        if most is not None and self._own_bytes > most:
            self._refuse("out_of_memory", f"{self.job.name} took more than its {_said_bytes(most)} of memory.")

    def _end(self) -> None:
        """Nothing is left: of its processes, of its pipes, of whoever waits."""
        self._signal(signal.SIGKILL)  # what it started
        self._drain()
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._close_lifeline()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()
        if not self._is_stopping:
            self._fail(*self._reason(self._process.returncode))
        _running.discard(self)
        used_s = usage.ru_utime + usage.ru_stime
        most = usage.ru_maxrss << 10
        with self._lock:
            so_far = self._took
            self._took = Took(0, max(so_far.peak_memory_bytes, most), max(so_far.processor_s, used_s))
            self._has_ended.set()
            told, self._tell = self._tell, []
        self._is_ready.set()
        for tell in told:
            tell(self)

    def _reason(self, code: int) -> tuple[Failure, str]:
        job, when = self.job, "" if self.address else " before it was ready"
        if code == -signal.SIGKILL and self._shortages.may_be:
            return "out_of_memory", f"{job.name} was killed{when}, as systems do when memory runs out."
        if code in OF_OTHERS:
            return "killed", f"{job.name} was killed{when}, and not by the hub ({_signal_name(-code)})."
        if code < 0:
            return "crashed", f"{job.name} crashed{when} ({_signal_name(-code)})."
        return "crashed", f"{job.name} ended{when} (exit status {code})."

    def _drain(self) -> None:
        """What it wrote last, as far as it lies in the pipes already."""
        for pipe, take in ((self._process.stdout, self._hear), (self._process.stderr, self._keep)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            try:
                while data := os.read(pipe.fileno(), 64 << 10):
                    take(data)
            except BlockingIOError:
                pass

    def _fail(self, failure: Failure, message: str) -> None:
        """The first reason stays: what follows from it is none."""
        with self._lock:
            if self.failure is None:
                self.failure = (failure, message)

    def _signal(self, word: signal.Signals) -> None:
        """To its whole session, while its number is its own."""
        if self.is_alive:
            try:
                os.killpg(self.pid, word)
            except (ProcessLookupError, PermissionError):
                pass  # it has ended, or (on some systems) only unreaped ones are left

    def _close_lifeline(self) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except OSError as err:
            if err.errno != errno.EPIPE:  # what it never read is nobody's
                raise


def begin(job: Job) -> Local:
    """A process for ``job``, which was told what it needs. Raises :class:`JobFailed`."""
    key = secrets.token_urlsafe(32)
    line = json.dumps({**job.options, "key": key}).encode() + b"\n"
    assert len(line) <= MAX_SAID_BYTES, "what a job is told fits into its pipe, so that nobody waits for it to listen"
    try:
        process = subprocess.Popen(  # noqa: S603  # an engine's own words
            list(job.argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=_environment(job),
            start_new_session=True,  # it ends with its lifeline, not with the terminal; and its group is its own
        )
    except OSError as err:
        failure: Failure = "not_installed" if isinstance(err, FileNotFoundError | PermissionError) else "crashed"
        raise JobFailed(failure, f"{job.name} does not start: {err.strerror}.") from err
    _bound(process.pid, job)
    running = Local(job, process, key)
    with _STARTED:
        _running.add(running)
    try:
        _give(process, line)
        running._watching.start()
    except RuntimeError as err:  # no thread is left
        process.kill()
        running._end()
        raise JobFailed("crashed", f"{job.name} cannot be watched: the hub has too many threads.") from err
    return running


def stop_all() -> None:
    """No job of this process is left."""
    with _STARTED:
        left = list(_running)
    for running in left:
        running._is_stopping = True
        running._close_lifeline()
    for running in left:
        running.stop()


def _at_exit() -> None:
    if os.getpid() == _OWNER:  # not in a child that was forked, whose jobs these are not
        stop_all()


_OWNER = os.getpid()
atexit.register(_at_exit)


def _environment(job: Job) -> dict[str, str]:
    """Nothing of the hub's own: its settings hold keys. No model is looked for elsewhere, and nothing is reported."""
    return {
        "PATH": os.defpath,
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(_HOME),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        **graphics.environment(job.given.indices if job.given else ()),
        **({CARDS: str(len(job.given.indices)), SHARE: f"{job.given.share:.4f}"} if job.given else {}),
        **(graphics.driver() if job.given else {}),
        **job.environment,
    }


def _bound(pid: int, job: Job) -> None:
    """No core file; and behind the limit that is watched one of the system's, where no card's driver reserves more.

    Where memory runs out nonetheless, the system ends a job, and not the hub, which would take all of them along.
    """
    try:
        Path(f"/proc/{pid}/oom_score_adj").write_text(FIRST_TO_GO)
    except OSError:
        pass  # it has ended already, or this is no Linux
    if not hasattr(resource, "prlimit"):
        return
    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        if job.memory_bytes is not None and not job.card_needs:
            most = 2 * job.memory_bytes + _RESERVED_BYTES
            resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))
    except (OSError, ValueError):
        pass  # it has ended already, or the hub itself may have less


def _give(process: subprocess.Popen[bytes], line: bytes) -> None:
    """On its stdin, which stays open."""
    assert process.stdin is not None
    try:
        process.stdin.write(line)
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it has ended; why, is seen when it is waited for


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _said_bytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 10**9 else f"{number / 1e6:.0f} MB"
