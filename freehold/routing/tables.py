"""Routes, and what they chose lately."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from freehold.accounts.tables import Account
from freehold.core.database import Base, Id, UtcDateTime


class Route(Base):
    """A served name that stands for a policy. ``policy``: as ``routing.policies`` reads it, checked when saved."""

    __tablename__ = "routes"
    __table_args__ = (Index("ix_routes_namespace_id", "namespace_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    namespace_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    #: As people write it; ``served_names`` has it in lower case.
    name: Mapped[str] = mapped_column(String(193))
    description: Mapped[str] = mapped_column(String(500), default="")
    policy: Mapped[dict[str, Any]] = mapped_column(JSON)
    is_on: Mapped[bool] = mapped_column(Boolean, default=True)
    #: What is asked and answered is kept, for the route's owner to read.
    keeps_content: Mapped[bool] = mapped_column(Boolean, default=False)
    created_by_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    namespace: Mapped[Account] = relationship(lazy="joined", innerjoin=True, foreign_keys=[namespace_id])


class RouteChoice(Base):
    """What one call came to: who answered, why, and how it ended. Only the newest of each route are kept."""

    __tablename__ = "route_choices"
    __table_args__ = (Index("ix_route_choices_route_id_id", "route_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    route_id: Mapped[str] = mapped_column(ForeignKey("routes.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: The served name that the route chose; '' where it came to none.
    chosen: Mapped[str] = mapped_column(String(193))
    model: Mapped[str] = mapped_column(String(256))
    revision: Mapped[str] = mapped_column(String(40))
    why: Mapped[str] = mapped_column(String(500))
    #: ``usage.rules.Outcome``.
    outcome: Mapped[str] = mapped_column(String(9))
    #: Engines that were called for it, and tokens of them all.
    legs: Mapped[int] = mapped_column(Integer)
    tokens: Mapped[int] = mapped_column(Integer)
    request_id: Mapped[str] = mapped_column(String(256))
