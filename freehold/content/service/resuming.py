"""Large files that a browser sends, and goes on with after it was closed: what is here already, what is to be sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content import queries
from freehold.content.errors import TooManyUploads
from freehold.content.kit import Kit
from freehold.content.service import commits, objects, uploads
from freehold.content.service.commits import Target
from freehold.content.service.objects import Wanted
from freehold.content.tables import Content, MultipartUpload
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import TooLarge

#: Small enough that a lost connection costs little, large enough that a part is worth a call. S3 takes 5 MiB and more.
PART_BYTES = 16 << 20
#: Of one person, over all repositories: a page has a handful at work at a time.
MAX_UNFINISHED = 200
State = Literal["here", "whole", "parts"]


@dataclass(frozen=True)
class Going:
    """What is to be done with a file: nothing, sent as one body, or the parts that are not among ``arrived``.

    ``arrived`` has the ETags of parts by number, counted from 1.
    """

    wanted: Wanted
    state: State
    upload: MultipartUpload | None = None
    arrived: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Known:
    repo_id: str
    here: Mapping[str, Content | None]  # as far as the caller may know; a content is to be granted
    unfinished: Mapping[str, MultipartUpload]
    room: int


def go_on(database: Database, kit: Kit, actor: Actor, target: Target, files: Sequence[Wanted]) -> list[Going]:
    """For each of ``files``, what of it is here already and where the rest is to go, for a commit to ``target``.

    An upload in parts that ``actor`` left unfinished in this repository is found again. Opens its own transactions,
    because a store is asked between them. Raises as ``commits.admit``, :class:`TooLarge` for a file that the hub does
    not keep, :class:`TooManyUploads`.
    """
    limit_bytes = kit.settings.max_object_bytes
    if any(wanted.size_bytes > limit_bytes for wanted in files):
        raise TooLarge(f"The largest file that this hub keeps has {limit_bytes:,} bytes.")
    with database.read() as db:
        known = _known(db, actor, target, files)
    new_parts = {one.sha256 for one in files if _is_new(known, one)}
    if len(new_parts) > known.room:  # before the store is asked to open them, which would stay open there
        raise TooManyUploads(MAX_UNFINISHED)
    going = {wanted.sha256: _going(kit, actor, known, wanted) for wanted in {one.sha256: one for one in files}.values()}
    started = [one.upload for one in going.values() if one.upload and one.wanted.sha256 not in known.unfinished]
    # An upload that the store has given up is begun anew, under another name.
    again = [one.upload for one in going.values() if one.upload and one.wanted.sha256 in known.unfinished]
    new = [upload for upload in again if upload.id != known.unfinished[upload.sha256].id]
    with database.write() as db:
        _record(db, known, [*started, *new], {upload.id for upload in again} - {upload.id for upload in new})
    return [going[wanted.sha256] for wanted in files]


def _known(db: Session, actor: Actor, target: Target, files: Sequence[Wanted]) -> _Known:
    repo = commits.admit(db, actor, target).repo
    digests = {wanted.sha256 for wanted in files}
    held = queries.contents(db, repo, digests)
    elsewhere = objects.held_elsewhere(db, actor, digests - held.keys())
    again = {content.sha256: content for content in objects.claimed_long_ago(db, repo.id, held.values())}
    mine = select(MultipartUpload).where(MultipartUpload.uploader_id == actor.id)
    unfinished = mine.where(MultipartUpload.repo_id == repo.id, MultipartUpload.sha256.in_(digests))
    count = db.scalar(select(func.count()).select_from(mine.subquery())) or 0
    return _Known(
        repo.id,
        {**elsewhere, **dict.fromkeys(held), **again},
        {row.sha256: row for row in db.scalars(unfinished.order_by(MultipartUpload.created_at))},
        MAX_UNFINISHED - count,
    )


def _is_new(known: _Known, wanted: Wanted) -> bool:
    is_by_parts = wanted.sha256 not in known.here and wanted.size_bytes > PART_BYTES
    return is_by_parts and wanted.sha256 not in known.unfinished


def _going(kit: Kit, actor: Actor, known: _Known, wanted: Wanted) -> Going:
    if wanted.sha256 in known.here:
        return Going(wanted, "here")
    if wanted.size_bytes <= PART_BYTES:
        return Going(wanted, "whole")
    unfinished = known.unfinished.get(wanted.sha256)
    if unfinished is not None and unfinished.size_bytes == wanted.size_bytes:
        arrived = uploads.arrived(kit, unfinished)
        if arrived is not None:
            return Going(wanted, "parts", unfinished, arrived)
    upload = uploads.start_parts(kit, known.repo_id, wanted, part_bytes=PART_BYTES, uploader_id=actor.id)
    return Going(wanted, "parts", upload)


def _record(db: Session, known: _Known, started: Sequence[MultipartUpload], gone_on: set[str]) -> None:
    for upload in started:
        replaced = known.unfinished.get(upload.sha256)
        if replaced is not None:
            db.execute(delete(MultipartUpload).where(MultipartUpload.id == replaced.id))
    db.add_all(started)
    db.execute(update(MultipartUpload).where(MultipartUpload.id.in_(gone_on)).values(created_at=clock.now()))
    objects.grant(db, known.repo_id, [content for content in known.here.values() if content is not None])
