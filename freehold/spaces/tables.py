"""What a Space asks for, and the values its app will find in its environment."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class SpaceWish(Base):
    """The hardware, sleep time and volumes that a Space asks for. No row: it never asked for anything."""

    __tablename__ = "space_wishes"

    repo_id: Mapped[str] = mapped_column(Id, ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    hardware: Mapped[str | None] = mapped_column(String(40))
    sleep_time_s: Mapped[int | None] = mapped_column(Integer)
    volumes: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SpaceValue(Base):
    """One variable, or one secret: then ``value`` is sealed (``core.sealing``)."""

    __tablename__ = "space_values"

    repo_id: Mapped[str] = mapped_column(Id, ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    is_secret: Mapped[bool] = mapped_column(Boolean)
    value: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(String(500), default="")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
