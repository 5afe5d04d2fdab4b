"""What this room does in the background."""

from freehold.content.kit import Kit
from freehold.core.database import Database
from freehold.governance.service import chaining, choices, upkeep
from freehold.tasks.periodic import Periodic
from freehold.tasks.rules import Kind
from freehold.tasks.worker import Body, Turn

CHAINING_S = 20
PRUNING_S = 3600


def periodics(database: Database) -> tuple[Periodic, ...]:
    """What is done every so often: entries of the trail are tied, and old ones go where that was chosen."""
    return (
        Periodic("audit trail", CHAINING_S, lambda: chaining.tie(database)),
        Periodic("old entries of the trail", PRUNING_S, lambda: choices.prune_trail(database)),
    )


def bodies(kit: Kit) -> dict[Kind, Body]:
    """Each kind of task with its body, for the worker."""

    def carry_out(turn: Turn, run_id: str) -> None:
        upkeep.carry_out(turn, kit, run_id)

    return {upkeep.UPKEEP: carry_out}
