"""What is kept, by owner and by repository, and what of it is shared."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Subquery, func, select, union_all
from sqlalchemy.orm import Session

from freehold.accounts.tables import Account
from freehold.content.tables import Content, Doomed, Pack, RepoContent, Xorb
from freehold.governance.tables import UpkeepRun
from freehold.repos.tables import Repo

MAX_OWNERS = 100
SHOWN_RUNS = 10


@dataclass(frozen=True)
class Totals:
    """Bytes of the whole hub. ``published``: what repositories list; ``kept``: what lies in the store for it."""

    published_bytes: int
    git_bytes: int
    whole_bytes: int  #: large files kept whole
    chunk_bytes: int  #: and in chunks
    waiting: int  #: objects that nothing names, until they are deleted
    waiting_bytes: int

    @property
    def kept_bytes(self) -> int:
        return self.git_bytes + self.whole_bytes + self.chunk_bytes

    @property
    def saved_bytes(self) -> int:
        return max(0, self.published_bytes - self.kept_bytes)

    @property
    def saved_percent(self) -> int:
        return round(100 * self.saved_bytes / self.published_bytes) if self.published_bytes else 0


@dataclass(frozen=True)
class Owned:
    """What the repositories of one owner take, as if they shared nothing with others'."""

    name: str
    kind: str
    repos: int
    git_bytes: int
    large_bytes: int

    @property
    def size_bytes(self) -> int:
        return self.git_bytes + self.large_bytes


def totals(db: Session) -> Totals:
    def total(query: Select[Any]) -> int:
        return int(db.scalar(query) or 0)

    git = total(select(func.sum(Pack.size_bytes)))
    large = total(
        select(func.sum(Content.size_bytes))
        .select_from(RepoContent)
        .join(Content, Content.sha256 == RepoContent.sha256)
    )
    waiting = select(func.count(), func.coalesce(func.sum(Doomed.size_bytes), 0)).where(Doomed.state != "gone")
    count, waiting_bytes = db.execute(waiting).one()
    return Totals(
        published_bytes=git + large,
        git_bytes=git,
        whole_bytes=total(select(func.sum(Content.size_bytes)).where(Content.is_whole)),
        chunk_bytes=total(select(func.sum(Xorb.stored_bytes))),
        waiting=int(count),
        waiting_bytes=int(waiting_bytes),
    )


def by_owner(db: Session, *, limit: int = MAX_OWNERS) -> Sequence[Owned]:
    """The owners who take most, first."""
    sizes = of_repos()
    git, large = func.coalesce(func.sum(sizes.c.git_bytes), 0), func.coalesce(func.sum(sizes.c.large_bytes), 0)
    query = (
        select(Account.name, Account.kind, func.count(Repo.id), git, large)
        .join(Repo, Repo.owner_id == Account.id)
        .outerjoin(sizes, sizes.c.repo_id == Repo.id)
        .group_by(Account.id, Account.name, Account.kind)
        .order_by((git + large).desc(), Account.name)
        .limit(limit)
    )
    return [Owned(name, kind, int(n), int(g), int(b)) for name, kind, n, g, b in db.execute(query)]


def of_owners(db: Session, ids: Collection[str]) -> dict[str, tuple[int, int]]:
    """By account id: how many repositories, and their bytes."""
    sizes = of_repos()
    total = func.coalesce(func.sum(sizes.c.git_bytes + sizes.c.large_bytes), 0)
    query = (
        select(Repo.owner_id, func.count(Repo.id), total)
        .outerjoin(sizes, sizes.c.repo_id == Repo.id)
        .where(Repo.owner_id.in_(ids))
        .group_by(Repo.owner_id)
    )
    return {owner_id: (int(count), int(size)) for owner_id, count, size in db.execute(query)}


def of_repos() -> Subquery:
    """For each repository that keeps anything: ``repo_id``, ``git_bytes``, ``large_bytes``."""
    git = select(Pack.repo_id, Pack.size_bytes.label("git_bytes"), (Pack.size_bytes * 0).label("large_bytes"))
    large = select(RepoContent.repo_id, Content.size_bytes * 0, Content.size_bytes).join(
        Content, Content.sha256 == RepoContent.sha256
    )
    every = union_all(git, large).subquery()
    return (
        select(
            every.c.repo_id,
            func.sum(every.c.git_bytes).label("git_bytes"),
            func.sum(every.c.large_bytes).label("large_bytes"),
        )
        .group_by(every.c.repo_id)
        .subquery()
    )


def runs(db: Session) -> Sequence[UpkeepRun]:
    """The newest runs of the collector and of the scrub."""
    return db.scalars(select(UpkeepRun).order_by(UpkeepRun.id.desc()).limit(SHOWN_RUNS)).all()


def last_run(db: Session, kind: str) -> UpkeepRun | None:
    return db.scalar(select(UpkeepRun).where(UpkeepRun.kind == kind).order_by(UpkeepRun.id.desc()).limit(1))
