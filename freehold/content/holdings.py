"""Reads of what a repository holds: its large files over the whole history, bytes by ref and revision, and what a
deletion would free. Nothing here writes.

*Claimed* bytes are what the repository's own count shows (``usedStorage``). What goes from the disk may be less, when
others hold the same bytes; that is told to administrators alone, because it would tell anyone else what others have.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.accounts.tables import Account
from freehold.content import queries, rules
from freehold.content.errors import ObjectUnknown, RevisionNotFound
from freehold.content.kit import Kit
from freehold.content.tables import Content, Pack, RecipeXorb, Ref, RepoContent, Xorb
from freehold.core.errors import BadRequest
from freehold.gitkit.errors import FoldFailed
from freehold.gitkit.folding import bytes_between
from freehold.gitkit.large_files import Named, brought, named
from freehold.gitkit.objects import CommitInfo, Objects
from freehold.gitkit.program import can_run
from freehold.repos.tables import Repo

BATCH = 500
MAX_REFS = 200


@dataclass(frozen=True)
class LargeFile:
    """A large file that the repository holds. ``path`` and ``ref`` are empty where no commit of any ref names it."""

    sha256: str
    file_hash: str | None
    size_bytes: int
    path: str
    ref: str
    pushed_at: datetime


@dataclass(frozen=True)
class Share:
    """Some large files."""

    files: int
    size_bytes: int


@dataclass(frozen=True)
class OfRef:
    """What the history of a ref names, and how much of it no other ref does."""

    name: str
    commit: str
    named: Share
    alone: Share


@dataclass(frozen=True)
class OfRevision:
    """What a revision's tree holds; ``added`` came with it, the rest was there before."""

    commit: CommitInfo
    held: Share
    added: Share


@dataclass(frozen=True)
class Storage:
    """All that a repository takes. ``superseded`` is in no ref's newest tree, ``unnamed`` in no commit at all."""

    used_bytes: int
    packs: int
    git_bytes: int
    large: Share
    superseded: Share
    unnamed: Share
    refs: Sequence[OfRef]


@dataclass(frozen=True)
class Deletion:
    """What somebody thinks of doing: full names of refs to delete or to squash, digests to give up."""

    deleted: Collection[str] = ()
    squashed: Collection[str] = ()
    digests: Collection[str] = ()


@dataclass(frozen=True)
class Plan:
    """What a deletion would free. ``stored_bytes`` is what would go from the store, for administrators."""

    files: Sequence[tuple[str, str, int]]  #: SHA-256, path, size
    claimed: Share
    git_bytes: int | None
    stored_bytes: int


# ---- large files ---------------------------------------------------------------------------------------------------


def large_files(db: Session, repo: Repo, kit: Kit, *, start: int, limit: int) -> tuple[list[LargeFile], bool]:
    """Up to ``limit`` large files from number ``start`` on, the newest claims first; whether there are more."""
    rows = db.execute(
        select(Content.sha256, Content.file_hash, Content.size_bytes, RepoContent.created_at)
        .join(RepoContent, RepoContent.sha256 == Content.sha256)
        .where(RepoContent.repo_id == repo.id)
        .order_by(RepoContent.created_at.desc(), Content.sha256)
        .offset(start)
        .limit(limit + 1)
    ).all()
    objects = queries.objects(db, repo, kit)
    found: dict[str, tuple[str, Named]] = {}
    for ref in _refs(db, repo):
        for sha256, item in named(objects, [ref.target]).items():
            found.setdefault(sha256, (ref.name, item))
    files = []
    for sha256, file_hash, size_bytes, created_at in rows[:limit]:
        if sha256 in found:
            ref_name, item = found[sha256]
            pushed_at = objects.commit(item.commit).when
            files.append(LargeFile(sha256, file_hash, size_bytes, item.path, ref_name, pushed_at))
        else:
            files.append(LargeFile(sha256, file_hash, size_bytes, "", "", created_at))
    return files, len(rows) > limit


def _refs(db: Session, repo: Repo) -> list[Ref]:
    """``main`` first, then branches, tags, and the rest."""
    ranks = {rules.MAIN: 0, rules.BRANCHES: 1, rules.TAGS: 2}

    def rank(ref: Ref) -> int:
        return next((place for prefix, place in ranks.items() if ref.name.startswith(prefix)), 3)

    return sorted(queries.refs(db, repo), key=lambda ref: (ref.name != rules.MAIN, rank(ref), ref.name))


# ---- storage -------------------------------------------------------------------------------------------------------


def storage(db: Session, repo: Repo, kit: Kit) -> Storage:
    """What the repository takes, by ref."""
    objects = queries.objects(db, repo, kit)
    claims = claimed_sizes(db, repo)
    refs = _refs(db, repo)
    by_ref = {ref.name: named(objects, [ref.target]).keys() & claims.keys() for ref in refs}
    counts: dict[str, int] = {}
    for digests in by_ref.values():
        for sha256 in digests:
            counts[sha256] = counts.get(sha256, 0) + 1
    current = {sha256 for ref in refs for sha256 in _tree_digests(objects, ref.target)}
    packs, git_bytes = db.execute(
        select(func.count(), func.coalesce(func.sum(Pack.size_bytes), 0)).where(Pack.repo_id == repo.id)
    ).one()
    return Storage(
        used_bytes=queries.used_storage(db, repo),
        packs=packs,
        git_bytes=int(git_bytes),
        large=_share(claims, claims),
        superseded=_share(claims, counts.keys() - current),
        unnamed=_share(claims, claims.keys() - counts.keys()),
        refs=[
            OfRef(
                ref.name,
                ref.target,
                _share(claims, by_ref[ref.name]),
                _share(claims, [sha256 for sha256 in by_ref[ref.name] if counts[sha256] == 1]),
            )
            for ref in refs[:MAX_REFS]
        ],
    )


def revisions(
    db: Session, repo: Repo, kit: Kit, revision: str, *, start: int, limit: int
) -> tuple[list[OfRevision], bool]:
    """By revision from number ``start`` on, newest first, what its tree holds and what came with it."""
    commit = queries.resolve_revision(db, repo, revision, kit)
    objects = queries.objects(db, repo, kit)
    claims = claimed_sizes(db, repo)
    order = objects.order(commit)
    first: dict[str, str] = {}
    for oid in reversed(order):
        for item in brought(objects, oid):
            first.setdefault(item.pointer.sha256, oid)
    added: dict[str, list[str]] = {}
    for sha256, oid in first.items():
        added.setdefault(oid, []).append(sha256)
    page = [
        OfRevision(
            objects.commit(oid),
            _share(claims, set(_tree_digests(objects, oid))),
            _share(claims, added.get(oid, ())),
        )
        for oid in order[start : start + limit]
    ]
    return page, start + limit < len(order)


def claimed_sizes(db: Session, repo: Repo) -> dict[str, int]:
    """By SHA-256, the size of every large file that the repository holds."""
    query = select(Content.sha256, Content.size_bytes).join(RepoContent, RepoContent.sha256 == Content.sha256)
    rows = db.execute(query.where(RepoContent.repo_id == repo.id))
    return {row.sha256: row.size_bytes for row in rows}


def _tree_digests(objects: Objects, commit: str) -> Iterable[str]:
    return (entry.pointer.sha256 for entry in objects.walk(commit) if entry.pointer is not None)


def _share(claims: Mapping[str, int], digests: Collection[str]) -> Share:
    sizes = [claims[sha256] for sha256 in digests if sha256 in claims]
    return Share(len(sizes), sum(sizes))


@dataclass(frozen=True)
class Taken:
    """Bytes of one owner or repository, as if nothing were shared."""

    name: str
    git_bytes: int
    large_bytes: int


def by_repo(db: Session, owner: str = "", *, limit: int) -> list[Taken]:
    """The repositories that take most, of everybody or of ``owner``. For administrators: it knows no actor."""
    label = Repo.kind + " " + Account.name + "/" + Repo.name
    return _taken(db, label, (Repo.id, Repo.kind, Account.name, Repo.name), owner, limit)


def by_owner(db: Session, owner: str = "", *, limit: int) -> list[Taken]:
    """The same by owner."""
    return _taken(db, Account.name, (Account.id, Account.name), owner, limit)


def _taken(db: Session, label: Any, group: Sequence[Any], owner: str, limit: int) -> list[Taken]:
    in_git = select(func.coalesce(func.sum(Pack.size_bytes), 0)).where(Pack.repo_id == Repo.id).scalar_subquery()
    large = (
        select(func.coalesce(func.sum(Content.size_bytes), 0))
        .join(RepoContent, RepoContent.sha256 == Content.sha256)
        .where(RepoContent.repo_id == Repo.id)
        .scalar_subquery()
    )
    per_repo = select(Repo.id.label("id"), in_git.label("git"), large.label("large")).subquery()
    git_bytes, large_bytes = func.sum(per_repo.c.git), func.sum(per_repo.c.large)
    query = (
        select(label, git_bytes, large_bytes)
        .select_from(Repo)
        .join(Account, Account.id == Repo.owner_id)
        .join(per_repo, per_repo.c.id == Repo.id)
        .group_by(*group)
        .order_by((git_bytes + large_bytes).desc())
        .limit(limit)
    )
    if owner:
        query = query.where(Account.key == owner.lower())
    return [Taken(name, int(git), int(large)) for name, git, large in db.execute(query)]


# ---- what a deletion would free --------------------------------------------------------------------------------------


def plan(db: Session, repo: Repo, kit: Kit, deletion: Deletion) -> Plan:
    """What the collector would free once ``deletion`` was done and its grace is over.

    Raises :class:`RevisionNotFound` for a ref that is not there, :class:`ObjectUnknown` for a file that is not held.
    """
    objects = queries.objects(db, repo, kit)
    targets = {ref.name: ref.target for ref in queries.refs(db, repo)}
    for ref in (*deletion.deleted, *deletion.squashed):
        if ref not in targets:
            raise RevisionNotFound(ref)
    if rules.MAIN in deletion.deleted:
        raise BadRequest("The branch main stays, so there is no plan for deleting it.")
    claims = claimed_sizes(db, repo)
    for sha256 in deletion.digests:
        if sha256 not in claims:
            raise ObjectUnknown(sha256)
    left = {name: oid for name, oid in targets.items() if name not in {*deletion.deleted, *deletion.squashed}}
    kept = named(objects, left.values()).keys() | {
        sha256 for ref in deletion.squashed for sha256 in _tree_digests(objects, targets[ref])
    }
    before = named(objects, targets.values())
    freed = sorted(claims.keys() & ((before.keys() - kept) | set(deletion.digests)))
    return Plan(
        files=[(sha256, before[sha256].path if sha256 in before else "", claims[sha256]) for sha256 in freed],
        claimed=_share(claims, freed),
        git_bytes=_git_bytes(db, repo, kit, objects, targets, left, deletion),
        stored_bytes=_stored_bytes(db, repo, freed),
    )


def _git_bytes(
    db: Session,
    repo: Repo,
    kit: Kit,
    objects: Objects,
    targets: Mapping[str, str],
    left: Mapping[str, str],
    deletion: Deletion,
) -> int | None:
    """Bytes in packs of objects that no ref would reach; None where there is no git to count them."""
    gone = [targets[ref] for ref in (*deletion.deleted, *deletion.squashed)]
    trees = [objects.commit(targets[ref]).tree for ref in deletion.squashed]
    if not gone:
        return 0
    if not can_run():
        return None
    try:
        return bytes_between(kit.git.pack_files(repo.id, queries.pack_names(db, repo)), gone, [*left.values(), *trees])
    except FoldFailed:
        return None


def _stored_bytes(db: Session, repo: Repo, digests: Sequence[str]) -> int:
    """Bytes of the store that nobody would name without this repository's claim on ``digests``."""
    gone = [content for content in _contents(db, digests) if not _is_held_by_others(db, repo, content.sha256)]
    whole = sum(content.size_bytes for content in gone if content.is_whole)
    files = {content.file_hash for content in gone if content.file_hash}
    return whole + _xorb_bytes(db, files)


def _contents(db: Session, digests: Sequence[str]) -> Iterable[Content]:
    for at in range(0, len(digests), BATCH):
        yield from db.scalars(select(Content).where(Content.sha256.in_(digests[at : at + BATCH])))


def _is_held_by_others(db: Session, repo: Repo, sha256: str) -> bool:
    other = select(RepoContent.repo_id).where(RepoContent.sha256 == sha256, RepoContent.repo_id != repo.id)
    return db.scalar(other.limit(1)) is not None


def _xorb_bytes(db: Session, files: Collection[str]) -> int:
    """Bytes of the xorbs that only ``files`` are made of."""
    names: set[str] = set()
    listed = sorted(files)
    for at in range(0, len(listed), BATCH):
        query = select(RecipeXorb.xorb_hash).where(RecipeXorb.file_hash.in_(listed[at : at + BATCH]))
        names |= set(db.scalars(query))
    total = 0
    for name in names:
        users = set(db.scalars(select(RecipeXorb.file_hash).where(RecipeXorb.xorb_hash == name)))
        if users <= set(files):
            total += db.scalar(select(Xorb.stored_bytes).where(Xorb.xorb_hash == name)) or 0
    return total
