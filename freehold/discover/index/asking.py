"""What a list asks of the index, in the engine's words: the filters, and what whoever asks may know of."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from freehold.discover import questions
from freehold.discover.answers import UNKNOWN, Answer
from freehold.discover.index.spelling import PUBLIC, microseconds, no_word, number, word
from freehold.discover.questions import Question, Words
from freehold.discover.rules import Listing
from freehold.repos.access import Reach

Condition = list[Any]
#: What is true of some for some readers (``questions.Words``).
OF_READER: list[Condition] = [
    ["word", word(one.name, answer)]
    for one in questions.QUESTIONS
    if isinstance(one.value, Words) and one.value.is_of_reader
    for answer in one.value.names
]


def query(listing: Listing, reach: Reach, author_id: str | None) -> dict[str, Any]:
    """What a list shows of what somebody may know of; ``author_id``: of ``listing.author``."""
    groups: list[list[Condition]] = [[["word", word("kind", listing.kind)]]]
    if not reach.everything:
        groups.append(_reached(reach))
    if listing.author:
        groups.append([["word", word("owner", author_id or "")]])
    if listing.pipeline_tag:
        groups.append([["word", word("pipeline_tag", listing.pipeline_tag)]])
    groups += [[["word", word("tag", tag)] for tag in group] for group in listing.tags]
    groups += [conditions(questions.BY_NAME[name], answer) for name, answer in listing.answers.items()]
    return {"groups": groups, "search": listing.search.lower().split(), "text": listing.text}


def for_reader(asked: dict[str, Any], besides: Callable[[], Collection[str]]) -> dict[str, Any]:
    """What is asked, where it also holds of some repositories for whoever asks: they are told of in its conditions."""
    some = [*asked["groups"], asked.get("conditions") or []]
    if not any(condition in OF_READER for group in some for condition in group) or not (ids := sorted(besides())):
        return asked

    def told(group: list[Condition]) -> list[Condition]:
        return [["also", one[1], ids] if one in OF_READER else one for one in group]

    more = {"conditions": told(asked["conditions"])} if asked.get("conditions") else {}
    return {**asked, "groups": [told(group) for group in asked["groups"]], **more}


def conditions(question: Question, answer: Answer) -> list[Condition]:
    """Of which one must hold, as ``conditions.holds`` says it to the database."""
    value = question.kept
    met: list[Condition] = []
    if isinstance(value, Words):
        met += [["word", word(question.name, one)] for one in answer.words if one != UNKNOWN]
    if answer.has_bounds:
        met.append(["range", number(value.column), _bound(answer.at_least), _bound(answer.at_most)])
    if UNKNOWN in answer.words:
        met.append(unknown(question))
    return met


def unknown(question: Question) -> Condition:
    value = question.kept
    return ["word", no_word(question.name)] if isinstance(value, Words) else ["unknown", number(value.column)]


def _reached(reach: Reach) -> list[Condition]:
    owners = None if reach.of_owner_ids is None else [word("owner", one) for one in sorted(reach.of_owner_ids)]
    reached: list[Condition] = [["word", PUBLIC]]
    reached += [["word", word("owner", one)] for one in sorted(reach.owner_ids)]
    return reached + [["id", one, owners] for one in sorted(reach.repo_ids)]


def _bound(value: int | datetime | None) -> int | None:
    return microseconds(value) if isinstance(value, datetime) else value
