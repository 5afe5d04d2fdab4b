"""Searches that people saved, and what each has found."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class SavedSearch(Base):
    """What one person looks for: ``query`` is that of a list's address, in one spelling, without its order."""

    __tablename__ = "saved_searches"
    __table_args__ = (
        CheckConstraint("mail in ('none', 'soon', 'daily')", name="mail"),
        Index("uq_saved_searches_user_id_name_key", "user_id", "name_key", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(240))
    kind: Mapped[str] = mapped_column(String(8))
    query: Mapped[str] = mapped_column(Text)
    in_page: Mapped[bool] = mapped_column(Boolean)
    mail: Mapped[str] = mapped_column(String(8))
    is_paused: Mapped[bool] = mapped_column(Boolean)
    #: It matches too much to remember it all: only what is made after this is new to it. None: whatever it knows not.
    made_after: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: What was found after this is new.
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SearchMatch(Base):
    """A search knows of a repository: nobody is told of it twice. ``found_at`` None: it matched from the start."""

    __tablename__ = "search_matches"
    __table_args__ = (
        Index("ix_search_matches_search_id_found_at", "search_id", "found_at"),
        Index("ix_search_matches_repo_id", "repo_id"),
    )

    search_id: Mapped[str] = mapped_column(ForeignKey("saved_searches.id", ondelete="CASCADE"), primary_key=True)
    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    found_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: When it went out by mail, or need not any more.
    mailed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
