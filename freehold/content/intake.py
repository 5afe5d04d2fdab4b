"""Large files on their way in: from the network to a scratch file, hashed as they come, never whole in memory."""

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request

from freehold.core.bodies import receive_body
from freehold.core.direct import Take
from freehold.core.disk import Growing
from freehold.core.errors import BadRequest, StorageFull, StorageReadOnly

#: Left free for the database, whose rows are what makes kept bytes worth anything.
RESERVE_BYTES = 4 << 20


class Scratch:
    """A new file in ``tmp`` for ``size_bytes`` bytes, hashed as they are written; gone when done with, unless moved.

    A disk without room for them shows before the first byte arrives.
    """

    def __init__(self, tmp: Path, size_bytes: int) -> None:
        refuse_without_room(tmp, size_bytes)
        self.path = tmp / f"intake-{secrets.token_hex(12)}"
        self._hash = hashlib.sha256()
        self._file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._growing = Growing(self._file, size_bytes)

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
        self.path.unlink(missing_ok=True)

    def take(self, piece: memoryview) -> None:
        """Append ``piece``."""
        self._hash.update(piece)
        self._growing.append(piece)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class Slot:
    """Bytes from ``at`` on of the file ``path``, hashed as they are written. The file may have other slots.

    Raises ``BlockingIOError`` for a file that somebody has :func:`alone`, or took away just now.
    """

    def __init__(self, path: Path, at: int, digest: Any) -> None:
        self._at, self._hash = at, digest
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if not _is_still(path, self._file):
                raise BlockingIOError(f"{path.name} was taken")
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def take(self, piece: memoryview) -> None:
        """Write ``piece`` after those before."""
        self._hash.update(piece)
        while piece:
            written = os.pwrite(self._file, piece, self._at)
            self._at += written
            piece = piece[written:]

    @property
    def hexdigest(self) -> str:
        return str(self._hash.hexdigest())


@contextmanager
def alone(path: Path) -> Iterator[Path]:
    """The file ``path``, which no slot writes to from now on; a copy of it beside it, where one is still written to.

    What is kept under a digest is the very file that was hashed. One more byte from a sender who goes on after that
    would be everybody's who reads by that digest.
    """
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            refuse_without_room(path.parent, path.stat().st_size)
            copy = path.with_name(f"{path.name}-copy")
            shutil.copyfile(path, copy)
            yield copy
        else:
            yield path


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def refuse_without_room(directory: Path, size_bytes: int) -> None:
    """Raises :class:`StorageFull` when the disk cannot take ``size_bytes`` more."""
    if shutil.disk_usage(directory).free < size_bytes + RESERVE_BYTES:
        what = f"no room for {size_bytes} more bytes" if size_bytes else "no room left"
        raise StorageFull(f"The hub's disk is full ({what}): nothing was kept. Free some space, then repeat the call.")


def refuse_unwritable(directory: Path) -> None:
    """Raises :class:`StorageReadOnly` when ``directory`` cannot be written, by its rights or by its file system."""
    if not os.access(directory, os.W_OK):
        raise StorageReadOnly("The hub cannot write to its data directory: nothing was kept. Make it writable.")


async def receive_exactly(request: Request, take: Take, size_bytes: int) -> None:
    """``take`` has had the whole body, which has ``size_bytes`` bytes.

    Raises :class:`BadRequest` when it has not, before reading it where its length is announced.
    """
    announced = request.headers.get("content-length")
    if announced is not None and announced != str(size_bytes):
        raise BadRequest(f"The body has {announced[:20]} bytes where {size_bytes} were expected: nothing was kept.")
    try:
        seen_bytes = await receive_body(request, take, limit_bytes=size_bytes)
    except ClientDisconnect as err:
        raise BadRequest("The connection ended in the middle of the body: nothing was kept.") from err
    if seen_bytes != size_bytes:
        raise BadRequest(f"The body ended after {seen_bytes} of {size_bytes} bytes: nothing was kept. Send it again.")
