"""Large files on their way in over LFS: signed addresses, one body or parts, and the check before anything is kept."""

import hashlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.content.errors import AddressRefused, BadParts, WrongDigest
from freehold.content.intake import Scratch, Slot, alone, refuse_without_room
from freehold.content.keys import content_key
from freehold.content.kit import Kit
from freehold.content.service import objects
from freehold.content.service.objects import Wanted
from freehold.content.tables import MultipartUpload
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import TooLarge
from freehold.core.ids import new_id
from freehold.stores import errors as store_errors

#: Life of an address to send bytes to: long enough for a batch of large files over a slow line.
ADDRESS_S = 6 * 3600
PUT, PARTS = "lfs-put", "lfs-parts"
#: Straight to the store in parts from here on: bytes that never pass through the hub cost it nothing.
STORE_PARTS_BYTES = 64 << 20
#: S3 takes 5 MiB to 5 GiB and at most 10,000 of them; a batch answer with 1,000 addresses is long enough.
PART_BYTES = 64 << 20
MAX_PARTS = 1000
#: Of all files of one batch call: each part has an address in the answer, of some 350 bytes.
MAX_PARTS_AT_ONCE = 50_000
STALE_A_TURN = 100
#: What a browser sent waits so long for it to go on; a start of the hub sweeps scratch of the same age.
KEPT_S = 2 * 86400
HASH_PIECE_BYTES = 4 << 20
_OVER = "this upload is over"


# ---- one body -------------------------------------------------------------------------------------------------------


def put_address(kit: Kit, base_url: str, repo_id: str, wanted: Wanted) -> str:
    """Where to PUT the whole file, by whoever holds the address: clients send no credentials with it."""
    claims = {"r": repo_id, "o": wanted.sha256, "s": wanted.size_bytes}
    token = kit.signer.seal(PUT, claims, clock.epoch_s() + ADDRESS_S)
    return f"{base_url}/lfs/objects/{wanted.sha256}?t={token}"


def checked_put(kit: Kit, sha256: str, token: str) -> tuple[str, Wanted]:
    """The repository id and the file that an address stands for. Raises :class:`AddressRefused`."""
    claims = kit.signer.open(PUT, token)
    if claims is None or claims["o"] != sha256:
        raise AddressRefused
    return claims["r"], Wanted(claims["o"], claims["s"])


def keep(kit: Kit, scratch: Scratch, wanted: Wanted) -> None:
    """The bytes in ``scratch`` are in the store under their digest; raises :class:`WrongDigest` when it is another.

    Kept again even where the store has them: a verified copy never makes things worse, and repairs a damaged one.
    """
    if scratch.sha256 != wanted.sha256:
        raise WrongDigest(wanted.sha256, scratch.sha256)
    kit.store.put_file(content_key(wanted.sha256), scratch.path)


# ---- parts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parts:
    """An upload in parts as its addresses carry it. ``at_store``: the store's own upload, where the hub passes them on.

    A browser sends its parts to the hub, whatever the store: its pages reach no other address, and no bucket has to be
    told of the hub's.
    """

    upload_id: str
    repo_id: str
    wanted: Wanted
    chunk_bytes: int
    at_store: str | None = None

    @property
    def count(self) -> int:
        return -(-self.wanted.size_bytes // self.chunk_bytes)

    def size_of(self, number: int) -> int:
        """Bytes of part ``number``, counted from 1."""
        return min(self.chunk_bytes, self.wanted.size_bytes - (number - 1) * self.chunk_bytes)


def by_parts(kit: Kit, wanted: Wanted) -> bool:
    """Whether ``wanted`` is better sent in parts, if the client can."""
    limit_bytes = kit.settings.multipart_bytes
    if kit.settings.presign and kit.settings.store.startswith("s3:"):
        limit_bytes = min(limit_bytes, STORE_PARTS_BYTES)
    return wanted.size_bytes > limit_bytes


def refuse_too_many_parts(files: Sequence[Wanted]) -> None:
    """Raises :class:`TooLarge` when the addresses of all parts are too much for one answer."""
    count = sum(-(-wanted.size_bytes // _chunk_bytes(wanted, PART_BYTES)) for wanted in files)
    if count > MAX_PARTS_AT_ONCE:
        raise TooLarge(f"These files have {count} parts, more than {MAX_PARTS_AT_ONCE}: ask for fewer files at once.")


def start_parts(
    kit: Kit, repo_id: str, wanted: Wanted, *, part_bytes: int = 0, uploader_id: str | None = None
) -> MultipartUpload:
    """A new upload in parts, to be recorded; opened in the store where the store takes the parts itself.

    ``part_bytes`` 0: as clients send them.
    """
    upload_id = new_id()
    goes_there = kit.settings.presign or uploader_id is not None
    at_store = kit.store.multipart_start(_staging_key(upload_id)) if goes_there else None
    return MultipartUpload(
        id=upload_id,
        repo_id=repo_id,
        sha256=wanted.sha256,
        size_bytes=wanted.size_bytes,
        chunk_bytes=_chunk_bytes(wanted, part_bytes or PART_BYTES),
        store_upload_id=at_store,
        uploader_id=uploader_id,
        created_at=clock.now(),
    )


def _chunk_bytes(wanted: Wanted, part_bytes: int) -> int:
    return max(part_bytes, -(-wanted.size_bytes // MAX_PARTS))


def parts_of(upload: MultipartUpload) -> Parts:
    wanted = Wanted(upload.sha256, upload.size_bytes)
    return Parts(upload.id, upload.repo_id, wanted, upload.chunk_bytes, upload.store_upload_id)


def part_addresses(kit: Kit, base_url: str, upload: MultipartUpload) -> tuple[str, list[str]]:
    """Where to say that all parts arrived, and where to send each part, in order."""
    parts = parts_of(upload)
    token = parts_token(kit, replace(parts, at_store=None))
    ours = f"{base_url}/lfs/uploads/{upload.id}"
    if upload.store_upload_id is None:
        addresses = [f"{ours}/{number}?t={token}" for number in range(1, parts.count + 1)]
    else:
        key = _staging_key(upload.id)
        addresses = kit.store.multipart_addresses(key, upload.store_upload_id, parts.count, ADDRESS_S)
    return f"{ours}?t={token}", addresses


def parts_token(kit: Kit, parts: Parts) -> str:
    """What makes addresses of an upload good, for ``ADDRESS_S``."""
    wanted = parts.wanted
    claims = {"u": parts.upload_id, "r": parts.repo_id, "o": wanted.sha256, "s": wanted.size_bytes}
    claims |= {"c": parts.chunk_bytes} | ({"m": parts.at_store} if parts.at_store else {})
    return kit.signer.seal(PARTS, claims, clock.epoch_s() + ADDRESS_S)


def checked_parts(kit: Kit, upload_id: str, token: str) -> Parts:
    """The upload that an address stands for. Raises :class:`AddressRefused`."""
    claims: dict[str, Any] | None = kit.signer.open(PARTS, token)
    if claims is None or claims["u"] != upload_id:
        raise AddressRefused
    return Parts(claims["u"], claims["r"], Wanted(claims["o"], claims["s"]), claims["c"], claims.get("m"))


def check_number(parts: Parts, number: int) -> None:
    """Raises :class:`BadParts` for a part that the upload does not have."""
    if not 1 <= number <= parts.count:
        raise BadParts(f"there is no part {number} of {parts.count}")


def refuse_over(database: Database, kit: Kit, parts: Parts) -> None:
    """Raises :class:`BadParts` for an upload that ended: its addresses outlive it, what they bring is nobody's."""
    with database.read() as db:
        if db.get(MultipartUpload, parts.upload_id) is not None:
            return
    shutil.rmtree(_folder(kit, parts.upload_id), ignore_errors=True)
    raise BadParts(_OVER)


def part_slot(kit: Kit, parts: Parts, number: int) -> Slot:
    """Where to write part ``number``: its place in the one file that all parts share, so that joining is no work.

    Raises :class:`BadParts` for a part that the upload does not have.
    """
    check_number(parts, number)
    refuse_without_room(kit.tmp, parts.size_of(number))
    folder = _folder(kit, parts.upload_id)
    folder.mkdir(exist_ok=True)
    (folder / str(number)).unlink(missing_ok=True)  # sent again: not whole until it is whole again
    digest = hashlib.md5(usedforsecurity=False)  # what the ETag of a part is at S3 too
    try:
        return Slot(folder / "whole", (number - 1) * parts.chunk_bytes, digest)
    except (FileNotFoundError, BlockingIOError) as err:  # given up, or joined, this very moment
        raise BadParts(_OVER) from err


def part_done(kit: Kit, parts: Parts, number: int, slot: Slot) -> str:
    """The part is whole; its ETag, noted beside the file."""
    etag = f'"{slot.hexdigest}"'
    try:
        (_folder(kit, parts.upload_id) / str(number)).write_text(etag)
    except FileNotFoundError as err:
        raise BadParts(_OVER) from err
    return etag


def pass_part(kit: Kit, parts: Parts, number: int, scratch: Scratch) -> str:
    """The part in ``scratch`` is the store's, where any node finds it; its ETag."""
    assert parts.at_store is not None, "the store has an upload for these parts"
    return kit.store.multipart_put(_staging_key(parts.upload_id), parts.at_store, number, scratch.path)


def arrived(kit: Kit, upload: MultipartUpload) -> dict[int, str] | None:
    """By number, the ETags of the parts that are there whole. None: the store has given the upload up."""
    parts = parts_of(upload)
    if upload.store_upload_id is not None:
        try:
            kept = kit.store.multipart_parts(_staging_key(upload.id), upload.store_upload_id)
        except store_errors.BadParts:
            return None
        return {number: etag for number, (etag, size_bytes) in kept.items() if _fits(parts, number, size_bytes)}
    notes = [note for note in _folder(kit, upload.id).glob("*") if note.name.isascii() and note.name.isdigit()]
    return {int(note.name): note.read_text() for note in notes if 1 <= int(note.name) <= parts.count}


def _fits(parts: Parts, number: int, size_bytes: int) -> bool:
    return 1 <= number <= parts.count and size_bytes == parts.size_of(number)


def join(kit: Kit, parts: Parts, store_upload_id: str | None, etags: Sequence[str]) -> None:
    """The parts are one file in the store under its digest.

    Raises :class:`BadParts` when they are not all there, :class:`WrongDigest` when they make another file; what
    arrived is dropped then, and the upload has to start again.
    """
    if len(etags) != parts.count:
        raise BadParts(f"{len(etags)} parts were named where {parts.count} make the file")
    if store_upload_id is None:
        _join_here(kit, parts, etags)
    else:
        _join_at_store(kit, parts, store_upload_id, etags)


def close_parts(db: Session, parts: Parts) -> None:
    """The upload is over and its file is the repository's."""
    objects.record_whole(db, parts.repo_id, parts.wanted.sha256, parts.wanted.size_bytes)
    db.execute(delete(MultipartUpload).where(MultipartUpload.id == parts.upload_id))


def drop_stale(database: Database, kit: Kit) -> None:
    """Uploads in parts that nobody can finish any more are gone, here and at the store: a bounded number a turn."""
    with database.read() as db:
        now = clock.now()
        is_clients = MultipartUpload.uploader_id.is_(None)
        forgotten = is_clients & (MultipartUpload.created_at < now - timedelta(seconds=2 * ADDRESS_S))
        left = ~is_clients & (MultipartUpload.created_at < now - timedelta(seconds=KEPT_S))
        stale = list(db.scalars(select(MultipartUpload).where(forgotten | left).limit(STALE_A_TURN)))
    for upload in stale:
        drop(database, kit, parts_of(upload))


def drop(database: Database, kit: Kit, parts: Parts) -> None:
    """The upload and what arrived of it are gone, here and at the store. May be repeated."""
    shutil.rmtree(_folder(kit, parts.upload_id), ignore_errors=True)
    if parts.at_store is not None:
        kit.store.multipart_abort(_staging_key(parts.upload_id), parts.at_store)
        kit.store.delete([_staging_key(parts.upload_id)])
    with database.write() as db:
        db.execute(delete(MultipartUpload).where(MultipartUpload.id == parts.upload_id))


def _join_here(kit: Kit, parts: Parts, etags: Sequence[str]) -> None:
    folder = _folder(kit, parts.upload_id)
    for number, etag in enumerate(etags, 1):
        note = folder / str(number)
        if not note.exists() or _bare(note.read_text()) != _bare(etag):
            raise BadParts(f"part {number} did not arrive as it was named")
    try:
        # Whoever takes the file finishes the upload; a call repeated meanwhile finds none.
        mine = (folder / "whole").rename(folder / f"whole-{new_id()}")
    except FileNotFoundError as err:
        raise BadParts("they are being joined already") from err
    try:
        with alone(mine) as held:
            digest = _digest_of_file(held)
            if held.stat().st_size != parts.wanted.size_bytes or digest != parts.wanted.sha256:
                raise WrongDigest(parts.wanted.sha256, digest)
            kit.store.put_file(content_key(parts.wanted.sha256), held)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _join_at_store(kit: Kit, parts: Parts, store_upload_id: str, etags: Sequence[str]) -> None:
    """The store joins; we read the result once, because only then do we know that it is what it is called."""
    staging, wanted = _staging_key(parts.upload_id), parts.wanted
    try:
        kit.store.multipart_complete(staging, store_upload_id, etags)
    except store_errors.BadParts:
        # A repeated call finds the upload closed and the object there.
        if kit.store.size(staging) is None:
            raise
    digest = hashlib.sha256()
    size_bytes = kit.store.size(staging) or 0
    if size_bytes == wanted.size_bytes:
        for piece in kit.store.stream(staging, 0, size_bytes, HASH_PIECE_BYTES):
            digest.update(piece)
    if size_bytes != wanted.size_bytes or digest.hexdigest() != wanted.sha256:
        kit.store.delete([staging])
        raise WrongDigest(wanted.sha256, digest.hexdigest())
    kit.store.move(staging, content_key(wanted.sha256))


def _digest_of_file(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bare(etag: str) -> str:
    return re.sub(r'^W/|"', "", etag.strip())


def _folder(kit: Kit, upload_id: str) -> Path:
    return kit.tmp / f"parts-{upload_id}"


def _staging_key(upload_id: str) -> str:
    """Not derived from the claimed digest: nothing unverified may lie where verified bytes are looked for."""
    return f"uploads/{upload_id}"
