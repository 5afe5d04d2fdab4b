"""Shards: the captured upload and dedup answer byte for byte; anything broken is refused."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.xetkit import hashes, shards, xorbs
from freehold.xetkit.errors import InvalidXet
from freehold.xetkit.recipes import Term
from tests.xetkit.builders import record, shard
from tests.xetkit.test_xorbs import HELLO, HELLO_HASH, mutated

pytestmark = pytest.mark.rules

#: xet.md 14.4.
CAPTURED = bytes.fromhex(
    "48465265706f4d6574614461746100556967456a7b815783a5bdd95ccdd14aa902000000000000000000000000000000"
    "bd60b088ade0daa9b195cfbd7ac8e7d74f6db014045ac9326571b887d268eb6b000000c0010000000000000000000000"
    "a29cfb08e608d4d8726dd8659a90b9134b3240d5d8e42d5fcb28e2a6e763a3e8000000000c0000000000000001000000"
    "4ccb988e4563cb8923b7a7a5506bbe7592e648535df0824b2b86c35daf1ab75f00000000000000000000000000000000"
    "53fcf17f65b1837f5dd6a14881c12db92877d6a31f4b2dfc69906d1200d2dd4a00000000000000000000000000000000"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00000000000000000000000000000000"
    "a29cfb08e608d4d8726dd8659a90b9134b3240d5d8e42d5fcb28e2a6e763a3e800000000010000000c00000000000000"
    "a29cfb08e608d4d8726dd8659a90b9134b3240d5d8e42d5fcb28e2a6e763a3e8000000000c0000000000000000000000"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00000000000000000000000000000000"
)
#: xet.md 14.5.
ANSWER = bytes.fromhex(
    "48465265706f4d6574614461746100556967456a7b815783a5bdd95ccdd14aa90200000000000000c800000000000000"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00000000000000000000000000000000"
    "a29cfb08e608d4d8726dd8659a90b9134b3240d5d8e42d5fcb28e2a6e763a3e800000000010000000c00000014000000"
    "3afd48163844392116645798fc8dbf12eddc7ddbaff14c736751c117a2336b21000000000c0000000000000000000000"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00000000000000000000000000000000"
    "010000000000000030000000000000006000000000000000f0000000000000000000000000000000f000000000000000"
    "0000000000000000f0000000000000000000000000000000000102030405060708090a0b0c0d0e0f1011121314151617"
    "18191a1b1c1d1e1f00f1536500000000c0185d6500000000000000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "f000000000000000"
)
FILE_HASH = hashes.parse("a9dae0ad88b060bdd7e7c87abdcf95b132c95a0414b06d4f6beb68d287b87165")
SHA256 = "7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069"

digests = st.binary(min_size=32, max_size=32).filter(lambda d: d != b"\xff" * 32)


def test_the_captured_shard() -> None:
    parsed = shards.parse(CAPTURED)
    (file,) = parsed.files
    assert (file.file_hash, file.sha256, file.size_bytes) == (FILE_HASH, SHA256, 12)
    assert file.terms == (Term(HELLO_HASH, 0, 1, 12),)
    assert file.range_hashes == (hashes.range_of(HELLO_HASH),)
    (listed,) = parsed.xorbs
    assert listed == shards.Listed(HELLO_HASH, HELLO_HASH, (12,))
    assert listed.agrees_with(xorbs.validate(HELLO, HELLO_HASH))


def test_the_builder_writes_the_captured_shard() -> None:
    file = (FILE_HASH, [(HELLO_HASH, 12, 0, 1)], [hashes.range_of(HELLO_HASH)], SHA256)
    assert shard([file], [(HELLO_HASH, [(HELLO_HASH, 12)])]) == CAPTURED


def test_the_dedup_answer_is_the_one_clients_accept() -> None:
    index = xorbs.validate(HELLO, HELLO_HASH)
    assert shards.dedup_answer([(HELLO_HASH, index)], bytes(range(32)), 1700000000, 1700600000) == ANSWER


def test_a_dedup_answer_never_holds_a_raw_chunk_hash() -> None:
    chunks = [b"chunk %d" % at for at in range(50)]
    body, name = xorbs_of(chunks)
    answer = shards.dedup_answer([(name, xorbs.validate(body, name))], bytes(range(32)), 0, 1)
    assert not any(hashes.chunk(chunk) in answer for chunk in chunks)


def xorbs_of(chunks: list[bytes]) -> tuple[bytes, bytes]:
    from tests.xetkit.builders import xorb

    return xorb([(chunk, 0) for chunk in chunks])


@given(
    st.lists(
        st.tuples(
            digests,
            st.lists(
                st.tuples(digests, st.integers(1, 64 << 20), st.integers(0, 8000), st.integers(1, 192)), max_size=4
            ),
            st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
        ),
        max_size=4,
    ),
    st.lists(
        st.tuples(digests, st.lists(st.tuples(digests, st.integers(1, 131072)), min_size=1, max_size=5)), max_size=4
    ),
)
def test_what_is_written_is_read_back(files: list, listed: list) -> None:  # type: ignore[type-arg]
    built = [
        (name, [(x, raw, start, start + more) for x, raw, start, more in terms], [x for x, *_ in terms], sha256)
        for name, terms, sha256 in files
    ]
    parsed = shards.parse(shard(built, listed))
    assert [(f.file_hash, f.sha256) for f in parsed.files] == [(name, sha256) for name, _, sha256 in files]
    assert [[(t.xorb_hash, t.raw_bytes, t.start, t.end) for t in f.terms] for f in parsed.files] == [
        b[1] for b in built
    ]
    assert [
        (x.xorb_hash, list(zip(hashes.split(x.chunk_hashes), x.lengths, strict=True))) for x in parsed.xorbs
    ] == listed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        CAPTURED[:47],
        b"x" + CAPTURED[1:],
        CAPTURED[:32] + b"\x03" + CAPTURED[33:],
        CAPTURED[:40] + b"\xc8" + CAPTURED[41:],
        CAPTURED[:-1],
        CAPTURED[:-48],
        CAPTURED + bytes(48),
        CAPTURED[: 5 * 48],
        shard([(FILE_HASH, [(HELLO_HASH, 12, 1, 1)], [HELLO_HASH], None)]),
        shard([(FILE_HASH, [(HELLO_HASH, 12, 0, 8193)], [HELLO_HASH], None)]),
        shard([(FILE_HASH, [(HELLO_HASH, 0, 0, 1)], [HELLO_HASH], None)]),
        shard([(FILE_HASH, [(HELLO_HASH, 12, 0, 1)], [], None)]),
        shard([], [(HELLO_HASH, [])]),
        shard([], [(HELLO_HASH, [(HELLO_HASH, 131073)])]),
        shard([], [(HELLO_HASH, [(HELLO_HASH, 0)])]),
    ],
    ids=range(16),
)
def test_broken_shards_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidXet):
        shards.parse(body)


def test_verification_is_mandatory() -> None:
    without = CAPTURED[:48] + record(FILE_HASH, 0x40000000, 1, 0, 0) + CAPTURED[96:144] + CAPTURED[192:]
    with pytest.raises(InvalidXet, match="verification"):
        shards.parse(without)


def test_a_huge_count_allocates_nothing() -> None:
    body = CAPTURED[:48] + record(FILE_HASH, 0x80000000, 0xFFFFFFFF, 0, 0) + CAPTURED[96:]
    with pytest.raises(InvalidXet, match="ends inside"):
        shards.parse(body)


@settings(max_examples=500)
@given(st.randoms(use_true_random=False))
def test_a_changed_shard_never_raises_anything_else(chance: random.Random) -> None:
    try:
        shards.parse(mutated(CAPTURED, chance))
    except InvalidXet:
        return
