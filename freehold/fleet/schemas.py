"""Machines on the wire: calls of our own."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from freehold.cards.memory import GB
from freehold.fleet.queries import machine_of
from freehold.fleet.rules import Given
from freehold.fleet.tables import OwnMachine


class MachineBody(BaseModel):
    """A machine, whole: what is left out is as usual. Memory is in GB (10⁹ bytes)."""

    name: str = Field(max_length=1000)
    kind: Literal["cpu", "gpu"]
    memoryGb: float = Field(gt=0)
    count: int = 1
    keptGb: float | None = Field(None, ge=0, description="Of each, what other programs keep; null: as usual.")
    default: bool = False

    def given(self) -> Given:
        kept = "" if self.keptGb is None else f"{self.keptGb:.3f}"
        return Given(self.name, self.kind, f"{self.memoryGb:.3f}", str(self.count), kept, self.default)


def machine(row: OwnMachine, owner: str) -> dict[str, Any]:
    """``owner``: an organisation's name, or ``mine``."""
    return {
        "address": f"{owner}:{row.word}",
        "name": row.name,
        "kind": row.kind,
        "memoryGb": row.memory_bytes / GB,
        "count": row.count,
        "keptGb": None if row.kept_bytes is None else row.kept_bytes / GB,
        "usableBytes": machine_of(row).usable_bytes,
        "default": row.is_default,
    }
