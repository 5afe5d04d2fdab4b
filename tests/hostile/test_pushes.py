"""Pushes that no git would send: each is refused in clear words, moves nothing, and leaves nothing behind."""

import gzip
import zlib
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from freehold.content.kit import Kit
from freehold.content.tables import Pack
from freehold.core.database import Database
from tests.content import given
from tests.fixtures.each import each
from tests.fixtures.people import Cast
from tests.fixtures.pushes import NULL, Made, body, entry, head, push, raw_pack, read, send, zeros

MAIN = "refs/heads/main"
NEW = "refs/heads/new"


@pytest.fixture
def repo(client: TestClient, cast: Cast) -> str:
    return given.repo(client, cast.alice, "target")


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "made")


@pytest.fixture(autouse=True)
def _nothing_is_left(kit: Kit) -> object:
    yield
    assert [path.name for path in kit.tmp.iterdir() if path.name.startswith(("push-", "serving-"))] == []


def names_of_packs(database: Database) -> set[str]:
    with database.read() as db:
        return set(db.scalars(select(Pack.name)))


BAD_TREES = {
    "dot git": ([("100644", b".git")], "hasDotgit"),
    "dot git by case": ([("100644", b".GIT")], "hasDotgit"),
    "dot git by an ntfs name": ([("100644", b"git~1")], "hasDotgit"),
    "dot git by an hfs name": ([("100644", b".g\xe2\x80\x8cit")], "hasDotgit"),
    "the folder above": ([("40000", b"..")], ".."),
    "itself": ([("40000", b".")], "."),
    "a path for a name": ([("100644", b"a/b")], "full pathnames"),
    "no name": ([("100644", b"")], "empty"),
    "the same name twice": ([("100644", b"a"), ("100644", b"a")], "duplicate"),
    "a file and a folder of one name": ([("100644", b"a"), ("40000", b"a")], "duplicate"),
    "out of order": ([("100644", b"b"), ("100644", b"a")], "sorted"),
    "a padded mode": ([("0100644", b"a")], "zero-padded"),
    "an odd mode": ([("100777", b"a")], None),  # git reads it as 100755
    "a backslash": ([("100644", b"a\\b")], "backslash"),
    "a drive": ([("100644", b"C:x")], "drive"),
    "a newline": ([("100644", b"a\nb")], "control characters"),
    "a mark that turns text round": ([("100644", "a\u202eb".encode())], None),
    "no utf-8": ([("100644", b"\xff\xfe")], "UTF-8"),
    "a long name": ([("100644", b"n" * 300)], "longer than 255"),
    "names that differ by case": ([("100644", b"A.txt"), ("100644", b"a.txt")], "one file to Windows and macOS"),
    "names that differ by composition": (
        [("100644", "e\u0301".encode()), ("100644", "\u00e9".encode())],
        "one file to Windows and macOS",
    ),
}


@pytest.mark.parametrize("what", BAD_TREES)
def test_a_tree_that_would_harm_a_client(client: TestClient, cast: Cast, repo: str, made: Made, what: str) -> None:
    entries, told = BAD_TREES[what]
    file = made.blob(b"text\n")
    folder = made.tree(("100644", b"inner", file))
    tree = made.tree(*((mode, name, folder if mode == "40000" else file) for mode, name in entries))
    commit = made.commit(made.tree(("40000", b"sub", tree)))
    reply = push(client, cast.alice, repo, NEW, commit, made.pack())
    if told is None:  # odd, and harmless
        assert reply.refs == {NEW: None}
        return
    assert reply.refs[NEW], reply
    assert told in reply.words + reply.unpack, reply


BAD_COMMITS = {
    "a date that is no number": "A <a@b.c> yesterday +0000",
    "a date past all calendars": "A <a@b.c> 99999999999999999999 +0000",
    "a date padded with zeros": "A <a@b.c> 0001700000000 +0000",
    "no time zone": "A <a@b.c> 1700000000",
    "no address": "A 1700000000 +0000",
    "an address in an address": "A <a<b@c.d> 1700000000 +0000",
}


@pytest.mark.parametrize("what", BAD_COMMITS)
def test_a_commit_that_git_could_not_read(client: TestClient, cast: Cast, repo: str, made: Made, what: str) -> None:
    commit = made.commit(made.tree(("100644", b"a", made.blob(b"x"))), author=BAD_COMMITS[what])
    reply = push(client, cast.alice, repo, NEW, commit, made.pack())
    assert reply.refs == {NEW: "the pack cannot be taken"}
    assert commit in reply.unpack, reply


@pytest.mark.parametrize(
    "target",
    [b"/etc/passwd", b"../../x", b"..", b"a/../../x", b"C:\\x", b"\\\\host\\x", b".git/config", b"x/../.GIT/x"],
)
def test_a_link_that_leads_out(client: TestClient, cast: Cast, repo: str, made: Made, target: bytes) -> None:
    tree = made.tree(("120000", b"link", made.blob(target)))
    reply = push(client, cast.alice, repo, NEW, made.commit(tree), made.pack())
    assert reply.refs == {NEW: "files that cannot be kept"}
    assert "leads out of the repository" in reply.words


@pytest.mark.parametrize("target", [b"b", b"sub/b", b"./b", b"x/../b"])
def test_a_link_that_stays_inside(client: TestClient, cast: Cast, repo: str, made: Made, target: bytes) -> None:
    tree = made.tree(("120000", b"link", made.blob(target)))
    assert push(client, cast.alice, repo, NEW, made.commit(tree), made.pack()).refs == {NEW: None}


def test_folders_without_end(client: TestClient, cast: Cast, repo: str, made: Made) -> None:
    tree = made.tree(("100644", b"file", made.blob(b"x")))
    for _ in range(300):
        tree = made.tree(("40000", b"d", tree))
    reply = push(client, cast.alice, repo, NEW, made.commit(tree), made.pack())
    assert reply.refs[NEW] and "deeper than" in reply.words, reply


def test_a_few_trees_that_stand_for_billions_of_paths(
    client: TestClient, cast: Cast, repo: str, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freehold.content.service.git.pushing.MAX_NEW_PATHS", 200_000)
    tree = made.tree(*(("100644", b"f%d" % number, made.blob(b"x")) for number in range(10)))
    for _ in range(10):
        tree = made.tree(*(("40000", b"d%d" % number, tree) for number in range(10)))
    reply = push(client, cast.alice, repo, NEW, made.commit(tree), made.pack())
    assert reply.refs == {NEW: "the pack cannot be taken"}, reply


BOMB_BYTES = 64 << 20
BOMBS = {
    "a commit": (1, 4 << 30, "a commit of 4,294,967,296 bytes"),
    "a tree": (2, 4 << 30, "a tree of 4,294,967,296 bytes"),
    "a tag": (4, 4 << 30, "a tag of 4,294,967,296 bytes"),
    "a file": (3, 4 << 30, "keep large files with git-lfs"),
    "more than it says": (3, 1000, "unpacks to more than it says"),
    "a size past all bounds": (3, 1 << 80, "past all bounds"),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_small_pack_that_unpacks_to_gigabytes(client: TestClient, cast: Cast, repo: str, what: str) -> None:
    kind, announced, told = BOMBS[what]
    pack = raw_pack(entry(kind, announced, zeros(BOMB_BYTES)))
    reply = push(client, cast.alice, repo, NEW, "1" * 40, pack)
    assert told in reply.unpack and reply.refs[NEW], reply


def test_many_files_that_unpack_to_gigabytes(client: TestClient, cast: Cast, repo: str) -> None:
    pack = raw_pack(*[entry(3, BOMB_BYTES, zeros(BOMB_BYTES))] * 40)
    reply = push(client, cast.alice, repo, NEW, "1" * 40, pack)
    assert "more than 64 times its size" in reply.unpack, reply


def test_deltas_that_grow_and_grow(client: TestClient, cast: Cast, repo: str) -> None:
    """Each delta copies its base sixteen times over: 16^7 bytes of 1."""
    base = zlib.compress(bytes(16 << 10))
    entries, at, places = [entry(3, 16 << 10, base)], 12, [12]
    size = 16 << 10
    for _ in range(5):
        at += len(entries[-1])
        copy = bytes([0x80 | 0x10 | 0x20 | 0x40, size & 255, size >> 8 & 255, size >> 16 & 255])
        grown = size * 16
        delta = _varint(size) + _varint(grown) + copy * 16
        back = at - places[-1]
        entries.append(entry(6, len(delta), zlib.compress(delta), _offset(back)))
        places.append(at)
        size = grown
        if size >> 24:
            break
    reply = push(client, cast.alice, repo, NEW, "1" * 40, raw_pack(*entries))
    assert reply.refs[NEW], reply


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >> 7:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _offset(back: int) -> bytes:
    out = [back & 127]
    while back := back >> 7:
        back -= 1
        out.append(back & 127 | 128)
    return bytes(reversed(out))


def test_a_folder_of_a_hundred_thousand_names(client: TestClient, cast: Cast, repo: str, made: Made) -> None:
    file = made.blob(b"x")
    tree = made.tree(*(("100644", b"%06d" % number, file) for number in range(100_000)))
    reply = push(client, cast.alice, repo, NEW, made.commit(tree), made.pack())
    assert reply.refs == {NEW: None}, reply


GARBAGE = {
    "nothing": b"",
    "words": b"hello, hub",
    "a length of nothing": b"zzzz",
    "a length too short": b"0003",
    "a cut packet": b"00a8" + b"x" * 20,
    "a command that is none": b"000ahello\n0000",
    "a name with a space": body([(NULL, "1" * 40, "refs/heads/a b")]),
    "no end": body([(NULL, "1" * 40, NEW)])[:-4],
    "an oversized packet": b"fff5" + b"x" * 65_600,
    "a signed length": b"+0a8" + b"x" * 200,
    "a ref twice": body([(NULL, "1" * 40, NEW), (NULL, "2" * 40, NEW)]),
    "thousands of refs": body([(NULL, "1" * 40, f"refs/heads/b{number}") for number in range(1001)]),
}


@each("what", GARBAGE)
def test_a_body_that_is_no_push(client: TestClient, cast: Cast, repo: str, what: str) -> None:
    answer = send(client, cast.alice, repo, GARBAGE[what])
    assert answer.status_code == 400, answer.text
    assert "This push cannot be read" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


BAD_PACKS = {
    "no pack": b"",
    "words": b"PACK me up",
    "another version": b"PACK\0\0\0\x09\0\0\0\x01",
    "more objects than there are": raw_pack(entry(3, 1, zlib.compress(b"x")), count=2),
    "billions of objects": raw_pack(count=0xFFFFFFFF),
    "a wrong checksum": raw_pack(entry(3, 1, zlib.compress(b"x")))[:-1] + b"\0",
    "a kind that is none": raw_pack(entry(5, 1, zlib.compress(b"x"))),
    "less than announced": raw_pack(entry(3, 100, zlib.compress(b"x"))),
    "more than announced": raw_pack(entry(3, 1, zlib.compress(b"x" * 100))),
    "broken streams": raw_pack(entry(3, 100, b"no stream at all")),
    "a delta to before the pack": raw_pack(entry(6, 4, zlib.compress(b"\1\1\1x"), _offset(5000))),
    "a delta to what is not here": raw_pack(entry(7, 4, zlib.compress(b"\1\1\1x"), b"\x11" * 20)),
}


@each("what", BAD_PACKS)
def test_a_pack_that_is_none(client: TestClient, cast: Cast, repo: str, database: Database, what: str) -> None:
    before, kept = head(client, cast.alice, repo), names_of_packs(database)
    reply = push(client, cast.alice, repo, NEW, "1" * 40, BAD_PACKS[what])
    assert reply.refs[NEW], reply
    assert (head(client, cast.alice, repo), names_of_packs(database)) == (before, kept)


def test_what_is_named_must_be_here(client: TestClient, cast: Cast, repo: str, made: Made) -> None:
    tree = made.tree(("100644", b"a", "5" * 40))
    reply = push(client, cast.alice, repo, NEW, made.commit(tree), made.pack())
    assert reply.refs == {NEW: "the pack cannot be taken"} and "5" * 40 in reply.unpack


def test_objects_of_another_repository_are_no_bases(
    client: TestClient, cast: Cast, repo: str, made: Made, tmp_path: Path
) -> None:
    """Neither by a delta nor by name: what is in a private repository cannot be asked about through one's own."""
    secret = given.repo(client, cast.bob, "secret", private=True)
    hidden = made.blob(b"the secret text " * 100)
    commit = made.commit(made.tree(("100644", b"a", hidden)))
    assert push(client, cast.bob, secret, NEW, commit, made.pack()).refs == {NEW: None}
    delta = zlib.compress(_varint(1600) + _varint(1600) + bytes([0x80 | 0x10 | 0x20, 1600 & 255, 1600 >> 8]))
    thin = raw_pack(entry(7, 8, delta, bytes.fromhex(hidden)))
    assert push(client, cast.alice, repo, NEW, hidden, thin).refs[NEW]
    other = Made(tmp_path / "other")
    tree = other.tree(("100644", b"a", hidden))
    assert push(client, cast.alice, repo, NEW, other.commit(tree), other.pack()).refs[NEW]
    assert push(client, cast.alice, repo, NEW, commit).refs == {NEW: "no commit"}


def test_pointers_only_to_what_the_pusher_could_read(client: TestClient, cast: Cast, repo: str, tmp_path: Path) -> None:
    private = given.repo(client, cast.bob, "private-files", private=True)
    public = given.repo(client, cast.bob, "public-files")
    hidden, shown, never = b"hidden" * 100, b"shown" * 100, b"never sent" * 100
    given.large_file(client, private, cast.bob, hidden)
    given.large_file(client, public, cast.bob, shown)
    words = []
    for number, data in enumerate((hidden, never, shown)):
        made = Made(tmp_path / str(number))
        oid = given.digest(data)
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n"
        commit = made.commit(made.tree(("100644", b"a.bin", made.blob(text.encode()))))
        reply = push(client, cast.alice, repo, f"refs/heads/n{number}", commit, made.pack())
        words.append((reply.refs[f"refs/heads/n{number}"], reply.words.replace(oid, "OID")))
    assert words[0] == words[1], "a digest must not be a question"
    assert words[0][0] == "large files not uploaded" and "git lfs push --all origin" in words[0][1]
    assert words[2][0] is None
    assert client.get(f"/{repo}/resolve/n2/a.bin").content == shown
    lie = Made(tmp_path / "lie")
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{given.digest(shown)}\nsize 7\n"
    commit = lie.commit(lie.tree(("100644", b"a.bin", lie.blob(text.encode()))))
    assert push(client, cast.alice, repo, NEW, commit, lie.pack()).refs == {NEW: "large files not uploaded"}


@each(
    "ref",
    ["refs/heads/", "refs/heads/../x", "refs/heads/a..b", "refs/heads/x.lock", "refs/heads/-x", "HEAD",
     "refs/heads/" + "f" * 40, "refs/heads/" + "n" * 300, "refs/pr/0", "refs/pr/x", "refs/pr/1/x",
     "refs/convert/parquet", "refs/heads/a\u202eb\u2028c", "refs/for/",
     "refs/for/refs/heads/", "refs/tags/a^b", "main"],
)  # fmt: skip
def test_a_ref_of_an_odd_name(client: TestClient, cast: Cast, repo: str, ref: str) -> None:
    at = head(client, cast.alice, repo)
    reply = push(client, cast.alice, repo, ref, at)
    assert reply.refs[ref], reply


def test_a_ref_leads_to_a_commit(client: TestClient, cast: Cast, repo: str, made: Made) -> None:
    blob = made.blob(b"x")
    tree = made.tree(("100644", b"a", blob))
    pack = made.pack()
    for ref in (NEW, "refs/tags/t"):
        for oid in (blob, tree, "9" * 40):
            assert push(client, cast.alice, repo, ref, oid, pack).refs == {ref: "no commit"}


def test_zipped_bodies_have_the_same_limits(
    client: TestClient, cast: Cast, repo: str, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = made.commit(made.tree(("100644", b"a", made.blob(b"x"))))
    raw = body([(NULL, commit, NEW)], made.pack())
    reply = read(send(client, cast.alice, repo, gzip.compress(raw), **{"Content-Encoding": "gzip"}))
    assert reply.refs == {NEW: None}
    zipped = gzip.compress(body([(NULL, commit, "refs/heads/x")]) + bytes(64 << 20))
    answer = send(client, cast.alice, repo, zipped, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 413, "little that becomes much is not kept, whatever a pack may have"
    kit: Kit = client.app.state.kit  # type: ignore[attr-defined]
    object.__setattr__(kit.settings, "max_push_bytes", 32 << 20)
    answer = send(client, cast.alice, repo, zipped, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 413 and "One push may have 33554432 bytes" in answer.text
    assert send(client, cast.alice, repo, raw, **{"Content-Encoding": "gzip"}).status_code == 400
    assert send(client, cast.alice, repo, raw, **{"Content-Encoding": "br"}).status_code == 400


def test_who_may_not_push_is_told_before_the_bytes(client: TestClient, cast: Cast, repo: str) -> None:
    raw = body([(NULL, "1" * 40, NEW)])
    answer = send(client, cast.anonymous, repo, raw)
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == 'Basic realm="Freehold"'
    reader = client.post(
        f"/{repo}.git/git-receive-pack",
        content=raw,
        headers={"Content-Type": "application/x-git-receive-pack-request", **cast.alice.read_headers},
    )
    assert reader.status_code == 403 and "does not cover" in reader.text
    assert send(client, cast.alice, repo, raw, **{"Content-Type": "text/plain"}).status_code == 400
    assert client.get(f"/{repo}/info/refs").status_code == 403
