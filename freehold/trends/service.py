"""Counting: the tallies hold what public repositories add, no more and no less, however often and wherever it is done.

Each repository's contribution is kept beside them, and only the difference is ever added, in the transaction that keeps
the new one. So counting twice changes nothing, two nodes may count at once, and what becomes private is taken out.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, select, text, update
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
#: As long as nothing has ever been counted: who brings the first repositories does not wait an hour to see them.
EMPTY_EVERY_S = 30
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
    every_s = EVERY_S if found.stamp else EMPTY_EVERY_S
    return now >= found.began_at + max(timedelta(seconds=every_s), RESTING * took)


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


@dataclass(frozen=True)
class Step:
    """One repository adds something else than before: made ready while nobody waits for it."""

    repo_id: str
    known: str | None  #: the digest of what it has added, that this was made from; None: nothing yet
    digest: str
    body: bytes
    changes: Sequence[tuple[Key, Numbers]]


def prepared(db: Session, repo_ids: Sequence[str]) -> list[Step]:
    """What there is to do for these repositories, as far as they are public and anything has changed."""
    fresh, known = queries.inputs(db, repo_ids), queries.digests(db, repo_ids)
    digests = {repo_id: inputs.digest() for repo_id, inputs in fresh.items()}
    changed = [repo_id for repo_id, digest in digests.items() if known.get(repo_id) != digest]
    kept = {row.repo_id: row for row in _kept(db, changed)}
    return [_step(repo_id, fresh[repo_id], digests[repo_id], kept.get(repo_id)) for repo_id in changed]


def _step(repo_id: str, inputs: Inputs, digest: str, kept: Contribution | None) -> Step:
    before, today = Added.unpacked(kept.body) if kept else None, _today()
    after = added(inputs, before, today=today, recent_days=RECENT_DAYS, first_month=first_month(today))
    changes = [(key, numbers) for key, numbers in difference(before, after) if any(numbers)]
    return Step(repo_id, kept.digest if kept else None, digest, after.packed(), changes)


def batches(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """``steps`` in parts that change about :data:`MAX_KEYS` tallies each."""
    part, keys = list[Step](), set[Key]()
    for step in steps:
        part.append(step)
        keys.update(key for key, _ in step.changes)
        if len(keys) >= MAX_KEYS:
            yield part
            part, keys = [], set()
    if part:
        yield part


def count(db: Session, steps: Sequence[Step]) -> None:
    """These steps are done, but for repositories that are not public any more, or were counted meanwhile."""
    ids = [step.repo_id for step in steps]
    # Held until the end of the transaction: what becomes private meanwhile waits, and takes out what is added here.
    held = select(Repo.id).where(Repo.id.in_(ids), Repo.visibility == "public").order_by(Repo.id)
    public = set(db.scalars(held.with_for_update(read=True)))
    known = queries.digests(db, ids)
    mine = [step for step in steps if step.repo_id in public and step.known == known.get(step.repo_id)]
    if mine:
        rows = [{"repo_id": step.repo_id, "digest": step.digest, "body": step.body} for step in mine]
        db.connection().execute(_KEEP, rows)
    _add(db, (change for step in mine for change in step.changes))


def withdraw(db: Session, repo_ids: Collection[str]) -> None:
    """These repositories are counted no more, from their first day on."""
    kept = _kept(db, repo_ids, locks=True)
    _add(db, (change for row in kept for change in difference(Added.unpacked(row.body), None)))
    db.execute(delete(Contribution).where(Contribution.repo_id.in_(repo_ids)))


def _kept(db: Session, repo_ids: Collection[str], *, locks: bool = False) -> Sequence[Contribution]:
    found = select(Contribution).where(Contribution.repo_id.in_(repo_ids)).order_by(Contribution.repo_id)
    return db.scalars(found.with_for_update() if locks else found).all()


def _add(db: Session, changes: Iterable[tuple[Key, Numbers]]) -> None:
    """The tallies hold the ``changes`` too.

    Always in one order: two transactions that change the same tallies do not wait for each other in a circle.
    """
    sums: dict[Key, Numbers] = {}
    for key, (new, downloads, likes) in changes:
        before = sums.get(key, (0, 0, 0))
        sums[key] = before[0] + new, before[1] + downloads, before[2] + likes
    horizon = _today().toordinal() - DAYS_KEPT
    rows = [
        dict(zip(_COLUMNS, (*key, *numbers), strict=True))
        for key, numbers in sorted(sums.items())
        if any(numbers) and (key[2] != "day" or key[4] >= horizon)
    ]
    if rows:
        # By the connection: a session would make an object's worth of each of thousands of rows.
        db.connection().execute(_ADD, rows)
        db.execute(update(TallyRound).where(TallyRound.id == 1).values(stamp=TallyRound.stamp + 1))


#: Both databases read it alike.
_ADD = text(
    "INSERT INTO tallies (kind, dimension, grain, word, begins, new, downloads, likes)"
    " VALUES (:kind, :dimension, :grain, :word, :begins, :new, :downloads, :likes)"
    " ON CONFLICT (kind, dimension, grain, word, begins) DO UPDATE SET new = tallies.new + excluded.new,"
    " downloads = tallies.downloads + excluded.downloads, likes = tallies.likes + excluded.likes"
)
_COLUMNS = ("kind", "dimension", "grain", "word", "begins", "new", "downloads", "likes")


_KEEP = text(
    "INSERT INTO contributions (repo_id, digest, body) VALUES (:repo_id, :digest, :body)"
    " ON CONFLICT (repo_id) DO UPDATE SET digest = excluded.digest, body = excluded.body"
)


# ---- one repository after the other ----------------------------------------------------------------------------


def strays(db: Session, after: str, last: str) -> Sequence[str]:
    """Contributions between two ids, the second included (empty: no end), of what is not public or not there."""
    public = select(Repo.id).where(Repo.id == Contribution.repo_id, Repo.visibility == "public").exists()
    found = select(Contribution.repo_id).where(Contribution.repo_id > after, ~public)
    if last:
        found = found.where(Contribution.repo_id <= last)
    return db.scalars(found.order_by(Contribution.repo_id).limit(BATCH)).all()
