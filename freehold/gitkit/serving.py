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
from collections.abc import AsyncIterator, Sequence
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
TURN_WAIT_S = 30
_VERSION = re.compile(r"version=[0-2](:version=[0-2])?")


class Turns:
    """At most ``limit`` gits at a time in this process; the next one waits a little, then hears to come again."""

    def __init__(self, limit: int) -> None:
        self._free = threading.Semaphore(limit)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Raises :class:`Unavailable` when none becomes free."""
        for _ in range(TURN_WAIT_S * 20):
            if self._free.acquire(blocking=False):
                break
            await asyncio.sleep(0.05)
        else:
            raise Unavailable("Too many clones and pushes at once; try again soon.", headers={"Retry-After": "10"})
        try:
            yield
        finally:
            self._free.release()


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
