"""How what lists know of repositories is spelt as the engine's words and numbers, from the questions as declared.

Read by the feed, which says what is so, and by whoever asks: both must spell alike.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from freehold.core.database import UtcDateTime
from freehold.discover import questions
from freehold.discover.questions import Question, Range, Tags, Words

#: The word of what everybody may know of.
PUBLIC = "public"
#: The word of pages that an administrator shut.
SHUT = "shut"
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def word(name: str, value: str) -> str:
    return f"{name}={value}"


def no_word(name: str) -> str:
    """Nothing tells the answer to a question."""
    return f"{name}?"


@cache
def number(column: Any) -> str:
    """The name of a column of numbers: several questions and orders may read the same."""
    return str(column)


@cache
def columns_of_numbers() -> Mapping[str, tuple[type[Any], Any]]:
    """Every column that lists are sorted by or narrowed by as a range, with its table."""
    ranges = [(one.value.table, one.value.column) for one in questions.QUESTIONS if isinstance(one.value, Range)]
    return {number(column): (table, column) for table, column in (*questions.ORDERS.values(), *ranges)}


@cache
def questions_of_words() -> Sequence[Question]:
    return [one for one in questions.QUESTIONS if isinstance(one.value, Words)]


def is_moment(column: Any) -> bool:
    return isinstance(column.type, UtcDateTime)


def families(spelt: str) -> Sequence[str]:
    """The questions whose answers are whatever there is, of which this word is one: those are counted on pages."""
    name, _, value = spelt.partition("=")
    if name != "tag":
        return (name,) if name in _open() else ()
    fixed, prefixed = _tags()
    prefix, colon, rest = value.partition(":")
    return (*fixed.get(value, ()), *(prefixed.get(prefix, ()) if colon and rest else ()))


@cache
def _open() -> frozenset[str]:
    return frozenset(one.name for one in questions_of_words() if isinstance(one.value, Words) and not one.value.names)


@cache
def _tags() -> tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]]:
    """Questions by the words that answer them, and by the prefix that does."""
    fixed: dict[str, list[str]] = {}
    prefixed: dict[str, list[str]] = {}
    for one in questions.QUESTIONS:
        if isinstance(one.value, Tags):
            for tag in one.value.words:
                fixed.setdefault(tag, []).append(one.name)
            if one.value.prefix:
                prefixed.setdefault(one.value.prefix.removesuffix(":"), []).append(one.name)
    return fixed, prefixed


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _BEGIN) // _MICROSECOND


def moment(value: int) -> datetime:
    return _BEGIN + value * _MICROSECOND
