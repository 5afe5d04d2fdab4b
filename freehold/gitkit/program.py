"""Calling git: no configuration of the machine's or of its users' reaches it, and what it may use has an end."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from freehold.gitkit.errors import GitMissing, GitRefused

#: What git may keep of one repository in memory, and what it looks at when it makes deltas.
_BOUNDS = (
    "core.bigFileThreshold=1m",
    "core.packedGitWindowSize=32m",
    "core.packedGitLimit=256m",
    "core.deltaBaseCacheLimit=32m",
    "core.quotePath=false",
    "gc.auto=0",
    "pack.threads=1",
    "pack.windowMemory=32m",
    "pack.deltaCacheSize=16m",
    "pack.writeReverseIndex=false",
)
TOLD_BYTES = 4000
PIECE_BYTES = 1 << 18


@dataclass(frozen=True)
class Limits:
    """What one run may use: address space, processor time, and the size of a file that it writes."""

    memory_bytes: int = 2 << 30
    cpu_s: int = 600
    file_bytes: int = 16 << 30
    wall_s: float = 900


def can_run() -> bool:
    """Whether there is a git on this machine."""
    return shutil.which("git") is not None


def command(directory: Path, *words: str, config: Sequence[str] = ()) -> list[str]:
    """The command line of ``git WORDS`` on the bare repository ``directory``. Raises :class:`GitMissing`."""
    git = shutil.which("git")
    if git is None:
        raise GitMissing
    line = [git, "--git-dir", str(directory)]
    for setting in (*_BOUNDS, *config):
        line += ["-c", setting]
    return [*line, *words]


def environment(**more: str) -> dict[str, str]:
    """The whole environment of a git: no configuration, no prompts, no variable that would lead it elsewhere."""
    return {
        "PATH": os.defpath,
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        **more,
    }


def limited(line: Sequence[str], limits: Limits) -> list[str]:
    """``line`` under ``limits``, which hold from its first instruction on: the shell sets them, then becomes it."""
    # One limit a call: that is all that dash takes.
    bounds = f"ulimit -v {limits.memory_bytes >> 10}; ulimit -t {limits.cpu_s}; ulimit -f {limits.file_bytes >> 9}"
    return ["/bin/sh", "-c", bounds + '; exec "$@"', "sh", *line]


def run(
    directory: Path,
    *words: str,
    stdin: bytes | BinaryIO = b"",
    limits: Limits | None = None,
    config: Sequence[str] = (),
    protocol: str = "",
) -> bytes:
    """What ``git WORDS`` printed. Raises :class:`GitRefused` with git's own words, or that it took too long."""
    limits = limits or Limits()
    given: dict[str, Any] = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    try:
        done: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603  # words of our own
            limited(command(directory, *words, config=config), limits),
            capture_output=True,
            env=environment(**({"GIT_PROTOCOL": protocol} if protocol else {})),
            timeout=limits.wall_s,
            check=False,
            **given,
        )
    except subprocess.TimeoutExpired as err:
        raise GitRefused(f"git took longer than {limits.wall_s:.0f} s.") from err
    if done.returncode < 0:
        raise GitRefused("git needed more memory or time than the hub gives it.")
    if done.returncode:
        raise GitRefused(told(done.stderr))
    return done.stdout


def told(stderr: bytes) -> str:
    """What git said, as a sentence or two for people."""
    lines = stderr[-TOLD_BYTES:].decode("utf-8", "replace").splitlines()
    said = [line.strip().removeprefix("fatal: ").removeprefix("error: ") for line in lines if line.strip()]
    return "; ".join(said[-4:]) or "git gave no reason"


@contextmanager
def reading(
    directory: Path, *words: str, stdin: Path, limits: Limits | None = None, ends: bytes = b"\0"
) -> Iterator[Iterator[bytes]]:
    """The fields, each ended by ``ends``, that ``git WORDS`` prints, while it prints them; it ends with the block.

    Raises :class:`GitRefused` when it failed, or took too long.
    """
    limits = limits or Limits()
    with open(stdin, "rb") as given, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603  # words of our own
            limited(command(directory, *words), limits),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(),
        )
        # Whoever reads may stop early; and a git that prints nothing must not be waited for.
        watch = threading.Timer(limits.wall_s, process.kill)
        watch.start()
        try:
            assert process.stdout is not None
            yield _fields(process.stdout, ends)
            status = process.wait()
            if status < 0:
                raise GitRefused("git needed more memory or time than the hub gives it")
            if status:
                errors.seek(0)
                raise GitRefused(told(errors.read()))
        finally:
            watch.cancel()
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _fields(stdout: IO[bytes], ends: bytes) -> Iterator[bytes]:
    held = b""
    while piece := stdout.read(PIECE_BYTES):
        *whole, held = (held + piece).split(ends)
        yield from whole
    if held:
        yield held
