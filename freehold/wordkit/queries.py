"""Conditions that a text holds what was asked for, on both databases."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, String, and_, false, literal_column, not_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import bindparam
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean

from freehold.core.database import RowQuery
from freehold.wordkit.rules import Asked, Term
from freehold.wordkit.tables import TextColumns

#: Columns of the index of SQLite, in their order, and their letters among PostgreSQL's lexemes.
COLUMNS = {"title": "A", "spellings": "B", "tags": "C", "body": "D", "pairs": "D"}
#: What a thing is called and filed under, without what it says.
NAMES = ("title", "spellings", "tags")
EVERY = 1 << 40
#: How FTS5 cuts the columns of a table, as migrations say it.
TOKENIZE = "unicode61 remove_diacritics 2"


def held(
    table: type[TextColumns], asked: Asked, columns: Sequence[str] = (), *, most: int = EVERY
) -> ColumnElement[bool]:
    """Rows of ``table`` that hold what is ``asked``, in ``columns`` of it where any are given.

    No more than ``most`` (on SQLite the newest): common words are in most rows of a large hub.
    """
    if asked.is_nothing:
        return false()
    wanted = _holding(table, asked.terms, " AND ", columns, most) if asked.terms else true()
    return and_(wanted, not_(_holding(table, asked.without, " OR ", columns, EVERY))) if asked.without else wanted


def numbers_held(table: type[TextColumns], asked: Asked, *, most: int) -> tuple[RowQuery, dict[str, Any]]:
    """A prepared query for the numbers of what :func:`held` tells of, and its values; ``asked`` has terms.

    Its one value is all of them: a text with commas between them on SQLite, a list on PostgreSQL; null: there are none.
    Rows of one each take twice as long, and whoever else wants the interpreter gets it between any two.
    """
    name: str = table.__tablename__  # type: ignore[attr-defined]
    lite = " AND ".join(_lite(term) for term in asked.terms)
    post = " & ".join(_post(term, ()) for term in asked.terms)
    if asked.without:
        lite = f"({lite}) NOT ({' OR '.join(_lite(term) for term in asked.without)})"
        post = f"({post}) & !({' | '.join(_post(term, ()) for term in asked.without)})"
    some = f"SELECT rowid FROM {name}_fts WHERE {name}_fts MATCH :lite LIMIT :most"  # noqa: S608  # a table's name
    query = RowQuery(
        f"SELECT group_concat(rowid) FROM ({some})",  # noqa: S608
        f"SELECT array_agg(number) FROM (SELECT number FROM {name}"  # noqa: S608
        " WHERE lexemes @@ CAST(:post AS tsquery) LIMIT :most) AS found",
    )
    return query, {"lite": lite, "post": post, "most": most}


def _holding(
    table: type[TextColumns], terms: Sequence[Term], joined: str, columns: Sequence[str], most: int
) -> ColumnElement[bool]:
    name: str = table.__tablename__  # type: ignore[attr-defined]
    lite = joined.join(_lite(term) for term in terms)
    if columns:
        lite = f"{{{' '.join(columns)}}} : ({lite})"
    post = (" & " if joined == " AND " else " | ").join(_post(term, columns) for term in terms)
    return Holding(
        literal_column(name),
        bindparam(None, lite, String),
        bindparam(None, post, String),
        bindparam(None, most, BigInteger),
    )


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
    """``table``, FTS5's question, the tsquery, and how many: the table's row holds what is asked."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """A condition as it stands. SQLite would be told ``... = 1``, and not see that an index answers it."""
        return self


@compiles(Holding, "sqlite")
def _on_sqlite(element: Holding, compiler: Any, **options: Any) -> str:
    table, lite, _, most = (compiler.process(clause, **options) for clause in element.clauses)
    return (
        f"{table}.number IN (SELECT rowid FROM {table}_fts WHERE {table}_fts MATCH {lite}"  # noqa: S608  # parameters
        f" ORDER BY rowid DESC LIMIT {most})"
    )


@compiles(Holding, "postgresql")
def _on_postgresql(element: Holding, compiler: Any, **options: Any) -> str:
    table, _, post, most = list(element.clauses)
    named, wanted = compiler.process(table, **options), compiler.process(post, **options)
    if most.value == EVERY:
        return f"{named}.lexemes @@ CAST({wanted} AS tsquery)"
    number = compiler.process(most, **options)
    found = f"SELECT number FROM {named} WHERE lexemes @@ CAST({wanted} AS tsquery) LIMIT {number}"  # noqa: S608
    return f"{named}.number IN ({found})"
