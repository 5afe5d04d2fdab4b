"""What this node runs, as one thing to call: a turn, a replica, the engine's answer, and what it took."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from freehold.engines import remote
from freehold.inference.calling import AnyReply, Caller
from freehold.inference.errors import EngineAway, EngineLost, InferenceError
from freehold.inference.outside import Outside
from freehold.inference.rules import Call, Leg, Measured, Replica, Reply, Store, Target
from freehold.inference.turns import Turns


class NodeRuntime:
    """``inference.rules.Runtime`` over the replicas of ``store``."""

    def __init__(
        self, store: Store, *, turns: Turns | None = None, caller: Caller | None = None, outside: Outside | None = None
    ) -> None:
        self.store, self.outside = store, outside
        self.turns = turns or Turns()
        self.caller = caller or Caller()

    @asynccontextmanager
    async def call(self, target: Target, call: Call, legs: list[Leg] | None = None) -> AsyncIterator[Reply]:
        leg = Leg(target, call.path, Measured())
        if legs is not None:
            legs.append(leg)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with self.turns.turn(
                target.endpoint_id, call.payer_id, call.caller_id or call.payer_id,
                slots=self.store.slots(target), priority=call.priority,
            ) as leg.measured.queue_s:  # fmt: skip
                has_begun = False
                for is_last in (False, True):
                    try:
                        async with self._asked(target, call, leg, began) as reply:
                            has_begun = True
                            yield reply
                        leg.outcome = "ok" if reply.is_whole else "cancelled"
                        break
                    except EngineAway:  # it did not end of this call, of which it had told nothing yet
                        if has_begun or is_last:
                            raise
                    # Whatever was reckoned of the first is nobody's: it is metered as the one counts it that answers.
                    leg.measured = Measured(queue_s=leg.measured.queue_s)
        except InferenceError as err:
            leg.outcome = "refused" if err.status < 500 else "failed"
            raise

    @asynccontextmanager
    async def _asked(self, target: Target, call: Call, leg: Leg, began: float) -> AsyncIterator[AnyReply]:
        """A replica is asked, and ``leg`` says afterwards what that took."""
        loop = asyncio.get_running_loop()
        async with self._replica(target, call.caller_id or call.payer_id) as replica:
            before, asked = replica.took(), loop.time()
            try:
                async with self.caller.ask(replica, call, leg, began=began) as reply:
                    yield reply
            except EngineLost:
                self.caller.forget(replica)
                raise
            finally:
                after = replica.took()
                leg.measured.engine_s = loop.time() - asked
                leg.measured.processor_s = max(0.0, after.processor_s - before.processor_s)
                leg.measured.peak_memory_bytes = after.peak_memory_bytes

    def _replica(self, target: Target, caller_id: str) -> AbstractAsyncContextManager[Replica]:
        if target.engine == remote.NAME and self.outside is not None:
            return self.outside.replica(target)
        return self.store.replica(target, caller_id)

    def standing(self, endpoint_ids: Sequence[str]) -> Mapping[str, str]:
        known = self.store.standing(endpoint_ids)
        return {
            one: "answering" if state == "ready" and self.turns.busy(one) else state for one, state in known.items()
        }

    async def close(self) -> None:
        """Its processes are gone."""
        await self.store.close()
