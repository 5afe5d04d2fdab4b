"""Files of requests and of answers: their owner's alone."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import and_, func, or_, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.errors import NotAllowed, SignInNeeded
from freehold.batches import rules
from freehold.batches.errors import BadBatch, NoSuchBatch, NotNow
from freehold.batches.tables import Batch, BatchFile
from freehold.content.kit import Kit
from freehold.core import clock, events
from freehold.core.database import Database
from freehold.core.ids import new_secret_id
from freehold.web.figures import size

MAX_FILES = 1000
MAX_LISTED = 100
LEAST_S, MAX_DIGITS = 3600, 12
SWEPT_AT_ONCE = 500


def own(actor: Actor, *, writes: bool = False) -> str:
    """The id of the person who asks. Raises ``SignInNeeded``, or ``NotAllowed`` for a token that is for repositories
    alone, or that only reads where something is to be kept or changed (``writes``)."""
    if actor.is_anonymous or actor.id is None:
        raise SignInNeeded("Sign in, or send a token of yours.")
    if actor.token is not None and (actor.token.is_fine_grained or actor.token.is_granted):
        raise NotAllowed(
            f"The token {actor.token.name!r} is for chosen repositories; a batch needs one for everything."
        )
    if writes and actor.token is not None and actor.token.scope != "write":
        raise NotAllowed(f"The token {actor.token.name!r} may only read; a batch keeps files.")
    return actor.id


def admit(db: Session, kit: Kit, actor: Actor, purpose: str, size_bytes: int) -> None:
    """``actor`` may keep one more file of this size. Raises :class:`BadBatch`.

    Answers count as what was uploaded does, but are kept also where they go over: what was asked is not lost.
    """
    user_id = own(actor, writes=True)
    if purpose != "batch":
        raise BadBatch('The purpose of a file here is "batch".', field="purpose")
    if not size_bytes:
        raise BadBatch("The file is empty.", field="file")
    _check_room(db, kit, user_id, size_bytes)


def has_room(db: Session, kit: Kit, actor: Actor) -> None:
    """``actor`` may send a file, however long it will be. Raises :class:`BadBatch`."""
    _check_room(db, kit, own(actor, writes=True), 1)


def _check_room(db: Session, kit: Kit, user_id: str, size_bytes: int) -> None:
    kept = select(func.count(), func.coalesce(func.sum(BatchFile.size_bytes), 0)).where(BatchFile.user_id == user_id)
    count, taken = db.execute(kept).one()
    if count >= MAX_FILES:
        raise BadBatch(f"You keep {MAX_FILES:,} files here; delete some first.")
    most = kit.settings.batch_files_bytes
    if taken + size_bytes > most:
        raise BadBatch(
            f"Your files, with the answers of your batches, take {size(taken)} of the {size(most)} that you may keep "
            f"here{f', and this one has {size(size_bytes)}' if size_bytes > 1 else ''}. Delete some first.",
            field="file",
            code="storage_limit_exceeded",
        )


def put(kit: Kit, held: Path) -> str:
    """The bytes at ``held`` are in the store, under the id that is given: before a transaction records them."""
    file_id = f"file-{new_secret_id()}"
    kit.store.put_file(rules.file_key(file_id), held)
    return file_id


def lifetime_s(kit: Kit, anchor: object, seconds: object, *, field: str = "expires_after") -> int:
    """For how long a file is kept whose call says so under ``field``; None and None: as the installation has it.

    Raises :class:`BadBatch`. Source: OpenAI API reference, files, ``expires_after``.
    """
    most = kit.settings.batch_file_days * 86_400
    if anchor is None and seconds is None:
        return most
    text = str(seconds)
    given = int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else 0
    if anchor != "created_at" or not LEAST_S <= given <= most:
        raise BadBatch(f'"{field}" has the anchor created_at, and seconds from {LEAST_S:,} to {most:,}.', field=field)
    return given


def record(
    db: Session, user_id: str, file_id: str, name: str, purpose: str, size_bytes: int, *, kept_s: int
) -> BatchFile:
    """What was put is a file of this person's, for ``kept_s`` seconds."""
    now = clock.now()
    file = BatchFile(
        id=file_id,
        user_id=user_id,
        name=name.replace("\0", "")[:256],
        purpose=purpose,
        size_bytes=size_bytes,
        created_at=now,
        expires_at=now + timedelta(seconds=kept_s),
    )
    db.add(file)
    db.flush()
    return file


def load(db: Session, actor: Actor, file_id: str) -> BatchFile:
    """The file of ``actor`` by this id. Raises :class:`NoSuchBatch`."""
    file = db.get(BatchFile, file_id[:40])
    is_over = file is not None and file.expires_at is not None and file.expires_at <= clock.now()
    if file is None or file.user_id != own(actor) or is_over:
        raise NoSuchBatch("You have no file of this id.")
    return file


def listed(
    db: Session,
    actor: Actor,
    *,
    after: str = "",
    limit: int = MAX_LISTED,
    purpose: str = "",
    oldest_first: bool = False,
) -> Sequence[BatchFile]:
    """The newest files of ``actor``, or the oldest; of one ``purpose``, and beyond the one called ``after``, where they
    are given. Raises :class:`NoSuchBatch`."""
    made = BatchFile.created_at
    lasts = or_(BatchFile.expires_at.is_(None), BatchFile.expires_at > clock.now())
    mine = select(BatchFile).where(BatchFile.user_id == own(actor), lasts)
    if purpose:
        mine = mine.where(BatchFile.purpose == purpose)
    if after:
        last = load(db, actor, after)
        beyond = made > last.created_at if oldest_first else made < last.created_at
        mine = mine.where(or_(beyond, and_(made == last.created_at, BatchFile.id > last.id)))
    order = made.asc() if oldest_first else made.desc()
    return db.scalars(mine.order_by(order, BatchFile.id).limit(min(limit, MAX_LISTED + 1))).all()


def delete(db: Session, kit: Kit, actor: Actor, file_id: str) -> None:
    """The file is gone. Raises :class:`NoSuchBatch`, :class:`NotNow` while a batch reads it."""
    own(actor, writes=True)
    file = load(db, actor, file_id)
    reading = select(Batch).where(Batch.user_id == file.user_id, Batch.state.not_in(rules.ENDED))
    if any(batch.given.get("file_id") == file.id for batch in db.scalars(reading)):
        raise NotNow("A batch reads this file: cancel it first.")
    key = rules.file_key(file.id)
    db.delete(file)
    events.after_commit(db, lambda: kit.store.delete([key]))


def sweep(database: Database, kit: Kit) -> int:
    """Files whose time is over are gone, some at a time, but for those that a batch still reads; how many went. Those
    that have no end have one from now on, as long after they came as the installation keeps files."""
    with database.write() as db:
        for file in db.scalars(select(BatchFile).where(BatchFile.expires_at.is_(None)).limit(SWEPT_AT_ONCE)):
            file.expires_at = file.created_at + timedelta(seconds=lifetime_s(kit, None, None))
        db.flush()
        reading = select(Batch.given).where(Batch.source == "file", Batch.state.not_in(rules.ENDED))
        read = {str(given.get("file_id")) for given in db.scalars(reading)}
        over = select(BatchFile.id).where(BatchFile.expires_at <= clock.now()).order_by(BatchFile.expires_at)
        ids = [one for one in db.scalars(over.limit(SWEPT_AT_ONCE + len(read))) if one not in read][:SWEPT_AT_ONCE]
        db.execute(delete_rows(BatchFile).where(BatchFile.id.in_(ids)))
        events.after_commit(db, lambda: kit.store.delete([rules.file_key(one) for one in ids]))
    return len(ids)
