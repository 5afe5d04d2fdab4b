"""Xorbs: real ones are taken, damaged and malicious ones refused with the format's own error."""

import random
import struct
import tracemalloc

import lz4.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.xetkit import hashes, xorbs
from freehold.xetkit.errors import InvalidXet
from tests.xetkit.builders import Chunk, header, stored, stream, xorb

pytestmark = pytest.mark.rules

HELLO = bytes.fromhex("000c0000000c000048656c6c6f20576f726c6421")  # xet.md 14.4
HELLO_HASH = hashes.parse("d8d408e608fb9ca213b9909a65d86d725f2de4d8d540324be8a363e7a6e228cb")

chunk_lists = st.lists(
    st.tuples(st.binary(min_size=1, max_size=300), st.sampled_from([0, 1, 2])), min_size=1, max_size=30
)


def footer(xorb_hash: bytes, index: xorbs.Index) -> bytes:
    """Version 1, as older clients append it. Source: xet.md 5.4."""
    count = struct.pack("<I", len(index))
    bounds = index.stored_ends.tobytes() + index.raw_ends.tobytes()
    body = b"XETBLOB\x01" + xorb_hash + b"XBLBHSH\0" + count + index.hashes + b"XBLBBND\x01" + count + bounds + count
    body += struct.pack("<II", 0, 0) + bytes(16)
    return body + struct.pack("<I", len(body))


def test_the_captured_xorb() -> None:
    index = xorbs.validate(HELLO, HELLO_HASH)
    assert (len(index), index.stored_bytes, index.raw_bytes) == (1, 20, 12)
    assert bytes(next(xorbs.chunks(HELLO, 1))) == b"Hello World!"


@given(chunk_lists)
def test_what_is_written_is_read_back(chunks: list[Chunk]) -> None:
    body, name = xorb(chunks)
    index = xorbs.validate(body, name)
    assert [bytes(c) for c in xorbs.chunks(body, len(index))] == [data for data, _ in chunks]
    assert index.lengths() == [len(data) for data, _ in chunks]
    assert index.hash_list() == [hashes.chunk(data) for data, _ in chunks]
    assert index.stored_bytes == len(body)
    assert index.xorb_hash() == name
    assert xorbs.decode_index(index.encode()) == index


@given(chunk_lists, st.lists(st.integers(0, 12000)))
def test_bytes_may_arrive_in_any_pieces(chunks: list[Chunk], stops: list[int]) -> None:
    body, name = xorb(chunks)
    body += footer(name, xorbs.validate(body, name))
    validation = xorbs.Validation(memoryview(body + bytes(100)))
    for stop in sorted(stops):
        validation.advance(min(stop, len(body)))
    assert validation.finish(len(body), name) == xorbs.validate(body, name)


def test_regrouped_bytes_are_restored() -> None:
    frame = lz4.frame.compress(bytes.fromhex("00040801050902060307"), store_size=False)
    assert bytes(xorbs.expand(xorbs.GROUPED_LZ4, frame, 10)) == bytes(range(10))  # xet.md 14.6


@pytest.mark.parametrize("block_size", [4, 5, 6, 7])
@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("sized", [True, False])
def test_every_kind_of_frame_is_read(block_size: int, linked: bool, checked: bool, sized: bool) -> None:
    for data in (b"x", b"ab" * 60000, stream(131072)):
        frame = lz4.frame.compress(
            data, block_size=block_size, block_linked=linked, content_checksum=checked, store_size=sized
        )
        assert bytes(xorbs.expand(xorbs.LZ4, memoryview(frame), len(data))) == data
        for wrong in (len(data) - 1, len(data) + 1):
            with pytest.raises(InvalidXet):
                xorbs.expand(xorbs.LZ4, memoryview(frame), wrong)


def test_a_footer_is_accepted_and_dropped() -> None:
    body, name = xorb([(stream(5000), 0), (b"ab" * 4000, 1)])
    index = xorbs.validate(body, name)
    with_footer = body + footer(name, index)
    assert xorbs.validate(with_footer, name) == index
    for broken in (with_footer + b"x", with_footer[:-1], body + b"XETBLOB", body + b"X"):
        with pytest.raises(InvalidXet):
            xorbs.validate(broken, name)


def test_another_name_is_refused() -> None:
    with pytest.raises(InvalidXet, match="hash to its name"):
        xorbs.validate(HELLO, hashes.chunk(b"Hello World?"))


@pytest.mark.parametrize("level", [1, 2])
def test_a_bomb_is_refused_without_being_expanded(level: int) -> None:
    bomb = lz4.frame.compress(bytes(60 << 20), store_size=False, block_linked=False)
    assert len(bomb) <= xorbs.MAX_CHUNK_STORED_BYTES
    body = header(len(bomb), 131072, level) + bomb
    tracemalloc.start()
    with pytest.raises(InvalidXet):
        xorbs.validate(body, HELLO_HASH)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_lying_block_is_bounded() -> None:
    # One block that claims the fast path, whose content is longer than the header says.
    frame = stored(bytes(131072), 1)
    for declared in (1, 8192, 131071):
        with pytest.raises(InvalidXet):
            xorbs.validate(header(len(frame), declared, 1) + frame, HELLO_HASH)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        HELLO[:7],
        HELLO[:-1],
        HELLO + b"\0",
        header(12, 12, 0, version=1) + b"Hello World!",
        header(12, 12, 3) + b"Hello World!",
        header(12, 0, 0) + b"Hello World!",
        header(0, 0, 0),
        header(12, 131073, 1) + b"Hello World!",
        header(262145, 131072, 0) + bytes(262145),
        header(12, 13, 0) + b"Hello World!",
        header(12, 12, 1) + b"Hello World!",
    ],
    ids=range(12),
)
def test_broken_headers_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidXet):
        xorbs.validate(body, HELLO_HASH)


def test_limits_are_exact() -> None:
    most = header(1, 1, 0) + b"a"
    digest = hashes.chunk(b"a")
    assert len(xorbs.validate(most * 8192, hashes.xorb([digest] * 8192, [1] * 8192))) == 8192
    with pytest.raises(InvalidXet, match="at most 8192"):
        xorbs.validate(most * 8193, hashes.xorb([digest] * 8193, [1] * 8193))
    large = header(131072, 131072, 0) + bytes(131072)
    zero = hashes.chunk(bytes(131072))
    assert xorbs.validate(large * 512, hashes.xorb([zero] * 512, [131072] * 512)).raw_bytes == 64 << 20
    with pytest.raises(InvalidXet, match="at most"):
        xorbs.validate(large * 512 + most, HELLO_HASH)


@settings(max_examples=500)
@given(chunk_lists, st.randoms(use_true_random=False))
def test_a_changed_xorb_never_raises_anything_else(chunks: list[Chunk], chance: random.Random) -> None:
    body, name = xorb(chunks)
    changed = mutated(body, chance)
    try:
        index = xorbs.validate(changed, name)
    except InvalidXet:
        return
    # Taken all the same: then it means the same (a change inside an LZ4 frame may be harmless).
    assert [bytes(c) for c in xorbs.chunks(changed, len(index))] == [data for data, _ in chunks]


@given(st.binary(max_size=400))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(InvalidXet):
        xorbs.validate(noise, HELLO_HASH)
    with pytest.raises(InvalidXet):
        xorbs.decode_index(noise)


@given(chunk_lists, st.randoms(use_true_random=False))
def test_a_changed_index_never_raises_anything_else(chunks: list[Chunk], chance: random.Random) -> None:
    body, name = xorb(chunks)
    encoded = xorbs.validate(body, name).encode()
    try:
        index = xorbs.decode_index(mutated(encoded, chance))
    except InvalidXet:
        return
    assert len(index.hash_list()) == len(index.lengths()) == len(index)


def mutated(body: bytes, chance: random.Random) -> bytes:
    out = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(out) + 1)
        what = chance.randrange(4)
        if what == 0 and at < len(out):
            out[at] = chance.randrange(256)
        elif what == 1:
            del out[at : at + chance.randrange(1, 20)]
        elif what == 2:
            out[at:at] = chance.randbytes(chance.randrange(1, 20))
        else:
            out = out[:at] if chance.random() < 0.2 else out
    return bytes(out)
