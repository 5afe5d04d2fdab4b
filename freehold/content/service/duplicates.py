"""A repository duplicated under another name: its whole history, and its large files without sending a byte.

As on the public hub the history is kept, not squashed. Pull requests and what history left behind do not come along.
A copy of a gated repository has the same gate, whoever makes it and however public it is asked to be: what was agreed
to here would otherwise bind nobody who reads the copy. Taking the gate away is a deed of its owner, as anywhere.
Source: protocol/hub-api.md 2; huggingface_hub 2.4, ``HfApi.duplicate_repo``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries, rules
from freehold.content.errors import CannotDuplicate
from freehold.content.events import RepoDuplicated
from freehold.content.kit import Kit
from freehold.content.rows import insert_missing
from freehold.content.service.publishing import keep_pack, move_ref, record_pack
from freehold.content.tables import Ref, RepoContent, RepoRecipe, RepoXorb
from freehold.core import clock, events
from freehold.core.database import Database, UtcDateTime
from freehold.core.ids import new_id
from freehold.gitkit.errors import FoldFailed
from freehold.gitkit.folding import reachable
from freehold.gitkit.packs import Pack
from freehold.gitkit.program import can_run
from freehold.repos import admissions
from freehold.repos import service as repos
from freehold.repos.events import SpaceOptions
from freehold.repos.rules import GateChanges
from freehold.repos.tables import Repo

#: What of the refs goes along: a pull request belongs to where it was proposed.
TAKEN = (rules.BRANCHES, rules.TAGS, rules.CONVERTS)


@dataclass(frozen=True)
class Wanted:
    """What the new repository is to be. ``visibility`` None: as narrow as the source, or as its namespace's default."""

    name: str
    namespace: str | None = None
    visibility: str | None = None
    space: SpaceOptions | None = None


@dataclass(frozen=True)
class _Source:
    """What is taken, as plain values that outlive the transaction that read them."""

    packs: list[str]
    repo_id: str
    refs: dict[str, tuple[str, str | None]]


def duplicate(
    database: Database, kit: Kit, actor: Actor, source: tuple[str, str], wanted: Wanted, scratch: Path
) -> Repo:
    """The repository ``source`` (kind, path) is there a second time, as ``wanted`` says; whoever reads may do it.

    Opens its own transactions, because a pack is written between them. Raises :class:`RepoExists` for a name that is
    taken, :class:`CannotDuplicate` when git cannot read the history.
    """
    with database.read() as db:
        repos.owner_of_new(db, actor, wanted.name, namespace=wanted.namespace, kind=source[0])
        taken = _taken(db, actor, source)
    repo_id, pack = new_id(), _packed(kit, taken, scratch)
    keep_pack(kit, repo_id, pack)
    with database.write() as db:
        return _publish(db, actor, source, wanted, taken, repo_id, pack)


def _taken(db: Session, actor: Actor, source: tuple[str, str]) -> _Source:
    repo = repos.load(db, actor, source[1], Action.READ, kind=source[0])
    refs = {ref.name: (ref.target, ref.peeled) for ref in queries.refs(db, repo) if ref.name.startswith(TAKEN)}
    if not refs:
        raise CannotDuplicate("This repository has no branch, so there is nothing to duplicate.")
    return _Source(queries.pack_names(db, repo), repo.id, refs)


def _packed(kit: Kit, taken: _Source, scratch: Path) -> Pack:
    if not can_run():
        raise CannotDuplicate("git is not installed where this hub runs: duplicating needs it.")
    files = kit.git.pack_files(taken.repo_id, taken.packs)
    try:
        return reachable(files, sorted({target for target, _ in taken.refs.values()}), scratch)
    except FoldFailed as err:
        raise CannotDuplicate("The history could not be read, or takes too long: nothing was duplicated.") from err


def _publish(
    db: Session, actor: Actor, source: tuple[str, str], wanted: Wanted, taken: _Source, repo_id: str, pack: Pack
) -> Repo:
    original = repos.load(db, actor, source[1], Action.READ, kind=source[0])  # it may have been closed meanwhile
    narrow = original.visibility != "public" or bool(original.gated)
    repo = repos.create(
        db,
        actor,
        wanted.name,
        namespace=wanted.namespace,
        kind=original.kind,
        visibility=wanted.visibility or ("private" if narrow else None),
        sdk=original.sdk,
        repo_id=repo_id,
        has_history=True,
        space=wanted.space,
        gated=original.gated,
    )
    if original.gated:
        kept = admissions.gate_of(db, original)
        admissions.change_gate(db, repo, GateChanges(kept.renew, kept.grace_days, kept.notify_mode))
    record_pack(db, repo, pack)
    for table in (RepoContent, RepoRecipe, RepoXorb):
        _claim(db, table, original, repo)
    now = clock.now()
    rest = sorted((name, *points) for name, points in taken.refs.items() if name != rules.MAIN)
    rows = [
        {"repo_id": repo.id, "name": name, "target": target, "peeled": peeled, "updated_at": now}
        for name, target, peeled in rest
    ]
    insert_missing(db, Ref, rows)
    if rules.MAIN in taken.refs:
        move_ref(db, actor, repo, rules.MAIN, None, taken.refs[rules.MAIN][0])
    events.publish(db, RepoDuplicated(original, repo, actor))
    return repo


def _claim(db: Session, table: Any, original: Repo, repo: Repo) -> None:
    """The new repository may use what the original may: rows, in one statement, whatever the size of the files."""
    # A claim is as old as the repository that makes it: the collector spares young ones.
    own: dict[str, Any] = {"repo_id": literal(repo.id), "created_at": literal(repo.created_at, UtcDateTime)}
    columns = {column.name: own.get(column.name, column) for column in table.__table__.columns}
    theirs = select(*(value.label(name) for name, value in columns.items())).where(table.repo_id == original.id)
    db.execute(insert(table).from_select(list(columns), theirs))
