"""Rows that two people may be writing at once."""

from collections.abc import Mapping, Sequence

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from freehold.core.database import Base


def insert_missing(db: Session, table: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Every one of ``rows`` is there; those whose key was there already are left as they were."""
    if not rows:
        return
    if db.get_bind().dialect.name == "postgresql":
        db.execute(postgresql.insert(table).on_conflict_do_nothing(), [dict(row) for row in rows])
    else:
        db.execute(sqlite.insert(table).on_conflict_do_nothing(), [dict(row) for row in rows])


def insert_new(db: Session, table: type[Base], row: Mapping[str, object]) -> bool:
    """``row`` is there, and whether it was not before. Of two at once, one hears True."""
    insert = postgresql.insert if db.get_bind().dialect.name == "postgresql" else sqlite.insert
    made = insert(table).values(**row).on_conflict_do_nothing().returning(*table.__mapper__.primary_key)
    return db.execute(made).first() is not None
