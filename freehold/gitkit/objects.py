"""The objects of one repository, open for reading.

libgit2 is built with threads (asserted below) and every call here keeps Python's lock, so one :class:`Objects` serves
all threads. What is read is immutable: facts are kept by object id and never invalidated, per repository, so that a
tree id known in one repository opens nothing in another.
"""

import mmap
import os
import struct
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pygit2
from pygit2.enums import ConfigLevel, Feature, FileMode, ObjectType

from freehold.core.lru import Lru
from freehold.gitkit.errors import MissingGitObject
from freehold.gitkit.history import Chronicle, History
from freehold.gitkit.pointers import MAX_POINTER_BYTES, Pointer, parse_pointer

assert pygit2.features & Feature.THREADS, "libgit2 without threads"

DIRECTORY_MODE = 0o040000
LINK_MODE = 0o120000
SUBMODULE_MODE = 0o160000
#: A tree of some 10,000 entries: to look into each of them for one name takes longer than to look for the name.
LARGE_TREE_BYTES = 400_000
#: Commits whose history is kept in memory, over all repositories of a process: some 100 MB.
KEPT_COMMITS = 200_000
HISTORY_BYTES = 1 << 30

T = TypeVar("T")


class Entry(NamedTuple):
    """A file or directory of a commit. A tuple, because a listing makes tens of thousands of them."""

    path: str
    kind: str  # "file" or "directory"
    oid: str  # of the blob (of the pointer for a large file) or tree
    mode: int
    size_bytes: int  # of the blob; 0 for a directory
    pointer: Pointer | None  # the large file that the blob stands for

    @property
    def true_size_bytes(self) -> int:
        """What a download of the file has."""
        return self.pointer.size_bytes if self.pointer else self.size_bytes


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed a commit, and when."""

    name: str
    email: str
    when: datetime


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit; ``message`` is whole, ``title`` its first line."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    message: str
    when: datetime

    @property
    def title(self) -> str:
        return self.message.split("\n", 1)[0]


class Facts:
    """What was read before, for all repositories of a process, bounded.

    ``directory`` is where histories are kept between processes: a disposable cache. None: nowhere.
    """

    def __init__(self, directory: Path | None = None, *, entries: int = 60_000) -> None:
        self.trees: Lru[Hashable, dict[str, Entry]] = Lru(entries, lambda listing: len(listing) + 1)
        self.commits: Lru[Hashable, CommitInfo] = Lru(8192)
        self._directory = directory
        # However long, one history is always kept: to find it anew each time would take longest.
        self._chronicles: Lru[str, Chronicle] = Lru(KEPT_COMMITS, lambda c: min(len(c.nodes) + 1, KEPT_COMMITS // 2))

    def chronicle(self, repo_id: str) -> Chronicle:
        """What is known of the repository's history."""
        known = self._chronicles.get(repo_id)
        if known is None:
            known = Chronicle(self._file(repo_id))
        return self._chronicles.put(repo_id, known)  # again: it may have grown

    def forget(self, repo_id: str) -> None:
        for kept in (self.trees, self.commits):
            kept.drop(lambda key: isinstance(key, tuple) and key[0] == repo_id)
        self._chronicles.drop(lambda key: key == repo_id)
        if (file := self._file(repo_id)) is not None:
            file.unlink(missing_ok=True)

    def _file(self, repo_id: str) -> Path | None:
        if self._directory is None:
            return None
        with suppress(OSError):
            self._make_room(self._directory)
        return self._directory / f"{repo_id}.history"

    def _make_room(self, directory: Path) -> None:
        files = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in os.scandir(directory))
        total_bytes = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total_bytes <= HISTORY_BYTES:
                return
            os.unlink(path)
            total_bytes -= size


class Objects:
    """Commits, trees and blobs of the packs in ``directory``. Object ids are 40 hex digits.

    Every method that is given an id raises :class:`MissingGitObject` when the packs lack it.
    """

    def __init__(self, repo_id: str, directory: Path, facts: Facts) -> None:
        self.repo_id = repo_id
        #: Where the packs are, as links below ``pack``; there for as long as this object is.
        self.directory = directory
        self._facts = facts
        self._directory = directory
        self._packs = pygit2.OdbBackendPack(str(directory))
        self._odb = pygit2.Odb()
        self._odb.add_backend(self._packs, 1)
        # A repository of memory only: it has no refs, no configuration and no directory to find any in.
        self._repo = pygit2.Repository()
        self._repo.set_odb(self._odb)

    # ---- objects ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Packs that were linked since are seen."""
        self._packs.refresh()

    def has(self, oid: str) -> bool:
        # Asked of the packs: the database of objects would read the directory anew at every no, and a commit asks
        # about each of its new objects.
        return self._packs.exists(oid)

    def expand(self, prefix: str) -> list[str]:
        """The commits whose ids begin with ``prefix`` (4 to 40 hex digits), in order."""
        oids = (
            [prefix] if len(prefix) == 40 else sorted({oid for pack in self._indexes() for oid in _ids(pack, prefix)})
        )
        return [oid for oid in oids if self.is_commit(oid)]

    def _indexes(self) -> Iterator[Path]:
        return (self._directory / "pack").glob("*.idx")

    def commit(self, oid: str) -> CommitInfo:
        """The commit ``oid``, or the one that the annotated tag ``oid`` stands for."""
        return self._facts.commits.of((self.repo_id, oid), lambda: self._read_commit(oid))

    def blob(self, oid: str) -> bytes:
        """The whole blob, in memory: for files that a commit carried inline."""
        return self._read(oid, ObjectType.BLOB)

    def tree(self, oid: str) -> dict[bytes, tuple[int, str]]:
        """A tree as git keeps it: name -> mode, id. For writing the next one; to read, use :meth:`walk`."""
        return {name: (mode, child) for mode, name, child in _parsed_tree(self._read(oid, ObjectType.TREE))}

    def size_bytes(self, oid: str) -> int:
        """How long the object is, without reading it."""
        return self._header(oid)

    def kind(self, oid: str) -> str:
        """``commit``, ``tree``, ``blob`` or ``tag``."""
        found: ObjectType = self._guarded(oid, lambda: self._odb.read_header(oid)[0])
        return found.name.lower()

    def pointer(self, oid: str) -> Pointer | None:
        """The large file that the blob stands for."""
        return parse_pointer(self.blob(oid)) if 100 < self._header(oid) <= MAX_POINTER_BYTES else None

    def is_pointer(self, oid: str) -> bool:
        """Whether the blob stands for a large file."""
        return self.pointer(oid) is not None

    def is_commit(self, oid: str) -> bool:
        """Whether the object is here and a commit; an annotated tag is none."""
        try:
            return bool(self._odb.read_header(oid)[0] == ObjectType.COMMIT)
        except (KeyError, ValueError, pygit2.GitError):
            return False

    def raw(self, oid: str) -> bytes:
        """The object as git keeps it, of any kind."""
        return bytes(self._guarded(oid, lambda: self._odb.read(oid)[1]))

    # ---- paths -----------------------------------------------------------------------------------------------------

    def entry(self, commit: str, path: str) -> Entry | None:
        """What is at ``path`` of ``commit``; None when nothing is. The empty path is the root directory."""
        tree = self.commit(commit).tree
        found: Entry | None = Entry("", "directory", tree, DIRECTORY_MODE, 0, None)
        for name in path.split("/") if path else ():
            if found is None or found.kind != "directory":
                return None
            found = self._child(found.oid, name)
        return found._replace(path=path) if found else None

    def _child(self, tree: str, name: str) -> Entry | None:
        """One entry of a tree. In a huge one that is not known yet, without looking at each of the others."""
        known = self._facts.trees.get((self.repo_id, tree))
        if known is None and self._header(tree) > LARGE_TREE_BYTES:
            raw, raw_name = self._read(tree, ObjectType.TREE), name.encode("utf-8", "replace")
            found = next((one for one in _parsed_tree(raw) if one[1] == raw_name), None) if raw_name in raw else None
            if found is not None and found[0] != SUBMODULE_MODE:
                return self._made(name, found[0], found[2])
            if "\ufffd" not in name:  # which is how a listing writes what is no UTF-8
                return None
        return (self._listing(tree) if known is None else known).get(name)

    def folder(self, commit: str, path: str, start: int, limit: int) -> tuple[list[Entry], int] | None:
        """``limit`` entries of the directory ``path`` from the ``start``-th, folders before files, and how many it has.

        None where there is no directory. What is not among them is not looked at, so a folder of a million is quick.
        """
        directory = self.entry(commit, path)
        if directory is None or directory.kind != "directory":
            return None
        parsed = [one for one in _parsed_tree(self._read(directory.oid, ObjectType.TREE)) if one[0] != SUBMODULE_MODE]
        parsed.sort(key=lambda one: one[0] != DIRECTORY_MODE)
        prefix = f"{path}/" if path else ""
        page = []
        for mode, raw_name, oid in parsed[start : start + limit]:
            name = raw_name.decode("utf-8", "replace")
            page.append(self._made(name, mode, oid)._replace(path=prefix + name))
        return page, len(parsed)

    def names(self, commit: str, path: str = "") -> Iterator[tuple[str, bool]]:
        """Every path below the directory ``path``, and whether it is a folder: from the trees alone, in git's order."""
        start = self.entry(commit, path)
        if start is None or start.kind != "directory":
            return
        stack = [(f"{path}/" if path else "", _parsed_tree(self._read(start.oid, ObjectType.TREE)))]
        while stack:
            prefix, items = stack[-1]
            for mode, raw_name, oid in items:
                if mode == SUBMODULE_MODE:
                    continue
                whole = prefix + raw_name.decode("utf-8", "replace")
                yield whole, mode == DIRECTORY_MODE
                if mode == DIRECTORY_MODE:
                    stack.append((whole + "/", _parsed_tree(self._read(oid, ObjectType.TREE))))
                    break
            else:
                stack.pop()

    def submodules(self, commit: str, path: str = "") -> dict[str, str]:
        """By name, the commits of other repositories that stand in the directory ``path``; listings leave them out."""
        found = self.entry(commit, path)
        if found is None or found.kind != "directory":
            return {}
        entries = self.tree(found.oid).items()
        return {name.decode("utf-8", "replace"): oid for name, (mode, oid) in entries if mode == SUBMODULE_MODE}

    def walk(self, commit: str, path: str = "", recursive: bool = True) -> Iterator[Entry]:
        """Whatever the directory ``path`` holds, in git's order, each directory before its contents."""
        start = self.entry(commit, path)
        if start is not None and start.kind == "directory":
            yield from self._walk(start.oid, f"{path}/" if path else "", recursive)

    def _walk(self, tree: str, prefix: str, recursive: bool) -> Iterator[Entry]:
        # A stack of our own: nested generators would cost one call per level for each entry.
        stack = [(prefix, iter(self._listing(tree).items()))]
        while stack:
            prefix, items = stack[-1]
            for name, entry in items:
                path = prefix + name
                yield Entry(path, *entry[1:])
                if recursive and entry.kind == "directory":
                    stack.append((path + "/", iter(self._listing(entry.oid).items())))
                    break
            else:
                stack.pop()

    def _listing(self, tree: str) -> dict[str, Entry]:
        return self._facts.trees.of((self.repo_id, tree), lambda: self._read_listing(tree))

    def _read_listing(self, tree: str) -> dict[str, Entry]:
        listing = {}
        for mode, raw_name, oid in _parsed_tree(self._read(tree, ObjectType.TREE)):
            if mode != SUBMODULE_MODE:  # names a commit elsewhere; there is nothing of it here to list
                name = raw_name.decode("utf-8", "replace")
                listing[name] = self._made(name, mode, oid)
        return listing

    def _made(self, name: str, mode: int, oid: str) -> Entry:
        if mode == DIRECTORY_MODE:
            return Entry(name, "directory", oid, mode, 0, None)
        size_bytes = self._header(oid)
        pointer = parse_pointer(self.blob(oid)) if 100 < size_bytes <= MAX_POINTER_BYTES else None
        return Entry(name, "file", oid, mode, size_bytes, pointer if mode != LINK_MODE else None)

    # ---- history ---------------------------------------------------------------------------------------------------

    @property
    def history(self) -> History:
        return History(self._facts.chronicle(self.repo_id), self._read_for_history)

    @property
    def kept_large_files(self) -> Lru[str, Sequence[Any]]:
        """What :mod:`freehold.gitkit.large_files` found in each commit."""
        return self._facts.chronicle(self.repo_id).large_files

    def log(self, commit: str, skip: int = 0, limit: int = 50) -> list[CommitInfo]:
        """Up to ``limit`` commits reachable from ``commit``, newest first, after the first ``skip``."""
        return [self.commit(oid) for oid in self.order(commit)[skip : skip + limit]]

    def order(self, commit: str) -> Sequence[str]:
        """The ids of every commit reachable from ``commit``, newest first."""
        return self.history.order(self.commit(commit).oid)

    def log_count(self, commit: str) -> int:
        """How many commits are reachable from ``commit``, itself included."""
        return len(self.order(commit))

    def log_of_path(self, commit: str, path: str) -> Sequence[str]:
        """The ids of the commits that changed ``path``, newest first."""
        return self.history.of_path(self.commit(commit).oid, path)

    def last_changes(self, commit: str, paths: Iterable[str]) -> dict[str, CommitInfo]:
        """For each path that is in ``commit``, the newest commit that made it what it is (git's own simplification).

        In a history of many thousand commits that nobody looked at before, a path may be absent: not found yet.
        """
        there = [path for path in paths if self.entry(commit, path) is not None]
        found = self.history.last_changes(self.commit(commit).oid, there)
        return {path: self.commit(oid) for path, oid in found.items()}

    def _read_for_history(self, kind: str, oid: str) -> bytes:
        wanted = ObjectType.COMMIT if kind == "commit" else ObjectType.TREE
        return self._read(oid, wanted)

    # ---- two sides -------------------------------------------------------------------------------------------------

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor of two commits; None when their histories share nothing."""
        found = self._guarded(one, lambda: self._repo.merge_base(one, other))
        return str(found) if found is not None else None

    def brought(self, after: str, without: Iterable[str], limit: int) -> list[str]:
        """Up to ``limit`` commits that ``after`` has and none of ``without`` has, newest first."""

        def walk() -> list[str]:
            walker = self._repo.walk(self.commit(after).oid)
            for oid in without:
                if self.has(oid):
                    walker.hide(oid)
            return [str(found.id) for found in islice(walker, limit)]

        return self._guarded(after, walk)

    def joined_lines(self, base: str, ours: str, theirs: str) -> bytes | None:
        """The text blobs ``ours`` and ``theirs`` as one, by lines, from ``base``; None where both changed the same."""
        one, two, three = (
            pygit2.IndexEntry("text", pygit2.Oid(hex=oid), FileMode.BLOB) for oid in (base, ours, theirs)
        )
        joined = self._guarded(ours, lambda: self._repo.merge_file_from_index(one, two, three))
        return joined.contents.encode() if joined.automergeable else None

    def difference(self, before: str | None, after: str) -> Any:
        """libgit2's comparison of the trees of two commits, from ``before`` (None: nothing) to ``after``."""
        tree = self._object(self.commit(after).tree)
        if before is None:
            return tree.diff_to_tree(swap=True)
        return self._object(self.commit(before).tree).diff_to_tree(tree)

    # ---- libgit2 ---------------------------------------------------------------------------------------------------

    def _read_commit(self, oid: str) -> CommitInfo:
        found = self._object(oid)
        if isinstance(found, pygit2.Tag):
            found = self._guarded(oid, lambda: found.peel(pygit2.Commit))
        if not isinstance(found, pygit2.Commit):
            raise MissingGitObject(f"Object {oid} of repository {self.repo_id} is no commit.")
        return CommitInfo(
            oid=str(found.id),
            tree=str(found.tree_id),
            parents=tuple(str(parent) for parent in found.parent_ids),
            author=Person(
                found.author.raw_name.decode("utf-8", "replace"),
                found.author.raw_email.decode("utf-8", "replace"),
                _moment(found.author.time),
            ),
            message=found.raw_message.decode("utf-8", "replace"),
            when=_moment(found.commit_time),
        )

    def _object(self, oid: str) -> Any:
        return self._guarded(oid, lambda: self._repo[oid])

    def _header(self, oid: str) -> int:
        return self._guarded(oid, lambda: self._odb.read_header(oid)[1])

    def _read(self, oid: str, kind: ObjectType) -> bytes:
        found, data = self._guarded(oid, lambda: self._odb.read(oid))
        if found != kind:
            raise MissingGitObject(f"Object {oid} of repository {self.repo_id} is no {kind.name.lower()}.")
        return data

    def _guarded(self, oid: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except (KeyError, ValueError, pygit2.GitError) as err:
            raise MissingGitObject(f"Repository {self.repo_id} lacks the object {oid}: {err}") from err


def _parsed_tree(data: bytes) -> Iterator[tuple[int, bytes, str]]:
    """(mode, name, id) of each entry of a tree object. Source: gitformat-pack(5), tree objects."""
    start, end = 0, len(data)
    while start < end:
        nul = data.index(b"\0", start)
        mode, _, name = data[start:nul].partition(b" ")
        start = nul + 21
        yield int(mode, 8), name, data[nul + 1 : start].hex()


def _ids(index: Path, prefix: str) -> Iterator[str]:
    """The ids in a pack's index that begin with ``prefix``. Source: gitformat-pack(5), version 2 indexes."""
    low = bytes.fromhex(prefix.ljust(40, "0"))
    with open(index, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        (count,) = struct.unpack_from(">I", data, 8 + 255 * 4)
        ids = range(count)
        at = bisect_left(ids, low, key=lambda number: data[1032 + 20 * number : 1052 + 20 * number])
        while at < count and (oid := data[1032 + 20 * at : 1052 + 20 * at].hex()).startswith(prefix):
            yield oid
            at += 1


def _moment(epoch_s: int) -> datetime:
    """A commit's time; one that no calendar holds (a pushed commit may claim any) is the start of time."""
    try:
        return datetime.fromtimestamp(epoch_s, UTC)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, UTC)


def _limit_libgit2() -> None:
    """Bound what libgit2 keeps in memory, and let no configuration of the machine's users reach the hub."""
    pygit2.settings.cache_max_size(32 << 20)
    pygit2.settings.mwindow_size = 32 << 20
    pygit2.settings.mwindow_mapped_limit = 256 << 20
    pygit2.settings.mwindow_file_limit = 512
    for level in (ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL, ConfigLevel.PROGRAMDATA):
        pygit2.settings.search_path[level] = ""


_limit_libgit2()
