"""Bringing a proposal into its branch: the merge is made and durable first, then one transaction moves the branch."""

import random
import time
from collections.abc import Callable

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries
from freehold.content.errors import MergeConflict, NothingToMerge, RevisionNotFound
from freehold.content.kit import Kit
from freehold.content.service.commits import scratch_directory
from freehold.content.service.publishing import (
    MAX_ATTEMPTS,
    LostRace,
    keep_pack,
    move_ref,
    record_pack,
    signature,
)
from freehold.core.database import Database
from freehold.core.errors import Unavailable
from freehold.gitkit.merging import Merge, write_merge
from freehold.gitkit.merging import merge as compare
from freehold.repos import service as repos
from freehold.repos.tables import Repo

#: Told inside the publishing transaction: the repository, what was merged, and the commit that did it.
Merged = Callable[[Session, Repo, Merge, str], None]


def compared(db: Session, kit: Kit, repo: Repo, base: str, proposal: str, start: str | None) -> Merge:
    """What it would take to bring the ref ``proposal`` into the branch ``base`` (both full names). Writes nothing.

    ``start`` is the commit that the proposal began at. Raises :class:`RevisionNotFound` when one of the refs is gone.
    """
    heads = []
    for ref in (base, proposal):
        head = queries.head(db, repo, ref)
        if head is None:
            raise RevisionNotFound(ref)
        heads.append(head)
    return compare(queries.objects(db, repo, kit), *heads, start=start)


def merge(
    database: Database,
    kit: Kit,
    actor: Actor,
    path: str,
    *,
    kind: str,
    base: str,
    proposal: str,
    start: str | None,
    message: str,
    then: Merged,
) -> str:
    """The branch ``base`` points to a commit that has the ref ``proposal`` as its second parent; that commit.

    Opens its own transactions, because bytes are written between them. ``then`` runs in the one that moves the branch,
    before it moves, and refuses the merge by raising. Raises :class:`MergeConflict`, :class:`NothingToMerge`,
    :class:`RevisionNotFound`, and the coded errors of the repository for whoever may not write to it.
    """
    for attempt in range(MAX_ATTEMPTS):
        with database.read() as db:
            repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
            found = compared(db, kit, repo, base, proposal, start)
            repo_id, objects = repo.id, queries.objects(db, repo, kit)
        if found.is_done:
            raise NothingToMerge(base)
        if found.conflicts:
            raise MergeConflict(found.conflicts)
        with scratch_directory(kit) as scratch:
            new = write_merge(objects, found, signature(actor), message, scratch)
            keep_pack(kit, repo_id, new.pack)
        try:
            with database.write() as db:
                repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
                # Before ``then`` holds the thread: whoever pushes to the branch holds them in this order too.
                queries.head(db, repo, base, locked=True)
                then(db, repo, found, new.commit)
                # After ``then``, which holds back whoever pushes to the proposal: from here on it stays as it is.
                if repo.id != repo_id or queries.head(db, repo, proposal) != found.theirs:
                    raise LostRace
                record_pack(db, repo, new.pack)
                move_ref(db, actor, repo, base, found.ours, new.commit)
                return new.commit
        except LostRace:
            time.sleep(random.uniform(0, 0.02 * (attempt + 1)))  # noqa: S311  # spreads the racers, no secret
    raise Unavailable("Too many commits to this branch at once; repeat the call.", headers={"Retry-After": "2"})
