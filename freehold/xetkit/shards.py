"""Shards: parse what a client registers, build dedup answers. Source: protocol/xet.md 6, 10 and 14.5."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from freehold.xetkit import hashes
from freehold.xetkit.errors import InvalidXet
from freehold.xetkit.hashes import Buffer
from freehold.xetkit.recipes import Term
from freehold.xetkit.xorbs import MAX_CHUNK_RAW_BYTES, MAX_CHUNKS, MAX_RAW_BYTES, Index

MAX_BYTES: Final = 64 << 20
RECORD_BYTES: Final = 48
FOOTER_BYTES: Final = 200
TAG: Final = bytes.fromhex("48465265706f4d6574614461746100556967456a7b815783a5bdd95ccdd14aa9")
BOOKEND: Final = b"\xff" * 32 + bytes(16)

HAS_VERIFICATION: Final = 1 << 31
HAS_SHA256: Final = 1 << 30

_header = struct.Struct("<32sQQ")
_record = struct.Struct("<32sIIII")


@dataclass(frozen=True)
class File:
    """One file as a client registers it. ``range_hashes`` has one per term; ``sha256`` is the ordinary hex, or None."""

    file_hash: bytes
    terms: tuple[Term, ...]
    range_hashes: tuple[bytes, ...]
    sha256: str | None

    @property
    def size_bytes(self) -> int:
        return sum(term.raw_bytes for term in self.terms)


@dataclass(frozen=True)
class Listed:
    """A xorb the shard says is new: the hashes of its chunks joined, and their uncompressed lengths."""

    xorb_hash: bytes
    chunk_hashes: bytes
    lengths: tuple[int, ...]

    def agrees_with(self, index: Index) -> bool:
        """Whether these are the chunks we found ourselves."""
        return self.chunk_hashes == index.hashes and list(self.lengths) == index.lengths()


@dataclass(frozen=True)
class Shard:
    files: tuple[File, ...]
    xorbs: tuple[Listed, ...]


def parse(body: Buffer) -> Shard:
    """Read an uploaded shard (no footer). Raises :class:`InvalidXet` naming what breaks the format.

    Lengths, counts, bookends and flags are checked here; that its statements are true is for the caller to check
    against its own indexes. Source: xet.md 6 and 10.
    """
    if len(body) > MAX_BYTES:
        raise InvalidXet(f"A shard has at most {MAX_BYTES} bytes.")
    with memoryview(body) as view:
        records = _Records(view)
        tag, version, footer_bytes = records.header()
        if tag != TAG or version != 2:
            raise InvalidXet("A shard starts with its tag and version 2.")
        if footer_bytes:
            raise InvalidXet("An uploaded shard has no footer.")
        files = tuple(_files(records))
        xorbs = tuple(_xorbs(records))
        if not records.at_end:
            raise InvalidXet("A shard goes on after its last bookend.")
    return Shard(files, xorbs)


class _Records:
    """A cursor over 48-byte records that never reads past the end."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._view)

    def header(self) -> tuple[bytes, int, int]:
        tag, version, footer_bytes = _header.unpack(self._take(1))
        return tag, version, footer_bytes

    def next(self) -> tuple[bytes, int, int, int, int]:
        found: tuple[bytes, int, int, int, int] = _record.unpack(self._take(1))
        return found

    def run(self, count: int) -> list[tuple[bytes, int, int, int, int]]:
        """The next ``count`` records; refused before anything is allocated when they cannot be there."""
        return list(_record.iter_unpack(self._take(count)))

    def is_bookend(self) -> bool:
        """Step over a bookend if one is next. All ones cannot be a real hash."""
        if self._view[self._at : self._at + RECORD_BYTES] != BOOKEND:
            return False
        self._at += RECORD_BYTES
        return True

    def _take(self, count: int) -> memoryview:
        end = self._at + count * RECORD_BYTES
        if end > len(self._view):
            raise InvalidXet("A shard ends inside a section.")
        taken = self._view[self._at : end]
        self._at = end
        return taken


def _files(records: _Records) -> Iterable[File]:
    while not records.is_bookend():
        file_hash, flags, count, _, _ = records.next()
        # Every upload proves that it knows the chunks it names. Source: xet.md 6.2 ("mandatory for uploads").
        if flags & ~(HAS_VERIFICATION | HAS_SHA256) or not flags & HAS_VERIFICATION:
            raise InvalidXet("A shard's file has unknown flags or no verification.")
        terms = tuple(_term(*record) for record in records.run(count))
        proofs = tuple(record[0] for record in records.run(count))
        sha256 = hashes.text(records.next()[0]) if flags & HAS_SHA256 else None
        yield File(file_hash, terms, proofs, sha256)


def _term(xorb_hash: bytes, flags: int, raw_bytes: int, start: int, end: int) -> Term:
    if flags or not start < end <= MAX_CHUNKS or not 0 < raw_bytes <= MAX_RAW_BYTES:
        raise InvalidXet("A shard's term has no chunks, or more than a xorb can hold.")
    return Term(xorb_hash, start, end, raw_bytes)


def _xorbs(records: _Records) -> Iterable[Listed]:
    while not records.is_bookend():
        # Sizes told by the client are ignored: it sends 0 for the serialised one. Source: xet.md 6.3.
        xorb_hash, _flags, count, _raw, _stored = records.next()
        if not 1 <= count <= MAX_CHUNKS:
            raise InvalidXet(f"A shard's xorb has 1 to {MAX_CHUNKS} chunks.")
        chunks = records.run(count)
        _check_offsets(chunks)
        yield Listed(xorb_hash, b"".join(chunk[0] for chunk in chunks), tuple(chunk[2] for chunk in chunks))


def _check_offsets(chunks: list[tuple[bytes, int, int, int, int]]) -> None:
    """A chunk starts where the one before ended, in *uncompressed* bytes. Source: xet.md 6.3."""
    offset = 0
    for _, start, length, _flags, _ in chunks:
        if start != offset or not 0 < length <= MAX_CHUNK_RAW_BYTES:
            raise InvalidXet("A shard's xorb has chunks that do not follow each other.")
        offset += length


# ---- dedup answers --------------------------------------------------------------------------------------------------


def dedup_answer(xorbs: Iterable[tuple[bytes, Index]], key: bytes, created_s: int, expires_s: int) -> bytes:
    """A shard that lists ``xorbs`` with their chunk hashes keyed, and a footer that carries ``key`` and its life.

    Times are unix seconds. The lookup tables are left out, which clients accept. Source: xet.md 6.4 and 14.5.
    """
    parts = [_header.pack(TAG, 2, FOOTER_BYTES), BOOKEND]
    raw_total = stored_total = 0
    for xorb_hash, index in xorbs:
        parts.append(_record.pack(xorb_hash, 0, len(index), index.raw_bytes, index.stored_bytes))
        parts.append(_keyed_chunks(index, key))
        raw_total += index.raw_bytes
        stored_total += index.stored_bytes
    parts.append(BOOKEND)
    body = b"".join(parts)
    return body + _footer(len(body), key, created_s, expires_s)


def _keyed_chunks(index: Index, key: bytes) -> bytes:
    offset, records = 0, []
    for digest, length in zip(hashes.keyed(key, index.hash_list()), index.lengths(), strict=True):
        records.append(_record.pack(digest, offset, length, 0, 0))
        offset += length
    return b"".join(records)


def _footer(at: int, key: bytes, created_s: int, expires_s: int) -> bytes:
    """The 200-byte footer of a shard whose file section is empty and whose footer starts at ``at``.

    The statistics stay zero, as in the answer that clients were seen to accept.
    """
    file_section, xorb_section = RECORD_BYTES, 2 * RECORD_BYTES
    offsets = struct.pack("<9Q", 1, file_section, xorb_section, at, 0, at, 0, at, 0)
    return offsets + key + struct.pack("<2Q", created_s, expires_s) + bytes(72) + struct.pack("<Q", at)
