"""Large files by digest: which repository may use which, and the record of bytes that arrived.

Authority: a caller is told that bytes are here already only where it could read them already, in this repository or
another. Otherwise they are asked for again, and deduplicated without a word. Source: design.md 4, protocol/xet.md 11.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content.keys import content_key
from freehold.content.rows import insert_missing
from freehold.content.service.dooming import spare
from freehold.content.tables import Content, RepoContent
from freehold.core import clock
from freehold.repos.access import readable
from freehold.repos.errors import repo_not_found
from freehold.repos.tables import Repo

BATCH = 500
#: A claim is made anew when it is older: the collector looks at claims that are days old.
FRESH = timedelta(hours=1)


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
    claim(db, repo_id, [content.sha256 for content in contents])


def claim(db: Session, repo_id: str, digests: Iterable[str]) -> None:
    """The repository holds ``digests`` from now on, or anew: a commit that names them may be on its way."""
    now = clock.now()
    names = sorted(set(digests))
    insert_missing(db, RepoContent, [{"repo_id": repo_id, "sha256": sha256, "created_at": now} for sha256 in names])
    for at in range(0, len(names), BATCH):
        some = RepoContent.sha256.in_(names[at : at + BATCH])
        old = update(RepoContent).where(RepoContent.repo_id == repo_id, some, RepoContent.created_at < now - FRESH)
        db.execute(old.values(created_at=now))


def claimed_long_ago(db: Session, repo_id: str, contents: Iterable[Content]) -> list[Content]:
    """Those of ``contents`` whose claim has to be made anew before an upload may count on it."""
    given = {content.sha256: content for content in contents}
    names = sorted(given)
    found: list[Content] = []
    for at in range(0, len(names), BATCH):
        some = RepoContent.sha256.in_(names[at : at + BATCH])
        old = select(RepoContent.sha256).where(RepoContent.repo_id == repo_id, some)
        found += [given[sha256] for sha256 in db.scalars(old.where(RepoContent.created_at < clock.now() - FRESH))]
    return found


def record_whole(db: Session, repo_id: str, sha256: str, size_bytes: int) -> None:
    """The file ``sha256``, verified and in the store as a whole, is the repository's to use.

    Raises the coded not-found error when the repository went away while the bytes came in.
    """
    if db.get(Repo, repo_id) is None:
        raise repo_not_found(anonymous=False)
    spare(db, [content_key(sha256)])
    row = {"sha256": sha256, "size_bytes": size_bytes, "is_whole": True, "file_hash": None, "created_at": clock.now()}
    insert_missing(db, Content, [row])
    # It may have come by Xet before: now it is kept both ways.
    db.execute(update(Content).where(Content.sha256 == sha256, Content.is_whole.is_(False)).values(is_whole=True))
    grant(db, repo_id, [db.get_one(Content, sha256)])


def is_held(db: Session, repo_id: str, sha256: str) -> bool:
    return db.get(RepoContent, (repo_id, sha256)) is not None
