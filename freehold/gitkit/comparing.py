"""What differs between two commits, file by file and line by line, in bounded pieces.

Line comparison is libgit2's; what is too long for it, or for a reader, is left out, with a sentence saying so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from pygit2.enums import DiffFind

from freehold.gitkit.objects import DIRECTORY_MODE, LINK_MODE, SUBMODULE_MODE, Objects
from freehold.gitkit.patches import MAX_COMPARED_LINES, MAX_FILE_BYTES, line_count
from freehold.gitkit.pointers import MAX_POINTER_BYTES, Pointer, parse_pointer

#: Files listed of one comparison; lines shown of one file, and of all files together.
MAX_FILES = 1_000
MAX_LINES_A_FILE = 4_000
MAX_LINES = 20_000
#: Characters shown of one line: minified scripts and tables without breaks are no text to read.
MAX_LINE_CHARS = 2_000
#: Text compared line by line in one comparison.
MAX_COMPARED_BYTES = 4 << 20
#: Above this many files, only those that moved unchanged are seen as moved: likeness is a comparison of all with all.
MAX_LIKENESS_FILES = 200

_NULL = "0" * 40


@dataclass(frozen=True)
class Side:
    """A file on one side of a comparison."""

    path: str
    oid: str
    mode: int
    size_bytes: int  # what a download has
    pointer: Pointer | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hunk. ``kind`` is context, add or delete; numbers count from 1, None where it is not there."""

    kind: str
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True)
class Hunk:
    """A run of lines that differ, with the lines around them."""

    header: str
    old_start: int
    old_lines: int
    new_start: int
    new_lines: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class FileChange:
    """One file that differs. ``status`` is added, removed, changed or renamed; a side is None where it is not there.

    ``note`` says why there are no lines, or that some are left out; empty when all of them are shown.
    """

    status: str
    before: Side | None
    after: Side | None
    added: int = 0
    removed: int = 0
    is_binary: bool = False
    hunks: tuple[Hunk, ...] = ()
    note: str = ""

    @property
    def path(self) -> str:
        side = self.after or self.before
        assert side is not None, "a change of nothing"
        return side.path

    @property
    def is_large(self) -> bool:
        return any(side is not None and side.pointer is not None for side in (self.before, self.after))


@dataclass(frozen=True)
class Comparison:
    """What ``after`` has that ``before`` (None: nothing) has not. ``total`` files differ, the first are here."""

    before: str | None
    after: str
    files: tuple[FileChange, ...]
    total: int

    @property
    def added(self) -> int:
        return sum(change.added for change in self.files)

    @property
    def removed(self) -> int:
        return sum(change.removed for change in self.files)


def compare(
    objects: Objects, before: str | None, after: str, *, max_files: int = MAX_FILES, max_lines: int = MAX_LINES
) -> Comparison:
    """The comparison of two commits. Raises ``MissingGitObject`` when one of them is not there."""
    diff = _difference(objects, before, after, max_files)
    total = len(diff)
    budget = _Budget(max_lines, MAX_COMPARED_BYTES, 2 * MAX_COMPARED_LINES)
    files = [_change(objects, diff, at, delta, budget) for at, delta in _first(diff, max_files)]
    return Comparison(before, after, tuple(files), total)


def count_files(objects: Objects, before: str | None, after: str, *, max_files: int = MAX_FILES) -> int:
    """How many files differ, as :func:`compare` with the same bound has it."""
    return len(_difference(objects, before, after, max_files))


def _difference(objects: Objects, before: str | None, after: str, max_files: int) -> Any:
    """What differs; a file that moved is one, where there are few enough to look for it."""
    diff = objects.difference(before, after)
    total = len(diff)
    if 0 < total <= max_files:
        flags = DiffFind.FIND_RENAMES
        if total > MAX_LIKENESS_FILES or _size_bytes(objects, diff) > MAX_COMPARED_BYTES:
            flags |= DiffFind.FIND_EXACT_MATCH_ONLY
        diff.find_similar(flags=flags, rename_limit=MAX_LIKENESS_FILES)
    return diff


@dataclass
class _Budget:
    """What may still be compared and shown."""

    lines: int
    size_bytes: int
    compared: int  # lines


def _first(diff: Any, count: int) -> Iterator[tuple[int, Any]]:
    for at, delta in enumerate(diff.deltas):
        if at >= count:
            return
        yield at, delta


def _size_bytes(objects: Objects, diff: Any) -> int:
    """Of all files that differ, on both sides: likeness reads them whole."""
    sides = (side for delta in diff.deltas for side in (delta.old_file, delta.new_file))
    return sum(
        objects.size_bytes(str(side.id)) for side in sides if str(side.id) != _NULL and side.mode != SUBMODULE_MODE
    )


def _change(objects: Objects, diff: Any, at: int, delta: Any, budget: _Budget) -> FileChange:
    before, after = _side(objects, delta.old_file), _side(objects, delta.new_file)
    status = "added" if before is None else "removed" if after is None else "changed"
    if before is not None and after is not None and before.path != after.path:
        status = "renamed"
    change = FileChange(status, before, after)
    sides = [side for side in (before, after) if side is not None]
    if before is not None and after is not None and before.oid == after.oid:
        return change  # the name or the mode alone
    if change.is_large:
        return replace(change, is_binary=True)
    if any(side.mode == SUBMODULE_MODE for side in sides):
        return replace(change, is_binary=True, note="A repository inside this one: only its commit is named here.")
    if any(side.size_bytes > MAX_FILE_BYTES for side in sides):
        return replace(change, note=f"Longer than {MAX_FILE_BYTES >> 10} KiB: not compared line by line.")
    budget.size_bytes -= sum(side.size_bytes for side in sides)
    if budget.size_bytes < 0:
        return replace(change, note="Too much differs for all of it to be compared here: look at this file alone.")
    most = max(line_count(objects, side.oid) for side in sides)
    budget.compared -= most
    if most > MAX_COMPARED_LINES or budget.compared < 0:
        return replace(change, note=f"{most:,} lines, too many to be compared here: look at this file alone.")
    return _with_lines(change, diff[at], budget)


def _with_lines(change: FileChange, patch: Any, budget: _Budget) -> FileChange:
    if patch.delta.is_binary:
        return replace(change, is_binary=True, note="Not text.")
    _, added, removed = patch.line_stats
    change = replace(change, added=added, removed=removed)
    room = min(MAX_LINES_A_FILE, budget.lines)
    hunks: list[Hunk] = []
    for hunk in patch.hunks:
        lines = tuple(_lines(islice(hunk.lines, room)))
        room, budget.lines = room - len(lines), budget.lines - len(lines)
        header = _text(hunk.header.encode("utf-8", "replace"))
        hunks.append(Hunk(header, hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines, lines))
        if room <= 0:
            break
    shown = sum(line.kind != "context" for hunk in hunks for line in hunk.lines)
    note = "" if shown == added + removed else f"{added + removed:,} lines differ; the rest of them is left out here."
    return replace(change, hunks=tuple(hunks), note=note)


def _lines(found: Any) -> Iterator[Line]:
    kinds = {" ": "context", "+": "add", "-": "delete"}
    for line in found:
        kind = kinds.get(line.origin)
        if kind is not None:  # the others say that the last line has no end
            old = line.old_lineno if line.old_lineno > 0 else None
            new = line.new_lineno if line.new_lineno > 0 else None
            yield Line(kind, old, new, _text(line.raw_content))


def _text(raw: bytes) -> str:
    """Text that any page and any database can hold."""
    text = raw[: 4 * MAX_LINE_CHARS].decode("utf-8", "replace").rstrip("\r\n").replace("\x00", "\ufffd")
    return text if len(text) <= MAX_LINE_CHARS else text[:MAX_LINE_CHARS] + "…"


def _side(objects: Objects, file: Any) -> Side | None:
    oid = str(file.id)
    if oid == _NULL:
        return None
    path = file.raw_path.decode("utf-8", "replace")
    if file.mode in (SUBMODULE_MODE, DIRECTORY_MODE):
        return Side(path, oid, file.mode, 0, None)
    size_bytes = objects.size_bytes(oid)
    is_short = 100 < size_bytes <= MAX_POINTER_BYTES and file.mode != LINK_MODE
    pointer = parse_pointer(objects.blob(oid)) if is_short else None
    return Side(path, oid, file.mode, pointer.size_bytes if pointer else size_bytes, pointer)
