"""The scrub: stored bytes are read again and compared with what their names and rows say.

Clients do not look: a flipped bit would reach the user unseen. Source: protocol/xet.md 9.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from freehold.content.keys import content_key, pack_index_key, pack_key, xorb_index_key, xorb_key
from freehold.content.kit import Kit
from freehold.content.tables import Content, Pack, Xorb
from freehold.core.database import Database
from freehold.gitkit.folding import object_ids
from freehold.stores.errors import MissingObject
from freehold.xetkit import hashes, xorbs
from freehold.xetkit.errors import InvalidXet

BATCH = 500
PIECE_BYTES = 4 << 20
_SHA1_BYTES = 20


@dataclass(frozen=True)
class Checked:
    """One object of the store that was read; ``problem`` is empty when it is well."""

    key: str
    size_bytes: int
    problem: str = ""


def scrub(database: Database, kit: Kit) -> Iterator[Checked]:
    """Every object that a row names, read whole: packs, large files, xorbs. What goes meanwhile is passed over."""
    yield from _packs(database, kit)
    yield from _contents(database, kit)
    yield from _xorbs(database, kit)


def _packs(database: Database, kit: Kit) -> Iterator[Checked]:
    after = ("", "")
    while True:
        with database.read() as db:
            query = select(Pack.repo_id, Pack.name, Pack.size_bytes).order_by(Pack.repo_id, Pack.name).limit(BATCH)
            later = (Pack.repo_id > after[0]) | ((Pack.repo_id == after[0]) & (Pack.name > after[1]))
            rows = db.execute(query.where(later)).all()
        for repo_id, name, size_bytes in rows:
            problem = _pack_problem(kit, repo_id, name, size_bytes)
            if problem:
                with database.read() as db:
                    if db.get(Pack, (repo_id, name)) is None:
                        continue  # folded or pruned meanwhile
            yield Checked(pack_key(repo_id, name), size_bytes, problem)
        if len(rows) < BATCH:
            return
        after = (rows[-1].repo_id, rows[-1].name)


def _pack_problem(kit: Kit, repo_id: str, name: str, size_bytes: int) -> str:
    key = pack_key(repo_id, name)
    found = kit.store.size(key)
    if found != size_bytes:
        return "is missing" if found is None else f"has {found} bytes, not {size_bytes}"
    try:
        digest = hashlib.sha1(usedforsecurity=False)
        for piece in kit.store.stream(key, 0, size_bytes - _SHA1_BYTES, PIECE_BYTES):
            digest.update(piece)
        if kit.store.get(key, size_bytes - _SHA1_BYTES, size_bytes) != digest.digest():
            return "does not have the checksum that it ends with"
        index = kit.store.get(pack_index_key(repo_id, name))
        well = hashlib.sha1(index[:-_SHA1_BYTES], usedforsecurity=False).digest() == index[-_SHA1_BYTES:]
        if not well or index[-2 * _SHA1_BYTES : -_SHA1_BYTES] != digest.digest():
            return "has an index that is damaged, or another pack's"
        object_ids(index)
    except MissingObject as err:
        return f"cannot be read: {err.key} is missing or cut short"
    return ""


def _contents(database: Database, kit: Kit) -> Iterator[Checked]:
    after = ""
    while True:
        with database.read() as db:
            query = select(Content.sha256, Content.size_bytes).where(Content.is_whole, Content.sha256 > after)
            rows = db.execute(query.order_by(Content.sha256).limit(BATCH)).all()
        for sha256, size_bytes in rows:
            problem = _content_problem(kit, sha256, size_bytes)
            if problem:
                with database.read() as db:
                    content = db.get(Content, sha256)
                    if content is None or not content.is_whole:
                        continue
            yield Checked(content_key(sha256), size_bytes, problem)
        if len(rows) < BATCH:
            return
        after = rows[-1].sha256


def _content_problem(kit: Kit, sha256: str, size_bytes: int) -> str:
    key = content_key(sha256)
    found = kit.store.size(key)
    if found != size_bytes:
        return "is missing" if found is None else f"has {found} bytes, not {size_bytes}"
    digest = hashlib.sha256()
    try:
        for piece in kit.store.stream(key, 0, size_bytes, PIECE_BYTES):
            digest.update(piece)
    except MissingObject:
        return "cannot be read to its end"
    return "" if digest.hexdigest() == sha256 else f"has SHA-256 {digest.hexdigest()}"


def _xorbs(database: Database, kit: Kit) -> Iterator[Checked]:
    after = ""
    while True:
        with database.read() as db:
            query = select(Xorb.xorb_hash, Xorb.stored_bytes).where(Xorb.xorb_hash > after)
            rows = db.execute(query.order_by(Xorb.xorb_hash).limit(BATCH)).all()
        for name, size_bytes in rows:
            problem = _xorb_problem(kit, name)
            if problem:
                with database.read() as db:
                    if db.get(Xorb, name) is None:
                        continue
            yield Checked(xorb_key(name), size_bytes, problem)
        if len(rows) < BATCH:
            return
        after = rows[-1].xorb_hash


def _xorb_problem(kit: Kit, name: str) -> str:
    """A xorb is at most 64 MiB and a little, so it is read into memory."""
    try:
        index = xorbs.validate(kit.store.get(xorb_key(name)), hashes.parse(name))
        kept = kit.store.get(xorb_index_key(name))
    except MissingObject as err:
        return "is missing" if err.key == xorb_key(name) else "lacks its chunk index"
    except InvalidXet as err:
        return f"does not hold what its name says: {err}"
    return "" if kept == index.encode() else "has a chunk index that is not its own"
