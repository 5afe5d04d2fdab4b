"""Xet bytes as a client writes them, built apart from the code under test: only hashes are shared."""

import hashlib
import struct
from collections.abc import Sequence

import lz4.frame

from freehold.xetkit import hashes

Chunk = tuple[bytes, int]  # data, scheme


def stream(size: int) -> bytes:
    """The protocol's test stream. Source: xet.md 14.1."""
    blocks = (hashlib.sha256(b"xet-vector-1-%d" % at).digest() for at in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def stored(data: bytes, scheme: int) -> bytes:
    if scheme == 0:
        return data
    grouped = b"".join(data[at::4] for at in range(4)) if scheme == 2 else data
    return lz4.frame.compress(grouped, block_linked=False, store_size=False, block_size=5)


def header(stored_bytes: int, raw_bytes: int, scheme: int, version: int = 0) -> bytes:
    fields = (version, stored_bytes & 0xFFFF, stored_bytes >> 16, scheme, raw_bytes & 0xFFFF, raw_bytes >> 16)
    return struct.pack("<BHBBHB", *fields)


def xorb(chunks: Sequence[Chunk]) -> tuple[bytes, bytes]:
    """The serialised xorb and its hash."""
    bodies = [(stored(data, scheme), len(data), scheme) for data, scheme in chunks]
    body = b"".join(header(len(kept), raw, scheme) + kept for kept, raw, scheme in bodies)
    return body, hashes.xorb([hashes.chunk(data) for data, _ in chunks], [len(data) for data, _ in chunks])


def record(digest: bytes, *numbers: int) -> bytes:
    return digest + struct.pack("<4I", *numbers)


def shard(
    files: Sequence[tuple[bytes, Sequence[tuple[bytes, int, int, int]], Sequence[bytes], str | None]],
    xorbs: Sequence[tuple[bytes, Sequence[tuple[bytes, int]]]] = (),
) -> bytes:
    """A shard as uploaded.

    ``files``: file hash, terms (xorb, raw bytes, start, end), range hashes, sha256 in hex or None.
    ``xorbs``: xorb hash, chunks (hash, length).
    """
    bookend = b"\xff" * 32 + bytes(16)
    out = [bytes.fromhex("48465265706f4d6574614461746100556967456a7b815783a5bdd95ccdd14aa9"), struct.pack("<QQ", 2, 0)]
    for file_hash, terms, proofs, sha256 in files:
        out.append(record(file_hash, 0x80000000 | (0x40000000 if sha256 else 0), len(terms), 0, 0))
        out += [record(digest, 0, raw, start, end) for digest, raw, start, end in terms]
        out += [record(proof, 0, 0, 0, 0) for proof in proofs]
        out += [record(hashes.parse(sha256), 0, 0, 0, 0)] if sha256 else []
    out.append(bookend)
    for xorb_hash, chunks in xorbs:
        out.append(record(xorb_hash, 0, len(chunks), sum(length for _, length in chunks), 0))
        offset = 0
        for digest, length in chunks:
            out.append(record(digest, offset, length, 0, 0))
            offset += length
    return b"".join([*out, bookend])
