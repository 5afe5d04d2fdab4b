"""Repositories that hold words: found by name, tags and card, ordered by how well they match, then by trend.

The words of a name, and of a tag or a card, are looked for everywhere; parts of words in names only among those that
trend most. What is looked at is bounded, so that no hub is too large to ask and no word too common.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, true, union
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.cards.tables import RepoText
from freehold.repos.access import visible
from freehold.repos.tables import Repo
from freehold.wordkit import context
from freehold.wordkit.context import Piece
from freehold.wordkit.queries import NAMES, held
from freehold.wordkit.rules import Asked, asked

#: Repositories of each kind that trend most, whose names are looked through for parts of words.
MAX_NAMES = 5_000
#: Of what holds the words in its name or tags, and of what holds them in its card, so many are looked at, the newest.
MAX_HELD = 2_000
#: Looked at to say whether there is anything at all.
MAX_PROBED = 300
#: How well something matches, the best first.
EXACT, BEGINS, NAMED, FILED, SAID = range(5)


@dataclass(frozen=True)
class Matches:
    """The best of one kind in their order, how each matches, and how many there are (a floor where ``is_more``)."""

    repo_ids: Sequence[str]
    ranks: Mapping[str, int]
    total: int
    is_more: bool


NONE = Matches((), {}, 0, False)


def matches(
    db: Session, actor: Actor, words: str, limits: Mapping[str, int], *, in_cards: bool = True
) -> Mapping[str, Matches]:
    """By kind, the best repositories that ``actor`` may know of, so many of each. One query."""
    wanted = asked(words)
    if not wanted.terms:
        return dict.fromkeys(limits, NONE)
    rank = _rank(words, wanted)
    found: Any = select(Repo.id, Repo.kind, rank.label("rank"), Repo.trend).where(Repo.kind.in_(limits))
    these = visible(found.where(Repo.id.in_(_candidates(wanted, limits, in_cards))), actor).subquery()
    order = (these.c.rank, these.c.trend.desc(), these.c.id.desc())
    place = func.row_number().over(partition_by=these.c.kind, order_by=order)
    total = func.count().over(partition_by=these.c.kind)
    placed = select(these.c.id, these.c.kind, these.c.rank, place.label("place"), total.label("total")).subquery()
    best = select(placed).where(placed.c.place <= max(limits.values())).order_by(placed.c.kind, placed.c.place)
    by_kind: dict[str, list[Any]] = {kind: [] for kind in limits}
    for row in db.execute(best):
        by_kind[row.kind].append(row)
    return {kind: _matches(rows, limits[kind]) for kind, rows in by_kind.items()}


def holds(db: Session, actor: Actor, words: str) -> bool:
    """Whether any repository that ``actor`` may know of holds the words, among the newest that do."""
    wanted = asked(words)
    if not wanted.terms:
        return False
    query = select(Repo.id).join(RepoText, RepoText.repo_id == Repo.id)
    query = query.where(held(RepoText, wanted, most=MAX_PROBED), Repo.is_disabled.is_(False))
    return db.scalar(visible(query, actor).limit(1)) is not None


def contexts(db: Session, repo_ids: Sequence[str], words: str) -> Mapping[str, Sequence[Piece]]:
    """By id, a line around the words in the card of each. The caller has found them for whoever reads."""
    if not repo_ids:
        return {}
    wanted = asked(words)
    rows = db.execute(select(RepoText.repo_id, RepoText.body).where(RepoText.repo_id.in_(repo_ids)))
    return {repo_id: line for repo_id, body in rows if (line := context.line(body, wanted))}


def _matches(rows: Sequence[Any], limit: int) -> Matches:
    shown = rows[:limit]
    total = rows[0].total if rows else 0
    return Matches([row.id for row in shown], {row.id: row.rank for row in shown}, total, total >= MAX_HELD)


def _candidates(wanted: Asked, kinds: Iterable[str], in_cards: bool) -> Any:
    """The ids of what may match, a few of each way to match; whoever asks narrows them to what may be known."""
    ways: list[Any] = []
    for kind in kinds:
        names = select(Repo.id, Repo.path_key).where(Repo.kind == kind).order_by(Repo.trend.desc()).limit(MAX_NAMES)
        most = names.subquery()
        ways.append(select(most.c.id).where(*_in_name(most.c.path_key, wanted)))
    of_text = select(RepoText.repo_id).join(Repo, Repo.id == RepoText.repo_id).where(Repo.is_disabled.is_(False))
    ways.append(of_text.where(held(RepoText, wanted, NAMES, most=MAX_HELD)))
    if in_cards:
        ways.append(of_text.where(held(RepoText, wanted, most=MAX_HELD)))
    return union(*ways)


def _rank(words: str, wanted: Asked) -> ColumnElement[int]:
    key = "-".join(words.lower().split())  # names have no spaces, and people type them
    is_name = or_(Repo.path_key == key, Repo.path_key.endswith(f"/{key}", autoescape=True))
    begins = or_(Repo.path_key.startswith(key, autoescape=True), Repo.path_key.contains(f"/{key}", autoescape=True))
    filed = exists().where(RepoText.repo_id == Repo.id, held(RepoText, wanted, NAMES, most=MAX_HELD))
    return case(
        (is_name, EXACT),
        (begins, BEGINS),
        (and_(true(), *_in_name(Repo.path_key, wanted)), NAMED),
        (filed, FILED),
        else_=SAID,
    )


def _in_name(key: Any, wanted: Asked) -> list[ColumnElement[bool]]:
    parts = [key.contains(word, autoescape=True) for term in wanted.terms for word in term.words]
    return parts + [~key.contains(word, autoescape=True) for term in wanted.without for word in term.words]
