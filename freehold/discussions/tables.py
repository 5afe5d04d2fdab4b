"""Threads, what happened in them, and every wording of every comment."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from freehold.accounts.tables import Account
from freehold.core.database import Base, Id, UtcDateTime
from freehold.repos.tables import Repo
from freehold.wordkit.tables import TextColumns

#: Clients know the first four, and keep the others as they come.
EVENT_TYPES = (
    "comment", "status-change", "title-change", "commit", "review", "force-push", "base-change", "base-deleted",
    "locking-change", "pinning-change",
)  # fmt: skip


def _by() -> ForeignKey:
    """Who did it; what they did outlives their account."""
    return ForeignKey("accounts.id", ondelete="SET NULL")


class Discussion(Base):
    """A thread. A pull request also has ``base``, the branch it is for, and ``start``, the commit it grew from.

    ``events`` and ``characters`` count what the thread holds, so that both stay bounded. In a locked one only those who
    may write to the repository speak; a pinned one stands above the list.
    """

    __tablename__ = "discussions"
    __table_args__ = (
        CheckConstraint("status in ('draft', 'open', 'closed', 'merged')", name="status"),
        Index("uq_discussions_repo_id_num", "repo_id", "num", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"))
    num: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(8))
    is_pull_request: Mapped[bool] = mapped_column(Boolean)
    base: Mapped[str | None] = mapped_column(String(255))
    start: Mapped[str | None] = mapped_column(String(40))
    merge_commit: Mapped[str | None] = mapped_column(String(40))
    author_id: Mapped[str | None] = mapped_column(_by(), index=True)
    events: Mapped[int] = mapped_column(Integer)
    characters: Mapped[int] = mapped_column(Integer)
    is_locked: Mapped[bool] = mapped_column(Boolean, server_default=false())
    is_pinned: Mapped[bool] = mapped_column(Boolean, server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    repo: Mapped[Repo] = relationship(lazy="raise")
    author: Mapped[Account | None] = relationship(lazy="joined")


class Event(Base):
    """One thing that happened in a thread, at ``position`` from 1.

    ``data`` by type: ``status-change`` status; ``title-change`` and ``base-change`` from, to; ``commit`` subject, oid;
    ``force-push`` from, to, subject; ``base-deleted`` base; ``locking-change`` locked; ``pinning-change`` pinned;
    ``review`` state, oid; ``comment`` place, where it is about a line of a file. The words of a comment and of a
    review are its versions.
    """

    __tablename__ = "discussion_events"
    __table_args__ = (
        CheckConstraint(f"type in ({', '.join(repr(name) for name in EVENT_TYPES)})", name="type"),
        Index("uq_discussion_events_discussion_id_position", "discussion_id", "position", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    discussion_id: Mapped[str] = mapped_column(ForeignKey("discussions.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    type: Mapped[str] = mapped_column(String(16))
    author_id: Mapped[str | None] = mapped_column(_by())
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    is_hidden: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    author: Mapped[Account | None] = relationship(lazy="joined")
    versions: Mapped[list["CommentVersion"]] = relationship(
        lazy="selectin", order_by="CommentVersion.number", cascade="all, delete-orphan", passive_deletes=True
    )


class CommentVersion(Base):
    """One wording of a comment, ``number`` from 1; the highest is what it says now. A hidden comment has none."""

    __tablename__ = "comment_versions"

    event_id: Mapped[str] = mapped_column(ForeignKey("discussion_events.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    author_id: Mapped[str | None] = mapped_column(_by())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    author: Mapped[Account | None] = relationship(lazy="joined")


class Reaction(Base):
    """What somebody thinks of a comment, in one word (``rules.REACTIONS``)."""

    __tablename__ = "reactions"

    event_id: Mapped[str] = mapped_column(ForeignKey("discussion_events.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True)
    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DiscussionText(TextColumns, Base):
    """The words of one thread: its title, and what its comments say now; of hidden ones nothing."""

    __tablename__ = "discussion_texts"

    discussion_id: Mapped[str] = mapped_column(ForeignKey("discussions.id", ondelete="CASCADE"), unique=True)
