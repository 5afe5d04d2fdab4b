"""What happened to batches."""

from dataclasses import dataclass
from typing import Literal

from freehold.access.rules import Actor
from freehold.batches.tables import Batch


@dataclass(frozen=True)
class BatchBegun:
    """Lines are asked from now on."""

    batch: Batch
    actor: Actor


@dataclass(frozen=True)
class BatchStopped:
    """Nothing more is asked. ``how``: somebody paused, finished or cancelled it, or it waits by itself, or its file
    was refused, for ``why``."""

    batch: Batch
    actor: Actor
    how: Literal["paused", "finished", "cancelled", "waits", "failed"]
    why: str = ""


@dataclass(frozen=True)
class BatchResumed:
    """It goes on where it was; ``retries``: with the lines that failed."""

    batch: Batch
    actor: Actor
    retries: bool
