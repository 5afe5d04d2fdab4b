"""Lists of repositories, by the one rule of who may know what."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, defer

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.cards.results import Result
from freehold.cards.rules import RELATIONS
from freehold.cards.tables import EvalResult, RepoCard, RepoFacts, RepoLink, RepoTag, RepoText
from freehold.content.rules import MAIN
from freehold.content.tables import Ref
from freehold.core import paging
from freehold.core.database import bounded
from freehold.core.paging import Cursor
from freehold.discover import answering, conditions, indexed, questions
from freehold.discover.rules import Listing
from freehold.repos.access import visible
from freehold.repos.tables import Repo
from freehold.wordkit.queries import held
from freehold.wordkit.rules import asked

#: Results looked through for one leaderboard, and models shown on it.
MAX_RESULTS, MAX_STANDINGS = 5_000, 1_000
#: Seconds that the database has for one page or one number of a list: what it lacks, the index has (``indexed``).
LIST_S = 5.0


@dataclass(frozen=True)
class Item:
    """One repository of a list: its row, its head and what the index says of it."""

    repo: Repo
    head: str | None
    card: RepoCard | None


@dataclass(frozen=True)
class Page:
    """One page of a list, and where the next begins."""

    items: Sequence[Item]
    next: Cursor | None


def page(db: Session, actor: Actor, listing: Listing, *, with_data: bool = True) -> Page:
    """The repositories that ``listing`` asks for and ``actor`` may know of. One query.

    Without data nobody may look at what cards and configurations say in full: most lists show none of it.
    """
    if listing.is_empty:
        return Page([], None)
    indexed_page = indexed.page(db, actor, listing)
    if indexed_page is not None:
        query = visible(_whole(_rows().where(Repo.id.in_(indexed_page.ids)), with_data), actor)
        there = {repo.id: Item(repo, head, card) for repo, head, card in db.execute(query)}
        ids, following = indexed_page.shown(there)
        return Page([there[repo_id] for repo_id in ids], following)
    query = _whole(_ordered(db, actor, listing), with_data)
    with bounded(db, LIST_S):
        found = [(Item(repo, head, card), at) for repo, head, card, at in db.execute(query)]
    items = [item for item, _ in found[: listing.limit]]
    if len(found) <= listing.limit:
        return Page(items, None)
    return Page(items, Cursor(found[listing.limit - 1][1], items[-1].repo.id))


def in_order(query: Select[Any], listing: Listing) -> Select[Any]:
    """One page of ``query`` over :class:`Repo`, and a row more where there is one; last of each: what it is sorted by.

    A sort by facts needs :class:`RepoFacts` beside it.
    """
    table, column = questions.ORDERS[listing.sort]
    how = {"ascending": listing.ascending, "may_be_unknown": table is not Repo}
    query = query.add_columns(column).order_by(*paging.ordered(column, Repo.id, **how)).limit(listing.limit + 1)
    if listing.cursor is None:
        return query
    return query.where(paging.after(column, Repo.id, listing.cursor, **how))


def count(db: Session, actor: Actor, listing: Listing) -> int:
    """How many there are in all."""
    found = indexed.count(db, actor, listing)
    return number(db, actor, listing) if found is None else found


def number(db: Session, actor: Actor, listing: Listing) -> int:
    """The same, counted by the database."""
    if listing.is_empty:
        return 0
    query = asked_by(db, actor, select(func.count(Repo.id)), replace(listing, cursor=None))
    with bounded(db, LIST_S):
        return db.scalar(query) or 0


def counts(db: Session, actor: Actor) -> dict[str, int]:
    """How many repositories of each kind there are."""
    numbers = indexed.counts(db, actor)
    if numbers is not None:
        return numbers
    query: Any = select(Repo.kind, func.count(Repo.id)).group_by(Repo.kind)
    with bounded(db, LIST_S):
        return {str(kind): int(number) for kind, number in db.execute(visible(query, actor))}


def tags(db: Session, actor: Actor, kind: str, limit: int = 5000) -> Sequence[tuple[str, int]]:
    """Tags of the repositories of ``kind`` that ``actor`` may know of, with how many carry each, most first."""
    found = func.count(RepoTag.repo_id)
    query: Any = select(RepoTag.tag, found).join(Repo, Repo.id == RepoTag.repo_id).where(Repo.kind == kind)
    query = visible(query, actor).group_by(RepoTag.tag).order_by(found.desc(), RepoTag.tag).limit(limit)
    with bounded(db, LIST_S):
        return [(str(tag), int(number)) for tag, number in db.execute(query)]


@cache
def _rows() -> Any:
    query = select(Repo, Ref.target, RepoCard).outerjoin(Ref, and_(Ref.repo_id == Repo.id, Ref.name == MAIN))
    return query.outerjoin(RepoCard, RepoCard.repo_id == Repo.id)


def _whole(query: Select[Any], with_data: bool) -> Select[Any]:
    return query if with_data else query.options(*_BARE)


_BARE = (defer(RepoCard.data, raiseload=True), defer(RepoCard.config, raiseload=True))


def _ordered(db: Session, actor: Actor, listing: Listing) -> Select[Any]:
    """One page, and a row more where there is one; last of each row: what it is sorted by."""
    table, _ = questions.ORDERS[listing.sort]
    if table is Repo:
        return in_order(asked_by(db, actor, _rows(), listing), listing)
    # What is sorted by facts is sorted whole: by ids alone, and not with their cards, which takes twenty times as long.
    ids: Any = conditions.joined(select(Repo.id), {table})
    first = in_order(asked_by(db, actor, ids, listing), listing).subquery()
    _, at = first.c
    how = {"ascending": listing.ascending, "may_be_unknown": True}
    query: Select[Any] = _rows().join(first, first.c.id == Repo.id).add_columns(at)
    return query.order_by(*paging.ordered(at, Repo.id, **how))


def asked_by(db: Session, actor: Actor, query: Select[Any], listing: Listing) -> Select[Any]:
    """``query`` over :class:`Repo`, narrowed to what ``listing`` asks for and ``actor`` may know of."""
    return visible(filtered(query, listing, answering.asked(db, actor, listing)), actor)


def filtered(query: Select[Any], listing: Listing, besides: Set[str] = frozenset()) -> Select[Any]:
    """``query`` over :class:`Repo`, narrowed to what ``listing`` asks for, whoever asks; ``besides``: as
    ``conditions.holds``."""
    query = query.where(Repo.kind == listing.kind)
    for word in listing.search.lower().split():
        query = query.where(Repo.path_key.contains(word, autoescape=True))
    if listing.text:
        holding = select(RepoText.repo_id).where(held(RepoText, asked(listing.text)))
        # A page that an administrator shut shows no card, so nothing is found by one.
        query = query.where(Repo.id.in_(holding), Repo.is_disabled.is_(False))
    if listing.author:
        owner = select(Account.id).where(Account.key == listing.author.lower()).scalar_subquery()
        query = query.where(Repo.owner_id == owner)
    if listing.pipeline_tag:
        tagged = select(RepoCard.repo_id).where(RepoCard.pipeline_tag == listing.pipeline_tag)
        query = query.where(Repo.id.in_(tagged))
    for name, answer in listing.answers.items():
        query = query.where(conditions.holds(questions.BY_NAME[name], answer, besides))
    for group in listing.tags:
        query = query.where(Repo.id.in_(select(RepoTag.repo_id).where(RepoTag.tag.in_(group))))
    return query


def children(db: Session, repo: Repo) -> int:
    """How many public models here name ``repo`` as what they were made from."""
    if repo.kind != "model":
        return 0
    names = [f"base_model:{relation}:{repo.path}" for relation in RELATIONS]
    named = select(RepoTag.repo_id).where(RepoTag.tag.in_(names))
    query = select(func.count(Repo.id)).where(Repo.id.in_(named), Repo.visibility == "public", Repo.kind == "model")
    return db.scalar(query) or 0


def quantised(db: Session, actor: Actor, repo: Repo, room_bytes: int, most: int) -> Sequence[Repo]:
    """Models that name ``repo`` as what they quantise and that take up to ``room_bytes``, the largest first."""
    query: Any = (
        select(Repo)
        .join(RepoLink, RepoLink.repo_id == Repo.id)
        .join(RepoFacts, RepoFacts.repo_id == Repo.id)
        .where(RepoLink.path_key == repo.path_key, RepoLink.kind == repo.kind, RepoLink.relation == "quantized")
        .where(RepoFacts.needed_bytes <= room_bytes, RepoLink.repo_id != repo.id)
        .order_by(RepoFacts.needed_bytes.desc(), Repo.id)
        .limit(most)
    )
    found: Sequence[Repo] = db.scalars(visible(query, actor)).all()
    return found


# ---- evaluation results ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """A model's best score on a benchmark, and its place (equal scores share one)."""

    rank: int
    repo: Repo
    value: float
    filename: str
    data: Mapping[str, Any]


def results_of(db: Session, repo: Repo) -> list[Result]:
    """The evaluation results of a model, from the index."""
    rows = db.scalars(select(EvalResult).where(EvalResult.repo_id == repo.id).order_by(EvalResult.position))
    return [Result(row.filename, row.dataset_key, row.task, row.value, row.data) for row in rows]


def standings(db: Session, actor: Actor, dataset: Repo, task: str | None, *, with_derived: bool) -> list[Standing]:
    """The best score of each model that ``actor`` may know of, the highest first; at most :data:`MAX_STANDINGS`."""
    query: Any = (
        select(EvalResult, Repo)
        .join(Repo, Repo.id == EvalResult.repo_id)
        .where(EvalResult.dataset_key == dataset.path_key, EvalResult.value.is_not(None))
        .order_by(EvalResult.value.desc(), Repo.path_key, EvalResult.position)
        .limit(MAX_RESULTS)
    )
    if task is not None:
        query = query.where(EvalResult.task == task)
    if not with_derived:
        query = query.where(Repo.id.not_in(select(RepoTag.repo_id).where(RepoTag.tag.startswith("base_model:"))))
    best: dict[str, tuple[EvalResult, Repo]] = {}
    for result, repo in db.execute(visible(query, actor)):
        best.setdefault(repo.id, (result, repo))
    rows = list(best.values())[:MAX_STANDINGS]
    ranks = {value: rank for rank, value in reversed([(n + 1, row.value) for n, (row, _) in enumerate(rows)])}
    return [Standing(ranks[row.value], repo, float(row.value or 0), row.filename, row.data) for row, repo in rows]
