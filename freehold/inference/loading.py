"""How replicas of a node come to be: room is made for one, then it is started; or its endpoint says why not."""

import asyncio
import logging
from collections.abc import Callable

from freehold.compute.errors import JobFailed
from freehold.core import clock
from freehold.core.errors import HubError
from freehold.inference.ending import MAX_LOG_CHARS, Ending
from freehold.inference.errors import DoesNotFit
from freehold.inference.plans import Plan
from freehold.inference.processes import Group, Process, Starter
from freehold.inference.space import LESS, Space
from freehold.inference.waiting import Waiting

log = logging.getLogger("freehold.models")

#: How long a load waits for what answers to make room.
ROOM_S = 30.0
#: Loads at a time: they take all processors there are.
LOADS = 2


class Loading:
    """Of endpoints on this node: what is idle is ended to make room. ``space`` blocks: it is asked in a thread. In the
    loop."""

    def __init__(
        self,
        groups: dict[str, Group],
        starter: Starter,
        space: Callable[[], Space],
        ending: Ending,
        waiting: Waiting,
    ) -> None:
        self._groups, self._starter, self._space = groups, starter, space
        self._ending, self._waiting = ending, waiting
        self._loads, self._line = asyncio.Semaphore(LOADS), asyncio.Semaphore(1)

    def may_begin(self, group: Group) -> bool:
        return group.loading is None and self._waiting.now() >= group.again_at and not self._waiting.is_closed

    def begin(self, group: Group, endpoint_id: str) -> None:
        """One more replica of ``group`` is on its way, as its rows say now."""
        group.loading = self._waiting.spawn(self._load(group, endpoint_id))

    def processes(self) -> list[Process]:
        """All that there are. May be called from any thread."""
        return [one for group in list(self._groups.values()) for one in list(group.processes)]

    async def _load(self, group: Group, endpoint_id: str) -> None:
        """One more replica is ready, or the group says why not."""
        try:
            plan = await self._waiting.in_thread(self._starter.plan, endpoint_id)
            self._ending.agree(group, plan.wish if plan else None)
            if plan is None or not plan.wish.is_on or self._waiting.is_closed:
                return  # whoever waits looks again, and finds it so
            while await self._is_short_of_room(group, plan):
                pass
        except JobFailed as err:
            group.log = err.log[-MAX_LOG_CHARS:]
            if err.failure != "stopped":
                reason = "does_not_fit" if err.failure == "no_room" else err.failure
                group.load_failed(err.message, reason, self._waiting.now())
        except DoesNotFit as err:
            group.load_failed(err.message, "does_not_fit", self._waiting.now())
        except HubError as err:
            group.load_failed(err.message, "", self._waiting.now())
        except Exception:
            log.exception("%s could not be loaded", group.wish.name)
            message = f"{group.wish.name} could not be loaded; the hub's log says why."
            group.load_failed(message, "", self._waiting.now())
        finally:
            group.loading = None
            await self._waiting.tell()

    async def _is_short_of_room(self, group: Group, plan: Plan) -> bool:
        """A replica is ready (False); or a cluster had no room for it, and what was idle went: try again (True)."""
        space = await self._waiting.in_thread(self._space)
        process = await self._admitted(group, plan, space)
        try:
            async with self._loads:
                await self._started(group, process, process.limit_bytes(space.budget_bytes))
        except BaseException as err:
            await self._ending.end(process)
            idle = self._idle() if isinstance(err, JobFailed) and err.failure == "no_room" else []
            if not idle:
                raise
            await self._ending.end(idle[0])
            return True
        return False

    async def _started(self, group: Group, process: Process, limit_bytes: int) -> None:
        begun, waiting = self._waiting.now(), self._waiting
        self._check(group, process)
        running = await waiting.in_thread(self._starter.begin, process.plan, limit_bytes, process.given)
        process.running = running
        running.on_exit(lambda _: self._ending.on_exit(process))
        self._check(group, process)
        await waiting.in_thread(self._starter.ready, running)
        if process.state == "loading":
            process.state, process.since, process.used_at = "ready", clock.now(), waiting.now()
            log.info("%s is ready (%.1f s)", group.wish.name, waiting.now() - begun)

    def _check(self, group: Group, process: Process) -> None:
        """It is wanted still. Raises :class:`JobFailed`."""
        if self._waiting.is_closed or process.state == "ending":
            raise _stopped(group)

    # ---- room --------------------------------------------------------------------------------------------------

    async def _admitted(self, group: Group, plan: Plan, space: Space) -> Process:
        """A replica that has its seat reserved; idle ones had to go for it. Raises :class:`DoesNotFit`."""
        asked = (plan.reckoned_bytes(), plan.reckoned_on_cards())
        if lacks := space.lacks(*asked):
            raise DoesNotFit(f"{plan.wish.name} {lacks}. {LESS}")
        process = await self._seated(group, plan, space, 0.0)
        if process is None:
            async with self._line:  # one after the other; whoever fits at once does not wait behind them
                process = await self._seated(group, plan, space, ROOM_S)
        if process is None:
            raise DoesNotFit(f"{plan.wish.name} {space.is_full(*asked, self.processes())}.")
        return process

    async def _seated(self, group: Group, plan: Plan, space: Space, patience_s: float) -> Process | None:
        """As :meth:`_admitted`; None: there is no room within so long."""
        asked = (plan.reckoned_bytes(), plan.reckoned_on_cards())
        deadline = self._waiting.now() + patience_s
        while True:
            if self._waiting.is_closed or not group.wish.is_on or group.wish.fingerprint != plan.wish.fingerprint:
                raise _stopped(group)  # it is another by now, and whoever waits begins that one
            if (seat := space.seat(*asked, self.processes())) is not None:
                break
            if going := space.to_go(*asked, self.processes(), self._idle()):
                for one in going:
                    one.state = "ending"  # at once: a caller whose turn comes first would be let in to it
                await asyncio.gather(*(self._ending.end(one) for one in going))
            elif self._waiting.now() >= deadline or not self._will_be_free():
                return None
            else:
                await self._waiting.wait(deadline - self._waiting.now())
        taken = {one.number for one in group.processes}
        number = next(number for number in range(len(taken) + 1) if number not in taken)
        process = Process(number, plan, seat.bytes, self._waiting.now(), clock.now(), seat.given)
        group.processes.append(process)
        return process

    def _idle(self) -> list[Process]:
        """Those that may go for another, the longest unused first: idle, and not kept warm."""
        idle = [
            one
            for group in self._groups.values()
            if not group.wish.keep_warm
            for one in group.processes
            if one.state == "ready" and not one.held
        ]
        return sorted(idle, key=lambda one: one.used_at)

    def _will_be_free(self) -> bool:
        """Whether something loads, answers or ends that may go after that."""
        return any(
            one.state == "ending" or ((one.held or one.state == "loading") and not group.wish.keep_warm)
            for group in self._groups.values()
            for one in group.processes
        )


def _stopped(group: Group) -> JobFailed:
    return JobFailed("stopped", f"{group.wish.name} was stopped before it was ready.")
