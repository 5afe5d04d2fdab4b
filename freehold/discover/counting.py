"""What each answer to a question would leave of a list: counted in few statements over what a reader may know of."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, case, cast, func, or_, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.cards.tables import RepoTag
from freehold.core.database import bounded
from freehold.discover import answering, conditions, indexed, queries
from freehold.discover.answers import UNKNOWN, Answer
from freehold.discover.kept import kept
from freehold.discover.questions import Question, Range, Tags, Words
from freehold.discover.rules import Listing
from freehold.repos.tables import Repo

#: Repositories that are counted, the first by trend, so that no hub is too large to ask; words that are told of.
MAX_COUNTED, MAX_WORDS, MAX_TAGS = 50_000, 2_000, 1_000
#: By the name of a question and the word of an answer (``unknown`` for what nothing tells); tags as they are.
Numbers = Mapping[str, Mapping[str, int]]
#: The classes of each range, read: by the name of the question.
Classes = Mapping[str, Mapping[str, Answer]]


def total(db: Session, actor: Actor, listing: Listing) -> int:
    """How many ``listing`` asks for."""
    return totals(db, actor, [listing])[0]


def totals(db: Session, actor: Actor, listings: Sequence[Listing]) -> Sequence[int]:
    """How many each of them asks for."""
    numbers = indexed.totals(db, actor, listings)
    if numbers is not None:
        return numbers

    def number(listing: Listing) -> int:
        what = "total", answering.asked(db, actor, listing)  # no change of lists tells of the latter
        return kept(db, actor, listing, what, lambda: queries.number(db, actor, listing))

    return [number(listing) for listing in listings]


def counted(db: Session, actor: Actor, listing: Listing, asked: Sequence[Question], classes: Classes) -> Numbers:
    """How many of what ``listing`` asks for each answer to each of the questions would leave."""
    if listing.is_empty:
        return {one.name: {} for one in asked}
    known = indexed.counted(db, actor, listing, asked, classes)
    if known is not None:  # not kept: it may be of a moment before the database's
        return known
    besides = answering.besides(db, actor) if any(one.name == answering.NAME for one in asked) else frozenset[str]()
    besides |= answering.asked(db, actor, listing)
    what = tuple(one.name for one in asked), tuple((name, *each.items()) for name, each in classes.items()), besides
    return kept(db, actor, listing, what, lambda: _counted(db, actor, listing, asked, classes))


def _counted(db: Session, actor: Actor, listing: Listing, asked: Sequence[Question], classes: Classes) -> Numbers:
    with bounded(db, queries.LIST_S):
        return _asked(db, actor, listing, asked, classes)


def _asked(db: Session, actor: Actor, listing: Listing, asked: Sequence[Question], classes: Classes) -> Numbers:
    """One statement for all questions whose answers are known, one for all tags, and one for each of the rest."""
    these: Any = queries.asked_by(db, actor, select(Repo.id).order_by(Repo.trend.desc()), listing)
    these = these.limit(MAX_COUNTED)
    besides = answering.besides(db, actor) if any(one.name == answering.NAME for one in asked) else frozenset[str]()
    counts = {one.name: _conditions(one, classes.get(one.name, {}), besides) for one in asked if _is_known(one)}
    numbers: dict[str, Mapping[str, int]] = {}
    if counts:
        numbers |= _all_known(db, these, counts, [one for one in asked if one.name in counts])
    tags = [one for one in asked if isinstance(one.value, Tags)]
    if tags:
        found = _tagged(db, these, listing.kind, tags)
        numbers |= {one.name: found for one in tags}
    for one in asked:
        if one.name not in numbers:
            numbers[one.name] = _listed(db, these, one.kept)
    return numbers


def _is_known(question: Question) -> bool:
    value = question.value
    return isinstance(value, Range) or (isinstance(value, Words) and bool(value.names))


def _conditions(
    question: Question, classes: Mapping[str, Answer], besides: Set[str]
) -> Mapping[str, ColumnElement[bool]]:
    value = question.kept
    if isinstance(value, Range):
        found = {word: conditions.between(value.column, answer) for word, answer in classes.items()}
    else:
        some = [Repo.id.in_(besides)] if besides and value.is_of_reader else []
        found = {word: or_(value.column == word, *some) for word in value.names}
    return found | ({UNKNOWN: value.column.is_(None)} if value.unknown else {})


def _all_known(
    db: Session,
    these: Select[Any],
    counts: Mapping[str, Mapping[str, ColumnElement[bool]]],
    asked: Sequence[Question],
) -> dict[str, Mapping[str, int]]:
    columns: list[Any] = [func.count(case((condition, 1))) for each in counts.values() for condition in each.values()]
    query: Any = conditions.joined(select(*columns).select_from(Repo), {one.kept.table for one in asked})
    numbers = iter(db.execute(query.where(Repo.id.in_(these))).one())
    return {name: {word: int(next(numbers)) for word in each} for name, each in counts.items()}


def _tagged(db: Session, these: Select[Any], kind: str, asked: Sequence[Question]) -> Mapping[str, int]:
    """The tags that answer these questions, the most frequent first."""
    found = func.count()
    query = select(RepoTag.tag, found).where(RepoTag.repo_id.in_(these), or_(*(_is_answer(one, kind) for one in asked)))
    query = query.group_by(RepoTag.tag).order_by(found.desc(), RepoTag.tag).limit(MAX_TAGS)
    return {str(tag): int(number) for tag, number in db.execute(query)}


def _is_answer(question: Question, kind: str) -> ColumnElement[bool]:
    value = question.value
    assert isinstance(value, Tags), "tags are counted by tag"
    if value.words and (kind == "model" or not value.prefix):
        return RepoTag.tag.in_(value.words)
    # Unlike LIKE, this minds case on both databases.
    return func.substr(RepoTag.tag, 1, len(value.prefix)) == value.prefix


def _listed(db: Session, these: Select[Any], value: Words | Range) -> Mapping[str, int]:
    """Whatever words are there, the most frequent first; lists of words are told apart here, not in the database."""
    is_list = isinstance(value, Words) and value.is_list
    column, found = cast(value.column, Text) if is_list else value.column, func.count()
    query = conditions.joined(select(column, found).select_from(Repo), {value.table}).where(Repo.id.in_(these))
    numbers: Counter[str] = Counter()
    for told, number in db.execute(query.group_by(column).order_by(found.desc(), column).limit(MAX_WORDS)):
        for word in json.loads(told) if is_list and told else [UNKNOWN if told is None else told]:
            numbers[str(word)] += int(number)
    return dict(sorted(numbers.items(), key=lambda one: (-one[1], one[0])))
