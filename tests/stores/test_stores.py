"""What every store does, on all three."""

import os
import threading
from pathlib import Path

import pytest

from freehold.core.settings import load
from freehold.stores.errors import MissingObject
from freehold.stores.store import Store, open_store

KEY = "lfs/ab/cd/" + "ab" * 32
BYTES = bytes(range(256)) * 40


def test_bytes_come_back_whole_and_by_range(store: Store) -> None:
    store.put_bytes(KEY, BYTES)

    assert store.get(KEY) == BYTES
    assert store.get(KEY, 5) == BYTES[5:]
    assert store.get(KEY, 5, 9) == BYTES[5:9]
    assert store.get(KEY, 0, len(BYTES)) == BYTES
    assert store.get(KEY, 7, 7) == b""
    assert store.size(KEY) == len(BYTES)


def test_an_empty_object_is_an_object(store: Store) -> None:
    store.put_bytes(KEY, b"")

    assert store.get(KEY) == b""
    assert store.size(KEY) == 0
    assert list(store.stream(KEY, 0, 0)) == []


def test_a_file_moves_into_the_store(store: Store, scratch: Path) -> None:
    # Larger than one part and one window, and no multiple of either.
    path = scratch / "upload"
    path.write_bytes(os.urandom(1 << 20) * 19 + b"tail")
    expected = path.read_bytes()

    store.put_file(KEY, path)

    assert not path.exists()
    assert store.get(KEY) == expected
    pieces = list(store.stream(KEY, 3, len(expected) - 1, piece=1 << 20))
    assert b"".join(pieces) == expected[3:-1]
    assert max(map(len, pieces)) <= 1 << 20


def test_putting_again_overwrites(store: Store, scratch: Path) -> None:
    store.put_bytes(KEY, b"first")
    (scratch / "again").write_bytes(b"second")
    store.put_file(KEY, scratch / "again")

    assert store.get(KEY) == b"second"


def test_what_is_not_there_is_missing(store: Store, scratch: Path) -> None:
    assert store.size(KEY) is None
    assert store.local_path(KEY) is None
    with pytest.raises(MissingObject):
        store.get(KEY)
    with pytest.raises(MissingObject):
        store.get(KEY, 1, 2)
    with pytest.raises(MissingObject):
        list(store.stream(KEY, 0, 10))
    with pytest.raises(MissingObject):
        store.fetch(KEY, scratch / "copy")
    with pytest.raises(MissingObject):
        store.move(KEY, "xorbs/aa/other")
    assert list(scratch.iterdir()) == []


def test_an_object_shorter_than_asked_is_missing_rather_than_cut(store: Store) -> None:
    store.put_bytes(KEY, b"0123456789")

    with pytest.raises(MissingObject):
        store.get(KEY, 5, 11)
    with pytest.raises(MissingObject):
        list(store.stream(KEY, 5, 11))


def test_delete_takes_what_is_there_and_minds_nothing_else(store: Store) -> None:
    store.put_bytes("git/r/one", b"1")
    store.put_bytes("git/r/two", b"2")

    store.delete(["git/r/one", "git/r/never-there"])

    assert store.size("git/r/one") is None
    assert store.get("git/r/two") == b"2"


def test_keys_below_a_folder(store: Store) -> None:
    for key in ("git/r/objects/pack/a.pack", "git/r/objects/pack/a.idx", "git/rr/x", "lfs/ab/cd/e"):
        store.put_bytes(key, key.encode())

    assert sorted(store.keys("git/r")) == [("git/r/objects/pack/a.idx", 24), ("git/r/objects/pack/a.pack", 25)]
    assert sorted(store.keys("git/r/")) == sorted(store.keys("git/r"))
    assert len(list(store.keys(""))) == 4
    assert list(store.keys("nothing")) == []


def test_fetch_makes_a_copy_that_is_its_own(store: Store, scratch: Path) -> None:
    store.put_bytes(KEY, BYTES)

    store.fetch(KEY, scratch / "copy")
    assert (scratch / "copy").read_bytes() == BYTES
    (scratch / "copy").write_bytes(b"changed")

    assert store.get(KEY) == BYTES
    assert [path.name for path in scratch.iterdir()] == ["copy"]


def test_move_renames(store: Store) -> None:
    store.put_bytes("uploads/one", BYTES)

    store.move("uploads/one", KEY)

    assert store.size("uploads/one") is None
    assert store.get(KEY) == BYTES


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "lfs/../x", "lfs//x", "lfs/.hidden", "lfs/", "a b", "a\x00"]
)
def test_a_key_that_could_leave_the_root_is_refused(store: Store, key: str) -> None:
    with pytest.raises(AssertionError):
        store.put_bytes(key, b"x")
    with pytest.raises(AssertionError):
        store.get(key)


def test_many_threads_write_and_read_at_once(store: Store) -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        mine = str(number).encode() * 100_000
        store.put_bytes(f"xorbs/aa/{number}", mine)
        store.put_bytes("xorbs/aa/shared", BYTES)
        if store.get(f"xorbs/aa/{number}") != mine or store.get("xorbs/aa/shared") != BYTES:
            wrong.append(str(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert len(list(store.keys("xorbs"))) == 9


def test_only_a_directory_and_a_bucket_have_something_to_point_at(store: Store) -> None:
    store.put_bytes(KEY, BYTES)

    path, address = store.local_path(KEY), store.address(KEY, 60)

    assert path is None or address is None
    assert path is None or path.read_bytes() == BYTES
    assert (store.multipart_start("uploads/x") is None) == (address is None)


def test_the_default_store_is_a_directory_below_the_data(tmp_path: Path) -> None:
    open_store(load({}, data=tmp_path)).put_bytes(KEY, BYTES)

    assert (tmp_path / "store" / KEY).read_bytes() == BYTES
