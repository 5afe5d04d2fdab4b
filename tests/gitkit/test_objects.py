"""Reading: entries, listings, history, and which packs can be seen."""

import gc
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from freehold.gitkit.commits import Delete, Put, write_commit
from freehold.gitkit.depot import Depot, pack_key
from freehold.gitkit.errors import MissingGitObject
from freehold.gitkit.objects import Person
from freehold.stores.directory import DirectoryStore
from tests.gitkit.conftest import ALICE, REPO, Shelf


def later(seconds: int) -> Person:
    return Person("alice", "a@b", ALICE.when + timedelta(seconds=seconds))


def test_entries(shelf: Shelf) -> None:
    head = str(shelf.commit(None, Put("a/b/c.txt", b"hello"), Put("top", b"")))
    objects = shelf.objects
    file = objects.entry(head, "a/b/c.txt")
    assert file and (file.kind, file.size_bytes, file.path, file.pointer) == ("file", 5, "a/b/c.txt", None)
    directory = objects.entry(head, "a/b")
    assert directory and (directory.kind, directory.size_bytes) == ("directory", 0)
    root = objects.entry(head, "")
    assert root and root.kind == "directory" and root.oid == objects.commit(head).tree
    for absent in ("x", "a/x", "top/x", "a/b/c.txt/d", "/a", "a/"):
        assert objects.entry(head, absent) is None


def test_walk_of_a_directory_recursive_or_not(shelf: Shelf) -> None:
    head = str(shelf.commit(None, Put("a/b/c", b"1"), Put("a/d", b"2"), Put("e", b"3")))
    objects = shelf.objects
    assert [e.path for e in objects.walk(head)] == ["a", "a/b", "a/b/c", "a/d", "e"]
    assert [e.path for e in objects.walk(head, "a")] == ["a/b", "a/b/c", "a/d"]
    assert [e.path for e in objects.walk(head, recursive=False)] == ["a", "e"]
    assert list(objects.walk(head, "e")) == []
    assert list(objects.walk(head, "absent")) == []


def test_a_text_that_only_looks_like_a_pointer_is_a_text(shelf: Shelf) -> None:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 01\n".encode()
    head = str(shelf.commit(None, Put("x", text)))
    entry = shelf.objects.entry(head, "x")
    assert entry and entry.pointer is None and entry.true_size_bytes == len(text)


def test_log_newest_first_and_counted(shelf: Shelf) -> None:
    head = None
    for n in range(7):
        head = shelf.commit(head, Put("f", str(n).encode()), message=f"commit {n}\n\nbody", by=later(n))
    objects = shelf.objects
    assert [c.title for c in objects.log(str(head), 1, 3)] == ["commit 5", "commit 4", "commit 3"]
    assert objects.log_count(str(head)) == 7
    assert objects.log(str(head), 7) == []


def test_commits_of_one_second_keep_their_order(shelf: Shelf) -> None:
    head = None
    for n in range(30):
        head = shelf.commit(head, Put("f", str(n).encode()), message=f"{n}")
    assert [int(c.title) for c in shelf.objects.log(str(head))] == list(range(29, -1, -1))


def test_last_changes_agree_with_git(shelf: Shelf) -> None:
    head = shelf.commit(None, Put("a/x", b"1"), Put("a/y", b"1"), Put("b", b"1"), Put("gone", b"1"), by=later(0))
    head = shelf.commit(head, Put("a/x", b"2"), by=later(1))
    head = shelf.commit(head, Delete("gone"), Put("c", b"1"), by=later(2))
    head = shelf.commit(head, Put("a/x", b"1"), by=later(3))
    head = str(shelf.commit(head, Put("c", b"2"), by=later(4)))
    found = shelf.objects.last_changes(head, ["a", "a/x", "a/y", "b", "c", "gone", "never"])
    assert sorted(found) == ["a", "a/x", "a/y", "b", "c"]
    for path, info in found.items():
        assert info.oid == shelf.git(head, "log", "-1", "--format=%H", "main", "--", path).strip(), path


def test_last_changes_through_a_merge(shelf: Shelf, tmp_path: Path) -> None:
    """Two lines of history joined by real git; each path is traced to the side that changed it."""
    import subprocess

    base = str(shelf.commit(None, Put("left", b"0"), Put("right", b"0"), Put("both", b"0"), by=later(0)))
    left = str(shelf.commit(base, Put("left", b"1"), message="left", by=later(1)))
    right = str(shelf.commit(base, Put("right", b"1"), message="right", by=later(2)))
    shelf.git(right, "update-ref", "refs/heads/left", left)
    bare = tmp_path / "bare.git"
    tree = shelf.git(right, "merge-tree", "--write-tree", "left", "main").strip()
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    merge = ["git", "-C", str(bare), *identity, "commit-tree", tree, "-p", left, "-p", right, "-m", "merge"]
    head = subprocess.run(merge, capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["git", "-C", str(bare), "update-ref", "refs/heads/main", head], check=True)
    packed = subprocess.run(
        ["git", "-C", str(bare), "pack-objects", "--all", "-q", str(tmp_path / "pack")],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    for suffix in (".pack", ".idx"):
        shelf.store.put_file(pack_key(REPO, f"pack-{packed}", suffix), tmp_path / f"pack-{packed}{suffix}")
    shelf.packs = [f"pack-{packed}"]  # folded: the old ones make way
    found = shelf.objects.last_changes(head, ["left", "right", "both"])
    assert {path: info.oid for path, info in found.items()} == {"left": left, "right": right, "both": base}
    assert shelf.objects.log_count(head) == 4


def test_expand(shelf: Shelf) -> None:
    head = str(shelf.commit(None, Put("a", b"1")))
    objects = shelf.objects
    assert objects.expand(head[:7]) == [head] == objects.expand(head[:4])
    assert objects.expand(head) == [head]
    assert objects.expand("0" * 40) == []
    assert objects.expand("fffff") == []
    blob = objects.entry(head, "a")
    assert blob and objects.expand(blob.oid) == objects.expand(blob.oid[:8]) == []


def test_a_pack_without_a_row_is_invisible(shelf: Shelf) -> None:
    head = str(shelf.commit(None, Put("a", b"1")))
    orphan = write_commit(shelf.objects, head, [Put("b", b"2")], ALICE, "lost the race", shelf.scratch())
    assert orphan
    shelf.publish(orphan)
    shelf.packs.pop()
    assert shelf.objects.expand(orphan.commit) == []
    assert Depot(shelf.store, shelf.root / "cache").open(REPO, shelf.packs).expand(orphan.commit) == []


def test_what_is_missing_is_named(shelf: Shelf) -> None:
    head = str(shelf.commit(None, Put("a", b"1")))
    for read in (shelf.objects.commit, shelf.objects.blob, shelf.objects.log, shelf.objects.tree):
        with pytest.raises(MissingGitObject, match=REPO):
            read("0" * 40)
    with pytest.raises(MissingGitObject):
        shelf.objects.blob(head)


def test_a_remote_store_is_fetched_into_the_cache(shelf: Shelf, tmp_path: Path) -> None:
    head = str(shelf.commit(None, Put("a", b"1")))

    class Remote:
        def local_path(self, key: str) -> None:
            return None

        def fetch(self, key: str, into: Path) -> None:
            into.write_bytes(shelf.store.get(key))

    depot = Depot(Remote(), tmp_path / "other-cache")
    assert [e.path for e in depot.open(REPO, shelf.packs).walk(head)] == ["a"]
    depot.forget(REPO)
    assert not (tmp_path / "other-cache" / "packs" / REPO).exists()
    depot.close()


def test_views_of_processes_that_are_gone_are_removed(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    stale = tmp_path / "cache" / "views" / "0123"
    stale.mkdir(parents=True)
    first = Depot(store, tmp_path / "cache")
    second = Depot(store, tmp_path / "cache")
    assert not stale.exists()
    assert len(list((tmp_path / "cache" / "views").iterdir())) == 2
    first.close()
    second.close()
    assert not list((tmp_path / "cache" / "views").iterdir())


def test_readers_outlive_a_fold(shelf: Shelf) -> None:
    head = str(shelf.commit(None, Put("a", b"1")))
    reader = shelf.objects
    shelf.packs = [*shelf.packs[1:]]
    other = shelf.commit(None, Put("b", b"1"))
    assert other and shelf.objects is not reader
    gc.collect()
    assert [e.path for e in reader.walk(head)] == ["a"]


def test_many_threads_read_while_packs_arrive(shelf: Shelf) -> None:
    head = str(shelf.commit(None, *(Put(f"d{i}/f{j}", f"{i}{j}".encode()) for i in range(20) for j in range(20))))
    stop, failures, rounds = threading.Event(), [], [0]

    def read() -> None:
        try:
            while not stop.is_set():
                assert len(list(shelf.objects.walk(head))) == 420
                shelf.depot._facts.trees.drop(lambda key: True)
                rounds[0] += 1
        except BaseException as err:
            failures.append(err)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    tip = head
    for n in range(30):
        tip = str(shelf.commit(tip, Put("g", str(n).encode())))
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert rounds[0] > 0
    assert shelf.objects.log_count(tip) == 31
