"""Repositories, the names they used to have, and who was let through their gates."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from freehold.accounts.tables import Account
from freehold.core.database import Base, Id, UtcDateTime


class Repo(Base):
    """A repository. ``path_key`` is the lower-cased ``namespace/name``: ids are case-insensitive."""

    __tablename__ = "repos"
    __table_args__ = (
        CheckConstraint("kind in ('model', 'dataset', 'space', 'kernel')", name="kind"),
        CheckConstraint("visibility in ('public', 'private')", name="visibility"),
        CheckConstraint("gated in ('', 'auto', 'manual')", name="gated"),
        Index("uq_repos_kind_path_key", "kind", "path_key", unique=True),
        Index("ix_repos_kind_updated_at", "kind", "updated_at"),
        Index("ix_repos_kind_downloads", "kind", "downloads"),
        Index("ix_repos_kind_likes", "kind", "likes", "id"),
        Index("ix_repos_kind_trend", "kind", "trend", "id"),
        Index("ix_repos_kind_created_at", "kind", "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    owner_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    creator_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    name: Mapped[str] = mapped_column(String(96))
    path_key: Mapped[str] = mapped_column(String(193))
    visibility: Mapped[str] = mapped_column(String(8))
    gated: Mapped[str] = mapped_column(String(8), default="")
    sdk: Mapped[str | None] = mapped_column(String(16))
    is_disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    discussions_disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    #: Downloads of the last 30 days and of all time, as ``content.service.counting`` last wrote them down.
    downloads: Mapped[int] = mapped_column(Integer, default=0)
    downloads_all_time: Mapped[int] = mapped_column(Integer, default=0)
    #: How many people like it. Who they are is ``community``'s; the number stands here so that lists sort by it.
    likes: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: Where it stands among what is trending, as ``discover.trending`` ranks it; 0: nothing happened lately.
    trend: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: An endpoint that is switched on serves it. Which is ``inference``'s; it stands here so that lists narrow by it.
    is_served: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    owner: Mapped[Account] = relationship(lazy="joined", innerjoin=True, foreign_keys=[owner_id])

    @property
    def path(self) -> str:
        """``namespace/name`` as people write it."""
        return f"{self.owner.name}/{self.name}"


class RepoAlias(Base):
    """A name a repository had before it moved; answered with a redirect until something else takes the name."""

    __tablename__ = "repo_aliases"

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    path_key: Mapped[str] = mapped_column(String(193), primary_key=True)
    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), index=True)


class Gate(Base):
    """How a repository's gate is kept, where its owner chose other than the defaults of ``rules.GateSettings``."""

    __tablename__ = "gates"
    __table_args__ = (
        CheckConstraint("renew in ('required', 'notified')", name="renew"),
        CheckConstraint("notify_mode in ('bulk', 'real-time')", name="notify_mode"),
    )

    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    renew: Mapped[str] = mapped_column(String(8))
    grace_days: Mapped[int] = mapped_column(Integer)
    notify_mode: Mapped[str] = mapped_column(String(9))
    notify_email: Mapped[str | None] = mapped_column(String(320))


class Admission(Base):
    """Where an account stands at the gate of a repository; an organisation stands there for all its members.

    ``id`` is the request id of the clients. What doors ask for is ``status`` and ``ends_at``; the rest is its story.
    """

    __tablename__ = "admissions"
    __table_args__ = (
        CheckConstraint("status in ('pending', 'accepted', 'rejected')", name="status"),
        Index("uq_admissions_repo_id_account_id", "repo_id", "account_id", unique=True),
        Index("ix_admissions_repo_id_status_id", "repo_id", "status", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    repo_id: Mapped[str] = mapped_column(ForeignKey("repos.id", ondelete="CASCADE"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    status: Mapped[str] = mapped_column(String(8))
    #: When an accepted one stops to open the gate, because the terms changed; None: it goes on.
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: SHA-256 of the terms agreed to; None: let in by the owner without being asked to agree.
    terms: Mapped[str | None] = mapped_column(String(64))
    #: By question, what was answered; None: nothing was asked.
    answers: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    #: Who asked (for an organisation one of its administrators); None: the owner let the account in unasked.
    asked_by_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Who decided last; None: nobody yet, or the gate by itself.
    decided_by_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Why it was rejected, for the one who asked to read.
    reason: Mapped[str] = mapped_column(String(200), default="")

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True, foreign_keys=[account_id])
