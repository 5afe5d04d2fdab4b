"""Quantised weights of a GGUF file as 16-bit numbers, made once and kept in the node's cache.

Everything that the file says of itself is copied as it stands, but for what its weights are; so nothing is lost that
this program does not know. What a file claims is checked against its size before it is believed.
"""

import hashlib
import math
import mmap
import os
import shutil
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Raised when the same file would be turned into another.
VERSION = 1
#: Of all that is kept: so many bytes, each for so long after it was last used; the one just made always.
MAX_BYTES, MAX_AGE_S = 16 << 30, 30 * 86_400
#: Left free on the disk.
SPARE_BYTES = 1 << 30
#: Of a temporary file that a process left which is gone.
STALE_S = 3_600
MAX_ENTRIES, MAX_TENSORS = 10_000, 100_000
#: Values that are computed at a time.
STEP_VALUES = 1 << 22

F32, F16 = 0, 1
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _ARRAY, _U32 = 8, 9, 4
_LARGEST = 65_504.0  #: of 16-bit numbers


class Unreadable(Exception):
    """The file is no GGUF, or not one that can be turned; why, without a full stop."""


@dataclass(frozen=True)
class _Tensor:
    name: bytes
    shape: tuple[int, ...]
    kind: int
    at: int  #: from the start of the values


def full(path: str, folder: str) -> str:
    """The path of the file with its quantised weights as 16-bit numbers: as kept in ``folder``, else made now.

    Raises :class:`Unreadable`, and :class:`OSError` where it cannot be kept.
    """
    kept = Path(folder) / f"{_digest(path)}-f16-{VERSION}.gguf"
    if not kept.exists():
        Path(folder).mkdir(parents=True, exist_ok=True)
        being_made = Path(folder) / f".{kept.name}.{os.getpid()}"
        try:
            _make(path, being_made)
            being_made.rename(kept)
        finally:
            being_made.unlink(missing_ok=True)
    os.utime(kept)
    tidy(Path(folder), kept)
    return os.fspath(kept)


def words(path: str, prefix: str) -> dict[str, str]:
    """What the file says of itself in words, under keys that begin with ``prefix``. Raises :class:`Unreadable`."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = _Reader(data).words(prefix.encode())
    return {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in found.items()}


def tidy(folder: Path, in_use: Path) -> None:
    """What is kept is within bounds again: the longest unused goes first. A process that has it open keeps it."""
    now, total = time.time(), 0
    for one, seen in sorted(_files(folder), key=lambda found: -found[1].st_mtime):
        age_s = now - seen.st_mtime
        if one.name.startswith("."):
            is_over = age_s > STALE_S
        else:
            total += seen.st_size
            is_over = one != in_use and (age_s > MAX_AGE_S or total > MAX_BYTES)
        if is_over:
            one.unlink(missing_ok=True)


def _files(folder: Path) -> list[tuple[Path, os.stat_result]]:
    found = []
    for one in folder.iterdir():
        try:
            found.append((one, one.stat()))
        except FileNotFoundError:
            continue  # another process was quicker
    return found


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make(path: str, target: Path) -> None:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        _turn(data, target)


def _turn(data: mmap.mmap, target: Path) -> None:
    said = _Reader(data)
    entries, tensors, alignment, start = said.header()
    turned = [_turned(one) for one in tensors]
    sizes = [
        math.prod(one.shape) * 2 if is_turned else _stored(one) for one, is_turned in zip(tensors, turned, strict=True)
    ]
    free = shutil.disk_usage(target.parent).free
    if sum(sizes) + SPARE_BYTES > free:
        raise OSError(28, f"{sum(sizes) / 1e6:,.0f} MB are needed on its disk, and {free / 1e6:,.0f} MB are free")
    with target.open("xb") as out:
        out.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), said.entries) + entries)
        at = 0
        for one, is_turned, size in zip(tensors, turned, sizes, strict=True):
            out.write(struct.pack("<Q", len(one.name)) + one.name + struct.pack("<I", len(one.shape)))
            out.write(struct.pack(f"<{len(one.shape)}Q", *one.shape))
            out.write(struct.pack("<IQ", F16 if is_turned else one.kind, at))
            at += _padded(size, alignment)
        out.write(b"\0" * (-out.tell() % alignment))
        for one, is_turned, size in zip(tensors, turned, sizes, strict=True):
            stored = data[start + one.at : start + one.at + _stored(one)]
            if len(stored) != _stored(one):
                raise Unreadable("the file ends within its weights")
            _write(out, one, stored, is_turned)
            out.write(b"\0" * (-size % alignment))


def _write(out: Any, one: _Tensor, stored: Any, is_turned: bool) -> None:
    import gguf
    import numpy as np

    if not is_turned:
        out.write(stored)
        return
    kind = gguf.GGMLQuantizationType(one.kind)
    values, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = np.frombuffer(stored, np.uint8).reshape(-1, size)
    step = max(1, STEP_VALUES // values)
    for first in range(0, len(blocks), step):
        # As one long row: the library goes row by row.
        wide = gguf.quants.dequantize(blocks[first : first + step].reshape(1, -1), kind)
        out.write(np.clip(wide, -_LARGEST, _LARGEST).astype(np.float16).tobytes())


def _turned(one: _Tensor) -> bool:
    """Whether it is quantised: what is written number by number stays as it is."""
    import gguf

    return gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(one.kind)][0] > 1


def _stored(one: _Tensor) -> int:
    import gguf

    values, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(one.kind)]
    return math.prod(one.shape) // values * size


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


class _Reader:
    """The header, from front to back. Source: the GGUF specification (ggml, docs/gguf.md)."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0
        self.entries = 0

    def header(self) -> tuple[bytes, list[_Tensor], int, int]:
        """The entries as they stand but for the file's type, the tensors, the alignment, and where values begin."""
        tensors = self._begin()
        first, alignment = self._at, 32
        changed: list[int] = []
        for _ in range(self.entries):
            key, kind = self._text(), self._number("<I")
            if key == b"general.file_type" and kind == _U32:
                changed.append(self._at - first)
            if key == b"general.alignment" and kind == _U32:
                alignment = int(struct.unpack("<I", self._data[self._at : self._at + 4])[0])
            self._step_over(kind)
        entries = bytearray(self._data[first : self._at])
        for at in changed:
            entries[at : at + 4] = struct.pack("<I", F16)
        if not 8 <= alignment <= 1 << 16 or alignment & (alignment - 1):
            raise Unreadable("its alignment is no power of two")
        found = [self._tensor() for _ in range(tensors)]
        return bytes(entries), found, alignment, _padded(self._at, alignment)

    def words(self, prefix: bytes) -> dict[bytes, bytes]:
        """The entries that are texts, of keys that begin with ``prefix``."""
        self._begin()
        found = {}
        for _ in range(self.entries):
            key, kind = self._text(), self._number("<I")
            if kind == _TEXT and key.startswith(prefix):
                found[key] = self._text()
            else:
                self._step_over(kind)
        return found

    def _begin(self) -> int:
        """How many tensors there are; the entries come next."""
        if self._take(4) != b"GGUF":
            raise Unreadable("it does not begin with GGUF")
        version, tensors = self._number("<I"), self._number("<Q")
        self.entries = self._number("<Q")
        if version not in (2, 3) or tensors > MAX_TENSORS or self.entries > MAX_ENTRIES:
            raise Unreadable("it claims more than a model has")
        return tensors

    def _tensor(self) -> _Tensor:
        import gguf

        name, dimensions = self._text(), self._number("<I")
        if not 1 <= dimensions <= 4:
            raise Unreadable("a tensor has no shape that a model has")
        shape = tuple(self._number("<Q") for _ in range(dimensions))
        kind, at = self._number("<I"), self._number("<Q")
        try:
            values, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)]
        except (KeyError, ValueError):
            raise Unreadable(f"its weights are of a type that is not known ({kind})") from None
        if math.prod(shape) // values * size > len(self._data) or math.prod(shape) % values or at > len(self._data):
            raise Unreadable("a tensor claims more than the file holds")
        return _Tensor(name, shape, kind, at)

    def _step_over(self, kind: int) -> None:
        if kind == _TEXT:
            self._text()
        elif kind != _ARRAY:
            self._take(self._size(kind))
        else:
            inner, length = self._number("<I"), self._number("<Q")
            if length > len(self._data):
                raise Unreadable("a list in it claims more than the file holds")
            if inner != _TEXT:
                self._take(self._size(inner) * length)
                return
            for _ in range(length):
                self._text()

    def _size(self, kind: int) -> int:
        if kind not in _SIZES:
            raise Unreadable("an entry of it is of a kind that no GGUF has")
        return _SIZES[kind]

    def _number(self, form: str) -> int:
        return int(struct.unpack(form, self._take(struct.calcsize(form)))[0])

    def _text(self) -> bytes:
        return self._take(self._number("<Q"))

    def _take(self, length: int) -> bytes:
        piece = self._data[self._at : self._at + length]
        if len(piece) != length:
            raise Unreadable("the file ends within its header")
        self._at += length
        return piece
