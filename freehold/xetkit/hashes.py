"""The hashes of the protocol: BLAKE3 in keyed mode throughout, 32 bytes each. Source: protocol/xet.md 3."""

import re
import struct
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from blake3 import blake3

from freehold.xetkit.errors import InvalidXet

Buffer: TypeAlias = bytes | bytearray | memoryview

SIZE = 32
ZERO = bytes(SIZE)
DATA_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
VERIFY_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")
FILE_KEY = ZERO

_MAX_GROUP = 9
_words = struct.Struct("<4Q")
_hex64 = re.compile(r"[0-9a-f]{64}")


def text(digest: bytes) -> str:
    """The string form of 32 bytes: four little-endian u64 in hex. Not plain hex. Source: xet.md 3.2."""
    return "{:016x}{:016x}{:016x}{:016x}".format(*_words.unpack(digest))


def parse(string: str) -> bytes:
    """The 32 bytes behind a string form; also turns a SHA-256 in hex into its shard form.

    Raises :class:`InvalidXet` unless it is 64 lower-case hex digits.
    """
    if not _hex64.fullmatch(string):
        raise InvalidXet("A Xet hash is 64 lower-case hex digits.")
    return struct.pack(">4Q", *_words.unpack(bytes.fromhex(string)))


def chunk(data: Buffer) -> bytes:
    """Hash of a chunk's uncompressed bytes."""
    return blake3(data, key=DATA_KEY).digest()


def xorb(hashes: Sequence[bytes], lengths: Sequence[int]) -> bytes:
    """Hash of a xorb: the merkle root over its chunks' hashes and uncompressed lengths, in order."""
    return _merkle_root(hashes, lengths)


def file(hashes: Sequence[bytes], lengths: Sequence[int]) -> bytes:
    """Hash of a file from all its chunks; 32 zero bytes for the empty file."""
    return blake3(_merkle_root(hashes, lengths), key=FILE_KEY).digest() if hashes else ZERO


def range_of(hashes: Buffer) -> bytes:
    """Verification hash of a run of chunks, given their raw 32-byte hashes joined."""
    return blake3(hashes, key=VERIFY_KEY).digest()


def keyed(key: bytes, chunk_hashes: Iterable[bytes]) -> list[bytes]:
    """Chunk hashes as a dedup answer shows them. The protocol's "HMAC" is BLAKE3 keyed mode. Source: xet.md 3.3."""
    return [blake3(digest, key=key).digest() for digest in chunk_hashes]


def is_eligible(chunk_hash: bytes) -> bool:
    """Clients may ask for this chunk wherever it stands in a file: last u64 divisible by 1024. Source: xet.md 2."""
    return chunk_hash[24] == 0 and not chunk_hash[25] & 3


def split(joined: Buffer) -> list[bytes]:
    """Joined 32-byte hashes, one by one."""
    raw = bytes(joined)
    return [raw[at : at + SIZE] for at in range(0, len(raw), SIZE)]


class FileHash:
    """:func:`file` of chunks that come in runs: it holds an open group a level, and not the chunks of a whole file.

    A shard of a few kilobytes can name a chunk millions of times.
    """

    def __init__(self) -> None:
        self._levels: list[tuple[list[bytes], list[int]]] = []  # of each level, the nodes that no group holds yet

    def add(self, hashes: list[bytes], lengths: list[int]) -> None:
        """The next chunks of the file."""
        level = 0
        while hashes:
            if level == len(self._levels):
                self._levels.append(([], []))
            waiting = self._levels[level]
            waiting[0].extend(hashes)
            waiting[1].extend(lengths)
            hashes, lengths, grouped = _groups(*waiting, is_end=False)
            del waiting[0][:grouped], waiting[1][:grouped]
            level += 1

    def digest(self) -> bytes:
        """The file's hash; nothing may be added afterwards."""
        hashes: list[bytes] = []
        lengths: list[int] = []
        for above, (waiting, waiting_lengths) in enumerate(self._levels, 1):
            hashes, lengths = waiting + hashes, waiting_lengths + lengths
            if above < len(self._levels):
                hashes, lengths, _ = _groups(hashes, lengths, is_end=True)
        return file(hashes, lengths)


def _merkle_root(hashes: Sequence[bytes], lengths: Sequence[int]) -> bytes:
    if not hashes:
        return ZERO
    while len(hashes) > 1:
        hashes, lengths, _ = _groups(hashes, lengths, is_end=True)
    return hashes[0]


def _groups(hashes: Sequence[bytes], lengths: Sequence[int], *, is_end: bool) -> tuple[list[bytes], list[int], int]:
    """Cut one level in groups and hash each: the nodes of the level above, and how many of this one they hold.

    A level has at most a third of the nodes of the one below, and a tail, which is a group only where the level ends.
    """
    unpack = _words.unpack
    lines = [b"%016x%016x%016x%016x : %d\n" % (*unpack(h), n) for h, n in zip(hashes, lengths, strict=True)]
    up_hashes, up_lengths = [], []
    start, count = 0, len(hashes)
    while start < count:
        end = _group_end(hashes, start, count)
        if not is_end and not _is_closed(hashes, start, end):
            break
        up_hashes.append(blake3(b"".join(lines[start:end]), key=NODE_KEY).digest())
        up_lengths.append(sum(lengths[start:end]))
        start = end
    return up_hashes, up_lengths, start


def _group_end(hashes: Sequence[bytes], start: int, count: int) -> int:
    """A group closes after its third or later node whose last u64 is divisible by 4, at nine nodes, or at the end."""
    limit = min(start + _MAX_GROUP, count)
    for at in range(start + 2, limit):
        if not hashes[at][24] & 3:
            return at + 1
    return limit


def _is_closed(hashes: Sequence[bytes], start: int, end: int) -> bool:
    """Whether nodes to come cannot join the group."""
    return end - start == _MAX_GROUP or (end - start > 2 and not hashes[end - 1][24] & 3)
