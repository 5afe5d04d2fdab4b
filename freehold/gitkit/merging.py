"""Joining two histories: a three-way comparison of trees, file by file, and of lines where both sides changed a text.

Written as changes to one side, so that the ordinary writer makes the tree: only what differs is read, however large the
repository is. libgit2's own tree merge is not used, because it writes its results into the repository it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from freehold.gitkit.commits import Change, CopyBlob, Delete, NewPack, Put, merge_commit
from freehold.gitkit.objects import DIRECTORY_MODE, SUBMODULE_MODE, Objects, Person
from freehold.gitkit.patches import MAX_COMPARED_LINES, line_count

#: Longer texts are not compared line by line: changed on both sides, they are a conflict.
MAX_TEXT_BYTES = 1 << 20
#: Lines compared in one merge. Where most of them differ it takes a second, in which nobody else is served.
MAX_JOINED_LINES = 2 * MAX_COMPARED_LINES
TEXT_MODES = (0o100644, 0o100755)

#: A name in a tree: its mode and object id.
Node = tuple[int, str]


@dataclass(frozen=True)
class Merge:
    """What it takes to bring ``theirs`` into ``ours``, two commits.

    ``ancestor`` is what both grew from (None: nothing in common); ``changes`` make the tree of ours into the joint one;
    ``conflicts`` are the paths that a person has to decide on, in order.
    """

    ours: str
    theirs: str
    ancestor: str | None
    changes: Sequence[Change] = ()
    conflicts: Sequence[str] = ()

    @property
    def is_done(self) -> bool:
        """Whether ours holds theirs already."""
        return self.ancestor == self.theirs


@dataclass
class _Sides:
    """One place in the three trees; None where there is nothing."""

    path: str
    base: Node | None
    ours: Node | None
    theirs: Node | None


@dataclass
class _Found:
    removals: list[Change] = field(default_factory=list)
    others: list[Change] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    room: int = MAX_JOINED_LINES


def merge(objects: Objects, ours: str, theirs: str, *, start: str | None = None) -> Merge:
    """How ``theirs`` comes into ``ours``. Nothing is written.

    ``start`` is the commit that theirs once began at: it stands in where squashing left no common history.
    """
    ancestor = ancestor_of(objects, ours, theirs, start=start)
    if ancestor == theirs:
        return Merge(ours, theirs, ancestor)
    changes, conflicts = _joint(objects, ancestor, ours, theirs)
    return Merge(ours, theirs, ancestor, changes, conflicts)


def undo(objects: Objects, ours: str, commit: str, parent: str | None) -> tuple[Sequence[Change], Sequence[str]]:
    """What changes in ``ours`` take back what ``commit`` did to its ``parent`` (None: to nothing), and conflicts."""
    return _joint(objects, commit, ours, parent)


def _joint(objects: Objects, base: str | None, ours: str, theirs: str | None) -> tuple[Sequence[Change], Sequence[str]]:
    """What makes the tree of ours into one that has theirs' differences from base too; conflicts, in order."""
    roots = [_root(objects, commit) if commit is not None else None for commit in (base, ours, theirs)]
    found = _Found()
    # A stack of our own: a path may be deeper than Python's calls.
    pending = [_Sides("", *roots)]
    while pending:
        sides = pending.pop()
        if sides.theirs in (sides.ours, sides.base):
            continue
        if DIRECTORY_MODE in _modes(sides):
            pending += _across_directories(objects, sides, found)
        else:
            _files(objects, sides, found)
    # Removals first, so that a file can take the place of a folder.
    return [*found.removals, *found.others], sorted(found.conflicts)


def write_merge(objects: Objects, merged: Merge, author: Person, message: str, tmp: Path) -> NewPack:
    """The commit with both parents, as a pack in the scratch directory ``tmp``. There must be no conflicts."""
    assert not merged.conflicts, "conflicts are for people"
    return merge_commit(objects, [merged.ours, merged.theirs], merged.changes, author, message, tmp)


def ancestor_of(objects: Objects, ours: str, theirs: str, *, start: str | None = None) -> str | None:
    """The newest commit that both histories hold, else ``start`` where it is still there, else None."""
    found = objects.merge_base(ours, theirs)
    if found is None and start is not None and objects.has(start):
        return start
    return found


def _across_directories(objects: Objects, sides: _Sides, found: _Found) -> list[_Sides]:
    """Places to go on with; what a file and a directory at one path come to is decided here."""
    if _is_directory_or_nothing(sides.ours) and _is_directory_or_nothing(sides.theirs):
        return _children(objects, sides)
    if sides.ours != sides.base:
        found.conflicts.append(sides.path)
        return []
    found.removals.append(Delete(sides.path))
    left = _Sides(sides.path, None, None, sides.theirs)
    if _is_directory_or_nothing(sides.theirs):
        return _children(objects, left)
    _files(objects, left, found)
    return []


def _files(objects: Objects, sides: _Sides, found: _Found) -> None:
    """No side is a directory, and theirs differs from the other two."""
    if sides.theirs is not None and sides.theirs[0] == SUBMODULE_MODE:
        found.conflicts.append(sides.path)  # names a commit elsewhere, which cannot be copied
    elif sides.ours == sides.base:
        if sides.theirs is None:
            found.removals.append(Delete(sides.path))
        else:
            found.others.append(CopyBlob(sides.path, sides.theirs[1], sides.theirs[0]))
    else:
        text = _joined_text(objects, sides, found)
        if text is None:
            found.conflicts.append(sides.path)
        else:
            found.others.append(Put(sides.path, text))


def _joined_text(objects: Objects, sides: _Sides, found: _Found) -> bytes | None:
    """The lines of both sides, where each changed other ones; None for everything that is no such text.

    Nor for more lines than a merge has room for: a person decides on those files then.
    """
    if sides.base is None or sides.ours is None or sides.theirs is None:
        return None
    # A mode that changed on one side only could be taken; it is so rare that a person may look at it.
    modes = {sides.base[0], sides.ours[0], sides.theirs[0]}
    if len(modes) > 1 or not modes <= set(TEXT_MODES):
        return None
    oids = (sides.base[1], sides.ours[1], sides.theirs[1])
    if any(not is_text(objects, oid) for oid in oids):
        return None
    lines = max(line_count(objects, oid) for oid in oids)
    found.room -= lines
    if lines > MAX_COMPARED_LINES or found.room < 0:
        return None
    return objects.joined_lines(*oids)


def is_text(objects: Objects, oid: str) -> bool:
    """Whether the blob is text that is compared by lines, and no large file's pointer."""
    # Half of one pointer and half of another would name a file that nobody has.
    if objects.size_bytes(oid) > MAX_TEXT_BYTES or objects.is_pointer(oid):
        return False
    data = objects.blob(oid)
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def _children(objects: Objects, sides: _Sides) -> list[_Sides]:
    trees = [_listing(objects, node) for node in (sides.base, sides.ours, sides.theirs)]
    prefix = f"{sides.path}/" if sides.path else ""
    names = dict.fromkeys(name for tree in trees for name in tree)
    return [_Sides(prefix + name.decode(), *(tree.get(name) for tree in trees)) for name in names]


def _listing(objects: Objects, node: Node | None) -> dict[bytes, Node]:
    return objects.tree(node[1]) if node is not None and node[0] == DIRECTORY_MODE else {}


def _root(objects: Objects, commit: str) -> Node:
    return DIRECTORY_MODE, objects.commit(commit).tree


def _modes(sides: _Sides) -> set[int]:
    return {node[0] for node in (sides.base, sides.ours, sides.theirs) if node is not None}


def _is_directory_or_nothing(node: Node | None) -> bool:
    return node is None or node[0] == DIRECTORY_MODE
