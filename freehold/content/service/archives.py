"""A folder as one zip, written while it is sent: nothing of it is kept, and large files come from the store in pieces.

Files are stored as they are: what is large in a hub is compressed already, or random as weights are.
"""

import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries, rules
from freehold.content.errors import ContentGone, EntryNotFound
from freehold.content.kit import Kit
from freehold.content.queries import FileAt
from freehold.content.service import downloads
from freehold.core.database import Database
from freehold.core.errors import TooLarge
from freehold.gitkit.objects import Entry, Objects
from freehold.repos import service as repos

#: What one zip may hold. Clients download more than that file by file, and go on where they were cut off.
MAX_FILES, MAX_BYTES = 20_000, 200 << 30
PIECE_BYTES = 256 << 10
#: A slow reader is hours over a zip; a right that ended ends it that soon.
CHECKED_S = 5.0
_FIRST_YEAR, _LAST_YEAR = 1980, 2107  # that a zip can tell. Source: APPNOTE.TXT, 4.4.6


@dataclass(frozen=True)
class Archive:
    """What one zip will hold: ``files`` of a commit, below a folder called ``folder``. ``name`` is the zip's own."""

    repo_id: str
    name: str
    folder: str
    prefix: str  #: what their paths have in common, left out in the zip; empty or with a slash
    when: datetime
    files: Sequence[FileAt]
    objects: Objects


def plan(db: Session, kit: Kit, actor: Actor, kind: str, path: str, rev: str, folder: str) -> Archive:
    """What the zip of ``folder`` (empty: everything) at ``rev`` holds, if ``actor`` may read the repository.

    Raises :class:`EntryNotFound` where there is no such folder, :class:`TooLarge` for one that no zip takes, and
    :class:`ContentGone` for a file whose bytes are not on this hub.
    """
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    commit = queries.resolve_revision(db, repo, rev, kit)
    objects = queries.objects(db, repo, kit)
    start = objects.entry(commit, folder)
    if start is None or start.kind != "directory":
        raise EntryNotFound(folder, commit)
    entries = _bounded(objects, commit, folder)
    contents = queries.contents(db, repo, {entry.pointer.sha256 for entry in entries if entry.pointer})
    files = [
        FileAt(repo, rev, commit, entry, contents.get(entry.pointer.sha256) if entry.pointer else None)
        for entry in entries
    ]
    for file in files:
        rules.checked_path(file.entry.path)  # whoever unpacks the zip writes these paths to a disk
        if file.entry.pointer is not None and file.content is None:
            raise ContentGone(file.entry.path, commit, file.entry.pointer.sha256)
    label = "-".join(part for part in (repo.name, folder.rpartition("/")[2], rev.rpartition("/")[2][:40]) if part)
    prefix = f"{folder}/" if folder else ""
    own = folder.rpartition("/")[2] or repo.name
    return Archive(repo.id, f"{label}.zip", own, prefix, objects.commit(commit).when, files, objects)


def _bounded(objects: Objects, commit: str, folder: str) -> list[Entry]:
    found: list[Entry] = []
    total_bytes = 0
    for entry in objects.walk(commit, folder):
        if entry.kind == "file":
            found.append(entry)
            total_bytes += entry.true_size_bytes
        if len(found) > MAX_FILES or total_bytes > MAX_BYTES:
            raise TooLarge(
                f"This is more than one zip takes ({MAX_FILES:,} files, {MAX_BYTES >> 30} GiB): "
                "download a folder of it, or all of it with hf download or git clone."
            )
    return found


def pieces(database: Database, kit: Kit, archive: Archive, may_go_on: Callable[[Session], object]) -> Iterator[bytes]:
    """The zip, piece by piece. Opens a transaction for each large file, and holds none while bytes are sent.

    ``may_go_on`` is asked before a file and within it, every ``CHECKED_S``; what it raises ends the zip.
    """
    sink: Any = _Sink()
    asked_at = time.monotonic()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, strict_timestamps=False) as out:
        for file in archive.files:
            told = zipfile.ZipInfo(_inner_name(archive, file), _moment(archive.when))
            told.external_attr = 0o100644 << 16  # links too: what one points to stays the text that it is
            with out.open(told, "w", force_zip64=file.entry.true_size_bytes >= zipfile.ZIP64_LIMIT) as member:
                for piece in _bytes_of(database, kit, archive, file):
                    if time.monotonic() - asked_at >= CHECKED_S:
                        with database.read() as db:
                            may_go_on(db)
                        asked_at = time.monotonic()
                    member.write(piece)
                    if sink.held_bytes >= PIECE_BYTES:
                        yield sink.taken()
    yield sink.taken()


def _inner_name(archive: Archive, file: FileAt) -> str:
    return f"{archive.folder}/{file.entry.path.removeprefix(archive.prefix)}"


def _moment(when: datetime) -> tuple[int, int, int, int, int, int]:
    utc = when.astimezone(UTC)
    if not _FIRST_YEAR <= utc.year <= _LAST_YEAR:
        return _FIRST_YEAR, 1, 1, 0, 0, 0
    return utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second


def _bytes_of(database: Database, kit: Kit, archive: Archive, file: FileAt) -> Iterator[bytes]:
    if file.entry.pointer is None:
        yield archive.objects.blob(file.entry.oid)
        return
    with database.read() as db:
        body = downloads.opened(kit, db, file)
    if body.size_bytes:
        yield from body.pieces(0, body.size_bytes)


class _Sink:
    """Where the zip is written to: what was written is taken away again. It cannot be sought in, so a zip of it has
    each file's length and check sum after the file. Source: APPNOTE.TXT, 4.3.9.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.held_bytes = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self.held_bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def taken(self) -> bytes:
        held, self._pieces, self.held_bytes = b"".join(self._pieces), [], 0
        return held
