"""Xorbs: header walk, bounded decompression, validation, and the compact index of where chunks end.

Every function takes a buffer (best a memory map) and slices it without copying. Source: protocol/xet.md 5 and 10.
"""

import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import sub
from typing import Final

import lz4.block
import lz4.frame

from freehold.xetkit import hashes
from freehold.xetkit.errors import InvalidXet
from freehold.xetkit.hashes import Buffer

HEADER_BYTES: Final = 8
MAX_CHUNKS: Final = 8192
MAX_CHUNK_RAW_BYTES: Final = 128 << 10
MAX_CHUNK_STORED_BYTES: Final = 256 << 10
MAX_RAW_BYTES: Final = 64 << 20
MAX_FOOTER_BYTES: Final = 256 + 40 * MAX_CHUNKS
#: Clients cut on raw bytes, so incompressible data passes 64 MiB by its headers. Source: xet.md 2.
MAX_BODY_BYTES: Final = MAX_RAW_BYTES + HEADER_BYTES * MAX_CHUNKS + MAX_FOOTER_BYTES

NONE, LZ4, GROUPED_LZ4 = 0, 1, 2

_header = struct.Struct("<II")
_u32 = struct.Struct("<I")
_FOOTER_IDENT = b"XETBLOB"
_INDEX_MAGIC = b"FHXI\x01\x00\x00\x00"


@dataclass(frozen=True)
class Index:
    """Where each chunk of a xorb ends, and what it hashes to.

    ``hashes`` is the chunks' raw hashes joined; ``stored_ends`` are end offsets in the serialised xorb, headers
    included; ``raw_ends`` are end offsets in the uncompressed data. All of one length, the number of chunks.
    """

    hashes: bytes
    stored_ends: "array[int]"
    raw_ends: "array[int]"

    def __len__(self) -> int:
        return len(self.raw_ends)

    @property
    def stored_bytes(self) -> int:
        return self.stored_ends[-1]

    @property
    def raw_bytes(self) -> int:
        return self.raw_ends[-1]

    def stored_start(self, chunk: int) -> int:
        return self.stored_ends[chunk - 1] if chunk else 0

    def raw_start(self, chunk: int) -> int:
        return self.raw_ends[chunk - 1] if chunk else 0

    def raw_length(self, start: int, end: int) -> int:
        """Uncompressed bytes of the chunks ``[start, end)``."""
        return self.raw_start(end) - self.raw_start(start)

    def lengths(self, start: int = 0, end: int | None = None) -> list[int]:
        """Uncompressed length of each chunk of ``[start, end)``."""
        ends = self.raw_ends[start:end]
        return list(map(sub, ends, chain((self.raw_start(start),), ends)))

    def hash_list(self, start: int = 0, end: int | None = None) -> list[bytes]:
        """Hash of each chunk of ``[start, end)``."""
        return hashes.split(memoryview(self.hashes)[start * hashes.SIZE : None if end is None else end * hashes.SIZE])

    def range_hash(self, start: int, end: int) -> bytes:
        """Verification hash of the chunks ``[start, end)``."""
        return hashes.range_of(memoryview(self.hashes)[start * hashes.SIZE : end * hashes.SIZE])

    def chunk_at(self, raw_offset: int) -> int:
        """The chunk that holds the uncompressed byte ``raw_offset``."""
        return bisect_right(self.raw_ends, raw_offset)

    def xorb_hash(self) -> bytes:
        return hashes.xorb(self.hash_list(), self.lengths())

    def encode(self) -> bytes:
        """The index as it is kept beside its xorb: magic, count, then the three columns, little-endian u32."""
        columns = b"".join(_little_endian(column).tobytes() for column in (self.stored_ends, self.raw_ends))
        return _INDEX_MAGIC + _u32.pack(len(self)) + self.hashes + columns


def decode_index(encoded: Buffer) -> Index:
    """Read what :meth:`Index.encode` wrote. Raises :class:`InvalidXet` when it is damaged."""
    view = memoryview(encoded)
    if len(view) < 12 or bytes(view[:8]) != _INDEX_MAGIC:
        raise InvalidXet("A chunk index does not start as one.")
    (count,) = _u32.unpack_from(view, 8)
    if not 1 <= count <= MAX_CHUNKS or len(view) != 12 + count * (hashes.SIZE + 8):
        raise InvalidXet("A chunk index has the wrong length.")
    ends_at = 12 + count * hashes.SIZE
    stored, raw = array("I"), array("I")
    stored.frombytes(view[ends_at : ends_at + 4 * count])
    raw.frombytes(view[ends_at + 4 * count :])
    index = Index(bytes(view[12:ends_at]), _little_endian(stored), _little_endian(raw))
    if not _rises(index.stored_ends) or not _rises(index.raw_ends) or index.raw_bytes > MAX_RAW_BYTES:
        raise InvalidXet("A chunk index does not rise.")
    return index


def validate(body: Buffer, claimed: bytes) -> Index:
    """Check a whole xorb against the hash it is uploaded under, and index it.

    Every header, every chunk's exact length and hash, and the merkle root. A footer is accepted, and not part of the
    index: keep only the first ``index.stored_bytes`` bytes. Raises :class:`InvalidXet` naming what is wrong.
    Source: xet.md 10.
    """
    with memoryview(body) as view:
        return Validation(view).finish(len(view), claimed)


class Validation:
    """:func:`validate` while the body is still arriving: the newest bytes are then still in the processor's cache.

    ``view`` is the place where the body grows (a memory map); it may be longer than the body will be.
    """

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._at = 0
        self._in_footer = False
        self._raw_end = 0
        self._digests: list[bytes] = []
        self._stored_ends, self._raw_ends = array("I"), array("I")

    def advance(self, available: int) -> None:
        """Check every chunk that is whole within the first ``available`` bytes. Raises :class:`InvalidXet`."""
        while not self._in_footer and self._at + HEADER_BYTES <= available:
            if self._digests and self._view[self._at] == _FOOTER_IDENT[0]:
                self._in_footer = True
                return
            scheme, start, end, raw_bytes = _chunk_header(self._view, self._at)
            if end > available:
                return
            self._count(raw_bytes)
            with self._view[start:end] as stored:
                self._digests.append(hashes.chunk(expand(scheme, stored, raw_bytes)))
            self._stored_ends.append(end)
            self._raw_ends.append(self._raw_end)
            self._at = end

    def finish(self, size: int, claimed: bytes) -> Index:
        """The index of the whole body of ``size`` bytes, which hashes to ``claimed``. Raises :class:`InvalidXet`."""
        if size > MAX_BODY_BYTES:
            raise InvalidXet(f"A xorb has at most {MAX_BODY_BYTES} bytes.")
        self.advance(size)
        if not self._digests:
            raise InvalidXet("A xorb holds at least one chunk.")
        if self._in_footer:
            _check_footer(self._view[self._at : size])
        elif self._at != size:
            raise InvalidXet("A xorb ends inside a chunk.")
        index = Index(b"".join(self._digests), self._stored_ends, self._raw_ends)
        if hashes.xorb(self._digests, index.lengths()) != claimed:
            raise InvalidXet("The xorb's chunks do not hash to its name.")
        return index

    def _count(self, raw_bytes: int) -> None:
        self._raw_end += raw_bytes
        if len(self._digests) == MAX_CHUNKS or self._raw_end > MAX_RAW_BYTES:
            raise InvalidXet(f"A xorb holds at most {MAX_CHUNKS} chunks and {MAX_RAW_BYTES} bytes.")


def expand(scheme: int, stored: Buffer, raw_bytes: int) -> Buffer:
    """The uncompressed chunk, exactly ``raw_bytes`` long; never more than that plus one byte is produced.

    Scheme 0 returns ``stored`` itself. Raises :class:`InvalidXet`.
    """
    if scheme == NONE:
        data: Buffer = stored
    elif scheme == LZ4:
        data = _lz4(stored, raw_bytes)
    elif scheme == GROUPED_LZ4:
        data = _ungrouped(_lz4(stored, raw_bytes))
    else:
        raise InvalidXet(f"A chunk is stored by scheme {scheme}; 0, 1 and 2 exist.")
    if len(data) != raw_bytes:
        raise InvalidXet("A chunk does not have the length its header says.")
    return data


def chunks(stored: Buffer, count: int) -> Iterator[Buffer]:
    """Uncompressed chunks of a piece of a xorb that starts at a chunk's header and holds ``count`` of them.

    Raises :class:`InvalidXet` when the piece is damaged or short.
    """
    view = memoryview(stored)
    at = 0
    for _ in range(count):
        scheme, start, end, raw_bytes = _chunk_header(view, at)
        if end > len(view):
            raise InvalidXet("A piece of a xorb ends inside a chunk.")
        yield expand(scheme, view[start:end], raw_bytes)
        at = end


def _chunk_header(view: memoryview, at: int) -> tuple[int, int, int, int]:
    start = at + HEADER_BYTES
    if start > len(view):
        raise InvalidXet("A xorb ends inside a chunk header.")
    version_stored, scheme_raw = _header.unpack_from(view, at)
    stored_bytes, raw_bytes = version_stored >> 8, scheme_raw >> 8
    if version_stored & 0xFF:
        raise InvalidXet("A chunk header has a version other than 0.")
    if not 0 < raw_bytes <= MAX_CHUNK_RAW_BYTES or stored_bytes > MAX_CHUNK_STORED_BYTES:
        raise InvalidXet("A chunk is empty or larger than 128 KiB.")
    return scheme_raw & 0xFF, start, start + stored_bytes, raw_bytes


def _check_footer(footer: memoryview) -> None:
    """A footer is told by its ident and its own length; its content is dropped, because the index is recomputed."""
    if bytes(footer[:7]) != _FOOTER_IDENT or not 44 <= len(footer) <= MAX_FOOTER_BYTES:
        raise InvalidXet("After the last chunk of a xorb stands something that is no footer.")
    (length,) = _u32.unpack_from(footer, len(footer) - 4)
    if length + 4 != len(footer):
        raise InvalidXet("A xorb's footer does not end where it says.")


# ---- compression ----------------------------------------------------------------------------------------------------


def _plain_frame_heads() -> dict[bytes, int]:
    """Heads of frames with independent blocks and nothing optional, by block size: what real clients write."""
    heads = {}
    for block_id, block_bytes in ((4, 64 << 10), (5, 256 << 10), (6, 1 << 20), (7, 4 << 20)):
        context = lz4.frame.create_compression_context()
        heads[bytes(lz4.frame.compress_begin(context, block_size=block_id, block_linked=False))] = block_bytes
    return heads


_PLAIN_HEADS = _plain_frame_heads()
_STORED_BLOCK = 0x80000000


def _lz4(frame: Buffer, raw_bytes: int) -> Buffer:
    """Decompress one LZ4 frame that fills ``frame``, producing at most ``raw_bytes`` (plus one, to see more).

    Frames of one single block, which is all that clients are seen to write, go through the block decoder: it is up to
    twice as fast, and its output is bounded in the same way. Source: xet.md 5.2 and 13.
    """
    block_bytes = _PLAIN_HEADS.get(bytes(frame[:7]), 0)
    if block_bytes >= raw_bytes and len(frame) >= 15:
        (size,) = _u32.unpack_from(frame, 7)
        if 11 + (size & ~_STORED_BLOCK) + 4 == len(frame) and bytes(frame[-4:]) == b"\0\0\0\0" and size:
            return frame[11:-4] if size & _STORED_BLOCK else _lz4_block(frame[11:-4], raw_bytes)
    return _lz4_frame(frame, raw_bytes)


def _lz4_block(block: Buffer, raw_bytes: int) -> bytes:
    try:
        data: bytes = lz4.block.decompress(block, uncompressed_size=raw_bytes)
    except (lz4.block.LZ4BlockError, ValueError) as err:
        raise InvalidXet("A chunk is not valid LZ4, or longer than its header says.") from err
    return data


def _lz4_frame(frame: Buffer, raw_bytes: int) -> bytes:
    context = lz4.frame.create_decompression_context()
    try:
        data, read, ended = lz4.frame.decompress_chunk(context, frame, max_length=raw_bytes + 1)
    except (RuntimeError, ValueError) as err:
        raise InvalidXet("A chunk is not a valid LZ4 frame.") from err
    if not ended or read != len(frame):
        raise InvalidXet("A chunk is not one whole LZ4 frame of the length its header says.")
    return bytes(data)


def _ungrouped(grouped: Buffer) -> bytearray:
    """Undo byte grouping: four runs, of the bytes at positions 0, 1, 2 and 3 modulo 4. Source: xet.md 5.2, 14.6."""
    data = bytearray(len(grouped))
    view, start = memoryview(grouped), 0
    for position in range(4):
        end = start + (len(grouped) + 3 - position) // 4
        data[position::4] = view[start:end]
        start = end
    return data


def _little_endian(column: "array[int]") -> "array[int]":
    if sys.byteorder == "little":
        return column
    swapped = array("I", column)
    swapped.byteswap()
    return swapped


def _rises(ends: "array[int]") -> bool:
    return ends[0] > 0 and all(a < b for a, b in pairwise(ends))
