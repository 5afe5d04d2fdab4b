"""Every hash against the vectors of the protocol. Source: xet.md 14."""

import hashlib
from pathlib import Path

import hf_xet
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from freehold.xetkit import hashes
from freehold.xetkit.errors import InvalidXet
from tests.xetkit.builders import stream
from tests.xetkit.gear import TABLE, cut

pytestmark = pytest.mark.rules

CHUNKS = {
    b"a": "a4d4ed80fcb2fe5177fc59321d3e6f90faf23e35a48d58303114bf073f34178a",
    b"hello\n": "f79027d75d054f28413dc4eefdee1a5f0d63537bec3f51aca012e652ae3df8eb",
    b"Hello World!": "d8d408e608fb9ca213b9909a65d86d725f2de4d8d540324be8a363e7a6e228cb",
    bytes(8192): "d88a3b08a2ac3c73417e59b165220ff5a1975c3d4e2a84b003c40cb7f392c443",
    bytes(131072): "2e39f13c248013b27e22913ba2893a654120ed0ad8eb7ecbf3f05b9d708634fc",
    stream(100000): "b64e7390c55cbbe897eca6294d7f012571c907ee1998f342f6e153e1e36ae0e4",
}
FILES = [
    ([b"a"], "49a7fffaf5f34109d4a191757f3e541e26437dcd1e0e83153454a503757856be"),
    ([b"hello\n"], "fbf3242e7f6725a9dc46e5030d43ca9dd5265dd3690ccd1b1b8dcbdee88cb81b"),
    ([b"Hello World!"], "a9dae0ad88b060bdd7e7c87abdcf95b132c95a0414b06d4f6beb68d287b87165"),
    ([bytes(8192)], "711574865581cce65f5d06a1818a37a1dd4cfe3f65e3f4aaae2b1bacbfc253db"),
    ([bytes(131072)], "7a7c18448d7ae35cc61c072281981c565fedb8a079b42c6ef4a0c846bb78c50d"),
    ([bytes(131072)] * 2, "3445707d5e3fdad1c8dcd3b819f1b4fb93f36e65fbe642912452b5ae17b2962a"),
    ([bytes(131072)] * 8, "1e671fe124cea35586b1d1c30b9d4fc6b4e05ee60c93406986444f7c23d54056"),
    (list(cut(stream(100000))), "26c0163b59135e9d2f866a0fd3e6b294445e932b999d893172ff69c3066a8b88"),
]
#: Leaves, xorb hash, file hash: xet.md 14.2.
TREES = [
    (
        1,
        "aa58199b044a93cfc8a2a6ab463fb7fe50d858a654fb825a1acb31fb0f139aba",
        "f9dad440e3591467c390a229cc33de3968234a3929ccd34fc6ad64a49b463bba",
    ),
    (
        2,
        "7fb1ca04ac574975e32bc582c277d47351f10241512d4691357a9c9eb5bbbcd4",
        "695fb9e3e07c6f334826e8779e408cf387d90d16e11fa7af1b458b5e6e035585",
    ),
    (
        3,
        "c16d01c8cf0820c6215346925e972374908c5ae783fb6f801e88220bc362ae27",
        "6b80c010072254526efab772e54f7041294a55e777c574d77b0af938a5392e71",
    ),
    (
        4,
        "27c95f909b035f516ac9bbad6706013b3b57f5e922b405fd5e3b654a74479eb7",
        "e6b4be764140256122a37df08cf663335d02d589c3b5dff1c362ac66f8c1339d",
    ),
    (
        9,
        "79aa6e16f459e28035ce589d0cc66ef3835414e49ac076db1cf76ee84b39077b",
        "c8fbf53fea0d9c3d37d12ff6b3af415beb7c97dd7d1c5fc516ed4d65f3a7324d",
    ),
    (
        10,
        "c0f5df31a759c822c6f0b2db8d4970db1d9baf04a1a8337927934cf940644526",
        "759190862e293a5631da8217813039b0eaf2b65e41204385bf461ebb91d46b6b",
    ),
    (
        100,
        "3dab6d7e127a94c5fc2ac0437c4216c77e126a4886d373709d40a5d3284ff996",
        "648b0f35f5f207c4d653ef6940cc8e338277032d729d4819d7dadeef0b03bedb",
    ),
    (
        1024,
        "552a64c12ff774d6212efcf9923b645931aac047cb6c2663dbc3ccb6a7203371",
        "541d004717ea01a0c610b220a1c4d32e0700a29e70222e64e028ebef203a9bb4",
    ),
    (
        5000,
        "810895a1de37d6f130d03f771d4ae3ae834ec4b87171bb531a453698c3a1b0f4",
        "e2a31902dde6b30a4fe2524645a3425e9b77bcf134545c4335d8916e06ea2c72",
    ),
]


def leaves(count: int) -> tuple[list[bytes], list[int]]:
    digests = [blake3(at.to_bytes(4, "little"), key=hashes.DATA_KEY).digest() for at in range(count)]
    return digests, [1000 + at for at in range(count)]


@pytest.mark.parametrize(("data", "name"), CHUNKS.items(), ids=range(len(CHUNKS)))
def test_chunk_hash(data: bytes, name: str) -> None:
    assert hashes.text(hashes.chunk(data)) == name
    assert hashes.text(hashes.xorb([hashes.chunk(data)], [len(data)])) == name  # a tree over one leaf is that leaf


@pytest.mark.parametrize(("chunks", "name"), FILES, ids=range(len(FILES)))
def test_file_hash(chunks: list[bytes], name: str) -> None:
    assert hashes.text(hashes.file([hashes.chunk(c) for c in chunks], [len(c) for c in chunks])) == name


@pytest.mark.parametrize(("count", "xorb_name", "file_name"), TREES)
def test_merkle_trees(count: int, xorb_name: str, file_name: str) -> None:
    digests, lengths = leaves(count)
    assert hashes.text(hashes.xorb(digests, lengths)) == xorb_name
    assert hashes.text(hashes.file(digests, lengths)) == file_name


def test_the_gear_table_is_the_published_one() -> None:
    table = b"".join(word.to_bytes(8, "little") for word in TABLE)
    assert hashlib.sha256(table).hexdigest() == "e1d3936666d7ae7a977c958e9afcc75f90aaca758ce5fbe4ece61dffefe1912c"


def test_nothing_hashes_to_zeros() -> None:
    assert hashes.xorb([], []) == hashes.file([], []) == bytes(32)


def test_eight_zero_chunks() -> None:
    zero = hashes.chunk(bytes(131072))
    assert hashes.text(hashes.xorb([zero] * 8, [131072] * 8)) == (
        "8c15d5bfe292d5f8f3b992149581636a5c4078ce9c4349d43f1a762ba0609839"
    )
    assert hashes.text(hashes.range_of(zero * 2)) == "7c50c2c4ddc250328ecd4b0214d22feb44aa6994a88ae872a1c7a032623af0a9"


def test_range_hash_of_a_hundred_leaves() -> None:
    assert hashes.text(hashes.range_of(b"".join(leaves(100)[0]))) == (
        "3cc21a1b51b83322d88a154450687e7ce6584eb26302cea46e8980421580ec3d"
    )


def test_dedup_key_hash() -> None:
    (keyed,) = hashes.keyed(bytes(range(32)), [hashes.chunk(b"Hello World!")])
    assert hashes.text(keyed) == "213944381648fd3a12bf8dfc98576416734cf1afdb7ddced216b33a217c15167"


def test_string_form_is_not_plain_hex() -> None:
    assert hashes.text(bytes(range(32))) == "07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918"


@given(st.binary(min_size=32, max_size=32))
def test_string_form_round_trips(digest: bytes) -> None:
    assert hashes.parse(hashes.text(digest)) == digest


@given(st.text(max_size=70))
def test_anything_else_is_no_hash(string: str) -> None:
    with pytest.raises(InvalidXet):
        hashes.parse(string)


@pytest.mark.parametrize("string", ["A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", " " + "0" * 63])
def test_near_misses_are_no_hash(string: str) -> None:
    with pytest.raises(InvalidXet):
        hashes.parse(string)


def test_eligible_means_last_word_divisible_by_1024() -> None:
    for word in (0, 1, 512, 1023, 1024, 1025, 2048, (1 << 64) - 1024, (1 << 64) - 1):
        assert hashes.is_eligible(bytes(24) + word.to_bytes(8, "little")) == (word % 1024 == 0)


def test_the_official_client_agrees(tmp_path: Path) -> None:
    paths = []
    for at, (chunks, _) in enumerate(FILES):
        paths.append(str(tmp_path / str(at)))
        (tmp_path / str(at)).write_bytes(b"".join(chunks))
    assert [found.hash for found in hf_xet.hash_files(paths)] == [name for _, name in FILES]
