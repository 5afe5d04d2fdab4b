"""Which large files the commits of a repository name: found commit by commit, from what each brought.

Every pointer in a commit's tree was brought there by the commit or stood there in its first parent. So what a history
names is the union of what its commits brought, and only what differs is ever read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from freehold.gitkit.history import DIRECTORY, differing_entries, subtree
from freehold.gitkit.objects import Objects
from freehold.gitkit.pointers import Pointer


@dataclass(frozen=True, slots=True)
class Brought:
    """A large file that a commit put at a path; ``blob`` is the id of the pointer."""

    path: str
    blob: str
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class Named:
    """A large file of a history: where it was brought last, and by which commit."""

    path: str
    pointer: Pointer
    commit: str


def named(objects: Objects, heads: Iterable[str]) -> dict[str, Named]:
    """By SHA-256, every large file that some commit reachable from ``heads`` names."""
    found: dict[str, Named] = {}
    for head in dict.fromkeys(heads):
        for oid in objects.order(head):
            for item in brought(objects, oid):
                found.setdefault(item.pointer.sha256, Named(item.path, item.pointer, oid))
    return found


def pointer_blobs(objects: Objects, heads: Iterable[str], digests: Iterable[str]) -> set[str]:
    """The blobs that are pointers to ``digests``, wherever the history of ``heads`` names them."""
    wanted = set(digests)
    commits = dict.fromkeys(oid for head in dict.fromkeys(heads) for oid in objects.order(head))
    return {item.blob for oid in commits for item in brought(objects, oid) if item.pointer.sha256 in wanted}


def brought(objects: Objects, commit: str) -> Sequence[Brought]:
    """The large files that ``commit`` has where its first parent has not; of a first commit, all."""
    known = objects.kept_large_files
    found = known.get(commit)
    if found is None:
        found = known.put(commit, tuple(_brought(objects, commit)))
    return found


def _brought(objects: Objects, commit: str) -> Iterator[Brought]:
    history = objects.history
    node = history.node(commit)
    before = history.node(node.parents[0]).tree if node.parents else ""
    for path, blob in new_files(history.tree_bytes, node.tree, before):
        pointer = objects.pointer(blob)
        if pointer is not None:
            yield Brought(path, blob, pointer)


def new_files(read: Callable[[str], bytes], after: str, before: str) -> Iterator[tuple[str, str]]:
    """Path and blob of each file that the tree ``after`` has and ``before`` (empty: nothing) has not just so."""
    pending = [("", after, before)]
    while pending:
        prefix, one, other = pending.pop()
        if one == other:
            continue
        ours, theirs = differing_entries(read(one), read(other))
        for name, (mode, raw) in ours.items():
            if mode == DIRECTORY:
                pending.append((f"{prefix}{name}/", raw.hex(), subtree(theirs.get(name))))
            elif mode.startswith(b"100"):
                yield prefix + name, raw.hex()
