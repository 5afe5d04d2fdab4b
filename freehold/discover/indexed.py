"""Lists as the index of this node answers them: the one door to it. None everywhere means: ask the database.

The index says which repositories, in what order and how many. What is shown of them is read from the database, through
the rule of who may know what: so an index that is a second behind never shows what has just become private.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.core.paging import Cursor
from freehold.discover import answering, questions
from freehold.discover.answers import UNKNOWN, Answer
from freehold.discover.index import asking, spelling
from freehold.discover.index.client import Index
from freehold.discover.questions import Question, Range, Tags
from freehold.discover.rules import Listing
from freehold.repos.access import Reach, reach
from freehold.repos.rules import KINDS

#: Asked for beyond a page, to fill it up where some have just gone from sight; words that are told of.
SPARE, MAX_WORDS = 8, 1_000
#: Among what a session knows (``Database.info``).
INFO = "index"

Asked = Mapping[str, Any]
#: A list, and what is asked of it.
Part = tuple[Listing, Asked]


@dataclass(frozen=True)
class Found:
    """Repositories by id, in order, with what they are sorted by: one page of ``limit``, and some to spare."""

    ids: Sequence[str]
    at: Sequence[Any]
    limit: int

    def shown(self, there: Container[str]) -> tuple[Sequence[str], Cursor | None]:
        """The ids of the page, of those that are ``there`` to be seen, and where the next page begins."""
        seen = [(repo_id, at) for repo_id, at in zip(self.ids, self.at, strict=True) if repo_id in there]
        page, last = [repo_id for repo_id, _ in seen[: self.limit]], None
        if len(seen) > self.limit:
            last = seen[self.limit - 1]
        elif len(self.ids) > self.limit + SPARE:  # more than the spare ones are gone: the next page goes on behind
            last = self.ids[-1], self.at[-1]
        return page, Cursor(last[1], last[0]) if last is not None else None


@dataclass(frozen=True)
class _Answered:
    """What one actor was answered, in one session."""

    reached: Reach
    parts: Sequence[Part]
    answers: Sequence[Mapping[str, Any]]

    def of(self, part: Part) -> Mapping[str, Any] | None:
        found = zip(self.parts, self.answers, strict=True)
        return next((answer for one, answer in found if one == part), None)


def ahead(db: Session, actor: Actor, parts: Sequence[Part]) -> None:
    """Ask all that a page is going to need (``of_page`` and the like) in one exchange; this session has it then.

    The way to the index and back takes longer than most answers, and longest where others use the machine too.
    """
    parts = [part for part in parts if not part[0].is_empty]
    answers = _ask(db, actor, parts)
    if answers is not None:
        db.info["answered"] = _Answered(reach(actor), parts, answers)


def of_page(listing: Listing) -> Part:
    """What :func:`page` asks."""
    _, column = questions.ORDERS[listing.sort]
    wanted = {
        "order": spelling.number(column),
        "rising": listing.ascending,
        "most": listing.limit + 1 + SPARE,
        "after": _after(listing.cursor),
    }
    return listing, {"page": wanted}


def of_total(listing: Listing) -> Part:
    """What :func:`totals` asks of each."""
    return listing, {"count": True}


def of_counted(listing: Listing, asked: Sequence[Question], classes: Mapping[str, Mapping[str, Answer]]) -> Part:
    """What :func:`counted` asks."""
    known, open_ = _parted(asked, classes)
    conditions = [condition for each in known.values() for condition in each.values()]
    return listing, {"families": open_, "most": MAX_WORDS, "conditions": conditions}


def page(db: Session, actor: Actor, listing: Listing) -> Found | None:
    """The repositories of one page of ``listing``."""
    _, column = questions.ORDERS[listing.sort]
    found = _ask(db, actor, [of_page(listing)])
    if found is None:
        return None
    at = found[0]["numbers"]
    if spelling.is_moment(column):
        at = [None if number is None else spelling.moment(number) for number in at]
    return Found(found[0]["ids"], at, listing.limit)


def count(db: Session, actor: Actor, listing: Listing) -> int | None:
    found = totals(db, actor, [listing])
    return None if found is None else found[0]


def totals(db: Session, actor: Actor, listings: Sequence[Listing]) -> Sequence[int] | None:
    """How many each of them holds: asked at once, as the way to the index and back takes longer than its counting."""
    found = _ask(db, actor, [of_total(listing) for listing in listings if not listing.is_empty])
    if found is None:
        return None
    numbers = iter(found)
    return [0 if listing.is_empty else int(next(numbers)["count"]) for listing in listings]


def counts(db: Session, actor: Actor) -> dict[str, int] | None:
    """How many repositories of each kind there are."""
    found = _ask(db, actor, [of_total(Listing(kind=kind)) for kind in KINDS])
    if found is None:
        return None
    numbers = {kind: int(one["count"]) for kind, one in zip(KINDS, found, strict=True)}
    return {kind: number for kind, number in numbers.items() if number}


def counted(
    db: Session,
    actor: Actor,
    listing: Listing,
    asked: Sequence[Question],
    classes: Mapping[str, Mapping[str, Answer]],
) -> Mapping[str, Mapping[str, int]] | None:
    """As ``counting.counted``, over all that the list holds."""
    found = _ask(db, actor, [of_counted(listing, asked, classes)])
    if found is None:
        return None
    known, open_ = _parted(asked, classes)
    told = iter(found[0].get("conditions", ()))
    numbers = {name: {word: int(next(told)) for word in each} for name, each in known.items()}
    for one in asked:
        if one.name in open_:
            words = {word.partition("=")[2]: int(number) for word, number in found[0]["families"][one.name]}
            numbers[one.name] = {word: n for word, n in words.items() if _answers(one, listing.kind, word)} | numbers[
                one.name
            ]
    return numbers


def _parted(
    asked: Sequence[Question], classes: Mapping[str, Mapping[str, Answer]]
) -> tuple[Mapping[str, Mapping[str, asking.Condition]], Sequence[str]]:
    """The answers of each question that are known before, as conditions, and the questions that have others."""
    known = {one.name: _conditions(one, classes.get(one.name, {})) for one in asked}
    return known, [one.name for one in asked if not known[one.name] or _is_open(one)]


def moving(
    db: Session, actor: Actor, kinds: Sequence[str], trending: int, new: int
) -> dict[tuple[str, str], Sequence[str]] | None:
    """As ``register.moving``: the ids, the first of each place first."""
    trend, created = (spelling.number(questions.ORDERS[name][1]) for name in ("trend", "created_at"))
    asked: list[Part] = []
    for kind in kinds:
        asked.append((Listing(kind=kind), _first(trend, trending)))
        asked.append((Listing(kind=kind), _first(created, new)))
    found = _ask(db, actor, asked)
    if found is None:
        return None
    places = [(kind, place) for kind in kinds for place in ("trending", "new")]
    return {
        place: [
            repo_id
            for repo_id, number in zip(one["ids"], one["numbers"], strict=True)
            if number or place[1] != "trending"
        ]
        for place, one in zip(places, found, strict=True)
    }


def _first(order: str, most: int) -> Asked:
    return {"page": {"order": order, "rising": False, "most": most, "after": None}}


def _is_open(question: Question) -> bool:
    """Its words are whatever there is."""
    value = question.value
    return isinstance(value, Tags) or (not isinstance(value, Range) and not value.names)


def _answers(question: Question, kind: str, word: str) -> bool:
    """Tags of models are told by their words, those of others by their prefix, where a question has both."""
    value = question.value
    if not isinstance(value, Tags):
        return True
    if value.words and (kind == "model" or not value.prefix):
        return word in value.words
    return word.startswith(value.prefix)


def _conditions(question: Question, classes: Mapping[str, Answer]) -> dict[str, asking.Condition]:
    """By the word of each answer that is known before, what a repository has to meet."""
    value = question.value
    if isinstance(value, Tags):
        return {}
    if isinstance(value, Range):
        found = {word: asking.conditions(question, answer)[0] for word, answer in classes.items()}
    else:
        found = {word: asking.conditions(question, Answer(word, (word,)))[0] for word in value.names}
    return found | ({UNKNOWN: asking.unknown(question)} if value.unknown else {})


def _ask(db: Session, actor: Actor, asked: Sequence[Part]) -> Sequence[Mapping[str, Any]] | None:
    index: Index | None = db.info.get(INFO)
    if index is None:
        return None
    reached = reach(actor)
    answered: _Answered | None = db.info.get("answered")
    if answered is not None and answered.reached == reached:
        known = [answer for part in asked if (answer := answered.of(part)) is not None]
        if len(known) == len(asked):
            return known
    if not index.is_ready:
        return None
    questions_of_index = []
    for listing, wanted in asked:
        query = asking.query(replace(listing, cursor=None), reached, _author(db, listing))
        questions_of_index.append(asking.for_reader({**query, **wanted}, partial(answering.besides, db, actor)))
    return index.ask(questions_of_index)


def _author(db: Session, listing: Listing) -> str | None:
    if not listing.author:
        return None
    return db.scalar(select(Account.id).where(Account.key == listing.author.lower()))


def _after(cursor: Cursor | None) -> tuple[int | None, str] | None:
    if cursor is None:
        return None
    return (cursor.at if isinstance(cursor.at, int | None) else spelling.microseconds(cursor.at)), cursor.id
