"""The index as a file: pieces after each other, each with its length and a checksum.

What a piece means is told by its place: each part of the engine writes its own and reads them in the same order.
Nothing here is meant for another machine or another release: whoever finds a file that is not theirs builds anew.
A file is whole under its name or not there at all, whatever ends the process that writes it.
"""

import fcntl
import json
import os
import struct
import sys
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from pyroaring import BitMap

#: Raised whenever anything in this package writes another piece, or the same one otherwise.
FORMAT = 2
_NAME, _TRIED, _UNFINISHED = "snapshot", "snapshot.tried", "*.new"
_MAGIC = f"freehold index {FORMAT} {sys.byteorder}\n".encode()
_PIECE = struct.Struct("<QI")
#: Sets in one piece.
SETS = 256


class Unusable(Exception):
    """No snapshot, a damaged one, or somebody else's."""


def write(folder: Path, save: Callable[["Out"], None]) -> None:
    """What ``save`` writes is the snapshot in ``folder``. Raises :class:`OSError`; the one before is there then."""
    fresh = folder / f"{os.getpid()}{_UNFINISHED[1:]}"
    try:
        with open(fresh, "wb", opener=_private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # as long as somebody writes it
            out = Out(file)
            save(out)
            out.end()
            os.fsync(file.fileno())
        fresh.replace(folder / _NAME)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def reading(folder: Path) -> Iterator["In"]:
    """The snapshot in ``folder``. What is wrong with it ends in :class:`Unusable`, whatever it is."""
    try:
        with (folder / _NAME).open("rb") as file:
            yield In(file)
    except FileNotFoundError as err:
        raise Unusable("there is none") from err
    except (OSError, ValueError, TypeError, LookupError, AttributeError, struct.error) as err:
        # Its pieces are whole, and say what none of ours would.
        raise Unusable(f"it cannot be read: {err}") from err


@contextmanager
def on_trial(folder: Path) -> Iterator[None]:
    """Should the process end meanwhile, the snapshot is not tried again."""
    (folder / _NAME).rename(folder / _TRIED)
    yield
    (folder / _TRIED).rename(folder / _NAME)


def clear(folder: Path) -> None:
    """What a process that was killed began to write or to read is gone."""
    with suppress(OSError):
        (folder / _TRIED).unlink()
    for path in folder.glob(_UNFINISHED):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def forget(folder: Path) -> None:
    """There is none."""
    clear(folder)
    with suppress(OSError):
        (folder / _NAME).unlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)  # it holds names of private repositories


class Out:
    """Writes pieces. End with :meth:`end`: what has none was cut off."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.write(_MAGIC)

    def piece(self, data: Any) -> None:
        """Anything that is made of bytes."""
        view = memoryview(data).cast("B")
        self._file.write(_PIECE.pack(len(view), zlib.crc32(view)))
        self._file.write(view)

    def value(self, value: Any) -> None:
        """Anything that JSON knows."""
        self.piece(json.dumps(value, separators=(",", ":")).encode())

    def sets(self, sets: Sequence[BitMap]) -> None:
        self.value(len(sets))
        for start in range(0, len(sets), SETS):
            data = [one.serialize() for one in sets[start : start + SETS]]
            self.piece(array("Q", map(len, data)))
            self.piece(b"".join(data))

    def end(self) -> None:
        self.value("end")
        self._file.flush()


class In:
    """Reads the pieces of a file in the order in which they were written. Everything raises :class:`Unusable`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left = file, os.fstat(file.fileno()).st_size
        if self._read(len(_MAGIC)) != _MAGIC:
            raise Unusable("it is of another release or another machine")

    def piece(self) -> bytes:
        length, checksum = _PIECE.unpack(self._read(_PIECE.size))
        data = self._read(length)
        if zlib.crc32(data) != checksum:
            raise Unusable("it is damaged")
        return data

    def value(self) -> Any:
        return json.loads(self.piece())

    def array(self, kind: str) -> "array[int]":
        found: array[int] = array(kind)
        found.frombytes(self.piece())
        return found

    def sets(self) -> list[BitMap]:
        number, found = self.value(), list[BitMap]()
        while len(found) < number:
            lengths = self.array("Q")
            data, at = self.piece(), 0
            for length in lengths:
                found.append(BitMap.deserialize(data[at : at + length]))
                at += length
        return found

    def end(self) -> None:
        if self.value() != "end":
            raise Unusable("it does not end where it should")

    def _read(self, length: int) -> bytes:
        self._left -= length
        data = self._file.read(length) if self._left >= 0 else b""  # a length may say anything
        if len(data) < length:
            raise Unusable("it ends too soon")
        return data


def moved(these: BitMap, by: int) -> BitMap:
    """The same set, its slots that much higher."""
    return these.shift(by) if by else these
