"""Large files by digest: which repository may use which, and the record of bytes that arrived.

Authority: a caller is told that bytes are here already only where it could read them already, in this repository or
another. Otherwise they are asked for again, and deduplicated without a word. Source: design.md 4, protocol/xet.md 11.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content.rows import insert_missing
from freehold.content.tables import Content, RepoContent
from freehold.core import clock
from freehold.repos.access import readable
from freehold.repos.errors import repo_not_found
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Wanted:
    """A large file that a client names: lower-case SHA-256 and true size."""

    sha256: str
    size_bytes: int


def held_elsewhere(db: Session, actor: Actor, digests: Collection[str]) -> dict[str, Content]:
    """Those of ``digests`` that ``actor`` could read in some repository."""
    if not digests:
        return {}
    reachable = readable(select(Repo.id), actor)
    rows = db.scalars(
        select(Content)
        .join(RepoContent, RepoContent.sha256 == Content.sha256)
        .where(Content.sha256.in_(digests), RepoContent.repo_id.in_(reachable))
        .distinct()
    )
    return {content.sha256: content for content in rows}


def grant(db: Session, repo_id: str, contents: Iterable[Content]) -> None:
    """The repository may use ``contents``, and its readers may read them through every door."""
    now = clock.now()
    rows = [{"repo_id": repo_id, "sha256": content.sha256, "created_at": now} for content in contents]
    insert_missing(db, RepoContent, rows)


def record_whole(db: Session, repo_id: str, sha256: str, size_bytes: int) -> None:
    """The file ``sha256``, verified and in the store as a whole, is the repository's to use.

    Raises the coded not-found error when the repository went away while the bytes came in.
    """
    if db.get(Repo, repo_id) is None:
        raise repo_not_found(anonymous=False)
    row = {"sha256": sha256, "size_bytes": size_bytes, "is_whole": True, "file_hash": None, "created_at": clock.now()}
    insert_missing(db, Content, [row])
    # It may have come by Xet before: now it is kept both ways.
    db.execute(update(Content).where(Content.sha256 == sha256, Content.is_whole.is_(False)).values(is_whole=True))
    grant(db, repo_id, [db.get_one(Content, sha256)])


def is_held(db: Session, repo_id: str, sha256: str) -> bool:
    return db.get(RepoContent, (repo_id, sha256)) is not None
