"""The questions of lists, as the database is asked them: conditions on repositories, and tables that answers lie in."""

import json
from collections.abc import Set
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, not_, or_, select

from freehold.accounts.tables import Account
from freehold.discover.answers import UNKNOWN, Answer
from freehold.discover.questions import Question, Range, Words
from freehold.repos.tables import Repo


def holds(question: Question, answer: Answer, besides: Set[str] = frozenset()) -> ColumnElement[bool]:
    """The condition on :class:`Repo` that one of the alternatives of ``answer`` is true of it.

    ``besides``: of which the answer is true for whoever asks, where it depends on that.
    """
    value = question.kept
    met: list[ColumnElement[bool]] = []
    words = [word for word in answer.words if word != UNKNOWN]
    if words:
        met.append(_one_of(value, words))
    if answer.has_bounds:
        met.append(between(value.column, answer))
    kept = [_within(value.table, or_(*met))] if met else []
    if words and besides and isinstance(value, Words) and value.is_of_reader:
        kept.append(Repo.id.in_(besides))
    if UNKNOWN in answer.words:
        kept.append(not_(_within(value.table, value.column.is_not(None))))
    return or_(*kept)


def between(column: Any, answer: Answer) -> ColumnElement[bool]:
    bounds = ((answer.at_least, column.__ge__), (answer.at_most, column.__le__))
    return and_(*(compare(bound) for bound, compare in bounds if bound is not None))


def joined(query: Select[Any], tables: set[type[Any]]) -> Select[Any]:
    """``query`` over :class:`Repo`, with what these tables say of each; nulls where they do not."""
    for table in sorted(tables - {Repo}, key=lambda one: one.__name__):
        query = query.outerjoin(table, _key(table)[0] == _key(table)[1])
    return query


def _one_of(value: Words | Range, words: list[str]) -> ColumnElement[bool]:
    if isinstance(value, Words) and value.is_list:
        text = cast(value.column, Text)
        # A word of a JSON list, between its quotation marks. Unlike LIKE, this minds case on both databases.
        return or_(*(func.replace(text, json.dumps(word), "") != text for word in words))
    condition: ColumnElement[bool] = value.column.in_(words)
    return condition


def _within(table: type[Any], condition: ColumnElement[bool]) -> ColumnElement[bool]:
    if table is Repo:
        return condition
    theirs, ours = _key(table)
    among: ColumnElement[bool] = ours.in_(select(theirs).where(condition))
    return among


def _key(table: Any) -> tuple[Any, Any]:
    """What a row of ``table`` and the repository that it is about have in common."""
    return (Account.id, Repo.owner_id) if table is Account else (table.repo_id, Repo.id)
