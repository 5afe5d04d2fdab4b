"""What this room does in the background."""

from freehold.core.database import Database
from freehold.governance.service import chaining
from freehold.tasks.periodic import Periodic

CHAINING_S = 20


def periodics(database: Database) -> tuple[Periodic, ...]:
    """What is done every so often: entries of the trail are tied."""
    return (Periodic("audit trail", CHAINING_S, lambda: chaining.tie(database)),)
