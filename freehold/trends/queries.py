"""Reads: what repositories would add, and what was counted."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from sqlalchemy import ColumnElement, Date, cast, func, select
from sqlalchemy.orm import Session

from freehold.cards.tables import RepoCard, RepoFacts, RepoOpenness, RepoVerdict
from freehold.community.tables import Like
from freehold.content.tables import DownloadDay, DownloadMonth
from freehold.repos.tables import Repo
from freehold.trends import dimensions
from freehold.trends.adding import Added, Inputs
from freehold.trends.dimensions import Known
from freehold.trends.tables import Contribution, Tally, TallyRound

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
            RepoOpenness.opened,
        )
        .outerjoin(RepoCard, RepoCard.repo_id == Repo.id)
        .outerjoin(RepoFacts, RepoFacts.repo_id == Repo.id)
        .outerjoin(RepoVerdict, RepoVerdict.repo_id == Repo.id)
        .outerjoin(RepoOpenness, RepoOpenness.repo_id == Repo.id)
        .where(Repo.id.in_(repo_ids), Repo.visibility == "public")
        .order_by(Repo.id)
    )
    days, months, likes = _days(db, repo_ids), _months(db, repo_ids), _likes(db, repo_ids)
    return {
        row.id: Inputs(
            kind=row.kind,
            words=dimensions.words(
                Known(row.kind, row.tags, row.parameters, row.quantisations, row.architecture, row.answer, row.opened)
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


# ---- tallies ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """The tallies of one dimension of a kind (empty: of all of it), by one grain, and what of them is asked for."""

    kind: str
    dimension: str
    grain: str
    measure: str

    @property
    def column(self) -> Any:
        """What is added up; of how many there are, it is what is new."""
        return getattr(Tally, "new" if self.measure == "there" else self.measure)

    def where(self, grain: str = "") -> tuple[ColumnElement[bool], ...]:
        return Tally.kind == self.kind, Tally.dimension == self.dimension, Tally.grain == (grain or self.grain)


def first_day(db: Session, part: Part) -> int | None:
    """The first stretch in which anything was counted; None: there is none."""
    return db.scalar(select(func.min(Tally.begins)).where(*part.where(), part.column > 0))


def candidates(db: Session, part: Part, limit: int) -> Sequence[str]:
    """The words that have most, of all time."""
    found = select(Tally.word).where(*part.where("all"), Tally.new > 0)
    return db.scalars(found.order_by(part.column.desc(), Tally.word).limit(limit)).all()


def number_of_words(db: Session, part: Part) -> int:
    return db.scalar(select(func.count()).where(*part.where("all"), Tally.new > 0)) or 0


def repositories(db: Session, part: Part, words: Sequence[str]) -> dict[str, int]:
    """How many there are of each word."""
    found = select(Tally.word, Tally.new).where(*part.where("all"), Tally.word.in_(words))
    return {row.word: row.new for row in db.execute(found)}


def series(db: Session, part: Part, words: Sequence[str], *, start: int, end: int | None) -> dict[str, dict[int, int]]:
    """By word and first day, what was counted from ``start`` until the day ``end``, not in it; None: and later."""
    of = (*part.where(), Tally.word.in_(words), Tally.begins >= start)
    found = select(Tally.word, Tally.begins, part.column).where(*of)
    numbers: dict[str, dict[int, int]] = defaultdict(dict)
    for word, at, number in db.execute(found if end is None else found.where(Tally.begins < end)):
        numbers[word][at] = number
    return numbers


def contributions(db: Session, repo_ids: Sequence[str]) -> Mapping[str, Added]:
    """What these repositories have added."""
    found = select(Contribution.repo_id, Contribution.body).where(Contribution.repo_id.in_(repo_ids))
    return {row.repo_id: Added.unpacked(row.body) for row in db.execute(found)}
