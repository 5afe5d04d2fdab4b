"""Repositories and the names they used to have."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, String
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
