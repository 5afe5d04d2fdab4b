"""What guards found: what kind, where and how often, never the text."""

from datetime import datetime

from sqlalchemy import Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class GuardFinding(Base):
    """One finding in one call. ``route_id`` is of a room above, so no key: that room says when a route is gone."""

    __tablename__ = "guard_findings"
    __table_args__ = (Index("ix_guard_findings_route_id_id", "route_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    route_id: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    guard: Mapped[str] = mapped_column(String(12))
    side: Mapped[str] = mapped_column(String(6))
    does: Mapped[str] = mapped_column(String(5))
    what: Mapped[str] = mapped_column(String(60))
    place: Mapped[str] = mapped_column(String(60))
    count: Mapped[int] = mapped_column(Integer)
    request_id: Mapped[str] = mapped_column(String(256))
