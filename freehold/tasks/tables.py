"""The queue: one row a task that is not done yet."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime

LEASED = text("lease IS NOT NULL")


class Task(Base):
    """Work to do. Waiting: no ``lease``. Running: a ``lease``. Parked as failed: no ``due_at``. Done: no row.

    ``due_at`` is when somebody may take it: for a running task, the end of its lease.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_due_at", "due_at"),
        Index("ix_tasks_key", "key"),
        # Of the tasks with one key, one runs at a time; the constraint has the last word between two nodes.
        Index("uq_tasks_running_key", "key", unique=True, sqlite_where=LEASED, postgresql_where=LEASED),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    key: Mapped[str | None] = mapped_column(String(128))
    values: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: How often it was begun.
    attempts: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: A secret of whoever runs it: what comes from another hand is too late.
    lease: Mapped[str | None] = mapped_column(String(32))
    holder: Mapped[str] = mapped_column(String(128))
    #: Why the last attempt failed, in a sentence or a line of a trace.
    error: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: When the row was last written: a moment that is still to come tells that the clock went back.
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime)
