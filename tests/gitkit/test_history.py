"""Who made a path what it is, judged by git itself; and what is kept of it."""

import random
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.histories import Shape, grow
from freehold.gitkit import history
from freehold.gitkit.commits import Change, Delete, Put, merge_commit
from freehold.gitkit.depot import Depot, pack_key
from freehold.gitkit.history import differing_entries
from freehold.gitkit.objects import Person
from tests.gitkit.conftest import ALICE, REPO, Shelf

PATHS = ["a", "b/c", "b/d", "b/e/f", "g"]


def at(minute: int) -> Person:
    return Person("alice", "a@b", ALICE.when + timedelta(minutes=minute))


def random_history(shelf: Shelf, chance: random.Random, commits: int = 40) -> str:
    """Branches that part and join again, with deletions, and contents that come back."""
    heads = [str(shelf.commit(None, *(Put(path, b"0") for path in PATHS), by=at(0)))]
    for minute in range(1, commits):
        if len(heads) > 1 and chance.random() < 0.3:
            ours, theirs = chance.sample(heads, 2)
            changes: list[Change] = []
            for path in PATHS:  # as a person would: some files from their side, some made anew
                other, mine = shelf.objects.entry(theirs, path), shelf.objects.entry(ours, path)
                if other and chance.random() < 0.5:
                    changes.append(Put(path, shelf.objects.blob(other.oid)))
                elif mine and chance.random() < 0.1:
                    changes.append(Put(path, b"merged"))
            new = merge_commit(shelf.objects, [ours, theirs], changes, at(minute), "merge", shelf.scratch())
            shelf.publish(new)
            heads.remove(theirs)
            heads[heads.index(ours)] = new.commit
            continue
        base = chance.choice(heads)
        path = chance.choice(PATHS)
        there = shelf.objects.entry(base, path) is not None
        change = Delete(path) if there and chance.random() < 0.2 else Put(path, str(chance.randrange(3)).encode())
        made = shelf.commit(base, change, by=at(minute))
        if made is not None:
            heads.append(made) if chance.random() < 0.3 and len(heads) < 4 else heads.__setitem__(
                heads.index(base), made
            )
    return heads[0]


@pytest.mark.parametrize("seed", range(6))
def test_answers_are_gits_own(shelf: Shelf, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 2:
        monkeypatch.setattr(history, "MANY_PATHS", 1)  # nothing is written down: trees are compared each time
    head = random_history(shelf, random.Random(seed))
    everything = [entry.path for entry in shelf.objects.walk(head)]
    found = shelf.objects.last_changes(head, everything)
    assert sorted(found) == sorted(everything)
    for path, info in found.items():
        assert info.oid == shelf.git(head, "log", "-1", "--format=%H", "main", "--", path).strip(), path
    for path in [*PATHS, "b", "b/e"]:
        theirs = shelf.git(head, "log", "--format=%H", "main", "--", path).split()
        assert list(shelf.objects.log_of_path(head, path)) == theirs, path
    assert list(shelf.objects.order(head)) == shelf.git(head, "log", "--format=%H", "main").split()


def test_answers_grow_with_each_commit(shelf: Shelf) -> None:
    """A new commit's answers come from its parent's, and are the same as those found from nothing."""
    head = random_history(shelf, random.Random(9))
    for minute in range(100, 130):
        head = str(shelf.commit(head, Put(PATHS[minute % 5], str(minute).encode()), by=at(minute)))
        paths = [entry.path for entry in shelf.objects.walk(head)]
        warm = shelf.objects.last_changes(head, paths)
        order = list(shelf.objects.order(head))
    cold = Depot(shelf.store, shelf.root / "elsewhere").open(REPO, shelf.packs)
    assert cold.last_changes(head, paths) == warm
    assert list(cold.order(head)) == order


def test_a_restart_finds_what_was_written_down(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    head = random_history(shelf, random.Random(3))
    paths = [entry.path for entry in shelf.objects.walk(head)]
    before = shelf.objects.last_changes(head, paths)
    file = shelf.root / "cache" / "history" / f"{REPO}.history"
    file.write_bytes(file.read_bytes() + b'["half a li')  # a process was killed in the middle of a line
    monkeypatch.setattr(history, "differing_entries", lambda one, other: pytest.fail("compared again"))
    assert Depot(shelf.store, shelf.root / "cache").open(REPO, shelf.packs).last_changes(head, paths) == before


def test_a_file_that_moved_says_where_from(shelf: Shelf) -> None:
    first = str(shelf.commit(None, Put("old/name", b"same"), Put("other", b"1"), by=at(0)))
    moved = str(shelf.commit(first, Delete("old/name"), Put("new/name", b"same"), by=at(1)))
    history = shelf.objects.history
    assert history.renamed_from(moved, "new/name") == "old/name"
    assert history.renamed_from(moved, "other") is None
    assert history.renamed_from(first, "other") is None


def test_a_walk_has_an_end_and_goes_on_next_time(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    grown = grow(shelf.scratch(), Shape(files=50, commits=100, per_folder=10))
    for path in (grown.pack.pack_path, grown.pack.idx_path):
        shelf.store.put_file(pack_key(REPO, grown.pack.name, path.suffix), path)
    shelf.packs = [grown.pack.name]
    monkeypatch.setattr(history, "MAX_NEW", 20)
    paths = [entry.path for entry in shelf.objects.walk(grown.head)]
    told = []
    for _ in range(8):
        told.append(len(shelf.objects.last_changes(grown.head, paths)))
    assert told[0] < told[1] < len(paths) == told[-1]


names = st.text("a1046 \x01\xe9", min_size=1, max_size=12).map(lambda name: name.encode())
trees = st.dictionaries(names, st.binary(min_size=20, max_size=20), max_size=60)


@given(trees, trees, st.integers(0, 255))
def test_large_trees_are_compared_as_small_ones(one: dict[bytes, bytes], other: dict[bytes, bytes], pad: int) -> None:
    shared = {b"file-%04d" % number: bytes([pad, number % 256]) * 10 for number in range(200)}

    def packed(files: dict[bytes, bytes]) -> bytes:
        return b"".join(b"100644 %b\0%b" % (name, oid) for name, oid in sorted(files.items()))

    ours, theirs = {**shared, **one}, {**other, **shared}
    left, right = differing_entries(packed(ours), packed(theirs))
    assert {n.encode(): e[1] for n, e in left.items()} == dict(ours.items() - theirs.items())
    assert {n.encode(): e[1] for n, e in right.items()} == dict(theirs.items() - ours.items())


def test_a_history_file_is_forgotten_with_its_repository(shelf: Shelf) -> None:
    head = str(shelf.commit(None, Put("a", b"1")))
    head = str(shelf.commit(head, Put("a", b"2")))
    shelf.objects.last_changes(head, ["a"])
    file = Path(shelf.root / "cache" / "history" / f"{REPO}.history")
    assert file.exists()
    shelf.depot.forget(REPO)
    assert not file.exists()


def test_an_abbreviated_id_may_stand_for_several_commits(shelf: Shelf) -> None:
    grown = grow(shelf.scratch(), Shape(files=10, commits=600, per_folder=0))
    for path in (grown.pack.pack_path, grown.pack.idx_path):
        shelf.store.put_file(pack_key(REPO, grown.pack.name, path.suffix), path)
    shelf.packs = [grown.pack.name]
    order = shelf.objects.order(grown.head)
    by_prefix: dict[str, list[str]] = {}
    for oid in order:
        by_prefix.setdefault(oid[:4], []).append(oid)
    assert max(map(len, by_prefix.values())) > 1, (
        "six hundred of sixty-five thousand: the generator makes the same each time"
    )
    for prefix, oids in by_prefix.items():
        assert shelf.objects.expand(prefix) == sorted(oids)
