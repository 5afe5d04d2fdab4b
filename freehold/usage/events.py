"""What happened to budgets. Told inside the transaction it happened in."""

from dataclasses import dataclass

from freehold.usage.tables import Budget


@dataclass(frozen=True)
class BudgetReached:
    """``percent`` (80 or 100) of ``budget`` is spent this month, for the first time."""

    budget: Budget
    percent: int
