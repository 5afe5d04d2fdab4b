"""Making a commit visible: its pack is durable first, then one transaction moves the ref and says so."""

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

from freehold.access.rules import Actor
from freehold.accounts.queries import NO_REPLY
from freehold.content.events import RepoPushed
from freehold.content.keys import pack_index_key, pack_key
from freehold.content.kit import Kit
from freehold.content.rows import insert_missing
from freehold.content.rules import PULLS
from freehold.content.service.dooming import spare
from freehold.content.service.pruning import is_swept
from freehold.content.tables import Pack, Push, Ref
from freehold.core import clock, events
from freehold.core.ids import new_id
from freehold.gitkit import packs
from freehold.gitkit.objects import Person
from freehold.repos import service as repos
from freehold.repos.tables import Repo

#: How often a commit that names no parent is made again on a branch that others move at the same time.
MAX_ATTEMPTS = 20


class LostRace(Exception):
    """The ref is no longer where the commit was built on; what was kept for it is garbage, not a lie."""


def keep_pack(kit: Kit, repo_id: str, pack: packs.Pack | None) -> None:
    """The files of ``pack`` are durable in the store; nothing shows it yet. None: there is nothing to keep."""
    if pack is not None:
        # The pack first: an index without its pack would be damage, the other way round is only garbage.
        kit.store.put_file(pack_key(repo_id, pack.name), pack.pack_path)
        kit.store.put_file(pack_index_key(repo_id, pack.name), pack.idx_path)


def record_pack(db: Session, repo: Repo, pack: packs.Pack | None) -> None:
    """The pack is part of the repository, once the transaction is durable."""
    if pack is not None:
        spare(db, [pack_key(repo.id, pack.name), pack_index_key(repo.id, pack.name)])
        row = {"repo_id": repo.id, "name": pack.name, "size_bytes": pack.size_bytes, "objects": pack.objects}
        insert_missing(db, Pack, [{**row, "created_at": clock.now()}])


def move_ref(
    db: Session,
    actor: Actor,
    repo: Repo,
    ref: str,
    before: str | None,
    after: str | None,
    peeled: str | None = None,
    *,
    is_rewrite: bool = False,
    is_forced: bool = False,
) -> None:
    """``ref`` points to ``after`` (None: it is gone), if it pointed to ``before`` (None: if it was not there).

    ``peeled`` is the commit that ``after`` leads to where that is an annotated tag. ``is_rewrite`` and
    ``is_forced`` as in the event.
    Raises :class:`LostRace` when it did not. Whoever listens to :class:`RepoPushed` runs in the same transaction.
    """
    here = (Ref.repo_id == repo.id, Ref.name == ref)
    # First: from here on, nobody else changes what the repository holds. What is only proposed leaves its date alone,
    # so that no stranger brings somebody's repository to the head of every list.
    (hold if ref.startswith(PULLS) else repos.touch)(db, repo)
    if after is not None and is_swept(db, repo, after):
        raise LostRace
    if before is None:
        assert after is not None, "from nowhere to nowhere"
        _insert(db, Ref(repo_id=repo.id, name=ref, target=after, peeled=peeled, updated_at=clock.now()))
    elif after is None:
        _one_row(db, delete(Ref).where(*here, Ref.target == before).returning(Ref.name))
    else:
        values = {"target": after, "peeled": peeled, "updated_at": clock.now()}
        _one_row(db, update(Ref).where(*here, Ref.target == before).values(values).returning(Ref.name))
    db.add(Push(id=new_id(), repo_id=repo.id, actor_id=actor.id, ref=ref, before=before, after=after, at=clock.now()))
    db.flush()
    events.publish(db, RepoPushed(repo, ref, before, after, actor, is_rewrite, is_forced))


def hold(db: Session, repo: Repo) -> None:
    """Nobody else moves a ref of the repository, or prunes it, until this transaction ends."""
    db.execute(select(Repo.id).where(Repo.id == repo.id).with_for_update(key_share=True))


def _insert(db: Session, row: Ref) -> None:
    try:
        with db.begin_nested():  # PostgreSQL gives up the whole transaction otherwise
            db.add(row)
    except IntegrityError as err:
        raise LostRace from err


def _one_row(db: Session, statement: ReturningDelete[Any] | ReturningUpdate[Any]) -> None:
    if db.execute(statement).first() is None:
        raise LostRace


def signature(actor: Actor) -> Person:
    """How ``actor`` signs commits: by login name, which clients show; never by a private address."""
    name = actor.name or "freehold"
    return Person(name, name + NO_REPLY, clock.now())
