"""What a list asks of the index, in the engine's words: the filters, and what whoever asks may know of."""

from datetime import datetime
from typing import Any

from freehold.discover import questions
from freehold.discover.answers import UNKNOWN, Answer
from freehold.discover.index.spelling import PUBLIC, microseconds, no_word, number, word
from freehold.discover.questions import Question, Words
from freehold.discover.rules import Listing
from freehold.repos.access import Reach

Condition = list[Any]


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
