"""How the lines of a comparison stand on a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.discussions import lines
from freehold.gitkit.comparing import FileChange, Hunk, Line

pytestmark = pytest.mark.rules


def change(*given: tuple[str, str]) -> FileChange:
    """A change of one hunk from ``("-", text)``, ``("+", text)``, ``(" ", text)``."""
    old = new = 0
    made = []
    for sign, text in given:
        kind = {"-": "delete", "+": "add", " ": "context"}[sign]
        old, new = old + (kind != "add"), new + (kind != "delete")
        made.append(Line(kind, old if kind != "add" else None, new if kind != "delete" else None, text))
    return FileChange("changed", None, None, hunks=(Hunk("@@", 1, old, 1, new, tuple(made)),))


def test_what_differs_inside_a_line_is_marked_on_both_sides() -> None:
    (hunk,) = lines.hunks(
        change(("-", "Longest input: 2,048 tokens."), ("+", "Longest input: 8,192 tokens.")), in_columns=False
    )
    gone, new = hunk.lines
    assert (gone.head, gone.marked, gone.tail) == ("Longest input: ", "2,048", " tokens.")
    assert (new.head, new.marked, new.tail) == ("Longest input: ", "8,192", " tokens.")


def test_words_are_marked_whole() -> None:
    (hunk,) = lines.hunks(change(("-", "the number of rows"), ("+", "the numbers of rows")), in_columns=False)
    assert [line.marked for line in hunk.lines] == ["number", "numbers"]


def test_lines_that_share_little_are_two_lines() -> None:
    (hunk,) = lines.hunks(change(("-", "one thing"), ("+", "quite another")), in_columns=False)
    assert [line.marked for line in hunk.lines] == ["", ""]


def test_lines_too_long_are_not_looked_into() -> None:
    long = "x" * (lines.MAX_MARKED_CHARACTERS + 1)
    (hunk,) = lines.hunks(change(("-", long), ("+", long + "y")), in_columns=False)
    assert [line.marked for line in hunk.lines] == ["", ""]


def test_two_columns_set_what_went_beside_what_came() -> None:
    given = (" ", "a"), ("-", "b"), ("-", "c"), ("+", "d"), (" ", "e"), ("+", "f")
    (hunk,) = lines.hunks(change(*given), in_columns=True)
    told = [(row.before and row.before.head, row.after and row.after.head) for row in hunk.rows]
    assert told == [("a", "a"), ("b", "d"), ("c", None), ("e", "e"), (None, "f")]


texts = st.lists(st.tuples(st.sampled_from("-+ "), st.text(max_size=12)), max_size=30)


@given(texts)
def test_no_line_is_lost_or_altered(given: list[tuple[str, str]]) -> None:
    made = change(*given)
    (hunk,) = lines.hunks(made, in_columns=True)
    before = sorted((line.old, line.text) for line in made.hunks[0].lines if line.old is not None)
    after = sorted((line.new, line.text) for line in made.hunks[0].lines if line.new is not None)

    def whole(line: lines.Shown) -> str:
        return line.head + line.marked + line.tail

    assert sorted((row.before.old, whole(row.before)) for row in hunk.rows if row.before) == before
    assert sorted((row.after.new, whole(row.after)) for row in hunk.rows if row.after) == after
    assert [whole(line) for line in hunk.lines if line.kind == "context"] == [t for s, t in given if s == " "]
