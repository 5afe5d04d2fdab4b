"""Long histories made in seconds: many files, many small commits, one pack, through the hub's own pack writer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from freehold.gitkit.packs import Pack, PackWriter

FIRST_S = 1_700_000_000
A_MINUTE_S = 60


@dataclass(frozen=True)
class Shape:
    """``files`` spread over folders of ``per_folder`` (0: all in the root), then changed by ``commits`` commits."""

    files: int = 10_000
    commits: int = 10_000
    per_folder: int = 100
    changed: int = 1  # files each commit changes

    def path(self, number: int) -> tuple[bytes, bytes]:
        """Folder (empty for the root) and name of a file."""
        folder = b"d%04d" % (number // self.per_folder) if self.per_folder else b""
        return folder, b"file-%06d.txt" % number


@dataclass(frozen=True)
class Grown:
    pack: Pack
    head: str


def grow(directory: Path, shape: Shape, extra: bytes | None = None) -> Grown:
    """A history of ``shape`` as one pack in ``directory``: a first commit of every file, then ``commits`` more.

    Each of them changes ``changed`` files, one after another round and round, so that every path has its own age.
    ``extra`` is in every commit as the file ``extra.bin``.
    """
    with PackWriter(directory) as writer:
        folders: dict[bytes, dict[bytes, str]] = {}
        first = writer.add("blob", b"first\n")
        for number in range(shape.files):
            folder, name = shape.path(number)
            folders.setdefault(folder, {})[name] = first
        if extra is not None:
            folders.setdefault(b"", {})[b"extra.bin"] = writer.add("blob", extra)
        trees = {folder: _tree(writer, folders[folder]) for folder in folders if folder}
        head = ""
        for at, touched in enumerate(_touched(shape)):
            for number in touched:
                folder, name = shape.path(number)
                folders[folder][name] = writer.add("blob", b"%d %d\n" % (at, number))
            for folder in {shape.path(number)[0] for number in touched} - {b""}:
                trees[folder] = _tree(writer, folders[folder])
            root = _tree(writer, folders.get(b"", {}), trees)
            head = writer.add("commit", _commit(root, head, at))
        return Grown(writer.finish(), head)


def _touched(shape: Shape) -> Iterator[range]:
    yield range(0)
    for at in range(shape.commits):
        start = at * shape.changed * 7919 % max(1, shape.files - shape.changed + 1)
        yield range(start, start + shape.changed)


def _tree(writer: PackWriter, files: dict[bytes, str], folders: dict[bytes, str] | None = None) -> str:
    lines = [(name, b"100644", oid) for name, oid in files.items()]
    lines += [(name + b"/", b"40000", oid) for name, oid in (folders or {}).items()]
    lines.sort()
    packed = b"".join(b"%b %b\0%b" % (mode, name.rstrip(b"/"), bytes.fromhex(oid)) for name, mode, oid in lines)
    return writer.add("tree", packed)


def _commit(tree: str, parent: str, at: int) -> bytes:
    signed = f"bench <bench@users.noreply.freehold> {FIRST_S + at * A_MINUTE_S} +0000"
    head = [f"tree {tree}", *([f"parent {parent}"] if parent else []), f"author {signed}", f"committer {signed}"]
    return ("\n".join(head) + f"\n\ncommit {at}\n").encode()
