"""Files on their way out: found by revision and path or by digest, from wherever their bytes lie.

The look-up is the hub's hottest: it reads two prepared rows and facts that are kept by commit id and never change.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.content import queries, rules
from freehold.content.errors import (
    AddressRefused,
    ContentDamaged,
    ContentGone,
    EntryNotFound,
    ObjectUnknown,
    RevisionNotFound,
)
from freehold.content.keys import content_key
from freehold.content.kit import Kit
from freehold.content.service.rebuilt import RebuiltFiles
from freehold.content.service.xet import reads
from freehold.content.tables import Content, Pack, Recipe, RepoContent
from freehold.core import clock
from freehold.core.database import Database, RowQuery
from freehold.core.lru import Lru
from freehold.gitkit.errors import MissingGitObject
from freehold.gitkit.objects import Entry
from freehold.repos import service as repos
from freehold.repos.access import is_let_through
from freehold.xetkit.errors import InvalidXet

#: Life of an address to read an object from; git-lfs asks for a new one when it runs out.
ADDRESS_S = 3600
GET = "lfs-get"
#: Paths looked up before, absent ones included: libraries ask for the same optional files again and again.
KEPT_ENTRIES = 50_000
#: Longer ones are looked up each time: strangers choose the paths that are kept, absent ones included.
MAX_KEPT_PATH_CHARS = 512

_entries: Lru[tuple[str, str, str], tuple[Entry | None]] = Lru(KEPT_ENTRIES)

_REPO = RowQuery(
    "SELECT r.id, r.owner_id, r.visibility, r.gated, r.is_disabled, r.creator_id, a.name, r.name,"
    " COALESCE(f.peeled, f.target)"
    " FROM repos r JOIN accounts a ON a.id = r.owner_id"
    " LEFT JOIN refs f ON f.repo_id = r.id AND f.name = :ref"
    " WHERE r.kind = :kind AND r.path_key = :path_key"
)
_CONTENT = RowQuery(
    "SELECT c.size_bytes, c.is_whole, c.file_hash FROM repo_contents g JOIN contents c ON c.sha256 = g.sha256"
    " WHERE g.repo_id = :repo_id AND g.sha256 = :sha256"
)


@dataclass(frozen=True)
class Kept:
    """How a large file is kept: whole, as a recipe (``file_hash``), or both."""

    sha256: str
    size_bytes: int
    is_whole: bool
    file_hash: str | None


@dataclass(frozen=True)
class Found:
    """A file of a commit. ``repo_path`` is spelled as its owner does; ``kept`` is None for what git holds itself."""

    repo_id: str
    repo_path: str
    commit: str
    entry: Entry
    kept: Kept | None

    @property
    def etag(self) -> str:
        """What names the bytes: clients call their cached file so (hub-api.md 1.1)."""
        return self.kept.sha256 if self.kept else self.entry.oid

    @property
    def size_bytes(self) -> int:
        return self.kept.size_bytes if self.kept else self.entry.size_bytes


@dataclass(frozen=True)
class Body:
    """Bytes to send: from a file, by an address of the store, or else in ``pieces(start, end)``."""

    etag: str
    size_bytes: int
    pieces: Callable[[int, int], Iterator[bytes]]
    path: Path | None = None
    key: str | None = None  # where ``path`` lies in a directory store
    address: Callable[[str], str | None] | None = None


# ---- by revision and path -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What a file's address names."""

    kind: str
    repo: str
    rev: str
    path: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def find(db: Session, database: Database, kit: Kit, actor: Actor, asked: Asked, *, raw: bool = False) -> Found:
    """The file that ``asked`` names, if ``actor`` may read its repository; ``raw`` leaves a pointer a pointer.

    Raises the coded errors for the repository, the revision and the path, in this order.
    """
    found = find_known(database, actor, asked, raw=raw)
    if found is not None:
        return found
    repo = repos.load(db, actor, asked.repo, Action.READ, kind=asked.kind)
    commit = queries.resolve_revision(db, repo, asked.rev, kit)
    entry = queries.objects(db, repo, kit).entry(commit, asked.path)
    if len(asked.path) <= MAX_KEPT_PATH_CHARS:
        _entries.put((repo.id, commit, asked.path), (entry,))
    return _found(database, repo.id, repo.path, commit, entry, asked, raw=raw)


def forget(repo_id: str) -> None:
    """What was looked up in the repository is looked up anew: commits were pruned."""
    _entries.drop(lambda key: key[0] == repo_id)


def find_known(database: Database, actor: Actor, asked: Asked, *, raw: bool = False) -> Found | None:
    """As :func:`find`, for a path that was looked up before; None where only :func:`find` can tell."""
    likeliest = next(iter(rules.ref_candidates(asked.rev)), "")
    row = database.row(_REPO, kind=asked.kind, path_key=asked.repo.lower(), ref=likeliest)
    readable = _readable(database, row, actor)
    if readable is None:
        return None
    repo_id, repo_path, target = readable
    commit = target or asked.rev  # a commit id counts only where it was looked up in this repository before
    known = _entries.get((repo_id, commit, asked.path))
    return None if known is None else _found(database, repo_id, repo_path, commit, known[0], asked, raw=raw)


def _found(
    database: Database, repo_id: str, repo_path: str, commit: str, entry: Entry | None, asked: Asked, *, raw: bool
) -> Found:
    if entry is None or entry.kind != "file":
        raise EntryNotFound(asked.path, commit)
    if entry.pointer is None or raw:
        return Found(repo_id, repo_path, commit, entry, None)
    kept = _kept(database, repo_id, entry.pointer.sha256)
    if kept is None:
        raise ContentGone(asked.path, commit, entry.pointer.sha256)
    return Found(repo_id, repo_path, commit, entry, kept)


def _readable(database: Database, row: tuple[Any, ...] | None, actor: Actor) -> tuple[str, str, str | None] | None:
    """Id and path of the repository and where the ref points; None where the plain way has to decide what to say."""
    if row is None:
        return None
    repo_id, owner_id, visibility, gated, is_disabled, creator_id, owner, name, target = row
    thing = Thing(owner_id=owner_id, visibility=visibility, repo_id=repo_id, gated=gated, creator_id=creator_id)
    if not decide(actor, Action.READ, thing) and gated and is_let_through(database, actor, repo_id):
        thing = replace(thing, is_granted=True)
    if is_disabled or not decide(actor, Action.READ, thing):
        return None
    return repo_id, f"{owner}/{name}", target


def _kept(database: Database, repo_id: str, sha256: str) -> Kept | None:
    row = database.row(_CONTENT, repo_id=repo_id, sha256=sha256)
    return None if row is None else Kept(sha256, row[0], bool(row[1]), row[2])


def opened(kit: Kit, db: Session, file: queries.FileAt) -> Body:
    """The bytes of a file that a page shows: ``pieces(start, end)`` reads no more than it is asked for.

    Raises :class:`ContentGone` for a pointer to bytes that are not here.
    """
    entry, content = file.entry, file.content
    kept = None
    if entry.pointer is not None:
        if content is None:
            raise ContentGone(entry.path, file.commit, entry.pointer.sha256)
        kept = Kept(content.sha256, content.size_bytes, content.is_whole, content.file_hash)
    return body(kit, db, Found(file.repo.id, file.repo.path, file.commit, entry, kept))


def body(kit: Kit, db: Session, found: Found) -> Body:
    """The file's bytes."""
    if found.kept is not None:
        return _kept_body(kit, db, found.kept)
    packs = db.scalars(select(Pack.name).where(Pack.repo_id == found.repo_id)).all()
    objects = kit.git.open(found.repo_id, packs)
    try:
        data = objects.blob(found.entry.oid)
    except MissingGitObject as err:
        if not objects.has(found.commit):  # looked up before, and pruned since: no ref reaches it any more
            raise RevisionNotFound(found.commit) from err
        raise
    return Body(found.etag, len(data), lambda start, end: iter((data[start:end],)))


def _kept_body(kit: Kit, db: Session, kept: Kept) -> Body:
    key = content_key(kept.sha256)
    if kept.is_whole:
        path = kit.store.local_path(key)
        presigned = partial(_presigned, kit, key) if kit.settings.presign and path is None else None
        return Body(kept.sha256, kept.size_bytes, partial(kit.store.stream, key), path, key, presigned)
    cache = RebuiltFiles(kit)
    terms = db.get_one(Recipe, kept.file_hash).terms

    def pieces(start: int, end: int) -> Iterator[bytes]:
        rebuilt = _rebuilt(kit, kept.sha256, terms, start, end)
        is_all = (start, end) == (0, kept.size_bytes)
        return cache.teed(kept.sha256, kept.size_bytes, rebuilt) if is_all else rebuilt

    return Body(kept.sha256, kept.size_bytes, pieces, cache.find(kept.sha256))


def _rebuilt(kit: Kit, sha256: str, terms: bytes, start: int, end: int) -> Iterator[bytes]:
    try:
        yield from reads.rebuild(kit.store, terms, start, end)
    except InvalidXet as err:
        raise ContentDamaged(sha256) from err


def _presigned(kit: Kit, key: str, filename: str) -> str | None:
    return kit.store.address(key, kit.settings.xet_token_s, filename=filename)


# ---- by digest ------------------------------------------------------------------------------------------------------


def object_address(kit: Kit, base_url: str, repo_id: str, content: Content) -> str:
    """Where whoever holds the address may GET a large file of a repository."""
    if content.is_whole and kit.settings.presign:
        presigned = kit.store.address(content_key(content.sha256), ADDRESS_S)
        if presigned is not None:
            return presigned
    token = kit.signer.seal(GET, {"r": repo_id, "o": content.sha256}, clock.epoch_s() + ADDRESS_S)
    return f"{base_url}/lfs/objects/{content.sha256}?t={token}"


def checked_object(kit: Kit, sha256: str, token: str) -> str:
    """The repository id behind an address. Raises :class:`AddressRefused`."""
    claims = kit.signer.open(GET, token)
    if claims is None or claims["o"] != sha256:
        raise AddressRefused
    return str(claims["r"])


def object_body(kit: Kit, db: Session, repo_id: str, sha256: str) -> Body:
    """The bytes of a large file that the repository still holds. Raises :class:`ObjectUnknown`."""
    content = db.scalar(
        select(Content)
        .join(RepoContent, RepoContent.sha256 == Content.sha256)
        .where(RepoContent.repo_id == repo_id, Content.sha256 == sha256)
    )
    if content is None:
        raise ObjectUnknown(sha256)
    return _kept_body(kit, db, Kept(content.sha256, content.size_bytes, content.is_whole, content.file_hash))
