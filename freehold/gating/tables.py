"""Terms by their digest, which were in force when, and what happened at gates."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class TermsText(Base):
    """A text that somebody may have agreed to, kept for good under the SHA-256 of its bytes."""

    __tablename__ = "terms_texts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    #: The licence file that is part of it, by path and SHA-256; empty: none is.
    licence_path: Mapped[str] = mapped_column(String(255))
    licence_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TermsVersion(Base):
    """From ``since`` on, ``sha256`` was what one agrees to at this gate; the highest ``number`` is what counts."""

    __tablename__ = "terms_versions"

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("terms_texts.sha256"), index=True)
    commit: Mapped[str | None] = mapped_column(String(40))
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class AccessRecord(Base):
    """One thing that happened at a gate, for an auditor: added, never changed.

    It tells names as they were, and outlives the repository and the accounts it is about.
    """

    __tablename__ = "access_records"
    __table_args__ = (
        CheckConstraint(
            "what in ('agreed', 'asked', 'accepted', 'rejected', 'granted', 'returned', 'left')", name="what"
        ),
        Index("ix_access_records_repo_id_at_id", "repo_id", "at", "id"),
        Index("ix_access_records_account_id_at_id", "account_id", "at", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    what: Mapped[str] = mapped_column(String(8))
    repo_id: Mapped[str | None] = mapped_column(ForeignKey("repos.id", ondelete="SET NULL"))
    repo_kind: Mapped[str] = mapped_column(String(8))
    repo_path: Mapped[str] = mapped_column(String(193))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    account_kind: Mapped[str] = mapped_column(String(8))
    account_name: Mapped[str] = mapped_column(String(96))
    #: Who did it; empty: the gate itself.
    by_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    by_name: Mapped[str] = mapped_column(String(96))
    #: The terms that were agreed to; None: it was no agreement.
    sha256: Mapped[str | None] = mapped_column(ForeignKey("terms_texts.sha256"), index=True)
    reason: Mapped[str] = mapped_column(String(200), default="")
