"""One job on a node of a Ray cluster: what an actor is there for. Its files lie in the node's cache, by digest.

The job itself is started, watched and ended by ``compute.local``, as on the hub's own machine: with its lifeline, its
key and its limit of memory. This module never imports Ray; ``ray_bridge`` makes an actor of it.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import freehold
from freehold.compute import gates, graphics, local, seating
from freehold.compute.errors import JobFailed
from freehold.compute.rules import CardNeed, Given, Job

#: How long news is waited for: what a job took is as old as that, at most.
NEWS_S = 0.25
#: An actor that nobody asks for so long has lost its hub, and ends.
UNASKED_S = 120.0
#: Half a file that nobody writes to any more.
STALE_S = 600.0


class Node:
    """The actor. Methods are called from a few threads; ``news`` over and over while the job lives."""

    def __init__(self, cache: str, limit_bytes: int, host: str) -> None:
        self._cache, self._limit_bytes, self._host = Path(cache).expanduser().resolve(), limit_bytes, host
        self._running: local.Local | None = None
        self._gate: gates.Gate | None = None
        self._given: Given | None = None
        self._failed: JobFailed | None = None
        self._is_ready = self._is_stopped = False
        self._lock = threading.Lock()
        self._coming: tuple[str, Path, BinaryIO, Any] | None = None
        self._changed = threading.Event()
        self._asked = time.monotonic()
        for name in ("files", "jobs", "made"):
            (self._cache / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._holding = self._own_folder()
        threading.Thread(target=self._watch_hub, name="watch hub", daemon=True).start()

    def hello(self) -> Mapping[str, Any]:
        return {"version": freehold.__version__, "host": self._host, "pid": os.getpid()}

    # ---- files -------------------------------------------------------------------------------------------------

    def place(self, files: Sequence[tuple[str, str, int]]) -> Sequence[str]:
        """``files``: path below the job's folder, digest, bytes. Those that the node has are there; the digests of the
        others are answered."""
        missing = [digest for path, digest, _ in files if not self._linked(path, digest)]
        with self._one_at_a_time():
            self._make_room(sum(size for _, digest, size in files if digest in missing))
        return sorted(set(missing))

    def put(self, path: str, digest: str, piece: bytes, is_last: bool) -> str:
        """The next piece of a file. Why it cannot be, or ''."""
        self._asked = time.monotonic()
        try:
            if self._coming is None or self._coming[0] != digest:
                half = self._cache / "files" / f"{digest}.{secrets.token_hex(4)}.half"
                self._coming = (digest, half, half.open("xb"), hashlib.sha256())
            _, half, out, hashed = self._coming
            out.write(piece)
            hashed.update(piece)
            if is_last:
                self._coming = None
                out.close()
                if hashed.hexdigest() != digest:
                    half.unlink()
                    return f"{path} came to the node damaged."
                half.chmod(0o400)
                half.replace(self._cache / "files" / digest)
                self._linked(path, digest)
        except OSError as err:
            return f"{path} cannot be written on the node: {err.strerror}."
        return ""

    def link(self, path: str, digest: str) -> bool:
        """Another name for a file that is there."""
        return self._linked(path, digest)

    # ---- the job -----------------------------------------------------------------------------------------------

    def lacks_cards(self, said: Mapping[str, Any]) -> str:
        """Why the graphics cards that Ray gave this actor do not do for a ``CardNeed``; '': then the job has them."""
        need, found = CardNeed(**said), graphics.cards()
        if not found:  # nothing on this node tells of them: the engine may try
            self._given = Given(graphics.lent() or range(need.count), 0, 1 - seating.KEPT_SHARE)
            return ""
        self._given = seating.seat(found, [need], {})
        if self._given is not None:
            return ""
        has = f"{found[0].name} with {found[0].memory_bytes / 1e9:.1f} GB"
        return f"It takes up to {need.each_bytes / 1e9:.1f} GB of a graphics card, and Ray gave it {has}."

    def begin(self, said: Mapping[str, Any]) -> None:
        """``said``: fields of a job, and the folders of the hub's machine that stand for others here."""
        here = {
            said["python"]: sys.executable,
            said["made"]: os.fspath(self._cache / "made"),
            said["root"]: os.fspath(self._folder),
            said["home"]: os.fspath(Path(freehold.__file__).parents[1]),
        }
        words = {name: _here(said[name], here) for name in ("argv", "options", "environment")}
        needs = [CardNeed(**one) for one in said["card_needs"]]
        job = Job(
            name=said["name"], memory_bytes=said["memory_bytes"], ready_s=said["ready_s"], cpus=said["cpus"],
            card_needs=needs, given=self._given, argv=words["argv"], options=words["options"],
            environment=words["environment"],
        )  # fmt: skip
        try:
            with self._lock:
                if self._is_stopped:
                    raise JobFailed("stopped", f"{job.name} was stopped before it was ready.")
                self._running = local.begin(job)
        except JobFailed as err:
            self._failed = err
            self._changed.set()
            return
        self._running.on_exit(lambda _: self._changed.set())
        threading.Thread(target=self._wait, args=(self._running,), daemon=True).start()

    def news(self) -> Mapping[str, Any]:
        """How the job is. Waits a moment, unless something changed."""
        self._asked = time.monotonic()
        self._changed.wait(NEWS_S)
        self._changed.clear()
        running, failed = self._running, self._failed
        if running is None:
            assert failed is not None
            return {"alive": False, "failure": (failed.failure, failed.message), "log": failed.log, "ready": False}
        took = running.took()
        failure = running.failure or ((failed.failure, failed.message) if failed else None)
        port = self._gate.port if self._gate else 0
        return {
            "alive": running.is_alive,
            "ready": self._is_ready,
            "failure": failure,
            "log": running.log(),
            "took": (took.memory_bytes, took.peak_memory_bytes, took.processor_s),
            "pid": running.pid,
            "key": running.key,
            "host": self._host,
            "port": port,
            "path": running.address.partition(f":{running.port}")[2],
        }

    def stop(self, wait_s: float) -> None:
        """Nothing of the job is left, nor of its folder."""
        with self._lock:
            self._is_stopped = True
        if self._running is not None:
            self._running.stop(wait_s)
        if self._gate is not None:
            self._gate.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self, running: local.Local) -> None:
        try:
            running.wait_ready()
            self._gate = gates.of_node(self._host, running.port, running.key)
            self._is_ready = True
        except JobFailed as err:
            self._failed = err
        except OSError as err:
            self._failed = JobFailed("crashed", f"The node's address {self._host} is not its own: {err.strerror}.")
            running.stop()
        self._changed.set()

    def _watch_hub(self) -> None:
        while time.monotonic() - self._asked < UNASKED_S:
            time.sleep(1.0)
        self.stop(2.0)
        os._exit(0)

    # ---- the cache ---------------------------------------------------------------------------------------------

    def _own_folder(self) -> tuple[Path, int]:
        """A folder that is locked while this process lives; those of dead ones are removed."""
        with self._one_at_a_time():
            for old in (self._cache / "jobs").iterdir():
                held = os.open(old, os.O_RDONLY)
                with suppress(OSError):
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(old, ignore_errors=True)
                os.close(held)
            folder = self._cache / "jobs" / secrets.token_hex(8)
            folder.mkdir(mode=0o700)
            holding = os.open(folder, os.O_RDONLY)
            fcntl.flock(holding, fcntl.LOCK_EX)
        return folder, holding

    def _linked(self, path: str, digest: str) -> bool:
        target = self._folder / path
        assert target.resolve().is_relative_to(self._folder.resolve()), "a job's file stays in its folder"
        target.parent.mkdir(parents=True, exist_ok=True)
        source = self._cache / "files" / digest
        try:
            os.utime(source)
            os.link(source, target)
        except FileExistsError:
            return True
        except FileNotFoundError:
            return False
        return True

    def _make_room(self, more_bytes: int) -> None:
        """Files that no job has linked go, the longest unused first, until the cache holds its limit with more."""
        found = []
        for one in (self._cache / "files").iterdir():
            with suppress(FileNotFoundError):
                facts = one.stat()
                if one.suffix == ".half" and time.time() - facts.st_mtime > STALE_S:
                    one.unlink()
                    continue
                found.append((facts.st_mtime, facts.st_size, facts.st_nlink, one))
        total_bytes = sum(size for _, size, _, _ in found) + more_bytes
        for _, size, links, one in sorted(found):
            if total_bytes > self._limit_bytes and links == 1 and one.suffix != ".half":
                one.unlink(missing_ok=True)
                total_bytes -= size

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Among the actors of this node."""
        with (self._cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _here(value: Any, places: Mapping[str, str]) -> Any:
    """``value`` with the hub's places as this machine has them: whole words, or the beginning of a path."""
    if isinstance(value, str):
        for there, here in places.items():
            if there and (value == there or value.startswith(f"{there}/")):
                return here + value[len(there) :]
        return value
    if isinstance(value, Mapping):
        return {name: _here(one, places) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_here(one, places) for one in value]
    return value
