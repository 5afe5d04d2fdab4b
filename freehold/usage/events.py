"""What happened to budgets, limits and prices. Told inside the transaction it happened in."""

from dataclasses import dataclass

from freehold.accounts.tables import Account
from freehold.usage.rules import Rate
from freehold.usage.tables import Budget


@dataclass(frozen=True)
class BudgetReached:
    """``percent`` (80 or 100) of ``budget`` is spent this month, for the first time."""

    budget: Budget
    percent: int


@dataclass(frozen=True)
class BoundsChanged:
    """Calls of ``subject`` (in words) on ``account`` (None: on each) are bounded otherwise; None: not at all."""

    account: Account | None
    subject: str
    amount_micros: int | None
    is_hard: bool
    calls: int | None
    tokens: int | None


@dataclass(frozen=True)
class PriceChanged:
    """Calls cost something else from now on: ``key`` as the table has it; ``rate`` None: nothing of its own."""

    key: str
    rate: Rate | None


@dataclass(frozen=True)
class ContentErased:
    """What ``count`` calls asked and were answered is gone: of ``account``'s models, by its administrator; or what
    ``account`` asked, by themselves (``is_own``). ``what`` in words, never a text."""

    account: Account
    is_own: bool
    what: str
    count: int
