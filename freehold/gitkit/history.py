"""History of one repository: in which order commits come, and which of them made a path what it is.

What a commit changed is a fact that never changes, so it is found once (by comparing only the trees that differ, as
raw bytes) and kept: in memory, and as lines of a file in the disposable cache, so that a restart does not start over.
Answers are kept per commit; those of a new commit are found by walking back to one whose answers are known.
Why not libgit2's diff or git's changed-path filters: docs/decisions, "Changes are kept per commit".
"""

import fcntl
import heapq
import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freehold.core.lru import Lru

log = logging.getLogger("freehold.gitkit")

#: A commit that changes more paths is not written down; its trees are compared for the paths that are asked for.
MANY_PATHS = 1000
#: Commits looked into by one call beyond those known: some seconds of work. What is not found by then is not told yet,
#: and found by a later call, because what was looked into stays known.
MAX_NEW = 30_000
MAX_FILE_BYTES = 256 << 20
#: Paths whose last change is kept per repository, over all commits that were asked about.
KEPT_ANSWERS = 300_000
KEPT_ORDERS = 300_000
#: Trees of this size are compared from both ends first: nearly all of a large folder is as it was.
LARGE_TREE_BYTES = 1 << 10
_STRETCH_BYTES = 4 << 10
#: Trees read a moment ago: what is a parent's now is the next commit's in a walk.
_RECENT_BYTES = 8 << 20

DIRECTORY = b"40000"
_ENTRY = re.compile(rb"((?:1[0-7]{5}|40000)) ([^\0]+)\0(.{20})", re.DOTALL)
_HEAD = re.compile(rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)")
_WHEN = re.compile(rb"^committer .*> (-?\d{1,18})", re.MULTILINE)

#: (kind, id) -> the object's bytes; kind is "commit" or "tree". An annotated tag is read as the commit it stands for.
Read = Callable[[str, str], bytes]
#: The paths that differ from one parent, with the directories above them; None: more than MANY_PATHS.
Changed = tuple[str, ...] | None


@dataclass(slots=True)
class Node:
    """A commit as history needs it. ``changed`` is empty until somebody asked, then one for each parent."""

    tree: str
    parents: tuple[str, ...]
    when: int
    changed: tuple[Changed, ...] = ()


@dataclass
class Chronicle:
    """What is known of one repository's history; ``path`` is the file that it is kept in, if any."""

    path: Path | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    answers: Lru[str, dict[str, str]] = field(default_factory=lambda: Lru(KEPT_ANSWERS, lambda known: len(known) + 1))
    orders: Lru[str, Sequence[str]] = field(default_factory=lambda: Lru(KEPT_ORDERS, lambda order: len(order) + 1))
    paths: Lru[tuple[str, str], Sequence[str]] = field(
        default_factory=lambda: Lru(KEPT_ORDERS, lambda order: len(order) + 1)
    )
    #: By commit: ``large_files.Brought``.
    large_files: Lru[str, Sequence[Any]] = field(
        default_factory=lambda: Lru(KEPT_ANSWERS, lambda brought: len(brought) + 1)
    )
    _names: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.path is not None:
            with suppress(OSError):
                self._load(self.path)

    def one(self, name: str) -> str:
        """``name``, the same string each time: a path is named by many commits."""
        return self._names.setdefault(name, name)

    def note(self, oids: Iterable[str]) -> None:
        """What the commits ``oids`` changed is in the file. A disk that is full or read-only is no reason to fail."""
        lines = []
        for oid in oids:
            node = self.nodes[oid]
            lines.append(json.dumps([oid, node.tree, node.parents, node.when, node.changed], separators=(",", ":")))
        if not lines or self.path is None:
            return
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
        with suppress(OSError), self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Other processes write the same lines; one at a time, so that a line is whole.
            with open(self.path, "ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if file.tell() < MAX_FILE_BYTES:
                    file.write(data)

    def _load(self, path: Path) -> None:
        for line in path.read_bytes().split(b"\n"):
            try:
                oid, tree, parents, when, changed = json.loads(line)
                found = tuple(None if paths is None else tuple(map(self.one, paths)) for paths in changed)
                if len(found) == len(parents):
                    self.nodes[oid] = Node(tree, tuple(parents), when, found)
            except (ValueError, TypeError):
                continue  # the end of a process cut it; it will be found again


class History:
    """Walks of one repository's history, from what its chronicle knows and what ``read`` finds."""

    def __init__(self, chronicle: Chronicle, read: Read) -> None:
        self._known, self._read = chronicle, read
        self._recent: dict[str, bytes] = {}
        self._recent_bytes = 0

    # ---- order -----------------------------------------------------------------------------------------------------

    def order(self, commit: str) -> Sequence[str]:
        """Every commit reachable from ``commit``, newest first, a child before its parents as far as clocks allow."""
        return self._known.orders.of(commit, lambda: self._ordered(commit))

    def _ordered(self, commit: str) -> Sequence[str]:
        found: list[str] = []
        queue, seen = [(-self.node(commit).when, 0, commit)], {commit}
        while queue:
            oid = heapq.heappop(queue)[-1]
            if not queue:
                rest = self._known.orders.get(oid)  # the only way on, and it was gone before
                if rest is not None and (not found or seen.isdisjoint(rest[1:])):
                    return [*found, *rest]
            found.append(oid)
            for parent in self.node(oid).parents:
                if parent not in seen:
                    seen.add(parent)
                    heapq.heappush(queue, (-self.node(parent).when, len(seen), parent))
        return found

    # ---- last changes ----------------------------------------------------------------------------------------------

    def last_changes(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        """For each of ``paths`` (all in ``commit``) the commit that made it what it is, by git's own simplification.

        A path follows the first parent that has the same object there. Absent: not found within :data:`MAX_NEW`.
        """
        known = self._known.answers.get(commit) or {}
        asked = set(paths)
        found = {path: known[path] for path in asked if path in known}
        missing = asked - found.keys()
        if missing:
            found |= self._walked(commit, missing)
            self._known.answers.put(commit, {**known, **found})
        return found

    def _walked(self, commit: str, paths: set[str]) -> dict[str, str]:
        pending = {commit: paths}
        queue = [(-self.node(commit).when, 0, commit)]
        found: dict[str, str] = {}
        looked = _Looked(self)
        steps = 0
        while queue:
            oid = heapq.heappop(queue)[-1]
            here = pending.pop(oid)
            answered = self._known.answers.get(oid) if oid != commit else None
            if answered:
                found.update((path, answered[path]) for path in here if path in answered)
                here = {path for path in here if path not in answered}
            if not here:
                continue
            if not looked.has_patience:
                break
            for at, parent in enumerate(self.node(oid).parents):
                differing = looked.differing(oid, at, here)
                same = here - differing if differing else here
                if same:
                    # A commit met again, through a clock that ran backwards, is looked at again.
                    if parent not in pending:
                        steps += 1
                        heapq.heappush(queue, (-self.node(parent).when, steps, parent))
                        pending[parent] = set(same)
                    else:
                        pending[parent] |= same
                here = differing
                if not here:
                    break
            found.update(dict.fromkeys(here, oid))
        looked.keep()
        return found

    # ---- one path --------------------------------------------------------------------------------------------------

    def of_path(self, commit: str, path: str) -> Sequence[str]:
        """The commits that changed ``path`` (a file or a directory), newest first, as ``git log -- path`` has them.

        A merge that took one side's version leads to that side alone. Source: git-log(1), History Simplification.
        """
        return self._known.paths.of((commit, path), lambda: self._traced(commit, path))

    def _traced(self, commit: str, path: str) -> Sequence[str]:
        found: list[str] = []
        queue, seen = [(-self.node(commit).when, 0, commit)], {commit}
        looked = _Looked(self)
        while queue and looked.has_patience:
            oid = heapq.heappop(queue)[-1]
            parents = self.node(oid).parents
            same = next((at for at in range(len(parents)) if not looked.differing(oid, at, {path})), None)
            if same is not None:
                parents = (parents[same],)
            elif parents or self._has(oid, path):
                found.append(oid)
            for parent in parents:
                if parent not in seen:
                    seen.add(parent)
                    heapq.heappush(queue, (-self.node(parent).when, len(seen), parent))
        looked.keep()
        return found

    def renamed_from(self, commit: str, path: str) -> str | None:
        """Where the file that ``commit`` put at ``path`` was before, when it only moved; None when it did not."""
        here = self.object_at(commit, path)
        if here is None:
            return None
        for at, parent in enumerate(self.node(commit).parents):
            if self.object_at(parent, path) is None:
                for other in self.changed(commit, at) or ():
                    if self.object_at(parent, other) == here and self.object_at(commit, other) is None:
                        return other
        return None

    # ---- facts -----------------------------------------------------------------------------------------------------

    def node(self, oid: str) -> Node:
        known = self._known.nodes.get(oid)
        if known is None:
            known = self._known.nodes[oid] = self._parsed(self._read("commit", oid))
        return known

    def is_looked_into(self, oid: str) -> bool:
        node = self.node(oid)
        return len(node.changed) == len(node.parents)

    def changed(self, oid: str, at: int) -> Changed:
        """What ``oid`` changed of its parent number ``at``."""
        node = self.node(oid)
        if len(node.changed) != len(node.parents):
            node.changed = tuple(self._difference(node.tree, self.node(parent).tree) for parent in node.parents)
        return node.changed[at]

    def write_down(self, oids: Iterable[str]) -> None:
        self._known.note(oids)

    def object_at(self, commit: str, path: str) -> tuple[bytes, bytes] | None:
        """Mode and raw id of what is at ``path`` of ``commit``."""
        found: tuple[bytes, bytes] | None = (DIRECTORY, bytes.fromhex(self.node(commit).tree))
        for name in path.split("/") if path else ():
            if found is None or found[0] != DIRECTORY:
                return None
            found = self.tree(found[1].hex()).get(name)
        return found

    def tree(self, oid: str) -> dict[str, tuple[bytes, bytes]]:
        """Name -> mode and raw id."""
        return entries(self._read("tree", oid))

    def _has(self, commit: str, path: str) -> bool:
        return self.object_at(commit, path) is not None

    def _parsed(self, data: bytes) -> Node:
        head, when = _HEAD.match(data), _WHEN.search(data)
        assert head, "a commit begins with its tree"
        parents = tuple(line.removeprefix(b"parent ").decode() for line in head[2].splitlines())
        return Node(head[1].decode(), parents, int(when[1]) if when else 0)

    def tree_bytes(self, oid: str) -> bytes:
        """The tree; nothing for an empty id."""
        known = self._recent.get(oid)
        if known is None:
            known = self._read("tree", oid) if oid else b""
            if self._recent_bytes > _RECENT_BYTES:
                self._recent, self._recent_bytes = {}, 0
            self._recent[oid] = known
            self._recent_bytes += len(known)
        return known

    def _difference(self, after: str, before: str) -> Changed:
        """The paths that differ between two trees: only trees that differ are read."""
        paths: list[str] = []
        pending: list[tuple[str, str, str]] = [("", after, before)]
        while pending:
            prefix, one, other = pending.pop()
            if one == other:
                continue
            ours, theirs = differing_entries(self.tree_bytes(one), self.tree_bytes(other))
            for name in ours.keys() | theirs.keys():
                path = prefix + name
                paths.append(self._known.one(path))
                inside, outside = subtree(ours.get(name)), subtree(theirs.get(name))
                if inside or outside:
                    pending.append((path + "/", inside, outside))
            if len(paths) > MANY_PATHS:
                return None
        return tuple(paths)


class _Looked:
    """What one walk looks into beyond what is known: with an end, and written down when it is over."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._new: list[str] = []
        self._trees: dict[str, dict[str, tuple[bytes, bytes]]] = {}

    @property
    def has_patience(self) -> bool:
        return len(self._new) < MAX_NEW

    def differing(self, oid: str, at: int, paths: set[str]) -> set[str]:
        """Those of ``paths`` that are not the same in the commit and its parent number ``at``."""
        if not self._history.is_looked_into(oid):
            self._new.append(oid)
        changed = self._history.changed(oid, at)
        if changed is not None:
            return {path for path in changed if path in paths}
        parent = self._history.node(oid).parents[at]
        return {path for path in paths if self._at(oid, path) != self._at(parent, path)}

    def keep(self) -> None:
        self._history.write_down(self._new)

    def _at(self, commit: str, path: str) -> tuple[bytes, bytes] | None:
        """As ``object_at``, each folder of each commit read once."""
        folder, _, name = path.rpartition("/")
        key = f"{commit} {folder}"
        if key not in self._trees:
            found = self._history.object_at(commit, folder)
            is_folder = found is not None and found[0] == DIRECTORY
            self._trees[key] = self._history.tree(found[1].hex()) if found is not None and is_folder else {}
        return self._trees[key].get(name)


# ---- trees as bytes --------------------------------------------------------------------------------------------------


def entries(tree: bytes) -> dict[str, tuple[bytes, bytes]]:
    """Name -> mode and raw id. Source: gitformat-pack(5), tree objects."""
    return {name.decode("utf-8", "replace"): (mode, oid) for mode, name, oid in _ENTRY.findall(tree)}


def subtree(entry: tuple[bytes, bytes] | None) -> str:
    """The id of the directory that the entry is; empty when it is none."""
    return entry[1].hex() if entry is not None and entry[0] == DIRECTORY else ""


def differing_entries(
    one: bytes, other: bytes
) -> tuple[dict[str, tuple[bytes, bytes]], dict[str, tuple[bytes, bytes]]]:
    """Of two trees, the entries of each that the other does not have just so."""
    if min(len(one), len(other)) > LARGE_TREE_BYTES:
        one, other = _trimmed(one, other)
    ours, theirs = set(_ENTRY.findall(one)), set(_ENTRY.findall(other))
    left, right = (
        {name.decode("utf-8", "replace"): (mode, oid) for mode, name, oid in side}
        for side in (ours - theirs, theirs - ours)
    )
    return left, right


def _trimmed(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """Both without the whole entries that they begin and end with alike."""
    start = _entry_start(one, _common(one, other, _from_start))
    one, other = one[start:], other[start:]
    tail = _common(one, other, _from_end)
    end = next((found.start() for found in _starts(one, len(one) - tail)), len(one))
    return one[:end], other[: len(other) - (len(one) - end)]


def _starts(tree: bytes, at: int) -> Iterator["re.Match[bytes]"]:
    """Entries from ``at`` on, which may lie in the middle of one. Before each stands an id, and a NUL before that."""
    for found in _ENTRY.finditer(tree, at):
        if found.start() == 0 or tree[found.start() - 21 : found.start() - 20] == b"\0":
            yield found


def _entry_start(tree: bytes, at: int) -> int:
    """Where the entry that ``at`` lies in begins. An id that reads like an entry would take seven chosen bytes."""
    back = 1024
    while back < at:
        before = [found.start() for found in _ENTRY.finditer(tree, at - back, at + 1024) if found.start() <= at]
        if len(before) > 1:  # the first one may begin in the middle of an entry
            return before[-1]
        back *= 4
    return 0


def _common(one: bytes, other: bytes, part: Callable[[bytes, int, int], bytes]) -> int:
    """How many bytes both have alike, counted from the end that ``part(tree, from, to)`` counts from."""
    end = min(len(one), len(other))
    low = 0
    while low < end and part(one, low, low + _STRETCH_BYTES) == part(other, low, low + _STRETCH_BYTES):
        low += _STRETCH_BYTES
    low, high = min(low, end), min(low + _STRETCH_BYTES, end)
    start = low
    while low < high:
        middle = (low + high + 1) // 2
        if part(one, start, middle) == part(other, start, middle):
            low = middle
        else:
            high = middle - 1
    return low


def _from_start(tree: bytes, start: int, end: int) -> bytes:
    return tree[start:end]


def _from_end(tree: bytes, start: int, end: int) -> bytes:
    return tree[max(0, len(tree) - end) : len(tree) - start]
