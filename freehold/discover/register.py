"""Registers: repositories in rows, alike on home, in lists, in what a search finds and on the page of an account.

A row is read column by column, not as mapped rows: a page of thirty costs two queries and no card is decoded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import literal, select, type_coerce, union_all
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.cards.tables import RepoCard, RepoFacts, RepoVerdict
from freehold.content.service.counting import RECENT_DAYS
from freehold.content.tables import DownloadDay
from freehold.core import clock
from freehold.core.database import bounded
from freehold.core.paging import Cursor
from freehold.discover import indexed, queries, questions, rules
from freehold.discover.rules import Listing
from freehold.repos.access import visible
from freehold.repos.heads import LABELS
from freehold.repos.rules import page_path
from freehold.repos.tables import Repo
from freehold.web.figures import short

#: The box that a spark is drawn in, and the margins within.
_WIDTH, _TOP, _FLOOR, _RIGHT = 80, 2, 18, 77
_COLUMNS: tuple[Any, ...] = (
    Repo.id,
    Repo.kind,
    Account.name,
    Repo.name,
    Repo.visibility,
    Repo.gated,
    Repo.sdk,
    Repo.downloads,
    Repo.likes,
    Repo.trend,
    Repo.created_at,
    Repo.updated_at,
    questions.ANSWERS_ALL,
    RepoCard.summary,
    RepoCard.license,
    RepoCard.data["license_name"].as_string(),
    RepoCard.pipeline_tag,
    RepoCard.library_name,
    RepoCard.tags,
    RepoFacts.parameters,
    RepoFacts.rows,
    RepoFacts.size_bytes,
    RepoFacts.context_length,
    RepoVerdict.answer,
)


@dataclass(frozen=True)
class Spark:
    """Downloads by day of the last month, drawn: ``path`` in a box of 80 by 20, the last day at ``(x, y)``."""

    path: str
    x: str
    y: str
    total: int
    this_week: int
    last_week: int


@dataclass(frozen=True)
class Row:
    """One repository of a register; texts are empty and numbers None where nothing is known."""

    repo_id: str
    kind: str
    path: str
    address: str
    is_private: bool
    is_gated: bool
    summary: str
    task: str
    library: str
    licence: str
    verdict: str  #: may one use it commercially, as everybody may know it; empty: not judged
    parameters: int | None  #: of a model, counted in its files
    rows: str  #: of a data set: how many, counted in its files or as its card says
    size_bytes: int | None  #: of its files
    context_length: int | None  #: of a model: the tokens that it takes
    sdk: str
    downloads: int
    likes: int
    trend: int
    created_at: datetime
    updated_at: datetime
    answers_all: bool  #: it is deployed here, and answers whoever may know of it
    spark: Spark | None  #: None: not downloaded for a month


@dataclass(frozen=True)
class Shelf:
    """Some repositories of one kind that the visitor may know of, and where all of them are."""

    kind: str
    label: str
    address: str
    total: int
    rows: Sequence[Row]


def page(
    db: Session, actor: Actor, listing: Listing, *, with_sparks: bool = True
) -> tuple[Sequence[Row], Cursor | None]:
    """The rows that ``listing`` asks for and ``actor`` may know of, and where the next page begins. Two queries;
    without sparks, one."""
    if listing.is_empty:
        return [], None
    found_ids = indexed.page(db, actor, listing)
    if found_ids is not None:
        there = by_id(db, actor, found_ids.ids, with_sparks=with_sparks)
        ids, following = found_ids.shown(there)
        return [there[repo_id] for repo_id in ids], following
    query = queries.in_order(queries.asked_by(db, actor, _rows(), listing), listing)
    with bounded(db, queries.LIST_S):
        found = db.execute(query).all()
    plain = [row[:-1] for row in found[: listing.limit]]
    rows = _made(db, plain) if with_sparks else [_row(row, None) for row in plain]
    if len(found) <= listing.limit:
        return rows, None
    return rows, Cursor(found[listing.limit - 1][-1], rows[-1].repo_id)


def shelf(db: Session, actor: Actor, listing: Listing, address: str) -> Shelf:
    rows, more = page(db, actor, listing)
    # A page that is not full has told the number already.
    total = len(rows) if more is None else queries.count(db, actor, listing)
    return Shelf(listing.kind, LABELS[listing.kind], address, total, rows)


def by_id(db: Session, actor: Actor, repo_ids: Sequence[str], *, with_sparks: bool = True) -> Mapping[str, Row]:
    """The rows of these repositories, as far as ``actor`` may know of them; without sparks in one query."""
    found = db.execute(visible(_rows().where(Repo.id.in_(repo_ids)), actor)).all()
    rows = _made(db, found) if with_sparks else [_row(row, None) for row in found]
    return {row.repo_id: row for row in rows}


def own(db: Session, actor: Actor, limit: int) -> Sequence[Row]:
    """What belongs to ``actor`` or to an organisation it is in, last changed first."""
    whose = Repo.owner_id.in_([actor.id, *actor.roles])
    query = visible(_rows().where(whose), actor).order_by(Repo.updated_at.desc(), Repo.id.desc()).limit(limit)
    return _made(db, db.execute(query).all())


def moving(
    db: Session, actor: Actor, kinds: Sequence[str], trending: int, new: int
) -> Mapping[tuple[str, str], Sequence[Row]]:
    """By kind and ``trending`` or ``new``: the highest by trend, among those that have one, and the newest.

    Two queries for all kinds: which repositories they are, then their rows.
    """
    found = indexed.moving(db, actor, kinds, trending, new)
    if found is None:
        found = _moving(db, actor, kinds, trending, new)
    rows = by_id(db, actor, list({repo_id for ids in found.values() for repo_id in ids}))
    return {
        place: sorted((rows[repo_id] for repo_id in ids if repo_id in rows), key=_BY[place[1]], reverse=True)
        for place, ids in found.items()
    }


def _moving(
    db: Session, actor: Actor, kinds: Sequence[str], trending: int, new: int
) -> dict[tuple[str, str], Sequence[str]]:
    found: dict[tuple[str, str], list[str]] = {(kind, place): [] for kind in kinds for place in ("trending", "new")}
    places = [place for kind in kinds for place in _places(actor, kind, trending, new)]
    with bounded(db, queries.LIST_S):
        for kind, place, repo_id in db.execute(union_all(*places)) if places else ():
            found[kind, place].append(repo_id)
    return {**found}


#: In what order each place shows its rows, the last of it first.
_BY: Mapping[str, Callable[[Row], Any]] = {
    "trending": lambda row: (row.trend, row.repo_id),
    "new": lambda row: (row.created_at, row.repo_id),
}


def _places(actor: Actor, kind: str, trending: int, new: int) -> Sequence[Any]:
    """Which repositories stand where: kind, place and id, in no order."""
    these = visible(select(Repo.id).where(Repo.kind == kind), actor)
    highest = these.where(Repo.trend > 0).order_by(Repo.trend.desc(), Repo.id.desc()).limit(trending).subquery()
    newest = these.order_by(Repo.created_at.desc(), Repo.id.desc()).limit(new).subquery()
    return [
        select(literal(kind).label("kind"), literal(place).label("place"), some.c.id)
        for place, some in (("trending", highest), ("new", newest))
    ]


@cache
def _rows() -> Any:
    """Made once: it is never changed, only added to, which makes another."""
    rows = select(*_COLUMNS).join(Account, Account.id == Repo.owner_id)
    rows = rows.outerjoin(RepoCard, RepoCard.repo_id == Repo.id)
    rows = rows.outerjoin(RepoFacts, RepoFacts.repo_id == Repo.id)
    return rows.outerjoin(RepoVerdict, RepoVerdict.repo_id == Repo.id)


def _made(db: Session, found: Sequence[Any]) -> list[Row]:
    sparks = _sparks(db, [row[0] for row in found if row[7]])
    return [_row(row, sparks.get(row[0])) for row in found]


def _row(found: Any, spark: Spark | None) -> Row:
    repo_id, kind, owner, name, visibility, gated, sdk, downloads, likes, trend, created, updated, answers, *card = (
        found
    )
    summary, licence, licence_name, task, library, tags, parameters, rows, size_bytes, context_length, verdict = card
    said = rules.ROW_COUNTS.get(next(iter(_after("size_categories:", tags)), ""), "")
    path = f"{owner}/{name}"
    tasks = [task] if task else _after("task_categories:", tags)
    return Row(
        repo_id=repo_id,
        kind=kind,
        path=path,
        address=page_path(kind, path),
        is_private=visibility == "private",
        is_gated=bool(gated),
        summary=summary or "",
        task=rules.TASKS.get(tasks[0], tasks[0]) if tasks else "",
        library=library or "",
        licence=_licence(licence, licence_name),
        verdict=verdict or "",
        parameters=parameters,
        rows=short(rows) if rows is not None else said,
        size_bytes=size_bytes,
        context_length=context_length,
        sdk=sdk or "",
        downloads=downloads,
        likes=likes,
        trend=trend,
        created_at=created,
        updated_at=updated,
        answers_all=bool(answers),
        spark=spark,
    )


def _after(prefix: str, tags: Sequence[str] | None) -> list[str]:
    return [tag[len(prefix) :] for tag in tags or () if tag.startswith(prefix)]


def _licence(said: str | None, name: Any) -> str:
    """In words: its own name where the card says ``other``."""
    if said == "other" and isinstance(name, str) and name:
        return name[:80]
    return {"other": "other licence", "unknown": "licence unknown"}.get(said or "", said or "")


# ---- sparks ----------------------------------------------------------------------------------------------------


def _sparks(db: Session, repo_ids: Sequence[str]) -> dict[str, Spark]:
    if not repo_ids:
        return {}
    today = clock.now().astimezone(UTC).date()
    since = today - timedelta(days=RECENT_DAYS - 1)
    month = [since + timedelta(days=place) for place in range(RECENT_DAYS)]
    # As the database has them: SQLite keeps texts, and making a date of each takes longer than all the rest.
    places: dict[Any, int] = {day: place for place, moment in enumerate(month) for day in (moment, moment.isoformat())}
    query = select(DownloadDay.repo_id, type_coerce(DownloadDay.day, NullType()), DownloadDay.downloads).where(
        DownloadDay.repo_id.in_(repo_ids), DownloadDay.day >= since
    )
    days: dict[str, list[int]] = {}
    for repo_id, day, downloads in db.execute(query):
        if (place := places.get(day)) is not None:
            days.setdefault(repo_id, [0] * RECENT_DAYS)[place] = downloads
    return {repo_id: spark(numbers) for repo_id, numbers in days.items()}


def spark(numbers: Sequence[int]) -> Spark:
    """``numbers`` from the first day to the last, drawn from zero to the highest of them."""
    most = max(numbers) or 1
    step = (_RIGHT - 1) / (len(numbers) - 1)
    points = [(1 + step * day, _FLOOR - (_FLOOR - _TOP) * number / most) for day, number in enumerate(numbers)]
    drawn = [f"{x:.1f} {y:.1f}".replace(".0", "") for x, y in points]
    x, _, y = drawn[-1].partition(" ")
    return Spark(f"M{' '.join(drawn)}", x, y, sum(numbers), sum(numbers[-7:]), sum(numbers[-14:-7]))
