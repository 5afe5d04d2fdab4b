"""Downloads: counted in memory while files are served, written down now and then.

One *download* is one actor that asks for files of one repository on one day (UTC): a person by account, a visitor by
address and program. A GET counts, and so does a HEAD or a read token that a client marks as part of a download
(``X-HF-Download-Counter``); pictures on a page do not. So a model of a hundred files is downloaded once, and asking
again from the same machine changes nothing. A clone or a fetch by git counts, together with the large files that
git-lfs asks for then. After a restart somebody may be counted a second time that day.

The *sources* of a day are the same without the program: an account, or a network address whatever runs there. One
machine that calls itself by a hundred names is a hundred downloads and one source; rankings go by sources. Of the
sources that come from one network address the first counts, the second, the fourth, the eighth and so on: accounts are
made by the dozen more easily than networks are, and people who share a network still count for more than one of them.
"""

import hashlib
import threading
from collections import Counter
from datetime import UTC, date, timedelta

from sqlalchemy import Delete, delete, func, select, update
from sqlalchemy.orm import Session

from freehold.content.events import DownloadsCounted
from freehold.content.rows import insert_missing
from freehold.content.tables import DownloadDay, DownloadMonth
from freehold.core import clock, events
from freehold.core.database import Database
from freehold.core.lru import Lru
from freehold.repos.tables import Repo

RECENT_DAYS = 30
#: Months kept beside the one that is under way.
KEPT_MONTHS = 12
#: Pairs of repository and actor remembered of a day; past it, the longest ago may be counted twice.
KEPT_PAIRS = 200_000
#: Repositories whose month is summed again in one turn.
BATCH = 500


class DownloadLog:
    """Remembers who downloaded what today. One set look-up a request; everything else waits for :meth:`flush`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: How often each was seen, where that matters.
        self._seen: Lru[bytes, int] = Lru(KEPT_PAIRS)
        self._new: Counter[tuple[date, str]] = Counter()
        self._new_sources: Counter[tuple[date, str]] = Counter()
        self._aged: date | None = None

    def note(self, repo_id: str, who: str, source: str = "", network: str = "") -> None:
        """``who`` (any text that names an actor) downloads from the repository; ``source`` where it is not ``who``.

        ``network``: where it comes from; empty: from nowhere that others come from.
        """
        today = clock.now().astimezone(UTC).date()
        with self._lock:
            if self._is_new(f"{today} {repo_id} {who}"):
                self._new[today, repo_id] += 1
                is_source = not source or self._is_new(f"{today} {repo_id} from {source}")
                if is_source and self._weighs(f"{today} {repo_id} of {network}" if network else ""):
                    self._new_sources[today, repo_id] += 1

    def _is_new(self, words: str) -> bool:
        return self._times(words) == 1

    def _weighs(self, network: str) -> bool:
        """Whether one more source of a network counts: each that doubles their number does."""
        times = self._times(network) if network else 1
        return times & (times - 1) == 0

    def _times(self, words: str) -> int:
        """How often this was asked, this time included."""
        pair = hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=12).digest()
        return self._seen.put(pair, (self._seen.get(pair) or 0) + 1)

    def flush(self, database: Database) -> None:
        """Write down what was noted since the last time; once a day, let what is older than a month fade."""
        with self._lock:
            new, self._new = self._new, Counter()
            sources, self._new_sources = self._new_sources, Counter()
        if new:
            with database.write() as db:
                record(db, new, sources)
        today = clock.now().astimezone(UTC).date()
        if self._aged != today:
            self._aged = today
            while _age(database, today) == BATCH:
                pass


def record(db: Session, counted: Counter[tuple[date, str]], sources: Counter[tuple[date, str]] | None = None) -> None:
    """The days and the repositories' own numbers hold what was counted. Repositories that are gone are left out.

    ``sources`` None: each download came from another.
    """
    there = set(db.scalars(select(Repo.id).where(Repo.id.in_({repo_id for _, repo_id in counted}))))
    for (day, repo_id), number in sorted(counted.items()):
        if repo_id not in there:
            continue
        insert_missing(db, DownloadDay, [{"repo_id": repo_id, "day": day, "downloads": 0, "sources": 0}])
        here = (DownloadDay.repo_id == repo_id, DownloadDay.day == day)
        more_of_day = {
            "downloads": DownloadDay.downloads + number,
            "sources": DownloadDay.sources + (number if sources is None else sources[day, repo_id]),
        }
        db.execute(update(DownloadDay).where(*here).values(more_of_day))
        more = {"downloads": Repo.downloads + number, "downloads_all_time": Repo.downloads_all_time + number}
        db.execute(
            update(Repo).where(Repo.id == repo_id).values(more), execution_options={"synchronize_session": False}
        )
    events.publish(db, DownloadsCounted(frozenset(there)))


def _age(database: Database, today: date) -> int:
    """Some repositories whose ``downloads`` still hold days past the month count anew; how many there were."""
    oldest = today - timedelta(days=RECENT_DAYS - 1)
    with database.write() as db:
        stale = select(DownloadDay.repo_id).where(DownloadDay.day < oldest).distinct().limit(BATCH)
        repo_ids = list(db.scalars(stale))
        recent = (
            select(func.coalesce(func.sum(DownloadDay.downloads), 0))
            .where(DownloadDay.repo_id == Repo.id, DownloadDay.day >= oldest)
            .scalar_subquery()
        )
        fresh = update(Repo).where(Repo.id.in_(repo_ids)).values(downloads=recent)
        db.execute(fresh, execution_options={"synchronize_session": False})
        _fold(db, delete(DownloadDay).where(DownloadDay.repo_id.in_(repo_ids), DownloadDay.day < oldest))
        # ``downloads_all_time`` keeps the sum of everything.
        db.execute(delete(DownloadMonth).where(DownloadMonth.month < first_month(today)))
    return len(repo_ids)


def _fold(db: Session, taken: Delete) -> None:
    """The days that ``taken`` removes are in their months' numbers. Of two nodes at it, each day is taken by one."""
    months: Counter[tuple[str, date]] = Counter()
    for repo_id, day, downloads in db.execute(
        taken.returning(DownloadDay.repo_id, DownloadDay.day, DownloadDay.downloads)
    ):
        months[repo_id, day.replace(day=1)] += downloads
    for (repo_id, month), number in sorted(months.items()):
        insert_missing(db, DownloadMonth, [{"repo_id": repo_id, "month": month, "downloads": 0}])
        here = (DownloadMonth.repo_id == repo_id, DownloadMonth.month == month)
        more = update(DownloadMonth).where(*here).values(downloads=DownloadMonth.downloads + number)
        db.execute(more, execution_options={"synchronize_session": False})


def first_month(today: date) -> date:
    """The first day of the oldest month that is kept."""
    months = today.year * 12 + today.month - 1 - KEPT_MONTHS
    return date(months // 12, months % 12 + 1, 1)
