"""Registering files: every statement of a shard is checked against our own indexes and bytes, then recorded at once.

A content's digest is global knowledge, so it is believed only after the bytes were rebuilt and hashed. Nothing is
recorded before everything is checked, and then in one transaction. Source: xet.md 10.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from freehold.content.kit import Kit
from freehold.content.rows import insert_missing
from freehold.content.service import objects
from freehold.content.service.xet import xorbs
from freehold.content.service.xet.errors import UnknownXorb
from freehold.content.service.xet.reads import Reader
from freehold.content.service.xet.tokens import Caller
from freehold.content.tables import (
    Content,
    DedupChunk,
    Recipe,
    RecipeXorb,
    RepoRecipe,
    RepoXorb,
)
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import TooLarge
from freehold.xetkit import hashes, recipes, shards
from freehold.xetkit.errors import InvalidXet
from freehold.xetkit.recipes import Term
from freehold.xetkit.shards import File, Shard
from freehold.xetkit.xorbs import Index

#: Of 64 KiB on average: 6 TiB of files, and ten minutes of hashing.
MAX_CHUNKS_A_SHARD = 100_000_000
#: Who may call, found anew in each transaction: rights may end, and xorbs be collected, while bytes are hashed.
CallerOf = Callable[[Session], Caller]


@dataclass
class Progress:
    """How far a registration is, for whoever waits: bytes hashed, of bytes to hash."""

    total_bytes: int = 0
    verified_bytes: int = 0
    is_committing: bool = False


@dataclass(frozen=True)
class _Known:
    """What the database says before the bytes are looked at."""

    xorbs: set[bytes]
    verified: set[tuple[str, str]] = field(default_factory=set)  # (sha256, file hash)


def register(kit: Kit, database: Database, caller_of: CallerOf, body: Path, progress: Progress) -> bool:
    """The files of the shard at ``body`` are the repository's to read and to commit. True when one was new to it.

    Blocks while bytes are rebuilt and hashed, except those of a file whose digest was verified before.
    Raises ``InvalidXet`` for a false statement, :class:`UnknownXorb`, :class:`TooLarge`; then nothing is recorded.
    """
    shard = shards.parse(body.read_bytes())
    _check_work(shard)
    with database.read() as db:
        known = _known(db, caller_of(db), shard)
    index_of = partial(xorbs.index_of, kit.store)
    _check_listed(shard, index_of)
    for file in shard.files:
        _check_file(file, known, index_of, kit.settings.max_object_bytes)
    doubtful = [file for file in shard.files if file.sha256 and (file.sha256, _name(file)) not in known.verified]
    progress.total_bytes = sum(file.size_bytes for file in doubtful)
    for file in doubtful:
        _check_digest(kit, file, index_of, progress)
    eligible = {_name(file): list(_eligible(file, index_of)) for file in shard.files}
    progress.is_committing = True
    with database.write() as db:
        caller = caller_of(db)
        _still_nameable(db, caller, known.xorbs)
        return _record(db, caller.repo.id, shard.files, eligible)


def _check_work(shard: Shard) -> None:
    """A few bytes can name the same chunks over and over: what is to be hashed has a bound of its own."""
    count = sum(term.end - term.start for file in shard.files for term in file.terms)
    if count > MAX_CHUNKS_A_SHARD:
        raise TooLarge(f"The files of a shard have {count} chunks; this hub takes up to {MAX_CHUNKS_A_SHARD} at once.")


def _known(db: Session, caller: Caller, shard: Shard) -> _Known:
    named = {term.xorb_hash for file in shard.files for term in file.terms} | {x.xorb_hash for x in shard.xorbs}
    _still_nameable(db, caller, named)
    pairs = sorted({(file.sha256, _name(file)) for file in shard.files if file.sha256})
    verified: set[tuple[str, str]] = set()
    for at in range(0, len(pairs), xorbs.BATCH):
        some = tuple_(Content.sha256, Content.file_hash).in_(pairs[at : at + xorbs.BATCH])
        rows = db.execute(select(Content.sha256, Content.file_hash).where(some))
        verified |= {(row.sha256, str(row.file_hash)) for row in rows}
    return _Known(named, verified)


def _still_nameable(db: Session, caller: Caller, named: set[bytes]) -> None:
    names = {hashes.text(name) for name in named}
    if xorbs.nameable(db, caller, names) != names:
        raise UnknownXorb


# ---- checks against what we have ---------------------------------------------------------------------------


def _check_listed(shard: Shard, index_of: recipes.IndexOf) -> None:
    for listed in shard.xorbs:
        if not listed.agrees_with(index_of(listed.xorb_hash)):
            raise InvalidXet("The shard lists other chunks than its xorb holds.")


def _check_file(file: File, known: _Known, index_of: recipes.IndexOf, limit_bytes: int) -> None:
    """Terms lie inside their xorbs and are as long as they say, ranges are proved, and all chunks make the file's hash.

    Range hashes prove that the uploader knows the chunks: to name a foreign xorb is not enough. Source: xet.md 11.
    """
    if file.size_bytes > limit_bytes:
        raise TooLarge(f"A file has {file.size_bytes} bytes; this hub takes up to {limit_bytes}.")
    found = hashes.FileHash()
    for term, proof in zip(file.terms, file.range_hashes, strict=True):
        index = index_of(term.xorb_hash)
        if term.end > len(index) or index.raw_length(term.start, term.end) != term.raw_bytes:
            raise InvalidXet("A term of the shard does not fit its xorb.")
        if index.range_hash(term.start, term.end) != proof:
            raise InvalidXet("A term of the shard has a wrong verification hash.")
        found.add(index.hash_list(term.start, term.end), index.lengths(term.start, term.end))
    if found.digest() != file.file_hash:
        raise InvalidXet("The chunks of a file in the shard do not hash to its name.")


def _check_digest(kit: Kit, file: File, index_of: recipes.IndexOf, progress: Progress) -> None:
    digest = hashlib.sha256()
    reader = Reader(kit.store)
    for buffer in recipes.rebuild_buffers(file.terms, 0, file.size_bytes, index_of, reader.read):
        digest.update(buffer)
        progress.verified_bytes += len(buffer)
    if digest.hexdigest() != file.sha256:
        raise InvalidXet("The bytes of a file in the shard do not have the SHA-256 that it claims.")


def _eligible(file: File, index_of: recipes.IndexOf) -> Iterable[tuple[str, str]]:
    """(chunk, xorb) pairs that clients may ask for: the file's first chunk, and those that their hash chooses.

    Clients mark none, so the server finds them. Source: xet.md 2 and 6.3.
    """
    for number, term in enumerate(dict.fromkeys(file.terms)):
        index, xorb = index_of(term.xorb_hash), hashes.text(term.xorb_hash)
        for at in _chosen(index, term, is_first=number == 0):
            yield hashes.text(index.hashes[at * hashes.SIZE : (at + 1) * hashes.SIZE]), xorb


def _chosen(index: Index, term: Term, *, is_first: bool) -> Iterable[int]:
    if is_first:
        yield term.start
    # Byte 24 is the lowest of the u64 that must be divisible by 1024: a column of it is searched at memory speed.
    column = index.hashes[24 :: hashes.SIZE]
    at = column.find(0, term.start, term.end)
    while at >= 0:
        if hashes.is_eligible(index.hashes[at * hashes.SIZE : (at + 1) * hashes.SIZE]):
            yield at
        at = column.find(0, at + 1, term.end)


# ---- the record --------------------------------------------------------------------------------------------


def _record(db: Session, repo_id: str, files: Iterable[File], eligible: dict[str, list[tuple[str, str]]]) -> bool:
    now = clock.now()
    unique = {_name(file): file for file in files}
    before = _registered(db, repo_id, unique)
    insert_missing(
        db,
        Recipe,
        [
            {"file_hash": name, "size_bytes": f.size_bytes, "terms": recipes.pack(f.terms), "created_at": now}
            for name, f in unique.items()
        ],
    )
    insert_missing(db, RepoRecipe, [{"repo_id": repo_id, "file_hash": name, "claimed_at": now} for name in unique])
    for batch in xorbs.batches(list(unique)):
        again = update(RepoRecipe).where(RepoRecipe.repo_id == repo_id, RepoRecipe.file_hash.in_(batch))
        db.execute(again.values(claimed_at=now))
    _record_xorbs(db, repo_id, unique)
    pairs = {pair for name in unique for pair in eligible[name]}
    insert_missing(db, DedupChunk, [{"chunk_hash": chunk, "xorb_hash": xorb} for chunk, xorb in sorted(pairs)])
    _record_contents(db, repo_id, [file for file in files if file.sha256])
    return before != set(unique)


def _registered(db: Session, repo_id: str, names: Iterable[str]) -> set[str]:
    return {
        found
        for batch in xorbs.batches(list(names))
        for found in db.scalars(
            select(RepoRecipe.file_hash).where(RepoRecipe.repo_id == repo_id, RepoRecipe.file_hash.in_(batch))
        )
    }


def _record_xorbs(db: Session, repo_id: str, files: dict[str, File]) -> None:
    """The xorbs of each *kept* recipe: a file known before keeps its terms, which may name other xorbs.

    Either is right; the caller's own terms count for its repository all the same.
    """
    of_files = []
    for batch in xorbs.batches(list(files)):
        for name, terms in db.execute(select(Recipe.file_hash, Recipe.terms).where(Recipe.file_hash.in_(batch))):
            of_files += [(name, xorb) for xorb in {hashes.text(term.xorb_hash) for term in recipes.unpack(terms)}]
    insert_missing(db, RecipeXorb, [{"file_hash": name, "xorb_hash": xorb} for name, xorb in sorted(of_files)])
    own = {hashes.text(term.xorb_hash) for file in files.values() for term in file.terms}
    named = own | {xorb for _, xorb in of_files}
    insert_missing(db, RepoXorb, [{"repo_id": repo_id, "xorb_hash": xorb} for xorb in sorted(named)])


def _record_contents(db: Session, repo_id: str, files: list[File]) -> None:
    """Digests, verified by now. A content that came whole before is kept both ways from here on."""
    now = clock.now()
    rows = {
        str(file.sha256): {
            "sha256": file.sha256,
            "size_bytes": file.size_bytes,
            "is_whole": False,
            "file_hash": _name(file),
            "created_at": now,
        }
        for file in files
    }
    insert_missing(db, Content, list(rows.values()))
    for sha256, row in rows.items():
        attach = update(Content).where(Content.sha256 == sha256, Content.file_hash.is_(None))
        db.execute(attach.values(file_hash=row["file_hash"]))
    objects.claim(db, repo_id, rows)


def _name(file: File) -> str:
    return hashes.text(file.file_hash)
