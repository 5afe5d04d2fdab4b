"""A commit that undoes another one, on a branch or as a pull request."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content import queries
from freehold.content.errors import NothingToUndo, UndoConflict, UnknownContent
from freehold.content.events import CommitProposed
from freehold.content.kit import Kit
from freehold.content.service import modules
from freehold.content.service.commits import README, Done, Target, admit, publish, scratch_directory
from freehold.content.service.proposals import Proposal
from freehold.content.service.publishing import MAX_ATTEMPTS, LostRace, keep_pack, signature
from freehold.core import events
from freehold.core.database import Database
from freehold.core.errors import BadRequest, Unavailable
from freehold.gitkit.commits import Change, CopyBlob, Put, write_commit
from freehold.gitkit.merging import undo
from freehold.gitkit.objects import Objects
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class _Basis:
    repo_id: str
    head: str
    objects: Objects
    changes: Sequence[Change]
    words: Proposal


def revert(
    database: Database,
    kit: Kit,
    actor: Actor,
    target: Target,
    commit: str,
    *,
    parent: int | None = None,
    summary: str = "",
    description: str = "",
) -> Done:
    """What ``commit`` (any revision) did is taken back, by a new commit where ``target`` says.

    ``parent`` (from 1) says which side of a merge stays. What changed elsewhere since stays as it is, line by line in
    texts. ``summary`` takes the place of the usual one and ``description`` comes first, where they are given. Opens its
    own transactions. Raises :class:`UndoConflict` with the files that changed again since, :class:`NothingToUndo`,
    :class:`UnknownContent` for a large file that was given up meanwhile, ``BadRequest`` for a merge without ``parent``,
    and what committing raises.
    """
    for attempt in range(MAX_ATTEMPTS):
        with database.read() as db:
            basis = _prepared(db, kit, actor, target, commit, parent)
        usual = basis.words
        words = Proposal(summary or usual.summary, f"{description}\n\n{usual.description}".strip())
        with scratch_directory(kit) as scratch:
            author = signature(actor)
            new = write_commit(basis.objects, basis.head, basis.changes, author, words.message, scratch)
            if new is None:
                raise NothingToUndo(commit[:200], target.revision)
            paths = (change.path for change in basis.changes)
            modules.check(basis.objects, basis.repo_id, new.pack, paths, scratch / "modules")
            keep_pack(kit, basis.repo_id, new.pack)
        try:
            with database.write() as db:
                return publish(db, actor, target, words, (basis.repo_id, basis.head), new)
        except LostRace:
            time.sleep(random.uniform(0, 0.02 * (attempt + 1)))  # noqa: S311  # spreads the racers, no secret
    raise Unavailable("Too many commits to this branch at once; repeat the call.", headers={"Retry-After": "2"})


def _prepared(db: Session, kit: Kit, actor: Actor, target: Target, revision: str, number: int | None) -> _Basis:
    admitted = admit(db, actor, target)
    repo = admitted.repo
    oid = queries.resolve_revision(db, repo, revision, kit)
    objects = queries.objects(db, repo, kit)
    info = objects.commit(oid)
    changes, conflicts = undo(objects, admitted.head, info.oid, _side(info.parents, number))
    if conflicts:
        raise UndoConflict(info.oid[:12], conflicts)
    if not changes:
        raise NothingToUndo(info.oid[:12], target.revision)
    _check_large_files(db, repo, objects, changes)
    _tell_of_card(db, actor, repo, objects, changes)
    title = info.title.strip() or info.oid[:12]
    which = f" (its side {number} stays)" if len(info.parents) > 1 else ""
    words = Proposal(summary=f'Revert "{title[:200]}"', description=f"This reverts commit {info.oid}{which}.")
    return _Basis(repo.id, admitted.head, objects, changes, words)


def _side(parents: Sequence[str], number: int | None) -> str | None:
    """The parent that is gone back to; None where the commit was the first."""
    if len(parents) > 1 and number is None:
        raise BadRequest(f"This commit is a merge: say which parent stays, parent=1 to parent={len(parents)}.")
    if number is not None and not 1 <= number <= max(1, len(parents)):
        raise BadRequest(f"There is no parent {number} of this commit; it has {len(parents)}.")
    return parents[(number or 1) - 1] if parents else None


def _check_large_files(db: Session, repo: Repo, objects: Objects, changes: Sequence[Change]) -> None:
    pointers = {
        change.path: pointer
        for change in changes
        if isinstance(change, CopyBlob) and (pointer := objects.pointer(change.oid)) is not None
    }
    held = queries.contents(db, repo, {pointer.sha256 for pointer in pointers.values()})
    for path, pointer in pointers.items():
        if pointer.sha256 not in held:
            raise UnknownContent(path, pointer.sha256)


def _tell_of_card(db: Session, actor: Actor, repo: Repo, objects: Objects, changes: Sequence[Change]) -> None:
    """A README that comes back passes the rules of the rooms above, as one that a commit carries does."""
    for change in changes:
        if isinstance(change, CopyBlob) and change.path == README and objects.pointer(change.oid) is None:
            events.publish(db, CommitProposed(repo, actor, {README: objects.blob(change.oid)}))
        elif isinstance(change, Put) and change.path == README and isinstance(change.data, bytes):
            events.publish(db, CommitProposed(repo, actor, {README: change.data}))
