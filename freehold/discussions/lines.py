"""The lines of a comparison as pages set them: with what differs inside a line marked, in one column or in two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from freehold.gitkit.comparing import FileChange, Line

#: Longer lines, and longer runs of them, are not looked into.
MAX_MARKED_CHARACTERS, MAX_MARKED_LINES = 1_000, 200
#: Lines that share less than this part of the longer one are two different lines.
LEAST_SHARED = 0.4


@dataclass(frozen=True)
class Shown:
    """One line. ``marked`` is the part between ``head`` and ``tail`` that its other version lacks; empty for none."""

    kind: str
    old: int | None
    new: int | None
    head: str
    marked: str = ""
    tail: str = ""

    @property
    def side(self) -> str:
        """Where it stands: *before* for a line that went, *after* for any other."""
        return "before" if self.kind == "delete" else "after"

    @property
    def number(self) -> int | None:
        return self.old if self.kind == "delete" else self.new


@dataclass(frozen=True)
class Row:
    """One line of two columns; a side is None where the other side has a line of its own."""

    before: Shown | None
    after: Shown | None


@dataclass(frozen=True)
class HunkShown:
    """A run of lines that differ, with those around them. ``rows`` is empty where the page has one column."""

    header: str
    lines: Sequence[Shown]
    rows: Sequence[Row]


def hunks(change: FileChange, *, in_columns: bool) -> list[HunkShown]:
    """The hunks of ``change`` for a page of one column, or of two."""
    shown = []
    for hunk in change.hunks:
        lines: list[Shown] = []
        rows: list[Row] = []
        for gone, new, around in _runs(hunk.lines):
            before, after = _marked(gone, new)
            lines += [*before, *after, *around]
            if in_columns:
                rows += _beside(before, after)
                rows += [Row(line, line) for line in around]
        shown.append(HunkShown(hunk.header, lines, rows))
    return shown


def _runs(lines: Sequence[Line]) -> Iterator[tuple[list[Line], list[Line], list[Shown]]]:
    """What went, what came in its place, and the lines that follow unchanged; git lists them in this order."""
    order = {"delete": 0, "add": 1, "context": 2}
    gone: list[Line] = []
    new: list[Line] = []
    around: list[Shown] = []
    reached = 0
    for line in lines:
        if order[line.kind] < reached:
            yield gone, new, around
            gone, new, around = [], [], []
        reached = order[line.kind]
        if line.kind == "context":
            around.append(_plain(line))
        else:
            (gone if line.kind == "delete" else new).append(line)
    yield gone, new, around


def _marked(gone: Sequence[Line], new: Sequence[Line]) -> tuple[list[Shown], list[Shown]]:
    """As many lines for as many were edited one by one, most likely: what differs inside each is marked."""
    if len(gone) != len(new) or len(gone) > MAX_MARKED_LINES:
        return [_plain(line) for line in gone], [_plain(line) for line in new]
    pairs = [_pair(one, other) for one, other in zip(gone, new, strict=True)]
    return [one for one, _ in pairs], [other for _, other in pairs]


def _pair(one: Line, other: Line) -> tuple[Shown, Shown]:
    longest = max(len(one.text), len(other.text))
    if longest > MAX_MARKED_CHARACTERS:
        return _plain(one), _plain(other)
    head = _shared(one.text, other.text)
    while head and any(_is_inside_word(line.text, head) for line in (one, other)):
        head -= 1
    most = min(len(one.text), len(other.text)) - head
    tail = min(most, _shared(one.text[::-1], other.text[::-1]))
    while tail and any(_is_inside_word(line.text, len(line.text) - tail) for line in (one, other)):
        tail -= 1
    if not longest or (head + tail) / longest < LEAST_SHARED:
        return _plain(one), _plain(other)
    return _parted(one, head, tail), _parted(other, head, tail)


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _is_inside_word(text: str, at: int) -> bool:
    """Whether a cut before ``text[at]`` would part a word: people read words, not characters."""
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def _parted(line: Line, head: int, tail: int) -> Shown:
    end = len(line.text) - tail
    return Shown(line.kind, line.old, line.new, line.text[:head], line.text[head:end], line.text[end:])


def _plain(line: Line) -> Shown:
    return Shown(line.kind, line.old, line.new, line.text)


def _beside(before: Sequence[Shown], after: Sequence[Shown]) -> Iterator[Row]:
    for at in range(max(len(before), len(after))):
        yield Row(before[at] if at < len(before) else None, after[at] if at < len(after) else None)
