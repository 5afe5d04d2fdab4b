"""Recipes: which chunks of which xorbs rebuild a file; plans for a byte range; and the rebuilding itself.

Source: protocol/xet.md 8.4 and 12.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, TypeAlias

from freehold.xetkit import hashes, xorbs
from freehold.xetkit.errors import InvalidXet
from freehold.xetkit.hashes import Buffer
from freehold.xetkit.xorbs import Index

#: About this much of a xorb is read, expanded and handed on at a time.
PIECE_BYTES: Final = 1 << 20

_packed = struct.Struct("<32sIII")


@dataclass(frozen=True)
class Term:
    """The chunks ``[start, end)`` of a xorb, ``raw_bytes`` of uncompressed data."""

    xorb_hash: bytes
    start: int
    end: int
    raw_bytes: int


@dataclass(frozen=True)
class Fetch:
    """One piece of a xorb to fetch: chunks ``[start, end)`` at serialised bytes ``[byte_start, byte_end)``."""

    start: int
    end: int
    byte_start: int
    byte_end: int


@dataclass(frozen=True)
class Plan:
    """How to rebuild a byte range: terms trimmed to the chunks needed, and what to fetch of each xorb.

    ``skip_bytes`` of the first term come before the range (``offset_into_first_range``); whoever reads cuts the end.
    """

    skip_bytes: int
    terms: tuple[Term, ...]
    fetches: dict[bytes, tuple[Fetch, ...]]


#: The index of a xorb by its hash; whoever passes one makes sure that the xorb exists.
IndexOf: TypeAlias = Callable[[bytes], Index]
#: ``read(xorb hash, byte start, byte end)`` gives serialised bytes of a xorb.
Read: TypeAlias = Callable[[bytes, int, int], Buffer]
#: ``address(xorb hash, fetch)`` gives the URL under which a client may fetch exactly those bytes.
Address: TypeAlias = Callable[[bytes, Fetch], str]


def pack(terms: Iterable[Term]) -> bytes:
    """Terms as they are kept: 44 bytes each."""
    return b"".join(_packed.pack(term.xorb_hash, term.start, term.end, term.raw_bytes) for term in terms)


def unpack(packed: bytes) -> list[Term]:
    """Read what :func:`pack` wrote. Raises :class:`InvalidXet` when it is damaged."""
    if len(packed) % _packed.size:
        raise InvalidXet("A kept recipe has a broken length.")
    terms = [Term(*record) for record in _packed.iter_unpack(packed)]
    if any(not t.start < t.end <= xorbs.MAX_CHUNKS or not 0 < t.raw_bytes <= xorbs.MAX_RAW_BYTES for t in terms):
        raise InvalidXet("A kept recipe has a term without chunks.")
    return terms


def plan(terms: Sequence[Term], start: int, end: int, index_of: IndexOf) -> Plan:
    """Plan the bytes ``[start, end)`` of a file.

    ``end`` past the file is cut back; ``start`` must lie inside it. The whole of an empty file is an empty plan.
    """
    ends = list(accumulate(term.raw_bytes for term in terms))
    size = ends[-1] if ends else 0
    end = min(end, size)
    if size == 0:
        return Plan(0, (), {})
    assert 0 <= start < end, "a plan needs at least one byte of the file"
    first, last = bisect_right(ends, start), bisect_right(ends, end - 1)
    skip, trimmed = 0, list(terms[first : last + 1])
    trimmed[-1] = _without_tail(trimmed[-1], ends[last] - end, index_of)
    trimmed[0], skip = _without_head(trimmed[0], start - (ends[first] - terms[first].raw_bytes), index_of)
    return Plan(skip, tuple(trimmed), _fetches(trimmed, index_of))


def _without_tail(term: Term, spare_bytes: int, index_of: IndexOf) -> Term:
    """Drop the chunks of which the last ``spare_bytes`` of the term are whole."""
    index = index_of(term.xorb_hash)
    end = index.chunk_at(index.raw_ends[term.end - 1] - spare_bytes - 1) + 1
    return Term(term.xorb_hash, term.start, end, index.raw_length(term.start, end))


def _without_head(term: Term, spare_bytes: int, index_of: IndexOf) -> tuple[Term, int]:
    """Drop whole chunks from the first ``spare_bytes``; also gives how many bytes are still to be skipped."""
    index = index_of(term.xorb_hash)
    begin = index.raw_start(term.start)
    start = index.chunk_at(begin + spare_bytes)
    skip = begin + spare_bytes - index.raw_start(start)
    return Term(term.xorb_hash, start, term.end, index.raw_length(start, term.end)), skip


def _fetches(terms: Iterable[Term], index_of: IndexOf) -> dict[bytes, tuple[Fetch, ...]]:
    """Chunk ranges of each xorb, overlapping and touching ones merged, with their serialised bytes."""
    wanted: dict[bytes, list[tuple[int, int]]] = {}
    for term in terms:
        wanted.setdefault(term.xorb_hash, []).append((term.start, term.end))
    fetches = {}
    for xorb_hash, ranges in wanted.items():
        index = index_of(xorb_hash)
        fetches[xorb_hash] = tuple(
            Fetch(start, end, index.stored_start(start), index.stored_ends[end - 1]) for start, end in _merged(ranges)
        )
    return fetches


def _merged(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    ranges.sort()
    start, end = ranges[0]
    for next_start, next_end in ranges[1:]:
        if next_start > end:
            yield start, end
            start, end = next_start, next_end
        else:
            end = max(end, next_end)
    yield start, end


# ---- shapes on the wire ---------------------------------------------------------------------------------------------


def as_v2(plan: Plan, address: Address) -> dict[str, object]:
    """The v2 answer: one entry, with one address, per range, so that every GET is a plain single range.

    Byte ranges are end-inclusive, chunk ranges end-exclusive. Source: xet.md 8.4.
    """
    return _head(plan) | {
        "xorbs": {
            hashes.text(xorb): [
                {"url": address(xorb, fetch), "ranges": [{"chunks": _chunks(fetch), "bytes": _bytes(fetch)}]}
                for fetch in fetches
            ]
            for xorb, fetches in plan.fetches.items()
        }
    }


def as_v1(plan: Plan, address: Address) -> dict[str, object]:
    """The v1 answer: the same, spelled ``fetch_info``."""
    return _head(plan) | {"fetch_info": fetch_info(plan, address)}


def fetch_info(plan: Plan, address: Address) -> dict[str, list[dict[str, object]]]:
    return {
        hashes.text(xorb): [
            {"range": _chunks(fetch), "url": address(xorb, fetch), "url_range": _bytes(fetch)} for fetch in fetches
        ]
        for xorb, fetches in plan.fetches.items()
    }


def wire_terms(plan: Plan) -> list[dict[str, object]]:
    return [
        {"hash": hashes.text(t.xorb_hash), "unpacked_length": t.raw_bytes, "range": {"start": t.start, "end": t.end}}
        for t in plan.terms
    ]


def _head(plan: Plan) -> dict[str, object]:
    return {"offset_into_first_range": plan.skip_bytes, "terms": wire_terms(plan)}


def _chunks(fetch: Fetch) -> dict[str, int]:
    return {"start": fetch.start, "end": fetch.end}


def _bytes(fetch: Fetch) -> dict[str, int]:
    return {"start": fetch.byte_start, "end": fetch.byte_end - 1}


# ---- rebuilding -----------------------------------------------------------------------------------------------------


def rebuild(terms: Sequence[Term], start: int, end: int, index_of: IndexOf, read: Read) -> Iterator[bytes]:
    """The bytes ``[start, end)`` of a file, in pieces of about :data:`PIECE_BYTES`.

    Raises :class:`InvalidXet` when stored bytes are damaged: what came before is right, the rest is missing.
    """
    held: list[Buffer] = []
    held_bytes = 0
    for buffer in rebuild_buffers(terms, start, end, index_of, read):
        held.append(buffer)
        held_bytes += len(buffer)
        if held_bytes >= PIECE_BYTES:
            yield b"".join(held)
            held, held_bytes = [], 0
    if held:
        yield b"".join(held)


def rebuild_buffers(terms: Sequence[Term], start: int, end: int, index_of: IndexOf, read: Read) -> Iterator[Buffer]:
    """The same, chunk by chunk, and without a copy where a chunk is stored as it is: for hashing.

    A buffer is good until the next one is asked for.
    """
    made = plan(terms, start, end, index_of)
    skip, left = made.skip_bytes, min(end, sum(term.raw_bytes for term in terms)) - start
    for term in made.terms:
        for buffer in _term_buffers(term, index_of(term.xorb_hash), read):
            cut = memoryview(buffer)[skip : skip + left] if skip or left < len(buffer) else buffer
            skip, left = 0, left - len(cut)
            yield cut


def _term_buffers(term: Term, index: Index, read: Read) -> Iterator[Buffer]:
    for first, last in _runs(term, index):
        stored = read(term.xorb_hash, index.stored_start(first), index.stored_ends[last - 1])
        for length, buffer in zip(index.lengths(first, last), xorbs.chunks(stored, last - first), strict=True):
            if len(buffer) != length:
                raise InvalidXet("A kept xorb does not agree with its index.")
            yield buffer


def _runs(term: Term, index: Index) -> Iterator[tuple[int, int]]:
    """Cut a term's chunks in runs of at most :data:`PIECE_BYTES` of serialised data, at least one chunk each."""
    first = term.start
    while first < term.end:
        limit = index.stored_start(first) + PIECE_BYTES
        last = max(first + 1, min(bisect_right(index.stored_ends, limit), term.end))
        yield first, last
        first = last
