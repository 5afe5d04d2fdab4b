"""Writing a commit: the trees of the parent with only the touched paths replaced, as a pack of only the new objects."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from freehold.gitkit.errors import PathConflict, PathMissing
from freehold.gitkit.names import folded
from freehold.gitkit.objects import DIRECTORY_MODE, Objects, Person
from freehold.gitkit.packs import PIECE_BYTES, Pack, PackWriter
from freehold.gitkit.pointers import Pointer

FILE_MODE = 0o100644
EXECUTABLE_MODE = 0o100755


@dataclass(frozen=True, slots=True)
class Span:
    """``size_bytes`` of the file at ``path`` from ``start`` on: many small files share one scratch file."""

    path: Path
    start: int
    size_bytes: int

    def pieces(self) -> Iterator[bytes]:
        with open(self.path, "rb") as source:
            source.seek(self.start)
            left = self.size_bytes
            while left and (piece := source.read(min(left, PIECE_BYTES))):
                left -= len(piece)
                yield piece


@dataclass(frozen=True, slots=True)
class Put:
    """A file with these bytes is at ``path``; it stays executable if it was."""

    path: str
    data: bytes | Path | Span


@dataclass(frozen=True, slots=True)
class PutPointer:
    """The large file is at ``path``."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CopyBlob:
    """The blob ``oid`` of this repository is at ``path``."""

    path: str
    oid: str
    mode: int = FILE_MODE


@dataclass(frozen=True, slots=True)
class Delete:
    """Nothing is at ``path`` any more, be it a file or a directory."""

    path: str


@dataclass(frozen=True, slots=True)
class DeleteTree:
    """The directory ``path`` is gone with everything in it; it must be one."""

    path: str


Change = Put | PutPointer | CopyBlob | Delete | DeleteTree


@dataclass(frozen=True)
class NewPack:
    """A commit nobody points to yet. The files of ``pack`` are the caller's to put into the store.

    ``pack`` is None when every object is there already: the same change made twice within a second, on two branches.
    """

    commit: str
    tree: str
    pack: Pack | None


def write_commit(
    objects: Objects | None,
    parent: str | None,
    changes: Iterable[Change],
    author: Person,
    message: str,
    tmp: Path,
) -> NewPack | None:
    """The commit of ``changes``, applied in order to ``parent`` (None: to nothing), as a pack in the directory ``tmp``.

    ``tmp`` is a scratch directory of the caller's own, used for this commit alone. Returns None when the tree comes out
    as the parent's: nothing changed. Raises :class:`PathConflict` for a file where a directory is or the other way
    round, :class:`PathMissing` for the removal of what is not there.
    """
    base = objects.commit(parent).tree if objects is not None and parent is not None else None
    with PackWriter(tmp, objects.has if objects is not None else lambda oid: False) as writer:
        root = _Directory(objects, base)
        for change in changes:
            _apply(root, change, writer, objects)
        tree = root.write(writer)
        if tree == base:
            return None
        return _finished(writer, tree, [parent] if parent else [], author, message)


def squash_commit(objects: Objects, commit: str, author: Person, message: str, tmp: Path) -> NewPack:
    """A commit without parents and with the tree of ``commit``."""
    with PackWriter(tmp, objects.has) as writer:
        return _finished(writer, objects.commit(commit).tree, [], author, message)


def merge_commit(
    objects: Objects, parents: Sequence[str], changes: Iterable[Change], author: Person, message: str, tmp: Path
) -> NewPack:
    """A commit of ``changes`` to the first of ``parents`` that has all of them; the tree may stay as it is.

    Raises as :func:`write_commit` does.
    """
    with PackWriter(tmp, objects.has) as writer:
        root = _Directory(objects, objects.commit(parents[0]).tree)
        for change in changes:
            _apply(root, change, writer, objects)
        return _finished(writer, root.write(writer), parents, author, message)


def _finished(writer: PackWriter, tree: str, parents: Sequence[str], author: Person, message: str) -> NewPack:
    commit = writer.add("commit", _commit_text(tree, parents, author, message))
    return NewPack(commit, tree, writer.finish() if len(writer) else None)


def _commit_text(tree: str, parents: Sequence[str], author: Person, message: str) -> bytes:
    signed = f"{_plain(author.name)} <{_plain(author.email)}> {int(author.when.timestamp())} +0000"
    head = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {signed}", f"committer {signed}"]
    body = message.replace("\0", "").rstrip("\n")
    return ("\n".join(head) + f"\n\n{body}\n").encode("utf-8", "replace")


def _plain(text: str) -> str:
    """A name or address that cannot break the header line it stands in."""
    return re.sub(r"[\x00-\x1f<>]+", " ", text).strip(" .,:;\"'") or "unknown"


def _apply(root: "_Directory", change: Change, writer: PackWriter, objects: Objects | None) -> None:
    match change:
        case Put(path, bytes() as data):
            root.put(path, writer.add("blob", data))
        case Put(path, Path() as source):
            root.put(path, writer.add_file(source))
        case Put(path, Span() as span):
            root.put(path, writer.add_stream(span.size_bytes, span.pieces()))
        case PutPointer(path, sha256, size_bytes):
            root.put(path, writer.add("blob", Pointer(sha256, size_bytes).text()))
        case CopyBlob(path, oid, mode):
            if objects is None or not objects.has(oid):
                raise PathMissing(path)
            root.put(path, oid, mode)
        case Delete(path):
            root.remove(path, only_directory=False)
        case DeleteTree(path):
            root.remove(path, only_directory=True)


class _Directory:
    """A tree being changed: read from git when first looked into, children opened only when touched."""

    def __init__(self, objects: Objects | None, tree: str | None) -> None:
        self._objects = objects
        self._entries: dict[bytes, tuple[int, str] | _Directory] = (
            dict(objects.tree(tree)) if objects is not None and tree is not None else {}
        )
        self._twins: dict[bytes, bytes] | None = None  # by what a name is folded to, made when first asked for

    def put(self, path: str, oid: str, mode: int | None = None) -> None:
        parents, name = _split(path)
        directory = self
        for depth, parent in enumerate(parents):
            directory._refuse_twin(parent, path)
            inner = directory._child(parent, makes=True)
            if inner is None:
                blocking = "/".join(path.split("/")[: depth + 1])
                raise PathConflict(f"{blocking!r} is a file, so {path!r} cannot be inside it.")
            directory = inner
        directory._refuse_twin(name, path)
        known = directory._entries.get(name)
        if isinstance(known, _Directory) or (known is not None and known[0] == DIRECTORY_MODE):
            raise PathConflict(f"{path!r} is a directory, so no file can have that name.")
        kept = EXECUTABLE_MODE if known is not None and known[0] == EXECUTABLE_MODE else FILE_MODE
        directory._entries[name] = (mode or kept, oid)

    def remove(self, path: str, *, only_directory: bool) -> None:
        parents, name = _split(path)
        trail = [self]
        for parent in parents:
            inner = trail[-1]._child(parent, makes=False)
            if inner is None:
                raise PathMissing(path)
            trail.append(inner)
        known = trail[-1]._entries.get(name)
        is_directory = isinstance(known, _Directory) or (known is not None and known[0] == DIRECTORY_MODE)
        if known is None or (only_directory and not is_directory):
            raise PathMissing(path)
        trail[-1]._drop(name)
        # Git keeps no empty directories; and a name freed this way may become a file in the same commit.
        for depth in range(len(parents), 0, -1):
            if not trail[depth]._entries:
                trail[depth - 1]._drop(parents[depth - 1])

    def _refuse_twin(self, name: bytes, path: str) -> None:
        """Raise :class:`PathConflict` when a new ``name`` would be one with another on the disks of some clients."""
        if name in self._entries:
            return
        if self._twins is None:
            self._twins = {folded(known): known for known in self._entries}
        other = self._twins.setdefault(folded(name), name)
        if other != name:
            raise PathConflict(
                f"{path!r} differs from {other.decode('utf-8', 'replace')!r} by case alone, and they are one file to "
                "Windows and macOS. Remove or rename the other one in the same commit."
            )

    def _drop(self, name: bytes) -> None:
        del self._entries[name]
        if self._twins is not None:
            self._twins.pop(folded(name), None)

    def write(self, writer: PackWriter) -> str:
        """The tree and every changed one below are in the pack; its id."""
        lines = []
        for name, entry in self._entries.items():
            mode, oid = (DIRECTORY_MODE, entry.write(writer)) if isinstance(entry, _Directory) else entry
            lines.append((name + b"/" if mode == DIRECTORY_MODE else name, mode, name, oid))
        # Git sorts a directory as if its name ended in a slash.
        lines.sort()
        packed = (b"%o %b\0%b" % (mode, name, bytes.fromhex(oid)) for _, mode, name, oid in lines)
        return writer.add("tree", b"".join(packed))

    def _child(self, name: bytes, *, makes: bool) -> "_Directory | None":
        """The directory ``name``, opened for change; None when it is a file, or absent and not to be made."""
        known = self._entries.get(name)
        if isinstance(known, _Directory):
            return known
        if known is None and not makes:
            return None
        if known is not None and (known[0] != DIRECTORY_MODE):
            return None
        child = _Directory(self._objects, known[1] if known else None)
        self._entries[name] = child
        return child


def _split(path: str) -> tuple[list[bytes], bytes]:
    *parents, name = path.encode().split(b"/")
    assert all((*parents, name)), f"not a path inside a tree: {path!r}"
    return parents, name
