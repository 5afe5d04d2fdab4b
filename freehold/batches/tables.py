"""Batches, the files they read and write, and the lines that were answered."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from freehold.batches.rules import Reason
from freehold.core.database import Base, UtcDateTime
from freehold.core.database import Id as AccountId

Id = String(40)


class BatchFile(Base):
    """A file of requests or of answers; its bytes lie in the store under ``rules.file_key``. Its owner's alone."""

    __tablename__ = "batch_files"
    __table_args__ = (
        Index("ix_batch_files_user_id_created_at", "user_id", "created_at"),
        Index("ix_batch_files_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(256))
    purpose: Mapped[str] = mapped_column(String(16))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: From then on it is nobody's, and soon gone, unless a batch still reads it. None: the release before wrote it, and
    #: the next sweep says when.
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Batch(Base):
    """A job over many lines: a file of requests (``source`` file), or a data set and a prompt (dataset)."""

    __tablename__ = "batches"
    __table_args__ = (
        Index("ix_batches_user_id_created_at", "user_id", "created_at"),
        Index("ix_batches_state", "state"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    #: The token that made it, which must still be good; None: it was made in a browser.
    token_id: Mapped[str | None] = mapped_column(AccountId)
    bill_to: Mapped[str] = mapped_column(String(96), default="")
    source: Mapped[str] = mapped_column(String(8))
    #: Below /v1: "chat/completions".
    path: Mapped[str] = mapped_column(String(64))
    #: What is called; of a file each line says its own, and this is what the first one says.
    served_name: Mapped[str] = mapped_column(String(320))
    #: Of a file ``file_id``; of a data set repo, revision, path, template, system, parameters, into.
    given: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Whatever its maker wrote on it. Source: OpenAI API reference, batch object.
    notes: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: running, paused, finishing, done, failed, cancelled
    state: Mapped[str] = mapped_column(String(16))
    why: Mapped[str] = mapped_column(Text, default="")
    #: Lines that there are; None: not counted yet.
    total: Mapped[int | None] = mapped_column(BigInteger)
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    failed: Mapped[int] = mapped_column(BigInteger, default=0)
    #: Why lines failed (``rules.Reason``), those of one kind together.
    reasons: Mapped[list[Reason]] = mapped_column(JSON, default=list, server_default="[]")
    #: Every line before this one is answered, or failed; later ones may be.
    reached: Mapped[int] = mapped_column(BigInteger, default=0)
    prompt_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    completion_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    output_file_id: Mapped[str | None] = mapped_column(Id)
    error_file_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BatchLine(Base):
    """A line that was answered or failed, until the batch has ended. ``status`` as of a call of its own."""

    __tablename__ = "batch_lines"

    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    custom_id: Mapped[str] = mapped_column(String(512))
    status: Mapped[int] = mapped_column(Integer)
    #: JSON: the answer, or the error in OpenAI's form.
    answer: Mapped[str] = mapped_column(Text)
