"""Downloads: counted in memory while files are served, written down now and then.

One *download* is one actor that asks for files of one repository on one day (UTC): a person by account, a visitor by
address and program. A GET counts, and so does a HEAD or a read token that a client marks as part of a download
(``X-HF-Download-Counter``); pictures on a page do not. So a model of a hundred files is downloaded once, and asking
again from the same machine changes nothing. A clone or a fetch by git counts, together with the large files that
git-lfs asks for then. After a restart somebody may be counted a second time that day.

The *sources* of a day are the same without the program: an account, or a network address whatever runs there. One
machine that calls itself by a hundred names is a hundred downloads and one source; rankings go by sources.
"""

import hashlib
import threading
from collections import Counter
from datetime import UTC, date, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from freehold.content.events import DownloadsCounted
from freehold.content.rows import insert_missing
from freehold.content.tables import DownloadDay
from freehold.core import clock, events
from freehold.core.database import Database
from freehold.core.lru import Lru
from freehold.repos.tables import Repo

RECENT_DAYS = 30
#: Pairs of repository and actor remembered of a day; past it, the longest ago may be counted twice.
KEPT_PAIRS = 200_000
#: Repositories whose month is summed again in one turn.
BATCH = 500


class DownloadLog:
    """Remembers who downloaded what today. One set look-up a request; everything else waits for :meth:`flush`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: Lru[bytes, bool] = Lru(KEPT_PAIRS)
        self._new: Counter[tuple[date, str]] = Counter()
        self._new_sources: Counter[tuple[date, str]] = Counter()
        self._aged: date | None = None

    def note(self, repo_id: str, who: str, source: str = "") -> None:
        """``who`` (any text that names an actor) downloads from the repository; ``source`` where it is not ``who``."""
        today = clock.now().astimezone(UTC).date()
        with self._lock:
            if self._is_new(f"{today} {repo_id} {who}"):
                self._new[today, repo_id] += 1
                if not source or self._is_new(f"{today} {repo_id} from {source}"):
                    self._new_sources[today, repo_id] += 1

    def _is_new(self, words: str) -> bool:
        pair = hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=12).digest()
        if self._seen.get(pair) is not None:
            return False
        self._seen.put(pair, True)
        return True

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
        # ``downloads_all_time`` keeps their sum: the days themselves have done their work.
        db.execute(delete(DownloadDay).where(DownloadDay.repo_id.in_(repo_ids), DownloadDay.day < oldest))
    return len(repo_ids)
