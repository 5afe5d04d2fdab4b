"""Xorbs: taken in checked and durable, found by who may name them, read with their index."""

import mmap
import os
import secrets
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from freehold.content.keys import xorb_index_key, xorb_key
from freehold.content.rows import insert_missing
from freehold.content.service.dooming import spare
from freehold.content.service.xet.tokens import Caller
from freehold.content.tables import Content, RecipeXorb, RepoContent, RepoRecipe, RepoXorb, UserXorb, Xorb
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.disk import Growing
from freehold.core.lru import Lru
from freehold.repos.access import readable
from freehold.repos.tables import Repo
from freehold.stores.store import Store
from freehold.xetkit import hashes, xorbs
from freehold.xetkit.xorbs import Index

#: Hashes put into one ``IN``: below every database's limit on parameters.
BATCH = 500
#: Chunk indexes kept in memory: 40 kB per full xorb, so some 100 GB of files.
INDEX_CACHE_BYTES = 64 << 20

_indexes: "WeakKeyDictionary[Store, Lru[bytes, Index]]" = WeakKeyDictionary()
_putting = [threading.Lock() for _ in range(64)]


class Arrival:
    """A xorb on its way in: written to a scratch file and checked from its memory map as the bytes come.

    Use as a context manager; the file is gone afterwards unless :meth:`keep` moved it into the store.
    """

    def __init__(self, tmp: Path, name: str, announced_bytes: int | None) -> None:
        self.name = name
        self._claimed = hashes.parse(name)
        self._path = tmp / f"xorb-{secrets.token_hex(12)}"
        self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        room = min(announced_bytes or xorbs.MAX_BODY_BYTES, xorbs.MAX_BODY_BYTES)
        os.ftruncate(self._file, room)  # a map cannot grow with its file; what is not written takes no room
        self._map = mmap.mmap(self._file, room, access=mmap.ACCESS_READ)
        self._view = memoryview(self._map)
        self._validation = xorbs.Validation(self._view)
        self._growing = Growing(self._file, room)

    def __enter__(self) -> "Arrival":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._path.unlink(missing_ok=True)

    def take(self, piece: memoryview) -> None:
        """Write the next bytes and check the chunks that they complete. Raises ``InvalidXet``, ``OSError``."""
        self._growing.append(piece)
        self._validation.advance(self._growing.size_bytes)
        # What was checked is not looked at again: many xorbs at once must not count as this process's memory.
        self._map.madvise(mmap.MADV_DONTNEED)

    def finish(self) -> Index:
        """The index of the whole xorb, which is what its name says. Raises ``InvalidXet``."""
        index = self._validation.finish(self._growing.size_bytes, self._claimed)
        self._release_map()
        self._growing.finish(index.stored_bytes)  # a footer is not kept: the index says all that it could
        return index

    def keep(self, store: Store, index: Index) -> None:
        """Xorb and index are in the store, durably; the index goes first, so that a xorb never lacks one."""
        self._close()
        store.put_bytes(xorb_index_key(self.name), index.encode())
        store.put_file(xorb_key(self.name), self._path)

    def _release_map(self) -> None:
        # An error on its way up still looks into the map; then it goes with the last one who does.
        with suppress(BufferError):
            self._view.release()
            self._map.close()

    def _close(self) -> None:
        if self._file >= 0:
            self._release_map()
            os.close(self._file)
            self._file = -1


def keep(database: Database, store: Store, caller: Caller, arrival: Arrival, index: Index) -> bool:
    """The checked xorb is in the store and the caller's repository may name it. True when it is new *to the caller*.

    That others sent it before is not told. The first copy wins and later ones are dropped: two clients may compress
    differently, and offsets already handed out must stay true. Source: xet.md 10 and 11.
    """
    with _putting[hash(arrival.name) % len(_putting)]:
        with database.read() as db:
            known = db.get(Xorb, arrival.name) is not None
            is_news = not known or not nameable(db, caller, [arrival.name])
        if not known:
            arrival.keep(store, index)
        with database.write() as db:
            raced = not known and db.get(Xorb, arrival.name) is not None
            _record(db, caller, arrival.name, index)
        if raced:
            _index_anew(database, store, arrival.name)
    return is_news


def _record(db: Session, caller: Caller, name: str, index: Index) -> None:
    row = {
        "xorb_hash": name,
        "stored_bytes": index.stored_bytes,
        "raw_bytes": index.raw_bytes,
        "chunks": len(index),
        "created_at": clock.now(),
        "used_at": None,
    }
    spare(db, [xorb_key(name), xorb_index_key(name)])
    insert_missing(db, Xorb, [row])
    # Known before, and named by no file perhaps: it is wanted again.
    db.execute(update(Xorb).where(Xorb.xorb_hash == name).values(used_at=clock.now()))
    insert_missing(db, RepoXorb, [{"repo_id": caller.repo.id, "xorb_hash": name}])
    if caller.actor.id is not None:
        insert_missing(db, UserXorb, [{"user_id": caller.actor.id, "xorb_hash": name}])


def _index_anew(database: Database, store: Store, name: str) -> None:
    """Another node recorded its copy between our look and our record, and ours may lie over it: index what lies there.

    Every racing node comes here after its own put, so the last one sees the copy that stays.
    """
    index = xorbs.validate(store.get(xorb_key(name)), hashes.parse(name))
    store.put_bytes(xorb_index_key(name), index.encode())
    _cache_of(store).drop(lambda key: key == hashes.parse(name))
    with database.write() as db:
        db.execute(update(Xorb).where(Xorb.xorb_hash == name).values(stored_bytes=index.stored_bytes))


def index_of(store: Store, xorb_hash: bytes) -> Index:
    """The chunk index of a xorb that is known to be here. Raises ``MissingObject``, ``InvalidXet``."""

    def load() -> Index:
        return xorbs.decode_index(store.get(xorb_index_key(hashes.text(xorb_hash))))

    return _cache_of(store).of(xorb_hash, load)


def _cache_of(store: Store) -> Lru[bytes, Index]:
    cache = _indexes.get(store)
    if cache is None:
        cache = _indexes.setdefault(store, Lru(INDEX_CACHE_BYTES, lambda index: len(index) * 40 + 200))
    return cache


# ---- who may name what -------------------------------------------------------------------------------------


def nameable(db: Session, caller: Caller, names: Collection[str]) -> set[str]:
    """Those of ``names`` that the caller may put into a file.

    Xorbs that the person sent at any time, or that its repository, or one that the actor may read, was given or makes a
    file of. Source: xet.md 11.
    """
    return {name for batch in batches(names) for name in _nameable(db, caller, batch)}


def _nameable(db: Session, caller: Caller, names: list[str]) -> set[str]:
    given = select(RepoXorb.xorb_hash).where(RepoXorb.xorb_hash.in_(names), in_scope(caller, RepoXorb.repo_id))
    sent = select(UserXorb.xorb_hash).where(UserXorb.xorb_hash.in_(names), UserXorb.user_id == caller.actor.id)
    found = set(db.scalars(given)) | set(db.scalars(sent))
    left = [name for name in names if name not in found]
    if left:
        of_files = select(RecipeXorb.xorb_hash).where(
            RecipeXorb.xorb_hash.in_(left), file_in_scope(caller, RecipeXorb.file_hash)
        )
        found |= set(db.scalars(of_files))
    return found


def in_scope(caller: Caller, repo_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Whether the repository counts for a caller: the token's own, and every one that the actor may read."""
    reads = readable(select(Repo.id).where(Repo.id == repo_id), caller.actor).correlate_except(Repo).exists()
    return or_(repo_id == caller.repo.id, reads)


def file_in_scope(caller: Caller, file_hash: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Whether a repository in the caller's scope has the file: registered through it, or given to it as content."""
    registered = select(RepoRecipe.repo_id).where(
        RepoRecipe.file_hash == file_hash, in_scope(caller, RepoRecipe.repo_id)
    )
    used = (
        select(RepoContent.repo_id)
        .join(Content, Content.sha256 == RepoContent.sha256)
        .where(Content.file_hash == file_hash, in_scope(caller, RepoContent.repo_id))
    )
    return or_(registered.exists(), used.exists())


def batches(names: Collection[str]) -> list[list[str]]:
    """``names`` in lists short enough for one query."""
    ordered = sorted(names)
    return [ordered[at : at + BATCH] for at in range(0, len(ordered), BATCH)]
