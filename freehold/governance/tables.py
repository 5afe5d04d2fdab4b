"""The audit trail and its chain; what was run for upkeep."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime


class AuditEntry(Base):
    """One thing that somebody did: added in the transaction that did it, never changed.

    It tells names as they were and has no foreign keys: it outlives everything that it is about.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        CheckConstraint("actor_kind in ('user', 'hub', 'anonymous')", name="actor_kind"),
        Index("ix_audit_entries_verb_id", "verb", "id"),
        Index("ix_audit_entries_actor_key_id", "actor_key", "id"),
        Index("ix_audit_entries_owner_id_id", "owner_id", "id"),
        Index("ix_audit_entries_thing_key_id", "thing_key", "id"),
    )

    #: Sorts by the microsecond of its birth (``core.ids.ordered_id``).
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    verb: Mapped[str] = mapped_column(String(40))
    actor_kind: Mapped[str] = mapped_column(String(9))
    actor_id: Mapped[str | None] = mapped_column(Id)
    actor_name: Mapped[str] = mapped_column(String(96))
    actor_key: Mapped[str] = mapped_column(String(96))  # the name in lower case, to look for
    #: By what the actor came: ``session``, ``token NAME``, ``command line``; empty: by itself.
    via: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    #: What it was done to: a kind of repository, user, org, token, webhook, task, setting, hub.
    thing_kind: Mapped[str] = mapped_column(String(12))
    thing_id: Mapped[str] = mapped_column(String(64))
    thing_name: Mapped[str] = mapped_column(String(200))
    thing_key: Mapped[str] = mapped_column(String(200))
    #: The account whose things it is about; None: the hub's.
    owner_id: Mapped[str | None] = mapped_column(Id)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)


class AuditLink(Base):
    """An entry's place in the chain: its digest holds that of the link before it."""

    __tablename__ = "audit_links"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    entry_id: Mapped[str] = mapped_column(ForeignKey("audit_entries.id"), unique=True)
    before: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


class UpkeepRun(Base):
    """One run of the collector or of the scrub that an administrator asked for, or one of the collector's own that did
    something: how it went."""

    __tablename__ = "upkeep_runs"
    __table_args__ = (
        CheckConstraint("kind in ('rehearse', 'collect', 'scrub')", name="kind"),
        Index("ix_upkeep_runs_kind_id", "kind", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    #: Who asked for it; empty: the hub, by itself.
    by_name: Mapped[str] = mapped_column(String(96))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    began_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: What it did so far, in figures (see ``service.upkeep``).
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    error: Mapped[str] = mapped_column(Text)
