"""Files that both sides changed, in pieces; and comparisons in bounded ones."""

import random

import pytest

from freehold.gitkit import comparing
from freehold.gitkit.commits import Change, CopyBlob, Delete, Put, PutPointer
from freehold.gitkit.comparing import compare
from freehold.gitkit.conflicts import Agreed, Clash, Conflict, conflict, conflicts, joined
from freehold.gitkit.merging import merge
from tests.gitkit.conftest import Shelf


def clashing(shelf: Shelf, base: list[Change], ours: list[Change], theirs: list[Change], path: str = "t") -> Conflict:
    start = shelf.commit(None, Put("other", b"1"), *base)
    one, other = shelf.commit(start, *ours), shelf.commit(start, *theirs)
    assert one and other
    return conflict(shelf.objects, merge(shelf.objects, one, other), path)


def test_a_clash_stands_between_what_both_agree_on(shelf: Shelf) -> None:
    base, ours, theirs = b"1\n2\n3\n4\n5\n6\n7\n8\n", b"1\n2a\n3\n4\n5\n6\n7\n8\n9\n", b"0\n1\n2b\n3\n4\n5\n7\n8\n"
    found = clashing(shelf, [Put("t", base)], [Put("t", ours)], [Put("t", theirs)])
    assert found.pieces is not None and found.clashes == [Clash("2a\n", "2\n", "2b\n", 2)]
    assert joined(found.pieces, ["ours"]) == "0\n1\n2a\n3\n4\n5\n7\n8\n9\n"
    assert joined(found.pieces, ["theirs"]) == "0\n1\n2b\n3\n4\n5\n7\n8\n9\n"
    assert joined(found.pieces, ["both"]) == "0\n1\n2a\n2b\n3\n4\n5\n7\n8\n9\n"


def test_marks_of_conflicts_in_a_file_are_text_like_any_other(shelf: Shelf) -> None:
    marks = b"<<<<<<< ours\n=======\n>>>>>>> theirs\n"
    found = clashing(shelf, [Put("t", marks + b"x\n")], [Put("t", marks + b"y\n")], [Put("t", marks + b"z\n")])
    assert found.pieces == [Agreed(marks.decode()), Clash("y\n", "x\n", "z\n", 4)]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "words"),
    [
        ([Put("t", b"1\n")], [Delete("t")], [Put("t", b"2\n")], "removed"),
        ([Put("t", b"1\n")], [Put("t", b"2\n")], [Put("t", b"\0")], "not text"),
        ([Put("t", b"1\n")], [Put("t", b"2\n")], [PutPointer("t", "ab" * 32, 7)], "large file"),
        ([Put("t", b"1\n")], [Put("t", b"2\n")], [Delete("t"), Put("t/x", b"1")], "folder"),
        ([Put("t", b"1\n")], [Put("t", b"2\n")], [Put("t", b"x\n" * 50_000)], "longer"),
    ],
)
def test_what_has_no_lines_to_choose_among_says_why(
    shelf: Shelf, base: list[Change], ours: list[Change], theirs: list[Change], words: str
) -> None:
    found = clashing(shelf, base, ours, theirs)
    assert found.pieces is None and words in found.reason
    assert found.is_of_files is (words != "folder")


def test_both_made_the_file(shelf: Shelf) -> None:
    found = clashing(shelf, [], [Put("t", b"1\nsame\n")], [Put("t", b"2\nsame")])
    assert found.base is None and found.pieces is not None
    assert joined(found.pieces, ["theirs"] * len(found.clashes)) == "2\nsame"


def test_one_side_s_changes_are_never_lost(shelf: Shelf) -> None:
    """Whatever the texts are: where one side changed nothing, or both the same, nothing clashes."""
    rng = random.Random(7)
    lines = [f"{rng.randrange(6)}\n" for _ in range(12)]
    base = "".join(lines).encode()
    for number in range(12):
        changed = lines.copy()
        for _ in range(rng.randrange(1, 5)):
            changed[rng.randrange(len(changed))] = rng.choice(("x\n", "y\n", "", "z\nz\n"))
        text = "".join(changed).encode()
        apart = "".join([*changed, "end\n"]).encode()
        start = shelf.commit(None, Put("t", base), Put("n", str(number).encode()))
        one, other = shelf.commit(start, Put("t", text)), shelf.commit(start, Put("t", apart))
        if one is None or other is None:
            continue
        found = conflict(shelf.objects, merge(shelf.objects, one, other), "t")
        assert found.pieces is not None
        assert joined(found.pieces, ["theirs"] * len(found.clashes)) == apart.decode()


# ---- comparisons -------------------------------------------------------------------------------------------


def test_a_renamed_file_and_one_that_moved_unchanged(shelf: Shelf) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(30))
    base = shelf.commit(None, Put("old", lines), Put("move", b"as it is\n" * 20))
    assert base
    blob = shelf.objects.entry(base, "move")
    assert blob
    changes = [Delete("old"), Put("new", lines + b"more\n"), Delete("move"), CopyBlob("d/moved", blob.oid, 0o100755)]
    after = shelf.commit(base, *changes)
    assert after
    files = {change.path: change for change in compare(shelf.objects, base, after).files}
    assert {path: change.status for path, change in files.items()} == {"new": "renamed", "d/moved": "renamed"}
    assert (files["new"].added, files["new"].removed) == (1, 0)
    moved = files["d/moved"]
    assert moved.before and moved.after and (moved.before.mode, moved.after.mode) == (0o100644, 0o100755)


def test_a_comparison_is_cut_at_its_bounds(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    base = shelf.commit(None, Put("a", b"1\n"))
    after = shelf.commit(base, *(Put(f"f{number:03}", b"line\n" * 10) for number in range(40)))
    assert after
    few = compare(shelf.objects, base, after, max_files=5)
    assert (len(few.files), few.total) == (5, 40)
    short = compare(shelf.objects, base, after, max_lines=25)
    assert sum(len(hunk.lines) for change in short.files for hunk in change.hunks) == 25
    assert short.files[0].note == "" and "left out" in short.files[3].note and short.files[39].added == 10
    monkeypatch.setattr(comparing, "MAX_COMPARED_BYTES", 300)
    assert "alone" in compare(shelf.objects, base, after).files[39].note


def test_many_long_texts_are_compared_up_to_a_bound(shelf: Shelf) -> None:
    """Where most lines differ a comparison takes a second; fifty of them would hold everybody up at each look."""
    lines = [b"%d\n" % number for number in range(30_000)]
    turns = [b"".join(lines[at:] + lines[:at]) for at in (0, 10_000, 20_000)]
    files = [f"f{number}" for number in range(5)]
    base = shelf.commit(None, *(Put(name, turns[0]) for name in files))
    one, other = (shelf.commit(base, *(Put(name, turn) for name in files)) for turn in turns[1:])
    assert one and other
    merged = merge(shelf.objects, one, other)
    shown = list(conflicts(shelf.objects, merged, files))
    assert [found.pieces is not None for found in shown] == [True, True, False, False, False]
    assert "longer than what is compared" in shown[-1].reason
