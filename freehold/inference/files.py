"""Files of models on this node's disk, as engines read them: a folder for each revision and choice of files.

What a directory store keeps whole is linked to, not copied. Everything else is written to disk outside any
transaction, and its digest checked. The folders are a cache: what is used least goes first, never what is in use.
"""

import errno
import hashlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from freehold.content import queries as content
from freehold.content import rules
from freehold.content.errors import ContentDamaged, ContentGone, EntryNotFound
from freehold.content.kit import Kit
from freehold.content.queries import FileAt
from freehold.content.service import downloads
from freehold.content.service.rebuilt import kept_bytes
from freehold.core.database import Database
from freehold.core.errors import StorageFull, Unavailable
from freehold.gitkit.objects import Entry, Objects
from freehold.repos.tables import Repo

#: Of one folder. More is no model.
MAX_FILES = 1000
#: Not removed sooner after its last use: an engine may be about to open it. Users say that they use it more often.
IN_USE_S = 120
#: In the folder of a key: the files, and what its time tells of their last use.
_FILES, _MARK = "files", "used"
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Wanted:
    """Files of a commit. ``files`` are detached rows, ``objects`` their git objects; no transaction is needed."""

    key: str
    files: Sequence[FileAt]
    objects: Objects

    @property
    def size_bytes(self) -> int:
        return sum(file.entry.true_size_bytes for file in self.files)


class ModelFiles:
    """The folders of this node; with what lies in its cache beside them at most ``limit_bytes`` that is not linked."""

    def __init__(self, database: Database, kit: Kit) -> None:
        self._database, self._kit = database, kit
        self.folder = kit.model_files
        self.limit_bytes = kit.settings.cache_bytes
        self.is_stopping = False

    def folder_of(self, wanted: Wanted) -> Path:
        """The folder, whole; made where it is not there. Blocks as long as bytes move.

        Raises :class:`StorageFull`, :class:`ContentGone`, and what the store raises.
        """
        whole = self.folder / wanted.key
        if use(whole):
            return whole / _FILES
        with _one_at_a_time:  # two replicas of one model begin at the same moment
            if use(whole):
                return whole / _FILES
            self._make_room(wanted.size_bytes)
            half = self.folder / f"{wanted.key}.{secrets.token_hex(4)}.half"
            try:
                (half / _FILES).mkdir(parents=True)
                for file in wanted.files:
                    self._put(half / _FILES, file, wanted.objects)
                (half / _MARK).touch()
                with suppress(OSError):  # another node of this data directory was first
                    half.rename(whole)
            except OSError as err:
                if err.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise StorageFull("This node's disk has no room for the model's files. Free some space.") from err
                raise
            finally:
                shutil.rmtree(half, ignore_errors=True)
            use(whole)
            return whole / _FILES

    def sweep(self) -> None:
        """What a killed hub left half made is gone."""
        for entry in _entries(self.folder):
            if entry.name.endswith(".half") and time.time() - entry.stat().st_mtime > IN_USE_S:
                shutil.rmtree(entry.path, ignore_errors=True)

    def _put(self, half: Path, file: FileAt, objects: Objects) -> None:
        path = half / rules.checked_path(file.entry.path)
        assert path.resolve().is_relative_to(half.resolve()), "a checked path stays in its folder"
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.entry.pointer is None:
            path.write_bytes(objects.blob(file.entry.oid))
            return
        with self._database.read() as db:
            body = downloads.opened(self._kit, db, file)
        if body.path is not None and _linked(body.path, path, body.size_bytes):
            return
        digest = hashlib.sha256()
        with path.open("xb") as out:
            for piece in body.pieces(0, body.size_bytes) if body.size_bytes else ():
                digest.update(piece)
                out.write(piece)
                if self.is_stopping:
                    raise Unavailable("This node of the hub is stopping: repeat the call.")
        if digest.hexdigest() != file.entry.pointer.sha256:
            raise ContentDamaged(file.entry.pointer.sha256)

    def _make_room(self, size_bytes: int) -> None:
        """The node's cache holds at most the limit with ``size_bytes`` more, as far as nobody uses it: these folders,
        the weights that engines made of files, and the files rebuilt for readers. The longest unused goes first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found = [
            (used_at(Path(one.path)), kept_bytes([Path(one.path)]), one.path)
            for one in _entries(self.folder)
            if one.is_dir()
        ]
        for folder in (self._kit.made_weights, self._kit.rebuilt_files):
            for one in _entries(folder):
                with suppress(OSError):
                    facts = one.stat()
                    found.append((max(facts.st_atime, facts.st_mtime), facts.st_size, one.path))
        total_bytes = sum(size for _, size, _ in found) + size_bytes
        for used, size, path in sorted(found):
            if total_bytes <= self.limit_bytes:
                return
            if used < time.time() - IN_USE_S and size:
                _remove(path)
                total_bytes -= size


def wanted(db: Session, kit: Kit, repo: Repo, revision: str, paths: Sequence[str]) -> Wanted:
    """What is to lie on disk: ``paths`` of the commit. Raises :class:`EntryNotFound`, :class:`ContentGone`."""
    objects = content.objects(db, repo, kit)
    entries: list[Entry] = []
    for path in paths[:MAX_FILES]:
        entry = objects.entry(revision, path)
        if entry is None or entry.kind != "file":
            raise EntryNotFound(path, revision)
        entries.append(entry)
    contents = content.contents(db, repo, {one.pointer.sha256 for one in entries if one.pointer})
    files = [
        FileAt(repo, revision, revision, one, contents.get(one.pointer.sha256) if one.pointer else None)
        for one in entries
    ]
    for file in files:
        if file.entry.pointer is not None and file.content is None:
            raise ContentGone(file.entry.path, revision, file.entry.pointer.sha256)
    said = "\n".join(sorted(f"{one.entry.oid} {one.entry.path}" for one in files))
    return Wanted(hashlib.sha256(f"{repo.id}\n{said}".encode()).hexdigest()[:40], files, objects)


def use(folder: Path) -> bool:
    """The folder of a key is in use now, so that nothing takes it away; whether it is there."""
    try:
        os.utime(folder / _MARK)
    except OSError:
        return False
    return True


def used_at(folder: Path) -> float:
    try:
        return (folder / _MARK).stat().st_mtime
    except OSError:
        return folder.stat().st_mtime if folder.exists() else 0.0


def _linked(source: Path, path: Path, size_bytes: int) -> bool:
    """Whether ``path`` is another name of ``source``: not across disks, nor where the system has no links."""
    try:
        os.link(source, path)
    except OSError:
        return False
    if path.stat().st_size == size_bytes:
        return True
    path.unlink()
    return False


def _remove(path: str) -> None:
    """A folder, or a file: whoever has it open keeps it."""
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        os.unlink(path)


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    with suppress(OSError):
        yield from os.scandir(folder)
