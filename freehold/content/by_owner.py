"""What the repositories of a namespace take, all in one list."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.content.tables import Content, Pack, RepoContent
from freehold.core.errors import BadRequest
from freehold.repos.access import visible
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Cursor:
    """Where a page ended: when its last repository changed, and which it was."""

    at: datetime
    repo_id: str

    def text(self) -> str:
        return f"{self.at.isoformat()}~{self.repo_id}"


def cursor(text: str) -> Cursor:
    """The cursor that :meth:`Cursor.text` wrote; raises :class:`BadRequest` for any other text."""
    at, _, repo_id = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901  # not one of ours, as it has no zone
    if moment.tzinfo is None or not re.fullmatch(r"[0-9a-f]{24}", repo_id):
        raise BadRequest("The cursor is not one of this list: follow the Link header of the page before.")
    return Cursor(moment, repo_id)


@dataclass(frozen=True)
class Kept:
    """A repository and what it takes."""

    repo: Repo
    size_bytes: int


@dataclass(frozen=True)
class KeptPage:
    """One page of repositories, what all of its owner's take together, and where the next page begins."""

    items: Sequence[Kept]
    total_bytes: int
    next: Cursor | None


def stored(db: Session, actor: Actor, owner: Account, *, after: Cursor | None, limit: int) -> KeptPage:
    """What each repository of ``owner`` that ``actor`` may know of takes, as ``queries.used_storage`` counts it.

    Three queries, whatever the number. Percentages are of what ``actor`` may know of, so that they tell no more.
    """
    of_owner = visible(select(Repo.id).where(Repo.owner_id == owner.id), actor)
    in_git = _sums(
        db,
        select(Pack.repo_id, func.sum(Pack.size_bytes)).where(Pack.repo_id.in_(of_owner)).group_by(Pack.repo_id),
    )
    large = _sums(
        db,
        select(RepoContent.repo_id, func.sum(Content.size_bytes))
        .join(Content, Content.sha256 == RepoContent.sha256)
        .where(RepoContent.repo_id.in_(of_owner))
        .group_by(RepoContent.repo_id),
    )
    query = visible(select(Repo).where(Repo.owner_id == owner.id), actor)
    query = query.order_by(Repo.updated_at.desc(), Repo.id.desc()).limit(limit + 1)
    if after is not None:
        same = and_(Repo.updated_at == after.at, Repo.id < after.repo_id)
        query = query.where(or_(Repo.updated_at < after.at, same))
    found = db.scalars(query).all()
    items = [Kept(repo, in_git.get(repo.id, 0) + large.get(repo.id, 0)) for repo in found[:limit]]
    last = Cursor(items[-1].repo.updated_at, items[-1].repo.id) if len(found) > limit else None
    return KeptPage(items, sum(in_git.values()) + sum(large.values()), last)


def _sums(db: Session, query: Select[str, int]) -> dict[str, int]:
    return {repo_id: int(total) for repo_id, total in db.execute(query)}
