"""Clones and fetches: git's own ``upload-pack`` over a directory made for one answer.

The directory has the refs that the rows name and a link to the packs that they name, and nothing else; it goes when the
answer is sent. Source: gitprotocol-http(5), gitprotocol-v2(5), git-upload-pack(1).
"""

import asyncio
import functools
import os
import re
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from freehold.core.errors import Unavailable
from freehold.gitkit import program
from freehold.gitkit.objects import Objects
from freehold.gitkit.receiving import bare_repository, write_refs

#: A partial clone comes back for single objects, which the refs do not name.
_SERVES = ("uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true")
PIECE_BYTES = 256 << 10
#: git does not come again by itself, so it waits as long as proxies commonly do.
TURN_WAIT_S = 55
#: Of a turn that others wait for, its client takes so much a second, looked at over so long: half a megabit.
LEAST_BYTES_A_S, PACE_S, LOOK_S = 64 << 10, 5.0, 1.0
_VERSION = re.compile(r"version=[0-2](:version=[0-2])?")


class Turns:
    """At most ``limit`` gits at a time in this process; the next one waits a little, then hears to come again.

    A free turn goes to whoever has the fewest, and of those to the first that came: one person with fifty clones does
    not keep out everybody else, nor do the later of them keep out the earlier.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()
        self._waiting: dict[object, str] = {}  # by ticket, in the order they came

    @property
    def are_wanted(self) -> bool:
        """Whether somebody waits for one."""
        return bool(self._waiting)

    @asynccontextmanager
    async def one(self, who: str = "") -> AsyncIterator[None]:
        """Raises :class:`Unavailable` when none becomes free for ``who``."""
        ticket = object()
        if not self._take(who, ticket):
            await self._wait(who, ticket)
        try:
            yield
        finally:
            with self._lock:
                self._taken -= Counter({who: 1})  # drops what comes to nothing

    async def _wait(self, who: str, ticket: object) -> None:
        with self._lock:
            self._waiting[ticket] = who
        try:
            for _ in range(TURN_WAIT_S * 20):
                await asyncio.sleep(0.05)
                if self._take(who, ticket):
                    return
        finally:
            with self._lock:
                del self._waiting[ticket]
        raise Unavailable("Too many clones and pushes at once; try again soon.", headers={"Retry-After": "10"})

    def _take(self, who: str, ticket: object) -> bool:
        with self._lock:
            if self._taken.total() >= self._limit:
                return False
            came_before = True
            for other, name in self._waiting.items():
                came_before = came_before and other is not ticket
                ahead = self._taken[who] - self._taken[name]
                if ahead > 0 or (ahead == 0 and came_before):
                    return False
            self._taken[who] += 1
            return True


class Pace:
    """Writes an answer, and gives up a client that dawdles while somebody waits for its turn; else it may take long."""

    def __init__(self, turns: Turns, write: Callable[[bytes], Awaitable[None]]) -> None:
        self._turns, self._write = turns, write
        self._bytes = self._waited_s = 0.0

    async def write(self, piece: bytes) -> None:
        """Raises :class:`Unavailable` for one that dawdles, and what writing raises."""
        writing = asyncio.ensure_future(self._write(piece))
        try:
            while not writing.done():
                began = time.monotonic()
                await asyncio.wait({writing}, timeout=LOOK_S)
                self._waited_s += time.monotonic() - began
                self._judge()
            writing.result()
        finally:
            writing.cancel()
        # What the kernel takes at once is no merit of the client's for long.
        self._bytes = min(self._bytes + len(piece), 3 * PACE_S * LEAST_BYTES_A_S)

    def _judge(self) -> None:
        if self._waited_s > 2 * PACE_S:
            self._waited_s, self._bytes = self._waited_s / 2, self._bytes / 2
        if self._waited_s > PACE_S and self._bytes < self._waited_s * LEAST_BYTES_A_S and self._turns.are_wanted:
            raise Unavailable("The client took it too slowly while others waited for their turn.")


class View:
    """A repository as git may see it: ``objects``, and ``refs`` as (name, target, its commit where that is another)."""

    def __init__(self, tmp: Path, objects: Objects, refs: Sequence[tuple[str, str, str | None]], *, head: str) -> None:
        self.directory = Path(tempfile.mkdtemp(dir=tmp, prefix="serving-"))
        self._objects = objects  # kept: its directory goes with it
        (self.directory / "refs").mkdir()
        (self.directory / "objects").symlink_to(objects.directory)
        write_refs(self.directory, refs, head)

    def close(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


@functools.cache
def capabilities() -> bytes:
    """What git says it can do in protocol version 2, the same for every repository: asked of git once."""
    with tempfile.TemporaryDirectory() as name:
        directory = bare_repository(Path(name) / "empty.git")
        words = ("upload-pack", "--stateless-rpc", "--advertise-refs", str(directory))
        return program.run(directory, *words, config=_SERVES, protocol="version=2")


@asynccontextmanager
async def upload_pack(
    view: View, *, protocol: str, advertises: bool, stdin: IO[bytes] | int, errors: IO[bytes]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running ``upload-pack`` that reads ``stdin``; killed when the block ends before it does.

    ``protocol`` is what the client's ``Git-Protocol`` header says.
    """
    words = ["--stateless-rpc", "--strict", *(["--advertise-refs"] if advertises else []), "."]
    line = program.command(view.directory, "upload-pack", *words, config=_SERVES)
    known = {"GIT_PROTOCOL": protocol} if _VERSION.fullmatch(protocol) else {}
    process = await asyncio.create_subprocess_exec(
        *line,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
        cwd=view.directory,
        env=program.environment(**known),
        limit=PIECE_BYTES,
        start_new_session=True,  # with the pack-objects that it starts
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            _kill_group(process.pid)
            await asyncio.shield(process.wait())


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
