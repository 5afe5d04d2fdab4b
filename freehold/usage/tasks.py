"""What is done about usage in the background: meters are written, old ones go."""

from freehold.core.database import Database
from freehold.tasks.periodic import Periodic
from freehold.usage.service import pruning
from freehold.usage.service.recording import FLUSH_S, Ledger

PRUNING_S = 3600


def periodics(database: Database, ledger: Ledger, meter_days: int) -> tuple[Periodic, ...]:
    return (
        Periodic("meters", FLUSH_S, ledger.flush),
        Periodic("old meters", PRUNING_S, lambda: pruning.prune(database, meter_days)),
    )
