"""Pipelines that are served, and traces of what their steps did lately."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from freehold.accounts.tables import Account
from freehold.core.database import Base, Id, UtcDateTime
from freehold.repos.tables import Repo


class Pipeline(Base):
    """A file of a repository at a pinned revision, served under a name. ``document`` is what the file says, checked: a
    call reads no git."""

    __tablename__ = "pipelines"
    __table_args__ = (
        Index("ix_pipelines_namespace_id", "namespace_id"),
        Index("ix_pipelines_repo_id", "repo_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    namespace_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    #: As people write it; ``served_names`` has it in lower case.
    name: Mapped[str] = mapped_column(String(193))
    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(String(512))
    revision: Mapped[str] = mapped_column(String(40))
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    is_on: Mapped[bool] = mapped_column(Boolean, default=True)
    #: Traces keep what steps were given and gave.
    keeps_content: Mapped[bool] = mapped_column(Boolean, default=False)
    created_by_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    namespace: Mapped[Account] = relationship(lazy="joined", innerjoin=True, foreign_keys=[namespace_id])
    repo: Mapped[Repo] = relationship(lazy="joined", innerjoin=True, foreign_keys=[repo_id])


class PipelineTrace(Base):
    """What the steps of one call did. Only the newest of each pipeline are kept."""

    __tablename__ = "pipeline_traces"
    __table_args__ = (Index("ix_pipeline_traces_pipeline_id_id", "pipeline_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    pipeline_id: Mapped[str] = mapped_column(ForeignKey("pipelines.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: ``usage.rules.Outcome``.
    outcome: Mapped[str] = mapped_column(String(9))
    seconds: Mapped[float] = mapped_column(Float)
    prompt_tokens: Mapped[int] = mapped_column(Integer)
    completion_tokens: Mapped[int] = mapped_column(Integer)
    #: As ``pipelines.answering`` traces each; with texts only where the pipeline keeps content.
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    request_id: Mapped[str] = mapped_column(String(256))
