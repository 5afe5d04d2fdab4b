"""Budgets, limits and prices as they stand."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.accounts.tables import Account, Membership, Token
from freehold.core import clock
from freehold.usage.rules import month_of, subject_key
from freehold.usage.tables import Budget, Limit, Price

MAX_ROWS = 500


@dataclass(frozen=True)
class Subject:
    """Whose calls are bounded: all that an account pays, those of a person, or those by a token."""

    value: str  #: as a form gives it: ``account``, ``person:ID`` or ``token:ID``
    label: str


@dataclass(frozen=True)
class Bounded:
    """What bounds one subject; None: nothing does."""

    subject: Subject
    amount_micros: int | None
    is_hard: bool
    spent_micros: int
    calls: int | None
    tokens: int | None
    account: str = ""  #: whose, on a page of many accounts


def spent_of(budget: Budget) -> int:
    """What was spent of it this month."""
    return budget.spent_micros if budget.month == month_of(clock.now()) else 0


def of_account(db: Session, account_id: str, *, user_id: str | None = None) -> Budget | None:
    """The budget of an account, or of a person's part of it."""
    return db.scalar(select(Budget).where(Budget.key == subject_key(account_id, user_id)))


def bounded(db: Session, account_id: str | None, *, only: Sequence[str] | None = None) -> list[Bounded]:
    """Whatever is bounded of an account; None: of every account, and what each has. ``only`` these keys."""
    budgets = select(Budget).limit(MAX_ROWS)
    limits = select(Limit).limit(MAX_ROWS)
    if account_id is not None:
        budgets, limits = budgets.where(Budget.account_id == account_id), limits.where(Limit.account_id == account_id)
    if only is not None:
        budgets, limits = budgets.where(Budget.key.in_(only)), limits.where(Limit.key.in_(only))
    by_key: dict[str, tuple[Budget | None, Limit | None]] = {one.key: (one, None) for one in db.scalars(budgets)}
    for limit in db.scalars(limits):
        by_key[limit.key] = (by_key.get(limit.key, (None, None))[0], limit)
    either = [budget or bound for budget, bound in by_key.values()]
    names = _names(db, {i for one in either if one for i in (one.account_id, one.user_id) if i})
    token_names = _token_names(db, {one.token_id for one in either if one and one.token_id})
    found = []
    for budget, bound in by_key.values():
        one = budget or bound
        assert one is not None
        found.append(
            Bounded(
                subject=_subject(one, names, token_names),
                amount_micros=budget.amount_micros if budget else None,
                is_hard=bool(budget and budget.is_hard),
                spent_micros=spent_of(budget) if budget else 0,
                calls=bound.calls if bound else None,
                tokens=bound.tokens if bound else None,
                account=names.get(one.account_id or "", ""),
            )
        )
    return sorted(found, key=lambda one: (one.account, one.subject.value != "account", one.subject.label.lower()))


def members(db: Session, org_id: str) -> list[Subject]:
    """The members of an organisation, as subjects."""
    found = select(Account.id, Account.name).join(Membership, Membership.user_id == Account.id)
    rows = db.execute(found.where(Membership.org_id == org_id).order_by(Account.key).limit(MAX_ROWS))
    return [Subject(f"person:{row.id}", row.name) for row in rows]


def own_tokens(db: Session, user_id: str) -> list[Subject]:
    rows = db.execute(select(Token.id, Token.name).where(Token.user_id == user_id).order_by(Token.name).limit(MAX_ROWS))
    return [Subject(f"token:{row.id}", f"token {row.name}") for row in rows]


def prices(db: Session) -> Sequence[Price]:
    """The price table, the usual price first."""
    is_usual = (Price.key != "default").asc()
    return db.scalars(select(Price).order_by(is_usual, Price.key).limit(MAX_ROWS)).all()


def token_subjects(db: Session, ids: Sequence[str]) -> list[Subject]:
    """These tokens as subjects, with their people's names."""
    names = _token_names(db, set(ids))
    return [Subject(f"token:{i}", names[i]) for i in ids if i in names]


def _subject(one: Budget | Limit, names: dict[str, str], token_names: dict[str, str]) -> Subject:
    if one.token_id:
        return Subject(f"token:{one.token_id}", token_names.get(one.token_id, "a token that is gone"))
    if one.user_id:
        return Subject(f"person:{one.user_id}", names.get(one.user_id, "somebody who is gone"))
    return Subject("account", "everything" if one.account_id else "each account without a limit of its own")


def _names(db: Session, ids: set[str]) -> dict[str, str]:
    return {row[0]: row[1] for row in db.execute(select(Account.id, Account.name).where(Account.id.in_(ids)))}


def _token_names(db: Session, ids: set[str]) -> dict[str, str]:
    found = select(Token.id, Account.name, Token.name).join(Account, Account.id == Token.user_id)
    return {row[0]: f"token {row[2]} of {row[1]}" for row in db.execute(found.where(Token.id.in_(ids)))}
