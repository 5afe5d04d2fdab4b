"""Pictures, films and sounds for comments: kept as they came, found by an address that nobody can guess.

Whoever has the address may see the file, as on the public hub; so the address is random, not a digest. Source:
huggingface_hub 2.4, ``HfApi.upload_attachment``.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.errors import SignInNeeded
from freehold.content.errors import AttachmentUnknown, BadAttachment, TooManyAttachments
from freehold.content.keys import attachment_key
from freehold.content.kit import Kit
from freehold.content.tables import Attachment
from freehold.core import clock
from freehold.core.ids import new_secret_id

MAX_BYTES = 10 << 20
MAX_FILM_BYTES = 50 << 20
#: What one person may send in a day: enough for every screenshot, too little to fill a disk with.
MAX_A_DAY = 200
HEAD_BYTES = 64


@dataclass(frozen=True)
class Sort:
    """A format: what it is served as, and the ending of its address."""

    media_type: str
    ending: str

    @property
    def limit_bytes(self) -> int:
        return MAX_FILM_BYTES if self.media_type.startswith("video/") else MAX_BYTES


def sort_of(head: bytes) -> Sort | None:
    """The format that a file begins as, whatever it was called; None for any other (SVG, which is a program, too)."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Sort("image/png", "png")
    if head.startswith(b"\xff\xd8\xff"):
        return Sort("image/jpeg", "jpg")
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return Sort("image/gif", "gif")
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE"):
        return Sort("image/webp", "webp") if head[8:12] == b"WEBP" else Sort("audio/wav", "wav")
    if head[4:8] == b"ftyp":
        return Sort("video/quicktime", "mov") if head[8:12] == b"qt  " else Sort("video/mp4", "mp4")
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Sort("video/webm", "webm")
    if head.startswith(b"ID3") or (head[:1] == b"\xff" and head[1:2] in (b"\xfb", b"\xf3", b"\xf2")):
        return Sort("audio/mpeg", "mp3")
    return None


def admit(db: Session, actor: Actor) -> None:
    """Raise what stands in the way of ``actor`` sending a file: nobody there, a read token, too many today."""
    if actor.is_anonymous or actor.id is None:
        raise SignInNeeded("Sign in to attach files to comments.")
    since = clock.now() - timedelta(days=1)
    sent = select(func.count()).select_from(Attachment)
    today = db.scalar(sent.where(Attachment.uploader_id == actor.id, Attachment.created_at > since)) or 0
    if today >= MAX_A_DAY:
        raise TooManyAttachments(f"You attached {MAX_A_DAY} files in the last day: try again later.")


def keep(kit: Kit, path: Path) -> tuple[str, Sort, int]:
    """The file at ``path`` is in the store; its name there, format and size. Raises :class:`BadAttachment`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        sort = sort_of(file.read(HEAD_BYTES))
    if sort is None:
        raise BadAttachment("Only PNG, JPEG, GIF, WebP, MP4, MOV, WebM, MP3 and WAV files can be attached.")
    if size > sort.limit_bytes:
        raise BadAttachment(f"The largest file of this sort that can be attached has {sort.limit_bytes >> 20} MiB.")
    name = f"{new_secret_id()}.{sort.ending}"
    kit.store.put_file(attachment_key(name), path)
    return name, sort, size


def record(db: Session, actor: Actor, name: str, sort: Sort, size_bytes: int) -> Attachment:
    """The file that :func:`keep` put there can be seen by whoever has its address."""
    admit(db, actor)
    kept = Attachment(
        name=name, uploader_id=actor.id, media_type=sort.media_type, size_bytes=size_bytes, created_at=clock.now()
    )
    db.add(kept)
    db.flush()
    return kept


def find(db: Session, name: str) -> Attachment:
    """Raises :class:`AttachmentUnknown`."""
    found = db.get(Attachment, name)
    if found is None:
        raise AttachmentUnknown("There is no such file: it was never attached here.")
    return found
