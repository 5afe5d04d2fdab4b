"""What was used in a stretch of days, as sums: by day, and by what tells calls apart."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from freehold.accounts.tables import Account, Token
from freehold.usage.tables import UsageDay

MAX_ROWS = 50
MAX_EXPORTED = 50_000


@dataclass(frozen=True)
class Scope:
    """Whose calls, and which of them. None: whoever's, whichever. Days are those of UTC, both ends included."""

    since: date
    until: date
    payer_id: str | None = None
    user_id: str | None = None
    token_id: str | None = None
    served_name: str | None = None


@dataclass(frozen=True)
class Sums:
    """What calls took together."""

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds_ms: int = 0
    processor_ms: int = 0
    energy_mj: int = 0
    cost_micros: int = 0
    peak_memory_bytes: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class Named:
    """A row of a table: what it is of, as the database knows it, and its sums. ``repo_id`` only of models."""

    key: str
    sums: Sums
    model: str = ""
    repo_id: str = ""


_NAMES = tuple(field.name for field in fields(Sums))
_SUMS = tuple(
    (func.max if name == "peak_memory_bytes" else func.sum)(getattr(UsageDay, name)).label(name) for name in _NAMES
)


def total(db: Session, scope: Scope) -> Sums:
    """Everything in ``scope``."""
    return _sums(db.execute(select(*_SUMS).where(*_within(scope))).one())


def by_day(db: Session, scope: Scope) -> dict[date, Sums]:
    """By day, where there was anything."""
    rows = db.execute(select(UsageDay.day, *_SUMS).where(*_within(scope)).group_by(UsageDay.day).order_by(UsageDay.day))
    return {row.day: _sums(row) for row in rows}


def by_model(db: Session, scope: Scope) -> Sequence[Named]:
    """By served name and what it stood for, the dearest first."""
    of = (UsageDay.served_name, UsageDay.model, UsageDay.repo_id)
    return [Named(row.served_name, _sums(row), row.model, row.repo_id) for row in db.execute(_grouped(scope, *of))]


def by_person(db: Session, scope: Scope) -> Sequence[Named]:
    return [Named(row.user_id, _sums(row)) for row in db.execute(_grouped(scope, UsageDay.user_id))]


def by_token(db: Session, scope: Scope) -> Sequence[Named]:
    """By token; '' are calls from the hub's own pages."""
    return [Named(row.token_id, _sums(row)) for row in db.execute(_grouped(scope, UsageDay.token_id))]


def by_outcome(db: Session, scope: Scope) -> Sequence[Named]:
    return [Named(row.outcome, _sums(row)) for row in db.execute(_grouped(scope, UsageDay.outcome))]


def by_payer(db: Session, scope: Scope) -> Sequence[Named]:
    return [Named(row.payer_id, _sums(row)) for row in db.execute(_grouped(scope, UsageDay.payer_id))]


def rows(db: Session, scope: Scope) -> Sequence[UsageDay]:
    """The rows themselves, for an export, by day; at most ``MAX_EXPORTED``."""
    found = select(UsageDay).where(*_within(scope)).order_by(UsageDay.day, UsageDay.id)
    return db.scalars(found.limit(MAX_EXPORTED)).all()


def people(db: Session, ids: Collection[str]) -> dict[str, str]:
    """Names of these accounts, by id; whoever is gone is left out."""
    return {row[0]: row[1] for row in db.execute(select(Account.id, Account.name).where(Account.id.in_(ids)))}


def tokens(db: Session, ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """By id, whose tokens these are and what they are called; what was revoked is left out."""
    found = select(Token.id, Account.name, Token.name).join(Account, Account.id == Token.user_id)
    return {row[0]: (row[1], row[2]) for row in db.execute(found.where(Token.id.in_(ids)))}


def _grouped(scope: Scope, *of: Any) -> Any:
    dearest = (func.sum(UsageDay.cost_micros).desc(), func.sum(UsageDay.calls).desc(), *of)
    return select(*of, *_SUMS).where(*_within(scope)).group_by(*of).order_by(*dearest).limit(MAX_ROWS)


def _within(scope: Scope) -> list[ColumnElement[bool]]:
    wanted = [UsageDay.day >= scope.since, UsageDay.day <= scope.until]
    for name in ("payer_id", "user_id", "token_id", "served_name"):
        value = getattr(scope, name)
        if value is not None:
            wanted.append(getattr(UsageDay, name) == value)
    return wanted


def _sums(row: Any) -> Sums:
    return Sums(**{name: int(getattr(row, name) or 0) for name in _NAMES})
