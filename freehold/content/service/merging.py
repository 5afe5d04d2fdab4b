"""Bringing a proposal into its branch: the merge is made and durable first, then one transaction moves the branch."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries
from freehold.content.errors import (
    BadDecision,
    MergeConflict,
    NothingNew,
    NothingToMerge,
    RevisionNotFound,
    StaleParent,
)
from freehold.content.events import CommitProposed
from freehold.content.kit import Kit
from freehold.content.service import modules
from freehold.content.service.commits import README, Target, admit, scratch_directory
from freehold.content.service.publishing import (
    MAX_ATTEMPTS,
    LostRace,
    keep_pack,
    move_ref,
    record_pack,
    signature,
)
from freehold.core import events
from freehold.core.database import Database
from freehold.core.errors import Unavailable
from freehold.gitkit.commits import Change, CopyBlob, Delete, Put
from freehold.gitkit.conflicts import Conflict, conflicts, joined
from freehold.gitkit.merging import MAX_TEXT_BYTES, Merge, write_merge
from freehold.gitkit.merging import merge as compare
from freehold.gitkit.objects import Objects
from freehold.gitkit.pointers import parse_pointer
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


# ---- the other way round: what the branch has since, taken up into the proposal ----------------------------


@dataclass(frozen=True)
class Decision:
    """What a person decides on a file that both sides changed.

    One of: ``side`` (``ours`` is the proposal's file as a whole, ``theirs`` the branch's), ``clashes`` (a word for each
    clash in order: ours, theirs or both), ``text`` (the whole file). A file that the chosen side lacks is gone.
    """

    side: str = ""
    clashes: Sequence[str] = ()
    text: str | None = None


def take_up(
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
    decisions: Mapping[str, Decision],
    seen: tuple[str, str] | None = None,
) -> str:
    """The ref ``proposal`` points to a commit that also has the branch ``base``; that commit.

    ``seen`` are the heads of proposal and branch that the decisions were made for. Opens its own transactions. Raises
    :class:`MergeConflict` for files that nothing is decided about, :class:`BadDecision`, :class:`StaleParent` when one
    of the two moved on, :class:`NothingNew`; listeners to ``RepoPushed`` may refuse as they refuse a push.
    """
    target = Target(kind, path, proposal)
    for attempt in range(MAX_ATTEMPTS):
        with database.read() as db:
            admitted = admit(db, actor, target)
            repo_id, objects = admitted.repo.id, queries.objects(db, admitted.repo, kit)
            branch = queries.head(db, admitted.repo, base)
            if branch is None:
                raise RevisionNotFound(base)
            found = compare(objects, admitted.head, branch, start=start)
            if seen is not None and seen != (found.ours, found.theirs):
                raise StaleParent
            if found.is_done:
                raise NothingNew(base)
            changes = _decided(objects, found, decisions, kit.settings.max_inline_bytes)
            for change in changes:
                if isinstance(change, Put) and change.path == README and isinstance(change.data, bytes):
                    events.publish(db, CommitProposed(admitted.repo, actor, {README: change.data}))
        whole = Merge(found.ours, found.theirs, found.ancestor, [*found.changes, *changes])
        with scratch_directory(kit) as scratch:
            new = write_merge(objects, whole, signature(actor), message, scratch)
            modules.check(objects, repo_id, new.pack, (change.path for change in changes), scratch / "modules")
            keep_pack(kit, repo_id, new.pack)
        try:
            with database.write() as db:
                admitted = admit(db, actor, target)
                if admitted.repo.id != repo_id:
                    raise LostRace
                record_pack(db, admitted.repo, new.pack)
                move_ref(db, actor, admitted.repo, proposal, found.ours, new.commit)
                return new.commit
        except LostRace:
            time.sleep(random.uniform(0, 0.02 * (attempt + 1)))  # noqa: S311  # spreads the racers, no secret
    raise Unavailable("Too many commits to this branch at once; repeat the call.", headers={"Retry-After": "2"})


def _decided(objects: Objects, found: Merge, decisions: Mapping[str, Decision], max_bytes: int) -> list[Change]:
    left = [path for path in found.conflicts if path not in decisions]
    if left:
        raise MergeConflict(left)
    strange = next((path for path in decisions if path not in found.conflicts), None)
    if strange is not None:
        raise BadDecision(strange, "the two sides do not clash there")
    changes: list[Change] = []
    for clash in conflicts(objects, found, decisions):
        changes += _change(clash, decisions[clash.path], min(max_bytes, MAX_TEXT_BYTES))
    return changes


def _change(clash: Conflict, decision: Decision, max_bytes: int) -> list[Change]:
    """What makes the proposal's file the decided one."""
    path = clash.path
    if not clash.is_of_files:
        raise BadDecision(path, "one side has a folder there; commit a version to the proposal instead")
    text = decision.text
    if decision.clashes:
        words_fit = all(word in ("ours", "theirs", "both") for word in decision.clashes)
        if clash.pieces is None or len(decision.clashes) != len(clash.clashes) or not words_fit:
            raise BadDecision(path, f"it has {len(clash.clashes)} clashes, each decided by ours, theirs or both")
        text = joined(clash.pieces, decision.clashes)
    if text is not None:
        data = text.encode("utf-8", "replace")
        if len(data) > max_bytes or parse_pointer(data) is not None:
            raise BadDecision(path, f"a text of up to {max_bytes} bytes can be put there")
        return [Put(path, data)]
    if decision.side == "ours":
        return []
    if decision.side != "theirs":
        raise BadDecision(path, "say ours or theirs, decide each clash, or give the text")
    if clash.theirs is None:
        return [Delete(path)]
    return [CopyBlob(path, clash.theirs[1], clash.theirs[0])]
