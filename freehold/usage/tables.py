"""What was used, what it costs, and what bounds it.

Meters and days are written many at a time by calls that may outlive an account or a token: they refer to them without
a foreign key, and a listener takes them away.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, Date, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from freehold.core.database import Base, Id, UtcDateTime

Name = String(320)


class MeterRow(Base):
    """What one call took. Kept for some days; ``usage_days`` keeps the sums. Ids sort by time."""

    __tablename__ = "meters"
    __table_args__ = (
        Index("ix_meters_payer_id_day", "payer_id", "day"),
        Index("ix_meters_day", "day"),
        Index("ix_meters_request_id", "request_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    day: Mapped[date] = mapped_column(Date)
    payer_id: Mapped[str] = mapped_column(Id)
    user_id: Mapped[str | None] = mapped_column(Id)
    token_id: Mapped[str | None] = mapped_column(Id)
    request_id: Mapped[str] = mapped_column(String(256))
    served_name: Mapped[str] = mapped_column(Name)
    via: Mapped[str] = mapped_column(Name)
    model: Mapped[str] = mapped_column(Name)
    revision: Mapped[str] = mapped_column(String(64))
    repo_id: Mapped[str | None] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(32))
    outcome: Mapped[str] = mapped_column(String(16))
    is_batch: Mapped[bool] = mapped_column(Boolean)
    prompt_tokens: Mapped[int] = mapped_column(BigInteger)
    cached_tokens: Mapped[int] = mapped_column(BigInteger)
    completion_tokens: Mapped[int] = mapped_column(BigInteger)
    estimated_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    seconds_ms: Mapped[int] = mapped_column(BigInteger)
    queue_ms: Mapped[int] = mapped_column(BigInteger)
    first_token_ms: Mapped[int | None] = mapped_column(BigInteger)
    processor_ms: Mapped[int] = mapped_column(BigInteger)
    peak_memory_bytes: Mapped[int] = mapped_column(BigInteger)
    #: An estimate: processor seconds by the watts of a core as they were set then.
    energy_mj: Mapped[int] = mapped_column(BigInteger)
    #: What it cost, and the prices it was let in at.
    cost_micros: Mapped[int] = mapped_column(BigInteger)
    input_price: Mapped[int] = mapped_column(BigInteger)
    cached_price: Mapped[int] = mapped_column(BigInteger)
    output_price: Mapped[int] = mapped_column(BigInteger)
    second_price: Mapped[int] = mapped_column(BigInteger)


class UsageDay(Base):
    """The sums of one day (UTC) for everything that tells calls apart; ``id`` is a digest of that. '' is nobody."""

    __tablename__ = "usage_days"
    __table_args__ = (
        Index("ix_usage_days_payer_id_day", "payer_id", "day"),
        Index("ix_usage_days_user_id_day", "user_id", "day"),
        Index("ix_usage_days_token_id_day", "token_id", "day"),
        Index("ix_usage_days_day", "day"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    payer_id: Mapped[str] = mapped_column(Id)
    user_id: Mapped[str] = mapped_column(Id)
    token_id: Mapped[str] = mapped_column(Id)
    served_name: Mapped[str] = mapped_column(Name)
    model: Mapped[str] = mapped_column(Name)
    repo_id: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(32))
    outcome: Mapped[str] = mapped_column(String(16))
    is_batch: Mapped[bool] = mapped_column(Boolean)
    calls: Mapped[int] = mapped_column(BigInteger)
    prompt_tokens: Mapped[int] = mapped_column(BigInteger)
    cached_tokens: Mapped[int] = mapped_column(BigInteger)
    completion_tokens: Mapped[int] = mapped_column(BigInteger)
    estimated_tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    seconds_ms: Mapped[int] = mapped_column(BigInteger)
    queue_ms: Mapped[int] = mapped_column(BigInteger)
    processor_ms: Mapped[int] = mapped_column(BigInteger)
    energy_mj: Mapped[int] = mapped_column(BigInteger)
    cost_micros: Mapped[int] = mapped_column(BigInteger)
    peak_memory_bytes: Mapped[int] = mapped_column(BigInteger)


class Price(Base):
    """What calls cost from now on: of a served name (``name:...``), of a model (``model:...``), or ``default``."""

    __tablename__ = "prices"

    key: Mapped[str] = mapped_column(Name, primary_key=True)
    input_price: Mapped[int] = mapped_column(BigInteger)
    cached_price: Mapped[int] = mapped_column(BigInteger)
    output_price: Mapped[int] = mapped_column(BigInteger)
    second_price: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Budget(Base):
    """What may be spent in a month (UTC). ``key`` is ``rules.subject_key`` of the other three."""

    __tablename__ = "budgets"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    token_id: Mapped[str | None] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), index=True)
    amount_micros: Mapped[int] = mapped_column(BigInteger)
    #: Calls end with it; otherwise it only tells.
    is_hard: Mapped[bool] = mapped_column(Boolean, default=False)
    #: The month that ``spent_micros`` and ``told`` are of; another one: nothing was spent yet.
    month: Mapped[str] = mapped_column(String(7), default="")
    spent_micros: Mapped[int] = mapped_column(BigInteger, default=0)
    #: The mark in percent that its people heard of already.
    told: Mapped[int] = mapped_column(Integer, default=0)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BudgetHold(Base):
    """What a call in flight is thought to cost, kept back of a budget until it is recorded, or is not renewed."""

    __tablename__ = "budget_holds"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    budget_id: Mapped[str] = mapped_column(ForeignKey("budgets.id", ondelete="CASCADE"), primary_key=True, index=True)
    micros: Mapped[int] = mapped_column(BigInteger)
    lapses_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Limit(Base):
    """Calls and tokens a minute. ``key`` as a budget's; without an account: of each account that has none."""

    __tablename__ = "limits"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    token_id: Mapped[str | None] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), index=True)
    calls: Mapped[int | None] = mapped_column(BigInteger)
    tokens: Mapped[int | None] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LimitMinute(Base):
    """What one node counted under a limit in one minute, for the others to hear. Gone a few minutes later."""

    __tablename__ = "limit_minutes"

    limit_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    node: Mapped[str] = mapped_column(Id, primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)
    tokens: Mapped[int] = mapped_column(BigInteger)


class KeptCall(Base):
    """What one call asked and what it was answered, sealed; only where the owner of what was called keeps that."""

    __tablename__ = "kept_calls"
    __table_args__ = (
        Index("ix_kept_calls_account_id_id", "account_id", "id"),
        Index("ix_kept_calls_user_id_id", "user_id", "id"),
        Index("ix_kept_calls_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Whose endpoint or route was called.
    account_id: Mapped[str] = mapped_column(Id)
    #: Who asked; None: somebody who was not signed in.
    user_id: Mapped[str | None] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(12))
    served_name: Mapped[str] = mapped_column(Name)
    repo_id: Mapped[str | None] = mapped_column(Id)
    request_id: Mapped[str] = mapped_column(String(256))
    sealed: Mapped[str] = mapped_column(Text)
