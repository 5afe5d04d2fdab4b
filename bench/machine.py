"""The machine under everything, and what a process costs on it."""

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
STOP_TIMEOUT_S = 30


class Missing(Exception):
    """A peer is not on this machine; the message says how to get it."""


def needs(program: str, package: str) -> str:
    """The path of ``program``. Raises :class:`Missing`."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise Missing(f"not measured: apt-get install {package}")
    return found


def facts(folder: Path) -> dict[str, str]:
    """What a reader has to know to judge the figures."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{_cpu_model()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB memory",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load at start": f"{os.getloadavg()[0]:.1f}",
        "disk": _disk(folder),
        "revision": _said(["git", "rev-parse", "--short", "HEAD"]),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def _disk(folder: Path) -> str:
    """File system, and how fast it makes 256 MiB durable: the floor under every upload."""
    kind = _said(["stat", "-f", "-c", "%T", str(folder)])
    probe = folder / "probe"
    block = os.urandom(1 << 20)
    began = time.perf_counter()
    with probe.open("wb", buffering=0) as file:
        for _ in range(256):
            file.write(block)
        os.fsync(file.fileno())
    took_s = time.perf_counter() - began
    probe.unlink()
    return f"{kind}, 256 MiB written and synced at {256 / took_s:.0f} MiB/s"


def _said(command: Sequence[str]) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


# ---- processes -------------------------------------------------------------------------------------------------------


class Process:
    """A program that this benchmark started, and stops."""

    def __init__(self, command: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                [str(part) for part in command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**clean_environment(), **(env or {})},
                start_new_session=True,  # a group of its own, so that what it started ends with it
            )

    @property
    def pids(self) -> list[int]:
        """The process and its children (nginx's workers, what a thread of the hub started)."""
        pid = self._popen.pid
        told = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
        return [pid, *(int(child) for children in told for child in children.split())]

    @property
    def pid(self) -> int:
        return self._popen.pid

    def wait_until(self, ready: Callable[[], bool], timeout_s: float = 60) -> None:
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self._popen.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self._popen.args!r} does not answer:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)

    def cpu_s(self) -> float:
        """Seconds of processor it has used so far, its children's included."""
        return sum(_cpu_s(pid) for pid in self.pids)

    def own_cpu_s(self) -> float:
        """Of the process alone, without what it started."""
        return _cpu_s(self.pid)

    def resident_bytes(self) -> int:
        return status_bytes(self.pid, "VmRSS")

    def peak_bytes(self) -> int:
        """The most memory it held at once since the start or :meth:`forget_peak`."""
        return status_bytes(self.pid, "VmHWM")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def wait(self, timeout_s: float) -> None:
        """It ended by itself; else it is stopped."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout_s)
        self.stop()

    def stop(self) -> None:
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
        with suppress(ProcessLookupError):  # fcgiwrap leaves its children behind
            os.killpg(self._popen.pid, signal.SIGKILL)


def clean_environment() -> dict[str, str]:
    """This process's environment without what would steer the hub or a client."""
    # PYTHON*: a shell that forbids compiled modules would have the hub compile itself at every start.
    foreign = ("FREEHOLD_", "HF_", "HUGGING", "AWS_", "XET_", "PYTHON")
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) and name.upper() not in proxies and not name.upper().endswith("_TOKEN")
    }


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def status_bytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


# ---- rounds ----------------------------------------------------------------------------------------------------------


@dataclass
class Timing:
    """What the rounds of one contestant took. The best counts: noise of other work only ever adds."""

    walls_s: list[float] = field(default_factory=list)
    cpus_s: list[float] = field(default_factory=list)

    @property
    def wall_s(self) -> float:
        return min(self.walls_s)

    @property
    def cpu_s(self) -> float:
        return min(self.cpus_s)


Contestant = tuple[Process, Callable[[], object]]


def in_turns(
    rounds: int, contestants: Mapping[str, Contestant], *, between: Callable[[], object] = lambda: None
) -> dict[str, Timing]:
    """Every contestant once per round, so that a slow minute of the machine hits them all."""
    timings = {name: Timing() for name in contestants}
    for _ in range(rounds):
        for name, (process, work) in contestants.items():
            between()
            cpu_s, began = process.cpu_s(), time.perf_counter()
            work()
            timings[name].walls_s.append(time.perf_counter() - began)
            timings[name].cpus_s.append(process.cpu_s() - cpu_s)
    return timings


def samples(timings: Mapping[str, Timing]) -> dict[str, list[float]]:
    return {name: [round(wall_s, 4) for wall_s in timing.walls_s] for name, timing in timings.items()}


def size_of(folder: Path) -> int:
    """Bytes of all files below ``folder``, as they count on the disk's bill."""
    return sum(path.lstat().st_size for path in _files(folder))


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if not path.is_symlink() and path.is_file())


PYTHON = Path(sys.executable)
