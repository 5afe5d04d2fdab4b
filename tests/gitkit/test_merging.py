"""Merges as git itself makes them: the same trees, and the same places where people have to decide."""

import random
import subprocess

import pytest

from freehold.gitkit.commits import Change, CopyBlob, Delete, DeleteTree, Put, PutPointer, squash_commit
from freehold.gitkit.merging import Merge, merge, write_merge
from freehold.gitkit.patches import patch
from tests.fixtures.effort import within
from tests.gitkit.conftest import ALICE, Shelf

LINES = b"".join(b"line %d\n" % number for number in range(20))
BASE = [Put("a", b"1\n"), Put("text", LINES), Put("d/x", b"x\n"), Put("d/y", b"y\n"), Put("e/f/g", b"g\n")]


def edited(number: int, text: bytes) -> Put:
    return Put("text", LINES.replace(b"line %d\n" % number, text + b"\n"))


def grown(shelf: Shelf, ours: list[Change], theirs: list[Change]) -> Merge:
    base = shelf.commit(None, *BASE)
    one, other = shelf.commit(base, *ours), shelf.commit(base, *theirs)
    assert one and other
    merged = merge(shelf.objects, one, other)
    assert merged.ancestor == base
    return merged


def by_git(shelf: Shelf, merged: Merge) -> str | None:
    """The tree that git comes to; None where it finds a conflict."""
    shelf.git(merged.ours, "fsck", "--strict", "--no-dangling")
    command = ["git", "-C", str(shelf.root / "bare.git"), "merge-tree", "--write-tree", merged.ours, merged.theirs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0] if done.returncode == 0 else None


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([Put("b", b"2")], [Put("c", b"3")]),
        ([Put("a", b"2\n")], [Put("d/x", b"2\n")]),
        ([Put("a", b"2\n")], [Put("a", b"2\n"), Put("n", b"n")]),
        ([edited(2, b"ours")], [edited(17, b"theirs")]),
        ([Delete("a")], [DeleteTree("d")]),
        ([Delete("a")], [Delete("a"), Put("n", b"n")]),
        ([Put("d/z", b"z")], [Delete("d/x"), Delete("d/y")]),
        ([Put("new/deep/er", b"1")], [Put("new/deep/est", b"2")]),
        ([Put("b", b"2")], [DeleteTree("d"), Put("d", b"a file now")]),
        ([Put("b", b"2")], [Delete("a"), Put("a/is/a/folder", b"now")]),
        ([PutPointer("w.bin", "ab" * 32, 7)], [PutPointer("v.bin", "cd" * 32, 8)]),
        ([Put("a", b"2\n")], [Put("e/f/g", b"h\n"), Put("e/f/i", b"i\n")]),
    ],
)
def test_what_does_not_touch_comes_together_as_in_git(shelf: Shelf, ours: list[Change], theirs: list[Change]) -> None:
    merged = grown(shelf, ours, theirs)
    assert merged.conflicts == []
    new = write_merge(shelf.objects, merged, ALICE, "Merged", shelf.scratch())
    head = shelf.publish(new)
    assert new.tree == by_git(shelf, merged)
    shelf.git(head, "fsck", "--strict", "--no-dangling")
    assert shelf.objects.commit(head).parents == (merged.ours, merged.theirs)


@pytest.mark.parametrize(
    ("ours", "theirs", "files"),
    [
        ([Put("a", b"2\n")], [Put("a", b"3\n")], ["a"]),
        ([Put("n", b"2\n")], [Put("n", b"3\n")], ["n"]),
        ([Delete("a")], [Put("a", b"3\n")], ["a"]),
        ([Put("a", b"3\n")], [Delete("a")], ["a"]),
        ([edited(9, b"ours")], [edited(9, b"theirs")], ["text"]),
        ([Put("text", b"\0" + LINES)], [edited(9, b"theirs")], ["text"]),
        ([DeleteTree("d")], [Put("d/x", b"2"), Put("d/y", b"2"), Put("d/z", b"new")], ["d/x", "d/y"]),
        ([PutPointer("a", "ab" * 32, 7)], [PutPointer("a", "cd" * 32, 7)], ["a"]),
        ([DeleteTree("d"), Put("d", b"file")], [Put("d/x", b"2")], ["d"]),
    ],
)
def test_what_both_changed_is_for_people(
    shelf: Shelf, ours: list[Change], theirs: list[Change], files: list[str]
) -> None:
    merged = grown(shelf, ours, theirs)
    assert merged.conflicts == files
    assert by_git(shelf, merged) is None


def test_halves_of_two_pointers_never_meet(shelf: Shelf) -> None:
    """By lines alone the two changes could be joined, into a name for a file that nobody has."""
    base = shelf.commit(None, PutPointer("w", "ab" * 32, 7))
    one = shelf.commit(base, PutPointer("w", "cd" * 32, 7))
    other = shelf.commit(base, PutPointer("w", "ab" * 32, 8))
    assert one and other and merge(shelf.objects, one, other).conflicts == ["w"]


def test_a_mode_comes_along(shelf: Shelf) -> None:
    base = shelf.commit(None, Put("run", b"#!/bin/sh\n"), Put("k", b"1"))
    assert base
    entry = shelf.objects.entry(base, "run")
    assert entry
    one = shelf.commit(base, Put("k", b"2"))
    other = shelf.commit(base, CopyBlob("run", entry.oid, 0o100755))
    assert one and other
    head = shelf.publish(write_merge(shelf.objects, merge(shelf.objects, one, other), ALICE, "m", shelf.scratch()))
    found = shelf.objects.entry(head, "run")
    assert found and found.mode == 0o100755


def test_history_that_is_held_already_is_done(shelf: Shelf) -> None:
    base = shelf.commit(None, *BASE)
    head = shelf.commit(base, Put("a", b"2\n"))
    assert base and head
    assert merge(shelf.objects, head, base).is_done
    ahead = merge(shelf.objects, base, head)
    assert (ahead.is_done, ahead.ancestor, ahead.conflicts) == (False, base, [])


def test_squashed_history_is_compared_from_where_it_began(shelf: Shelf) -> None:
    base = shelf.commit(None, *BASE)
    other = shelf.commit(base, Delete("a"), Put("n", b"n"))
    one = shelf.commit(base, Put("d/x", b"2\n"))
    assert base and one and other
    alone = shelf.publish(squash_commit(shelf.objects, other, ALICE, "squashed", shelf.scratch()))
    assert merge(shelf.objects, one, alone).conflicts == ["d/x"], "nothing in common: what differs is for people"
    merged = merge(shelf.objects, one, alone, start=base)
    assert (merged.ancestor, merged.conflicts) == (base, [])
    head = shelf.publish(write_merge(shelf.objects, merged, ALICE, "m", shelf.scratch()))
    assert shelf.paths(head) == ["d/x", "d/y", "e/f/g", "n", "text"]
    assert merge(shelf.objects, one, alone, start="0" * 40).ancestor is None


def test_deep_paths_are_merged(shelf: Shelf) -> None:
    deep = "/".join(["d"] * 300)
    base = shelf.commit(None, Put(f"{deep}/a", b"1"))
    one, other = shelf.commit(base, Put("k", b"1")), shelf.commit(base, Put(f"{deep}/b", b"2"))
    assert one and other
    merged = merge(shelf.objects, one, other)
    assert [change.path for change in merged.changes] == [f"{deep}/b"]


def test_a_patch_is_what_git_prints(shelf: Shelf) -> None:
    before = shelf.commit(None, *BASE)
    after = shelf.commit(before, edited(3, b"other"), Delete("a"), Put("d/n\xf6", b"new"), Put("bin", b"\0\1"))
    assert before and after
    shelf.git(after, "fsck", "--no-dangling")
    printed = shelf.git(after, "-c", "core.abbrev=7", "diff", before, after)
    assert patch(shelf.objects, before, after) == printed


def test_a_patch_has_an_end(shelf: Shelf) -> None:
    before = shelf.commit(None, Put("k", b"1"))
    after = shelf.commit(before, Put("big", b"line\n" * 200_000), Put("a", b"x\n" * 500), Put("b", b"y\n" * 500))
    assert before and after
    whole = patch(shelf.objects, before, after)
    assert "Files a/big and b/big differ" in whole and whole.count("+x\n") == 500 and len(whole) < 10_000
    cut = patch(shelf.objects, before, after, limit_bytes=2000)
    assert cut.endswith("the rest is left out here.\n") and "+y" not in cut


def test_lines_in_another_order_hold_nobody_up(shelf: Shelf) -> None:
    """Whoever may propose could bring texts whose comparison takes minutes, in every look at the pull request."""
    shuffled = random.Random(1)  # the same order each time
    lines = [b"%d\n" % number for number in range(39_000)]

    def mixed(*names: str) -> list[Change]:
        return [Put(name, b"".join(shuffled.sample(lines, len(lines)))) for name in names]

    files = [f"f{number}" for number in range(8)]
    base = shelf.commit(None, *mixed(*files), Put("long", b"".join(3 * lines)))
    one = shelf.commit(base, *mixed(*files), Put("long", b"".join([b"ours\n", *(3 * lines)])))
    other = shelf.commit(base, *mixed(*files), Put("long", b"".join([*(3 * lines), b"theirs\n"])))
    assert one and other
    merged = within(4_000, lambda: merge(shelf.objects, one, other))  # without a bound it is three times that
    assert merged.conflicts == [*files, "long"]
