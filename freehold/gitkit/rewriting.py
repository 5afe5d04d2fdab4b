"""Rewriting a history: the same commits without some files. Authors, dates and messages stay; ids follow.

A commit whose tree and parents stay as they are keeps its id, so only what has to change does. Signatures of commits
that change are dropped: they would sign something else.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from freehold.gitkit.objects import Objects
from freehold.gitkit.packs import Pack, PackWriter

_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_DIRECTORY = b"40000"
_SIGNED = (b"gpgsig ", b"gpgsig-sha256 ", b"mergetag ")


@dataclass(frozen=True)
class Rewritten:
    """New ids of the commits that changed, by their old ones; the objects of all of them are in ``pack``."""

    commits: Mapping[str, str]
    tags: Mapping[str, str]
    pack: Pack | None

    def target(self, oid: str) -> str:
        """What a ref that points to ``oid`` has to point to."""
        return self.tags.get(oid) or self.commits.get(oid, oid)


def without_blobs(objects: Objects, heads: Iterable[str], doomed: set[str], tmp: Path) -> Rewritten:
    """Every commit reachable from ``heads`` without the files whose blob is in ``doomed``.

    Folders that are empty then are gone; commits that change nothing any more stay, with their messages.
    ``heads`` may be annotated tags, which are written anew when what they stand for is.
    """
    heads = list(dict.fromkeys(heads))
    with PackWriter(tmp, objects.has) as writer:
        rewriter = _Rewriter(objects, writer, {bytes.fromhex(blob) for blob in doomed})
        for head in heads:
            rewriter.commits_of(objects.commit(head).oid)
        tags = {head: rewriter.tag(head) for head in heads if not objects.is_commit(head)}
        changed = {old: new for old, new in rewriter.commits.items() if new != old}
        moved = {old: new for old, new in tags.items() if new != old}
        return Rewritten(changed, moved, writer.finish() if len(writer) else None)


class _Rewriter:
    def __init__(self, objects: Objects, writer: PackWriter, doomed: set[bytes]) -> None:
        self._objects, self._writer, self._doomed = objects, writer, doomed
        self._trees: dict[bytes, bytes | None] = {}
        self.commits: dict[str, str] = {}

    def commits_of(self, head: str) -> None:
        """Parents before children, whatever their clocks say; a stack of our own, for histories are long."""
        stack = [head]
        while stack:
            oid = stack[-1]
            if oid in self.commits:
                stack.pop()
                continue
            waiting = [parent for parent in self._objects.history.node(oid).parents if parent not in self.commits]
            if waiting:
                stack += waiting
            else:
                self.commits[oid] = self._commit(oid)
                stack.pop()

    def _commit(self, oid: str) -> str:
        node = self._objects.history.node(oid)
        tree = self._tree(bytes.fromhex(node.tree))
        new_tree = tree.hex() if tree is not None else self._writer.add("tree", b"")
        parents = [self.commits[parent] for parent in node.parents]
        if new_tree == node.tree and parents == list(node.parents):
            return oid
        head, _, message = self._objects.raw(oid).partition(b"\n\n")
        kept: list[bytes] = []
        is_signature = False
        for line in head.split(b"\n"):
            is_signature = line.startswith(_SIGNED) or (is_signature and line.startswith(b" "))
            if not is_signature and not line.startswith((b"tree ", b"parent ")):
                kept.append(line)
        lines = [f"tree {new_tree}".encode(), *(f"parent {parent}".encode() for parent in parents), *kept]
        return self._writer.add("commit", b"\n".join(lines) + b"\n\n" + message)

    def tag(self, oid: str) -> str:
        """The annotated tag for what its commit became."""
        data = self._objects.raw(oid)
        target = data[7:47].decode("ascii")
        new = self.commits.get(target) or self.tag(target)
        if new == target:
            return oid
        head, _, message = data.partition(b"\n\n")
        message = message.partition(b"-----BEGIN ")[0]
        return self._writer.add("tag", head.replace(target.encode(), new.encode(), 1) + b"\n\n" + message)

    def _tree(self, oid: bytes) -> bytes | None:
        """The tree without what is doomed, as a raw id; None when nothing is left."""
        if oid in self._trees:
            return self._trees[oid]
        entries = _ENTRY.findall(self._objects.history.tree_bytes(oid.hex()))
        kept = []
        for mode, name, child in entries:
            if mode == _DIRECTORY:
                inside = self._tree(child)
                if inside is not None:
                    kept.append((mode, name, inside))
            elif child not in self._doomed or mode == b"160000":
                kept.append((mode, name, child))
        if kept == entries:
            new: bytes | None = oid
        elif not kept:
            new = None
        else:
            packed = b"".join(b"%b %b\0%b" % entry for entry in kept)
            new = bytes.fromhex(self._writer.add("tree", packed))
        self._trees[oid] = new
        return new
