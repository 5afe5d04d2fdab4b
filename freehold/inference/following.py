"""What keeps a node's replicas as the rows say, and the rows of what runs as the node knows it: every few seconds."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.compute import graphics
from freehold.core import clock
from freehold.core.database import Database
from freehold.inference import plans
from freehold.inference.processes import Seen
from freehold.inference.store import NodeStore
from freehold.inference.tables import Endpoint, ReplicaState

log = logging.getLogger("freehold.models")
TICK_S = 2.0
#: Rows are read anew though none seems to have changed: a name may have moved, a clock may have stood.
ALL_S = 60.0
#: A state that did not change is said again, so that others know that this node lives; unsaid for so long it is gone.
SAID_S, GONE_S = 20.0, 75.0


class Following:
    """The loop of one node. ``node`` is its name among the nodes of the installation."""

    def __init__(self, database: Database, store: NodeStore, node: str) -> None:
        self.database, self.store, self.node = database, store, node[:80]
        self._task: asyncio.Task[None] | None = None
        self._known: tuple[Any, ...] | None = None
        self._read_at = self._said_at = float("-inf")
        self._said: Sequence[Any] = ()

    def start(self) -> None:
        """Begins in the loop that calls."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """It has ended, and so has every process of the store."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._said:
            await self.store.in_thread(self._say, ())
        await self.store.close()

    async def turn(self) -> None:
        """One look at the rows, and what follows from it."""
        known = await self.store.in_thread(self.database.row, plans.CHANGED)
        now = time.monotonic()
        if known != self._known or now - self._read_at > ALL_S:
            wishes = await self.store.in_thread(self._wishes) if known and known[0] else []
            self._known, self._read_at = known, now
            await self.store.follow(wishes)
        if self.store.groups:
            await self.store.rest()
        seen = self.store.seen()
        said = [(one.endpoint_id, one.number, one.state, one.message) for one in seen]
        if said != self._said or (said and now - self._said_at > SAID_S):
            await self.store.in_thread(self._say, seen)
            self._said, self._said_at = said, now

    async def _run(self) -> None:
        while True:
            try:
                await self.turn()
            except Exception:
                log.exception("Replicas could not be compared with their endpoints; it is tried again")
            await asyncio.sleep(TICK_S)

    def _wishes(self) -> Sequence[plans.Wish]:
        with self.database.read() as db:
            return plans.wishes(db)

    def _say(self, seen: Sequence[Seen]) -> None:
        with self.database.write() as db:
            tell(db, self.node, seen)


def tell(db: Session, node: str, seen: Sequence[Seen]) -> None:
    """The rows of ``node`` are as it sees its replicas; those of nodes that fell silent are gone."""
    gone = ReplicaState.seen_at < clock.now() - timedelta(seconds=GONE_S)
    db.execute(delete(ReplicaState).where((ReplicaState.node == node) | gone))
    there = set(db.scalars(select(Endpoint.id).where(Endpoint.id.in_({one.endpoint_id for one in seen}))))
    for one in seen:
        if one.endpoint_id in there:
            db.add(
                ReplicaState(
                    node=node,
                    endpoint_id=one.endpoint_id,
                    number=one.number,
                    state=one.state,
                    message=one.message,
                    memory_bytes=one.memory_bytes,
                    cards=_named(one.cards)[:200],
                    card_bytes=one.card_bytes,
                    calls=one.calls,
                    called_at=one.called_at,
                    since=one.since,
                    seen_at=clock.now(),
                )
            )


def _named(indices: Sequence[int | str]) -> str:
    """ "NVIDIA L4 (0, 1)"; what a node has of one replica is of one kind."""
    name = next((card.name for card in graphics.cards() if card.index in indices), "") if indices else ""
    return f"{name} ({', '.join(map(str, indices))})".strip() if indices else ""
