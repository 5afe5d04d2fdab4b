"""How Alembic runs a migration of ours, or writes one: then from the mapped classes of every room, above them all."""

import importlib
import importlib.util
import pkgutil
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, MetaData, text

import freehold
from freehold.core.database import Base, UtcDateTime
from freehold.core.migrate import is_mapped
from freehold.discover import changes

#: A migration that cannot get its locks gives up rather than queue every reader behind it (PostgreSQL).
LOCK_TIMEOUT = "10s"
#: Long work belongs into a bounded background task, not into a migration.
STATEMENT_TIMEOUT = "10min"


def mapped() -> MetaData:
    """The tables of every room: each ``freehold.<room>.tables`` there is, and core's own."""
    for room in pkgutil.iter_modules(freehold.__path__):
        if room.ispkg and importlib.util.find_spec(f"freehold.{room.name}.tables"):
            importlib.import_module(f"freehold.{room.name}.tables")
    importlib.import_module("freehold.core.instance")
    return Base.metadata


def render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Migrations are frozen: they name SQLAlchemy's own types, never ours, which may change under them."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    # A history that is run knows its own tables, and takes from ours how constraints are named. Only who writes its
    # next step compares it with the classes of all rooms, which take a third of a second to import.
    is_written = context.config.attributes.get("is_written", False)
    context.configure(
        connection=connection,
        target_metadata=mapped() if is_written else Base.metadata,
        render_as_batch=True,  # SQLite alters a table by building it anew
        compare_type=True,
        render_item=render,
        include_object=is_mapped,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        changes.remove(connection)
        context.run_migrations()
        if context.get_context().get_current_revision() == context.get_head_revision():
            changes.install(connection)


run(context.config.attributes["connection"])
