"""The schema at every start: from whatever this database has to what this release needs."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from freehold.core.database import Database

HISTORY = Path(__file__).parent.parent / "migrations"
#: One number for all nodes: whoever holds it upgrades, the others wait and find nothing left to do (PostgreSQL).
ADVISORY_LOCK = 0x66726565


class SchemaError(Exception):
    """The database cannot be brought to this release's schema; the message says what to do."""


def head() -> str:
    """The newest revision this release knows: the number its last file starts with."""
    return max(path.name[:4] for path in (HISTORY / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def current(database: Database) -> str | None:
    """The revision the database has; None when it is empty."""
    with database.engine.connect() as connection:
        return _current(connection)


def is_mapped(item: Any, name: str | None, kind: str, *_more: Any) -> bool:
    """Whether the mapped classes speak of it. Full-text indexes are made by hand, each database in its own way."""
    is_index = kind == "table" and "_texts_fts" in (name or "")
    return not is_index and not (kind == "index" and (name or "").endswith("_lexemes"))


def upgrade(database: Database) -> None:
    """The database has this release's schema. Several nodes may call it at once; cheap when nothing is to be done.

    Raises :class:`SchemaError` when the database is newer than this release.
    """
    wanted = head()
    if current(database) == wanted:  # nearly every start: no lock, and no look at every row
        return
    with _alone(database) as connection:
        found = _current(connection)
        if found == wanted:
            return
        if found is not None and (not re.fullmatch(r"\d{4}", found) or found > wanted):
            raise SchemaError(
                f"The database is at schema {found}, and this release of Freehold knows up to {wanted}: "
                "start the newer release again, or restore the backup made before it."
            )
        _run(connection)


def upgrade_apart(database: Database) -> None:
    """:func:`upgrade` by a process of its own: Alembic and a whole history leave 20 MiB behind, which a server keeps.

    What goes wrong there goes wrong again here, where it is said in words.
    """
    if current(database) != head():
        command = [sys.executable, "-m", __name__]
        subprocess.run(command, input=database.url.encode(), stderr=subprocess.DEVNULL, check=False)  # noqa: S603
    upgrade(database)


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A connection inside the one transaction that may change the schema, committed when the block ends."""
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            with connection.begin():
                connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
                yield connection
            return
        # SQLite alters a table by building a new one and dropping the old: with foreign keys on, dropping it would
        # cascade into every row that refers to it. The switch has no effect inside a transaction.
        connection = connection.execution_options(freehold_writes=True)
        raw = connection.connection.cursor()
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                assert not broken, f"the migration left rows that refer to nothing: {broken[:5]}"
        finally:
            raw.execute("PRAGMA foreign_keys=ON")
            raw.close()


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _run(connection: Connection) -> None:
    # Imported only when there is something to do: it costs every start a tenth of a second and some memory.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HISTORY).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


if __name__ == "__main__":  # the address comes by standard input: it may hold a password
    upgrade(Database(sys.stdin.read()))
