"""Commits: admitted, built against the head, made durable, then published by one transaction."""

import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries, rules
from freehold.content.errors import RevisionNotFound, StaleParent, UnknownContent
from freehold.content.events import CommitProposed, PullRequestPushed
from freehold.content.kit import Kit
from freehold.content.service import locks, modules
from freehold.content.service.numbers import next_number
from freehold.content.service.proposals import AddFile, AddLarge, Copy, Operation, Proposal, Remove
from freehold.content.service.publishing import (
    MAX_ATTEMPTS,
    LostRace,
    keep_pack,
    move_ref,
    record_pack,
    signature,
)
from freehold.content.tables import Content, Push
from freehold.core import events
from freehold.core.database import Database
from freehold.core.errors import BadRequest, Unavailable
from freehold.gitkit.commits import Change, CopyBlob, Delete, DeleteTree, NewPack, Put, PutPointer, write_commit
from freehold.gitkit.errors import PathMissing
from freehold.gitkit.objects import Objects
from freehold.repos import service as repos
from freehold.repos.access import may
from freehold.repos.events import RepoCreated
from freehold.repos.tables import Repo

README = "README.md"


@dataclass(frozen=True)
class Target:
    """Where a commit is to go: a branch of a repository, or a new pull request to that branch."""

    kind: str
    repo: str  # "namespace/name" as asked
    revision: str
    opens_pull: bool = False


@dataclass(frozen=True)
class Admission:
    """The repository and ref that a target stands for, and where the ref points now."""

    repo: Repo
    ref: str
    head: str


@dataclass(frozen=True)
class Done:
    """What came of a commit. ``pull`` is the number of the pull request that it opened."""

    kind: str
    repo: str  # as its owner spells it
    commit: str
    pull: int | None = None


# ---- the verbs ---------------------------------------------------------------------------------------------


def admit(db: Session, actor: Actor, target: Target) -> Admission:
    """Where ``actor`` may commit for ``target``. Whoever opened a pull request may go on with it.

    Raises the coded errors of the repository, and :class:`RevisionNotFound` for what is no branch (hub-api.md 3.6).
    """
    is_pull = target.revision.startswith(rules.PULLS)
    action = Action.PROPOSE if target.opens_pull or is_pull else Action.WRITE
    repo = repos.load(db, actor, target.repo, action, kind=target.kind)
    if target.opens_pull:
        repos.refuse_closed_discussions(repo)
    found = queries.resolve_ref(db, repo, target.revision)
    if found is None or found[0].startswith(rules.TAGS):
        raise RevisionNotFound(target.revision)
    ref, head = found
    if target.opens_pull and not ref.startswith(rules.BRANCHES):
        raise RevisionNotFound(target.revision)
    if is_pull and not target.opens_pull and not may(actor, Action.WRITE, repo) and not opened(db, repo, ref, actor):
        repo = repos.load(db, actor, target.repo, Action.WRITE, kind=target.kind)  # says what is missing
    return Admission(repo, ref, head)


def commit(database: Database, kit: Kit, actor: Actor, target: Target, proposal: Proposal, scratch: Path) -> Done:
    """``proposal`` is a commit on the branch (or the first of a pull request), durable and visible.

    Opens its own transactions, because bytes are written between them. A proposal that changes nothing gives the head
    as it is. Raises :class:`StaleParent` when ``parent`` is not the head; without a parent, a race that is lost is run
    again on the new head. Other refusals: see :func:`_changes_of`.
    """
    for attempt in range(MAX_ATTEMPTS):
        with database.read() as db:
            basis = _prepare(db, kit, actor, target, proposal)
        new = _build(basis, actor, proposal, scratch / str(attempt))
        if new is None and not target.opens_pull:
            return Done(basis.kind, basis.path, basis.head)
        if new is not None:
            keep_pack(kit, basis.repo_id, new.pack)
        try:
            with database.write() as db:
                return publish(db, actor, target, proposal, (basis.repo_id, basis.head), new)
        except LostRace as err:
            if proposal.parent is not None:
                raise StaleParent from err
            time.sleep(random.uniform(0, 0.02 * (attempt + 1)))  # noqa: S311  # spreads the racers, no secret
    raise Unavailable("Too many commits to this branch at once; repeat the call.", headers={"Retry-After": "2"})


def on_repo_created(kit: Kit) -> Callable[[Session, Any], None]:
    """A listener: a new repository gets branch ``main`` with one commit. Source: protocol/hub-api.md 2."""

    def first_commit(db: Session, event: RepoCreated) -> None:
        if event.has_history:
            return
        repo = event.repo
        files = rules.first_files(repo.kind, repo.name, repo.sdk)
        if event.card is not None:
            files[README] = rules.first_card(repo.kind, repo.name, repo.sdk, event.card.licence).encode()
        changes = [Put(path, data) for path, data in files.items()]
        with scratch_directory(kit) as scratch:
            new = write_commit(None, None, changes, signature(event.actor), "initial commit", scratch)
            assert new is not None, "a first commit changes something"
            keep_pack(kit, repo.id, new.pack)
            record_pack(db, repo, new.pack)
        move_ref(db, event.actor, repo, rules.MAIN, None, new.commit)

    return first_commit


@contextmanager
def scratch_directory(kit: Kit) -> Iterator[Path]:
    """A directory for one commit, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=kit.tmp, prefix="commit-") as name:
        yield Path(name)


# ---- before the bytes --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Basis:
    """What a commit is built on: plain values that outlive the transaction that read them."""

    repo_id: str
    kind: str
    path: str
    ref: str
    head: str
    objects: Objects
    changes: list[Change]


def _prepare(db: Session, kit: Kit, actor: Actor, target: Target, proposal: Proposal) -> _Basis:
    admitted = admit(db, actor, target)
    repo = admitted.repo
    if proposal.parent is not None and not admitted.head.startswith(proposal.parent):
        raise StaleParent
    cards = {
        op.path: b"".join(op.span.pieces())
        for op in proposal.operations
        if isinstance(op, AddFile) and op.path == README
    }
    if cards:
        events.publish(db, CommitProposed(repo, actor, cards))
    if admitted.ref.startswith(rules.BRANCHES) and not target.opens_pull:
        locks.refuse_locked(db, actor, repo, {op.path for op in proposal.operations})
    found = queries.objects(db, repo, kit)
    changes = _changes_of(db, kit, repo, admitted.head, proposal.operations, found)
    return _Basis(repo.id, repo.kind, repo.path, admitted.ref, admitted.head, found, changes)


def _changes_of(
    db: Session, kit: Kit, repo: Repo, head: str, operations: Iterable[Operation], found: Objects
) -> list[Change]:
    """Operations in terms of git. Removals come first, so that a file can take the place of a folder in one commit.

    Raises :class:`UnknownContent` for a large file that the repository was not given, ``PathMissing`` for a source
    that is not there, ``BadRequest`` for a size that is not the file's.
    """
    operations = list(operations)
    large = {op.sha256 for op in operations if isinstance(op, AddLarge)}
    known = queries.contents(db, repo, large)
    removals: list[Change] = []
    others: list[Change] = []
    for op in operations:
        match op:
            case Remove(path, only_folder):
                removals.append(DeleteTree(path) if only_folder else Delete(path))
            case AddFile(path, span):
                others.append(Put(path, span))
            case AddLarge():
                others.append(_pointer(op, known))
            case Copy():
                others.append(_copy(db, kit, repo, head, op, found))
    return removals + others


def _pointer(op: AddLarge, known: dict[str, Content]) -> PutPointer:
    content = known.get(op.sha256)
    if content is None:
        raise UnknownContent(op.path, op.sha256)
    if op.size_bytes is not None and op.size_bytes != content.size_bytes:
        raise BadRequest(
            f"{op.path!r} is said to have {op.size_bytes} bytes; the file {op.sha256} has {content.size_bytes}."
        )
    return PutPointer(op.path, content.sha256, content.size_bytes)


def _copy(db: Session, kit: Kit, repo: Repo, head: str, op: Copy, found: Objects) -> CopyBlob:
    commit = head if op.revision is None else queries.resolve_revision(db, repo, op.revision, kit)
    entry = found.entry(commit, op.source)
    if entry is None or entry.kind != "file":
        raise PathMissing(op.source)
    return CopyBlob(op.path, entry.oid, entry.mode)


def opened(db: Session, repo: Repo, ref: str, actor: Actor) -> bool:
    """Whether ``actor`` opened the pull request: its first push made the ref."""
    if actor.is_anonymous:
        return False
    first = select(Push.actor_id).where(Push.repo_id == repo.id, Push.ref == ref, Push.before.is_(None))
    return db.scalar(first.order_by(Push.at.desc()).limit(1)) == actor.id


# ---- the bytes, and the publishing transaction -------------------------------------------------------------


def _build(basis: _Basis, actor: Actor, proposal: Proposal, scratch: Path) -> NewPack | None:
    scratch.mkdir()
    new = write_commit(basis.objects, basis.head, basis.changes, signature(actor), proposal.message, scratch)
    if new is not None:
        paths = (operation.path for operation in proposal.operations)
        modules.check(basis.objects, basis.repo_id, new.pack, paths, scratch / "modules")
    return new


def publish(
    db: Session, actor: Actor, target: Target, proposal: Proposal, basis: tuple[str, str], new: NewPack | None
) -> Done:
    """The durable commit ``new`` is where ``target`` says. ``basis``: repository id and head that it was built on.

    Admitted again: rights and names may have changed while the bytes were written. Raises :class:`LostRace` when the
    head moved.
    """
    admitted = admit(db, actor, target)
    repo_id, head = basis
    repo, after = admitted.repo, new.commit if new else head
    if admitted.head != head or repo.id != repo_id:
        raise LostRace
    record_pack(db, repo, new.pack if new else None)
    if not target.opens_pull:
        move_ref(db, actor, repo, admitted.ref, head, after)
        return Done(repo.kind, repo.path, after)
    number = next_number(db, repo)
    move_ref(db, actor, repo, f"{rules.PULLS}{number}", None, after)
    pushed = PullRequestPushed(repo, number, admitted.ref, after, proposal.summary, proposal.description, actor)
    events.publish(db, pushed)
    return Done(repo.kind, repo.path, after, number)
