"""A file that both sides changed, cut into what they agree on and where they clash: for a person to decide.

The same three texts that git compares, as values rather than as marks inside the file: a file may hold such marks.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pygit2

from freehold.gitkit.merging import MAX_JOINED_LINES, MAX_TEXT_BYTES, Merge, Node, is_text
from freehold.gitkit.objects import DIRECTORY_MODE, Objects
from freehold.gitkit.patches import MAX_COMPARED_LINES, line_count


@dataclass(frozen=True)
class Agreed:
    """Lines that stand whatever is decided."""

    text: str


@dataclass(frozen=True)
class Clash:
    """Lines that both sides changed: ``ours`` and ``theirs`` now, ``base`` before. ``line`` is where ours begin."""

    ours: str
    base: str
    theirs: str
    line: int


@dataclass(frozen=True)
class Conflict:
    """One path that both sides changed. A side is None where the file is gone, or never was.

    ``pieces`` is None where there are no lines to choose among: ``reason`` says why.
    """

    path: str
    base: Node | None
    ours: Node | None
    theirs: Node | None
    pieces: Sequence[Agreed | Clash] | None
    reason: str = ""

    @property
    def clashes(self) -> list[Clash]:
        return [piece for piece in self.pieces or () if isinstance(piece, Clash)]

    @property
    def is_of_files(self) -> bool:
        """Whether one side can be taken whole: a folder on one side needs a commit of somebody's own."""
        sides = (self.base, self.ours, self.theirs)
        return all(node is None or node[0] != DIRECTORY_MODE for node in sides)


def conflicts(objects: Objects, merged: Merge, paths: Iterable[str]) -> Iterator[Conflict]:
    """The conflicts at ``paths`` of ``merged``, of which so many lines are compared; later ones are taken whole."""
    room = MAX_JOINED_LINES
    for path in paths:
        found = conflict(objects, merged, path, most_lines=min(room, MAX_COMPARED_LINES))
        if found.pieces is not None:
            room -= max(line_count(objects, node[1]) for node in (found.base, found.ours, found.theirs) if node)
        yield found


def conflict(objects: Objects, merged: Merge, path: str, *, most_lines: int = MAX_COMPARED_LINES) -> Conflict:
    """The conflict at ``path`` of ``merged``; texts of more than ``most_lines`` are not compared."""
    base, ours, theirs = (
        _node(objects, commit, path) if commit is not None else None
        for commit in (merged.ancestor, merged.ours, merged.theirs)
    )
    pieces, reason = None, _reason(objects, base, ours, theirs, most_lines)
    if not reason:
        pieces = _pieces(*(objects.blob(node[1]) if node else b"" for node in (base, ours, theirs)))
    return Conflict(path, base, ours, theirs, pieces, reason)


def joined(pieces: Sequence[Agreed | Clash], choices: Sequence[str]) -> str:
    """The text with each clash decided in order: ``ours``, ``theirs`` or ``both``."""
    left = iter(choices)
    parts = []
    for piece in pieces:
        if isinstance(piece, Agreed):
            parts.append(piece.text)
        else:
            choice = next(left)
            parts.append({"ours": piece.ours, "theirs": piece.theirs, "both": piece.ours + piece.theirs}[choice])
    return "".join(parts)


def _node(objects: Objects, commit: str, path: str) -> Node | None:
    entry = objects.entry(commit, path)
    return None if entry is None else (entry.mode, entry.oid)


def _reason(objects: Objects, base: Node | None, ours: Node | None, theirs: Node | None, most_lines: int) -> str:
    if ours is None or theirs is None:
        return "One side removed it, the other changed it."
    sides = [node for node in (base, ours, theirs) if node is not None]
    if any(mode == DIRECTORY_MODE for mode, _ in sides):
        return "It is a file on one side and a folder on the other."
    if any(objects.is_pointer(oid) for _, oid in sides):
        return "It is a large file: one of the two can be taken whole."
    if not all(is_text(objects, oid) for _, oid in sides):
        return f"It is not text, or longer than {MAX_TEXT_BYTES >> 20} MiB: one of the two can be taken whole."
    if any(line_count(objects, oid) > most_lines for _, oid in sides):
        return "It is longer than what is compared by lines here: one of the two can be taken whole."
    return ""


@dataclass(frozen=True)
class _Change:
    """Lines ``start`` to ``end`` of the base are ``growth`` lines more on one side."""

    start: int
    end: int
    growth: int


def _pieces(base: bytes, ours: bytes, theirs: bytes) -> list[Agreed | Clash]:
    """The usual three-way walk: changes of both sides that touch each other clash, unless they are the same."""
    lines = [_lines(text) for text in (base, ours, theirs)]
    changes = [_changes(base, side) for side in (ours, theirs)]
    pieces: list[Agreed | Clash] = []
    at = 0
    shifts = [0, 0]
    for start, end, groups in _groups(changes[0], changes[1]):
        pieces += _agreed(lines[0][at:start])
        line = start + shifts[0] + 1
        texts = []
        for side, group in enumerate(groups):
            first = start + shifts[side]
            shifts[side] += sum(change.growth for change in group)
            texts.append("".join(lines[side + 1][first : end + shifts[side]]))
        if not groups[1] or texts[0] == texts[1]:
            pieces += _agreed([texts[0]])
        elif not groups[0]:
            pieces += _agreed([texts[1]])
        else:
            pieces.append(Clash(texts[0], "".join(lines[0][start:end]), texts[1], line))
        at = end
    return pieces + _agreed(lines[0][at:])


def _agreed(lines: Sequence[str]) -> list[Agreed | Clash]:
    text = "".join(lines)
    return [Agreed(text)] if text else []


def _lines(text: bytes) -> list[str]:
    """Lines as git counts them: by line feeds alone."""
    parts = text.decode().split("\n")
    lines = [part + "\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _groups(ours: Sequence[_Change], theirs: Sequence[_Change]) -> Iterator[tuple[int, int, list[list[_Change]]]]:
    """Runs of changes that touch each other, with what each side has in them."""
    both = [(change, side) for side, changes in enumerate((ours, theirs)) for change in changes]
    pending = deque(sorted(both, key=lambda item: (item[0].start, item[0].end)))
    while pending:
        change, side = pending.popleft()
        start, end = change.start, change.end
        groups: list[list[_Change]] = [[], []]
        groups[side].append(change)
        while pending and pending[0][0].start <= end:
            change, side = pending.popleft()
            groups[side].append(change)
            end = max(end, change.end)
        yield start, end, groups


def _changes(base: bytes, side: bytes) -> list[_Change]:
    patch = pygit2.Patch.create_from(base, side, context_lines=0, interhunk_lines=0)
    found = []
    for hunk in patch.hunks if patch is not None else ():
        # A hunk without lines on one side names the line before it.
        start = hunk.old_start if hunk.old_lines == 0 else hunk.old_start - 1
        found.append(_Change(start, start + hunk.old_lines, hunk.new_lines - hunk.old_lines))
    return found
