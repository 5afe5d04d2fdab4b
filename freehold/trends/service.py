"""Counting: the tallies hold what public repositories add, no more and no less, however often and wherever it is done.

Each repository's contribution is kept beside them, and only the difference is ever added, in the transaction that keeps
the new one. So counting twice changes nothing, two nodes may count at once, and what becomes private is taken out.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from freehold.content.rows import insert_missing
from freehold.content.service.counting import RECENT_DAYS, first_month
from freehold.core import clock
from freehold.core.events import Bus
from freehold.repos.events import RepoDeleted, RepoSettingsChanged
from freehold.repos.tables import Repo
from freehold.trends import queries
from freehold.trends.adding import DAYS_KEPT, Added, Inputs, Key, Numbers, added, difference
from freehold.trends.tables import Contribution, Tally, TallyRound

#: Repositories that are looked at together.
BATCH = 200
#: Tallies that one transaction changes, so that it holds the writer of SQLite for some tens of milliseconds.
MAX_KEYS = 3_000
#: A round begins so long after the one before began, and at least so many times as long as that one took.
EVERY_S, RESTING = 3_600, 30
LEASE_S = 60


def subscribe(bus: Bus) -> None:
    """What is no longer public is taken out in the same transaction."""
    bus.subscribe(RepoDeleted, lambda db, event: withdraw(db, [event.repo.id]))
    bus.subscribe(RepoSettingsChanged, _on_settings)


def _on_settings(db: Session, event: RepoSettingsChanged) -> None:
    if event.repo.visibility != "public":
        withdraw(db, [event.repo.id])


# ---- rounds ----------------------------------------------------------------------------------------------------


def take(db: Session) -> TallyRound | None:
    """The round, if there is something to count and no other node is at it; it is ours for :data:`LEASE_S`."""
    now = clock.now()
    today = now.astimezone(UTC).date()
    first = {"after": "", "began_at": now, "finished_at": None, "leased_until": now, "stamp": 0}
    if db.get(TallyRound, 1) is None:
        insert_missing(db, TallyRound, [{"id": 1, "days_since": _first_day(today), **first}])
    found = db.scalars(select(TallyRound).where(TallyRound.id == 1).with_for_update()).one()
    if found.leased_until > now or not is_due(found, now):
        return None
    if not found.after:
        if found.finished_at is not None and found.finished_at < now - timedelta(days=RECENT_DAYS - 1):
            # Days went into their months meanwhile, unseen.
            found.days_since = _first_day(today)
        found.began_at = now
    found.leased_until = now + timedelta(seconds=LEASE_S)
    db.flush()
    return found


def is_due(found: TallyRound | None, now: datetime) -> bool:
    """Whether a round is under way, or the next one should begin."""
    if found is None or found.after or found.finished_at is None:
        return True
    took = max(found.finished_at - found.began_at, timedelta())
    return now >= found.began_at + max(timedelta(seconds=EVERY_S), RESTING * took)


def advance(db: Session, after: str, *, is_over: bool) -> None:
    """Everything up to the repository ``after`` is counted; ``is_over``: that was all of it."""
    now = clock.now()
    values = {"after": "", "finished_at": now} if is_over else {"after": after}
    db.execute(update(TallyRound).where(TallyRound.id == 1).values(leased_until=now, **values))


def prune(db: Session) -> None:
    """Tallies of days that are kept as days no more are gone, and those of nothing."""
    horizon = _today().toordinal() - DAYS_KEPT
    db.execute(delete(Tally).where(Tally.grain == "day", Tally.begins < horizon))
    nothing = (Tally.new == 0, Tally.downloads == 0, Tally.likes == 0)
    db.execute(delete(Tally).where(*nothing))


def _first_day(today: date) -> date:
    return today - timedelta(days=RECENT_DAYS - 1)


def _today() -> date:
    return clock.now().astimezone(UTC).date()


# ---- counting --------------------------------------------------------------------------------------------------


def count(db: Session, fresh: Mapping[str, Inputs]) -> int:
    """These repositories add what ``fresh`` says, by id, as far as they are still public; how many were counted.

    It stops early where that would change more than :data:`MAX_KEYS` tallies: call it again with the rest.
    """
    asked = list(fresh)
    # Held until the end of the transaction: what becomes private meanwhile waits, and takes out what is added here.
    still = select(Repo.id).where(Repo.id.in_(asked), Repo.visibility == "public").with_for_update(read=True)
    public = set(db.scalars(still))
    kept = _kept(db, asked)
    today = _today()
    keep, changes, done = list[dict[str, object]](), dict[Key, list[int]](), 0
    for repo_id in asked:
        inputs = fresh[repo_id]
        if repo_id in public:
            told = Added.unpacked(kept[repo_id].body) if repo_id in kept else None
            after = added(inputs, told, today=today, recent_days=RECENT_DAYS, first_month=first_month(today))
            _sum_up(changes, difference(told, after))
            keep.append({"repo_id": repo_id, "digest": inputs.digest(), "body": after.packed()})
        done += 1
        if len(changes) >= MAX_KEYS:
            break
    _put(db, keep)
    _add(db, changes)
    return done


def withdraw(db: Session, repo_ids: Collection[str]) -> None:
    """These repositories are counted no more, from their first day on."""
    changes: dict[Key, list[int]] = {}
    for row in _kept(db, repo_ids).values():
        _sum_up(changes, difference(Added.unpacked(row.body), None))
    db.execute(delete(Contribution).where(Contribution.repo_id.in_(repo_ids)))
    _add(db, changes)


def changed(db: Session, repo_ids: Sequence[str]) -> dict[str, Inputs]:
    """Those of these repositories that would add something else than they have."""
    fresh = queries.inputs(db, repo_ids)
    known = queries.digests(db, repo_ids)
    return {repo_id: one for repo_id, one in fresh.items() if known.get(repo_id) != one.digest()}


def _kept(db: Session, repo_ids: Collection[str]) -> dict[str, Contribution]:
    found = select(Contribution).where(Contribution.repo_id.in_(repo_ids)).with_for_update()
    return {row.repo_id: row for row in db.scalars(found)}


def _sum_up(changes: dict[Key, list[int]], more: Iterator[tuple[Key, Numbers]]) -> None:
    for key, numbers in more:
        sums = changes.setdefault(key, [0, 0, 0])
        for place, number in enumerate(numbers):
            sums[place] += number


def _put(db: Session, rows: list[dict[str, object]]) -> None:
    if rows:
        insert = _insert(db)(Contribution)
        fresh = {"digest": insert.excluded.digest, "body": insert.excluded.body}
        db.execute(insert.on_conflict_do_update(index_elements=["repo_id"], set_=fresh), rows)


def _add(db: Session, changes: Mapping[Key, list[int]]) -> None:
    """Always in one order: two transactions that change the same tallies do not wait for each other in a circle."""
    horizon = _today().toordinal() - DAYS_KEPT
    rows = [
        {"kind": kind, "dimension": dimension, "grain": grain, "word": word, "begins": at}
        | dict(zip(("new", "downloads", "likes"), numbers, strict=True))
        for (kind, dimension, grain, word, at), numbers in sorted(changes.items())
        if any(numbers) and (grain != "day" or at >= horizon)
    ]
    if not rows:
        return
    insert = _insert(db)(Tally)
    sums = {name: getattr(Tally, name) + insert.excluded[name] for name in ("new", "downloads", "likes")}
    keys = ["kind", "dimension", "grain", "word", "begins"]
    db.execute(insert.on_conflict_do_update(index_elements=keys, set_=sums), rows)
    db.execute(update(TallyRound).where(TallyRound.id == 1).values(stamp=TallyRound.stamp + 1))


def _insert(db: Session):  # type: ignore[no-untyped-def]  # of either dialect
    return postgresql.insert if db.get_bind().dialect.name == "postgresql" else sqlite.insert


# ---- one repository after the other ----------------------------------------------------------------------------


def strays(db: Session, after: str, last: str) -> Sequence[str]:
    """Contributions between two ids, the second included (empty: no end), of what is not public or not there."""
    public = select(Repo.id).where(Repo.id == Contribution.repo_id, Repo.visibility == "public").exists()
    found = select(Contribution.repo_id).where(Contribution.repo_id > after, ~public)
    if last:
        found = found.where(Contribution.repo_id <= last)
    return db.scalars(found.order_by(Contribution.repo_id).limit(BATCH)).all()
