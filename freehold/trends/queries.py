"""Reads: what repositories would add, and what was counted."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date

from sqlalchemy import Date, cast, func, select
from sqlalchemy.orm import Session

from freehold.cards.tables import RepoCard, RepoFacts, RepoVerdict
from freehold.community.tables import Like
from freehold.content.tables import DownloadDay, DownloadMonth
from freehold.repos.tables import Repo
from freehold.trends import dimensions
from freehold.trends.adding import Inputs
from freehold.trends.dimensions import Known
from freehold.trends.tables import Contribution, TallyRound

#: Kinds that are counted.
KINDS = ("model", "dataset", "space")


def round_(db: Session) -> TallyRound | None:
    """How far the counting is; None before it ever began."""
    return db.get(TallyRound, 1)


def public(db: Session, after: str, limit: int) -> Sequence[str]:
    """The next public repositories behind ``after``, by id."""
    found = select(Repo.id).where(Repo.id > after, Repo.visibility == "public", Repo.kind.in_(KINDS))
    return db.scalars(found.order_by(Repo.id).limit(limit)).all()


def digests(db: Session, repo_ids: Sequence[str]) -> Mapping[str, str]:
    """Of what these repositories have added so far."""
    found = select(Contribution.repo_id, Contribution.digest).where(Contribution.repo_id.in_(repo_ids))
    return {row.repo_id: row.digest for row in db.execute(found)}


def inputs(db: Session, repo_ids: Sequence[str]) -> dict[str, Inputs]:
    """What is known of these repositories, as far as they are public: their words of now, and their numbers by day."""
    query = (
        select(
            Repo.id,
            Repo.kind,
            Repo.created_at,
            RepoCard.tags,
            RepoFacts.parameters,
            RepoFacts.quantisations,
            RepoFacts.architecture,
            RepoVerdict.answer,
        )
        .outerjoin(RepoCard, RepoCard.repo_id == Repo.id)
        .outerjoin(RepoFacts, RepoFacts.repo_id == Repo.id)
        .outerjoin(RepoVerdict, RepoVerdict.repo_id == Repo.id)
        .where(Repo.id.in_(repo_ids), Repo.visibility == "public")
        .order_by(Repo.id)
    )
    days, months, likes = _days(db, repo_ids), _months(db, repo_ids), _likes(db, repo_ids)
    return {
        row.id: Inputs(
            kind=row.kind,
            words=dimensions.words(
                Known(row.kind, row.tags, row.parameters, row.quantisations, row.architecture, row.answer)
            ),
            created=row.created_at.astimezone(UTC).date(),
            days=days.get(row.id, {}),
            months=months.get(row.id, {}),
            likes=likes.get(row.id, {}),
        )
        for row in db.execute(query)
    }


def _days(db: Session, repo_ids: Sequence[str]) -> dict[str, dict[date, int]]:
    found = select(DownloadDay.repo_id, DownloadDay.day, DownloadDay.downloads)
    return _by_repo(db.execute(found.where(DownloadDay.repo_id.in_(repo_ids))))


def _months(db: Session, repo_ids: Sequence[str]) -> dict[str, dict[date, int]]:
    found = select(DownloadMonth.repo_id, DownloadMonth.month, DownloadMonth.downloads)
    return _by_repo(db.execute(found.where(DownloadMonth.repo_id.in_(repo_ids))))


def _likes(db: Session, repo_ids: Sequence[str]) -> dict[str, dict[date, int]]:
    """By the day (UTC) they were given on."""
    is_postgres = db.get_bind().dialect.name == "postgresql"
    day = cast(func.timezone("UTC", Like.created_at), Date) if is_postgres else func.date(Like.created_at, type_=Date)
    found = select(Like.repo_id, day, func.count()).where(Like.repo_id.in_(repo_ids)).group_by(Like.repo_id, day)
    return _by_repo(db.execute(found))


def _by_repo(rows: object) -> dict[str, dict[date, int]]:
    by_repo: dict[str, dict[date, int]] = defaultdict(dict)
    for repo_id, day, number in rows:  # type: ignore[attr-defined]
        by_repo[repo_id][day] = number
    return by_repo
