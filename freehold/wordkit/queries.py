"""Conditions that a text holds what was asked for, on both databases."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import String, and_, false, literal_column, not_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import bindparam
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean

from freehold.wordkit.rules import Asked, Term
from freehold.wordkit.tables import TextColumns

#: Columns of the index of SQLite, in their order, and their letters among PostgreSQL's lexemes.
COLUMNS = {"title": "A", "spellings": "B", "tags": "C", "body": "D", "pairs": "D"}
#: What a thing is called and filed under, without what it says.
NAMES = ("title", "spellings", "tags")


def held(table: type[TextColumns], asked: Asked, columns: Sequence[str] = ()) -> ColumnElement[bool]:
    """Rows of ``table`` that hold what is ``asked``, in ``columns`` of it where any are given."""
    if asked.is_nothing:
        return false()
    wanted = _holding(table, asked.terms, " AND ", columns) if asked.terms else true()
    return and_(wanted, not_(_holding(table, asked.without, " OR ", columns))) if asked.without else wanted


def _holding(
    table: type[TextColumns], terms: Sequence[Term], joined: str, columns: Sequence[str]
) -> ColumnElement[bool]:
    name: str = table.__tablename__  # type: ignore[attr-defined]
    lite = joined.join(_lite(term) for term in terms)
    if columns:
        lite = f"{{{' '.join(columns)}}} : ({lite})"
    post = (" & " if joined == " AND " else " | ").join(_post(term, columns) for term in terms)
    return Holding(literal_column(name), bindparam(None, lite, String), bindparam(None, post, String))


def _lite(term: Term) -> str:
    """FTS5's words. Each is letters and digits within quotes, so nothing that was typed is an operator."""
    return f'"{" ".join(term.words)}"{"*" if term.is_open else ""}'


def _post(term: Term, columns: Sequence[str]) -> str:
    """A tsquery's words, quoted likewise."""
    places = "".join(dict.fromkeys(COLUMNS[column] for column in columns))
    last = len(term.words) - 1
    marks = [("*" if term.is_open and at == last else "") + places for at in range(last + 1)]
    words = [f"'{word}':{mark}" if mark else f"'{word}'" for word, mark in zip(term.words, marks, strict=True)]
    return f"({' <-> '.join(words)})"


class Holding(FunctionElement[bool]):
    """``table``, FTS5's question and the tsquery: the table's row holds what is asked."""

    type = Boolean()
    inherit_cache = True


@compiles(Holding, "sqlite")
def _on_sqlite(element: Holding, compiler: Any, **options: Any) -> str:
    table, lite, _ = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{table}.number IN (SELECT rowid FROM {table}_fts WHERE {table}_fts MATCH {lite})"  # noqa: S608  # names and parameters


@compiles(Holding, "postgresql")
def _on_postgresql(element: Holding, compiler: Any, **options: Any) -> str:
    table, post = (compiler.process(clause, **options) for clause in list(element.clauses)[::2])
    return f"{table}.lexemes @@ CAST({post} AS tsquery)"
