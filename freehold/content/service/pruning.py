"""Objects that no ref reaches are taken out of a repository's packs; and nobody publishes on what went.

A commit that is being made may lean on such an object: the same bytes were here before, so they are not written again.
So whoever publishes within a day after a pruning proves that everything it points to is still there (:func:`is_swept`),
under the same row lock that the pruning holds. Before and after, nobody pays for it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.content.rows import insert_missing
from freehold.content.tables import Pack, Pruning, Ref, RepoContent
from freehold.core import clock
from freehold.gitkit.depot import Depot
from freehold.gitkit.errors import MissingGitObject
from freehold.gitkit.history import DIRECTORY, differing_entries, subtree
from freehold.gitkit.large_files import brought
from freehold.gitkit.objects import Objects
from freehold.repos.tables import Repo

#: No commit, push or upload of ours is in the making for longer.
MAKING = timedelta(days=1)
_SUBMODULE = b"160000"


def want_pruning(db: Session, repo: Repo) -> None:
    """The collector is to look at the repository with its next turn, without the usual delay."""
    row_of(db, repo.id).is_wanted = True


def was_pruned(db: Session, repo_id: str) -> None:
    """Something that a commit in the making may lean on is gone, from the end of this transaction on."""
    row_of(db, repo_id).pruned_at = clock.now()


def row_of(db: Session, repo_id: str) -> Pruning:
    """What is known of the repository's prunings; the row is there from now on."""
    insert_missing(db, Pruning, [{"repo_id": repo_id, "is_wanted": False}])
    return db.get_one(Pruning, repo_id, populate_existing=True)


def is_swept(db: Session, repo: Repo, after: str) -> bool:
    """Whether something was pruned lately that the commit ``after`` would need. The caller holds the repository."""
    pruned_at: datetime | None = db.scalar(select(Pruning.pruned_at).where(Pruning.repo_id == repo.id))
    if pruned_at is None or pruned_at < clock.now() - MAKING:
        return False
    depot: Depot = db.info["depot"]
    objects = depot.open(repo.id, list(db.scalars(select(Pack.name).where(Pack.repo_id == repo.id))))
    heads = list(db.scalars(select(Ref.target).where(Ref.repo_id == repo.id)))
    try:
        return not _is_whole(db, repo, objects, _new_commits(objects, after, heads))
    except (MissingGitObject, KeyError):
        return True


def _new_commits(objects: Objects, after: str, heads: Collection[str]) -> Sequence[str]:
    if not objects.has(after):
        raise MissingGitObject(f"There is no {after}.")
    known = {oid for head in heads for oid in objects.order(head)}
    found: list[str] = []
    pending, seen = [objects.commit(after).oid], set(known)
    while pending:
        oid = pending.pop()
        if oid not in seen:
            seen.add(oid)
            if not objects.has(oid):
                raise MissingGitObject(f"There is no {oid}.")
            found.append(oid)
            pending += objects.history.node(oid).parents
    return found


def _is_whole(db: Session, repo: Repo, objects: Objects, commits: Sequence[str]) -> bool:
    named: set[str] = set()
    history = objects.history
    for oid in commits:
        parents = history.node(oid).parents
        if not _has_all(objects, history.node(oid).tree, history.node(parents[0]).tree if parents else ""):
            return False
        for item in brought(objects, oid):
            others = (history.object_at(parent, item.path) for parent in parents[1:])
            if not any(found is not None and found[1].hex() == item.blob for found in others):
                named.add(item.pointer.sha256)
    digests = sorted(named)
    held = 0
    for at in range(0, len(digests), 500):
        some = digests[at : at + 500]
        query = select(RepoContent.sha256).where(RepoContent.repo_id == repo.id, RepoContent.sha256.in_(some))
        held += len(db.scalars(query).all())
    return held == len(digests)


def _has_all(objects: Objects, after: str, before: str) -> bool:
    """Whether every object that the tree ``after`` has and ``before`` has not is here."""
    pending = [(after, before)]
    while pending:
        one, other = pending.pop()
        if one == other:
            continue
        if not objects.has(one):
            return False
        ours, theirs = differing_entries(objects.history.tree_bytes(one), objects.history.tree_bytes(other))
        for name, (mode, raw) in ours.items():
            if mode == DIRECTORY:
                pending.append((raw.hex(), subtree(theirs.get(name))))
            elif mode != _SUBMODULE and not objects.has(raw.hex()):
                return False
    return True
