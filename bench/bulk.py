"""Rows by the hundred thousand, straight into a hub's tables: what a hub with millions of repositories is measured on.

Nothing here is how a hub writes. Indexes and triggers are gone meanwhile and come back at the end, and a database that
is cut off in between is scrap. No hub may be running on it: the log of changes tells of none of these rows.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from freehold.core.database import Base, Database

#: Kilobytes of pages that SQLite keeps in memory meanwhile.
CACHE_KIB = 400_000
#: For rows as they are kept: moments and days as text, JSON as text, truth as 0 and 1; both databases take that.
Values = Sequence[Any]


class Sink(Protocol):
    """Where rows go."""

    def put(self, table: Table, columns: Sequence[str], rows: Sequence[Values]) -> None:
        """``rows`` are in ``table``: a value for each of ``columns``, and for the others what they have by default."""

    def commit(self) -> None: ...


@contextmanager
def filling(database: Database, tables: Sequence[type[Base]]) -> Iterator[Sink]:
    """A sink for ``tables``, whose indexes are made at the end, with the statistics that queries are planned by."""
    mapped: list[Table] = [table.__table__ for table in tables]  # type: ignore[misc]
    indexes = [index for table in mapped for index in sorted(table.indexes, key=lambda index: str(index.name))]
    with database.engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
        triggers = _without_triggers(connection, mapped) if database.is_sqlite else []
    database.engine.dispose()
    with (_sqlite if database.is_sqlite else _postgres)(database) as sink:
        yield sink
    with database.engine.begin() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql(f"PRAGMA cache_size=-{CACHE_KIB}")
            connection.exec_driver_sql("PRAGMA temp_store=FILE")  # sorting millions of rows is not for the memory
        for index in indexes:
            index.create(connection)
        for made in triggers:
            connection.exec_driver_sql(made)
        connection.exec_driver_sql("ANALYZE")
    database.engine.dispose()


def _without_triggers(connection: Connection, tables: Sequence[Table]) -> list[str]:
    """The tables have no triggers; what makes them again, and what they would have kept. PostgreSQL has its own way."""
    names = [table.name for table in tables]
    master = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('trigger', 'table') ORDER BY name"
    kept = []
    for kind, name, table, made in connection.exec_driver_sql(master).all():
        if kind == "trigger" and table in names:
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
            kept.append(made)
        elif kind == "table" and name.removesuffix("_fts") in names and name.endswith("_fts"):
            kept.append(f'INSERT INTO "{name}" ("{name}") VALUES (\'rebuild\')')
    return kept


@contextmanager
def _sqlite(database: Database) -> Iterator[Sink]:
    connection = sqlite3.connect(database.engine.url.database or "", isolation_level=None)
    try:
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=OFF", "synchronous=OFF", f"cache_size=-{CACHE_KIB}"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        yield _Sqlite(connection)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def put(self, table: Table, columns: Sequence[str], rows: Sequence[Values]) -> None:
        others = _defaults(table, columns)
        names = ", ".join(f'"{name}"' for name in (*columns, *others))
        places = ", ".join(["?"] * len(columns) + [_literal(value) for value in others.values()])
        self._connection.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({places})', rows)

    def commit(self) -> None:
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN")


@contextmanager
def _postgres(database: Database) -> Iterator[Sink]:
    url = database.engine.url.render_as_string(hide_password=False).replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as connection:
        connection.execute("SET timezone TO 'UTC'")
        connection.execute("SET session_replication_role TO replica")  # no look at foreign keys, row by row
        yield _Postgres(connection)


class _Postgres:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def put(self, table: Table, columns: Sequence[str], rows: Sequence[Values]) -> None:
        others = _defaults(table, columns)
        names = sql.SQL(", ").join(sql.Identifier(name) for name in (*columns, *others))
        rest = tuple(int(value) if isinstance(value, bool) else value for value in others.values())
        command = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
        with self._connection.cursor() as cursor, cursor.copy(command) as copy:
            for row in rows:
                copy.write_row((*row, *rest))

    def commit(self) -> None:
        self._connection.commit()


def _defaults(table: Table, columns: Sequence[str]) -> dict[str, Any]:
    """What the mapped class would have put into columns that are not given and may not be empty."""
    return {
        column.name: column.default.arg
        for column in table.columns
        if column.name not in columns
        and not column.nullable
        and column.server_default is None
        and isinstance(column.default, ScalarElementColumnDefault)
    }


def _literal(value: str | int) -> str:
    return str(int(value)) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
