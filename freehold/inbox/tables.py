"""News, and what becomes of it. Repositories are named by id without a foreign key: news outlives what it is about."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from freehold.accounts.tables import Account
from freehold.core.database import Base, Id, UtcDateTime

UNREAD = text("read_at IS NULL")


def _person() -> ForeignKey:
    """Whose it is; it goes with them."""
    return ForeignKey("accounts.id", ondelete="CASCADE")


class News(Base):
    """One thing that happened. ``repo_*``, ``owner_id`` and ``visibility`` are as they were then.

    ``data`` by kind: see ``service/listening.py``.
    """

    __tablename__ = "news"
    __table_args__ = (
        Index("ix_news_repo_id_id", "repo_id", "id"),
        Index("ix_news_actor_id_id", "actor_id", "id"),
        Index("ix_news_owner_id_id", "owner_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    actor_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    repo_id: Mapped[str | None] = mapped_column(Id)
    repo_kind: Mapped[str] = mapped_column(String(8))
    repo_path: Mapped[str] = mapped_column(String(193))
    owner_id: Mapped[str | None] = mapped_column(Id)
    visibility: Mapped[str] = mapped_column(String(8))
    discussion_id: Mapped[str | None] = mapped_column(Id)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)

    actor: Mapped[Account | None] = relationship(lazy="joined")


# ---- webhooks ----------------------------------------------------------------------------------------------


class Webhook(Base):
    """An address of somebody's that is called when something happens to what they watch with it."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[str] = mapped_column(_person(), index=True)
    url: Mapped[str] = mapped_column(Text)
    #: ``repo``, ``discussion`` or both, with a comma between.
    domains: Mapped[str] = mapped_column(String(32))
    #: Sealed (``core.sealing``), or None.
    secret: Mapped[str | None] = mapped_column(Text)
    is_disabled: Mapped[bool] = mapped_column(Boolean)
    #: Why the hub disabled it; empty where its owner did.
    disabled_reason: Mapped[str] = mapped_column(String(512))
    #: Failures since the last success, and when the first of them was; until ``held_until`` nothing more is sent.
    failures: Mapped[int] = mapped_column(Integer)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    watched: Mapped[list["WebhookWatch"]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", passive_deletes=True, order_by="WebhookWatch.position"
    )


class WebhookWatch(Base):
    """What a webhook watches, by name as its owner wrote it: things may come to be, and be renamed, later."""

    __tablename__ = "webhook_watches"
    __table_args__ = (Index("ix_webhook_watches_type_key", "type", "key"),)

    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    type: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(193))
    key: Mapped[str] = mapped_column(String(193))


class Delivery(Base):
    """One call of a webhook, with what came of each attempt. ``status``: waiting, delivered, failed or withheld."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("status in ('waiting', 'delivered', 'failed', 'withheld')", name="status"),
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        Index("ix_webhook_deliveries_webhook_id_status", "webhook_id", "status", "due_at"),
        Index("uq_webhook_deliveries_webhook_id_news_id", "webhook_id", "news_id", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    #: What it tells of; None: it was sent again by hand.
    news_id: Mapped[str | None] = mapped_column(Id)
    repo_id: Mapped[str | None] = mapped_column(Id)
    #: Scope and action: ``repo.content update``.
    event: Mapped[str] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Of each attempt, oldest first: at, ms, status, error. Of the last: the headers sent, and what was answered.
    log: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    request_headers: Mapped[dict[str, str]] = mapped_column(JSON)
    response_headers: Mapped[dict[str, str]] = mapped_column(JSON)
    response_excerpt: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


# ---- people ------------------------------------------------------------------------------------------------


class Watch(Base):
    """How much somebody wants to hear of a repository, or of everything of an account."""

    __tablename__ = "watches"
    __table_args__ = (
        CheckConstraint("target in ('repo', 'account')", name="target"),
        CheckConstraint("level in ('all', 'participating', 'ignore')", name="level"),
        Index("ix_watches_target_id", "target_id", "user_id"),
    )

    user_id: Mapped[str] = mapped_column(_person(), primary_key=True)
    target_id: Mapped[str] = mapped_column(Id, primary_key=True)
    target: Mapped[str] = mapped_column(String(8))
    level: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Participation(Base):
    """Somebody has a part in a thread: opened it, spoke in it, was named. ``is_muted``: and wants to hear no more."""

    __tablename__ = "participations"

    discussion_id: Mapped[str] = mapped_column(ForeignKey("discussions.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(_person(), primary_key=True, index=True)
    is_muted: Mapped[bool] = mapped_column(Boolean)


class Notification(Base):
    """What somebody is told. One row a thread: more news of the same makes it unread again, and counts."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("uq_notifications_user_id_thread", "user_id", "thread", unique=True),
        Index("ix_notifications_user_id_at", "user_id", "at"),
        # The count on every page of somebody signed in reads this and nothing else.
        Index("ix_notifications_unread", "user_id", sqlite_where=UNREAD, postgresql_where=UNREAD),
        Index("ix_notifications_repo_id", "repo_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(_person())
    #: What it belongs to: a discussion, or the news itself.
    thread: Mapped[str] = mapped_column(String(48))
    #: Why this person: mention, participating, watching, owner, you.
    reason: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(24))
    actor_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    repo_id: Mapped[str | None] = mapped_column(Id)
    #: What there is to read, and where: a line, and a path of this hub.
    title: Mapped[str] = mapped_column(String(300))
    address: Mapped[str] = mapped_column(Text)
    #: How much happened since it was last read.
    count: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: The newest news in it, so that a task that runs twice tells once.
    news_id: Mapped[str] = mapped_column(Id)

    actor: Mapped[Account | None] = relationship(lazy="joined", foreign_keys=[actor_id])


class NotificationChoice(Base):
    """What somebody wants of one kind of news: on the page, by mail. No row: as ``rules.DEFAULTS`` says."""

    __tablename__ = "notification_choices"

    user_id: Mapped[str] = mapped_column(_person(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    in_page: Mapped[bool] = mapped_column(Boolean)
    by_mail: Mapped[bool] = mapped_column(Boolean)
