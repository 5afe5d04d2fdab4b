"""What is trending: a score that decays, and how it is kept so that decay alone never rewrites a row.

    score = sqrt(sum over days of  sources(day) * 2 ** (-2 * age / 7))
          + 2 * sqrt(sum over likes of  2 ** (-2 * age / 7))

Ages are in days; *sources* are the accounts and network addresses that downloaded on that day (``content.service.
counting``). Each part halves within seven days, and so does the whole: without news, the order of two repositories
never changes. So what is kept (``repos.trend``) is not the score but where it lies on a ruler of half-lives:

    trend = log2(score) + (days since 2025-01-01) / 7,  in millionths

which is written when something happens, and says the same a week later. docs/how-to/trending.md tells it to people,
with what one account alone can reach.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.community.events import RepoLiked, RepoUnliked
from freehold.community.tables import Like
from freehold.content.events import DownloadsCounted
from freehold.content.service.counting import RECENT_DAYS
from freehold.content.tables import DownloadDay
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.events import Bus
from freehold.repos import service as repos
from freehold.repos.tables import Repo

HALF_LIFE_DAYS = 7
LIKE_WEIGHT = 2
#: Likes older than this weigh less than a hundredth of a new one.
LIKE_DAYS = 49
#: Newest likes of one repository that are looked at; what lies behind so many is no news.
MAX_LIKES = 5_000
#: Repositories that are ranked anew in one transaction.
BATCH = 200
_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
_UNIT = 1_000_000
_DAY_S = 86_400


def subscribe(bus: Bus) -> None:
    bus.subscribe(DownloadsCounted, lambda db, event: refresh(db, event.repo_ids))
    for marked in (RepoLiked, RepoUnliked):
        bus.subscribe(marked, lambda db, event: refresh(db, [event.repo.id]))


# ---- the rule --------------------------------------------------------------------------------------------------


def score(downloads: Mapping[date, int], likes: Iterable[datetime], now: datetime) -> float:
    """The score at ``now``, from sources by day and the moments of likes."""
    of_days = sum(number * _left(datetime.combine(day, time(), UTC), now) ** 2 for day, number in downloads.items())
    return math.sqrt(of_days) + LIKE_WEIGHT * math.sqrt(sum(_left(at, now) ** 2 for at in likes))


def trend(value: float, now: datetime) -> int:
    """Where a score of ``now`` lies on the ruler; 0 for none."""
    return max(1, round((math.log2(value) + _half_lives(now)) * _UNIT)) if value > 0 else 0


def score_of(trend: int, now: datetime) -> float:
    """The score that a repository with this ``trend`` has at ``now``, to three decimals."""
    return round(2 ** min(trend / _UNIT - _half_lives(now), 64), 3) if trend else 0


def _left(at: datetime, now: datetime) -> float:
    """What is left at ``now`` of 1 at ``at``; of what is yet to come (clocks differ) all of it."""
    return float(2 ** (-max(0.0, (now - at).total_seconds()) / _DAY_S / HALF_LIFE_DAYS))


def _half_lives(now: datetime) -> float:
    return (now - _BEGIN).total_seconds() / _DAY_S / HALF_LIFE_DAYS


# ---- kept ------------------------------------------------------------------------------------------------------


def refresh(db: Session, repo_ids: Collection[str]) -> None:
    """These repositories stand where their downloads and likes of now put them."""
    ordered = sorted(repo_ids)
    for start in range(0, len(ordered), BATCH):
        some = ordered[start : start + BATCH]
        repos.rank(db, _changed(db, some, clock.now()))


def refresh_all(database: Database) -> None:
    """Every repository with a trend, or with news that could give it one: a batch a transaction.

    Nothing depends on it from day to day. It takes in what no event tells of: a database from before there was a trend,
    likes that went with an account, days that fell out of the month.
    """
    after = ""
    while True:
        with database.write() as db:
            some = _next(db, after)
            refresh(db, some)
        if len(some) < BATCH:
            return
        after = some[-1]


def _next(db: Session, after: str) -> Sequence[str]:
    counts = (Repo.trend > 0) | (Repo.downloads > 0) | (Repo.likes > 0)
    return db.scalars(select(Repo.id).where(Repo.id > after, counts).order_by(Repo.id).limit(BATCH)).all()


def _changed(db: Session, repo_ids: Sequence[str], now: datetime) -> dict[str, int]:
    """New trends of those repositories whose trend is another than the one that is kept."""
    days: dict[str, dict[date, int]] = {repo_id: {} for repo_id in repo_ids}
    since = now.astimezone(UTC).date() - timedelta(days=RECENT_DAYS)
    found = select(DownloadDay.repo_id, DownloadDay.day, DownloadDay.sources).where(
        DownloadDay.repo_id.in_(repo_ids), DownloadDay.day >= since
    )
    for repo_id, day, sources in db.execute(found):
        days[repo_id][day] = sources
    kept = db.execute(select(Repo.id, Repo.trend, Repo.likes).where(Repo.id.in_(repo_ids)))
    fresh = {
        repo_id: (trend(score(days[repo_id], _likes(db, repo_id, now) if likes else (), now), now), before)
        for repo_id, before, likes in kept.all()
    }
    # The same news at another moment differs by rounding alone.
    return {repo_id: new for repo_id, (new, before) in fresh.items() if abs(new - before) > 10}


def _likes(db: Session, repo_id: str, now: datetime) -> Sequence[datetime]:
    recent = (Like.repo_id == repo_id, Like.created_at > now - timedelta(days=LIKE_DAYS))
    return db.scalars(select(Like.created_at).where(*recent).order_by(Like.created_at.desc()).limit(MAX_LIKES)).all()
