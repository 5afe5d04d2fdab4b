"""The model store of this node: replicas loaded when they are asked for, kept while they are used, ended when not.

Everything here happens in the event loop, so that between two waits nothing changes under it; what blocks (the
database, files, starting and ending a process) is done in a few threads of its own. A *group* is an endpoint on this
node with its replicas. What is idle is ended to make room; what answers, or is kept warm, never is.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from freehold.compute.errors import JobFailed
from freehold.core import clock
from freehold.core.errors import HubError
from freehold.inference.blame import Blame
from freehold.inference.errors import DoesNotFit, EndpointOff, EngineAway, EngineLost, LoadFailed, ModelUnknown
from freehold.inference.plans import Plan, Wish
from freehold.inference.processes import Group, Process, Seen, Starter
from freehold.inference.rules import Replica, Target
from freehold.web import figures

log = logging.getLogger("freehold.models")
T = TypeVar("T")

#: How long a call waits for a model to be loaded, and a load for what answers to make room.
LOAD_S, ROOM_S = 600.0, 30.0
#: For calls to say that an engine broke them off; and callers, each alone with one, of whom it died without a call that
#: ended well in between, before the model itself is at fault and is left alone for a while.
BLAME_S, MODEL_ITSELF = 1.0, 3
#: For whoever was broken off to be told why.
WHY_S = 2.0
#: Calls under way on what is out of date go on for so long.
DRAIN_S = 600.0
#: Whoever waits looks again this often, whatever it was told.
LOOK_S = 1.0
#: Loads at a time: they take all processors there are.
LOADS = 2
THREADS = 8
MAX_LOG_CHARS = 16_000


class NodeStore:
    """``inference.rules.Store``: the replicas of this node within ``budget_bytes``."""

    def __init__(self, starter: Starter, budget_bytes: int) -> None:
        self.starter, self.budget_bytes = starter, budget_bytes
        self.groups: dict[str, Group] = {}
        self.blame = Blame()
        self._changed = asyncio.Condition()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="models")
        self._loads = asyncio.Semaphore(LOADS)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_closed = False

    # ---- calls -----------------------------------------------------------------------------------------------

    def slots(self, target: Target) -> int:
        return max(1, target.replicas * target.parallel)

    @asynccontextmanager
    async def replica(self, target: Target, caller_id: str = "") -> AsyncIterator[Replica]:
        self.blame.check(target, caller_id, self._now())
        process = await self._taken(target)
        running = process.running
        assert running is not None
        process.callers[caller_id] += 1
        try:
            body = self.starter.body(process.plan, target.adapter)
            yield Replica(running.address, running.key, running.took, body)
        except EngineLost as err:
            if not isinstance(err, EngineAway):  # it died before this call came
                process.broken.add(caller_id)
            group = self.groups.get(target.endpoint_id)
            if process.state == "ready" and group is not None:  # it may live, and does not answer as it should
                self._died(group, process, err.message, "crashed")
            if why := await self._why(process):
                raise EngineLost(f"{why} Ask again: it is started anew.") from err
            raise
        except HubError:
            raise  # it said why it does not answer
        except BaseException:
            process.left.append((caller_id, self._now()))
            raise
        else:
            process.calls += 1
            group = self.groups.get(target.endpoint_id)
            if group is not None and process.is_open:
                group.answered()
        finally:
            process.held -= 1
            process.callers[caller_id] -= 1
            process.used_at, process.called_at = self._now(), clock.now()
            await self._tell()

    def standing(self, endpoint_ids: Sequence[str]) -> Mapping[str, str]:
        return {one: group.standing() if (group := self.groups.get(one)) else "off" for one in endpoint_ids}

    def seen(self) -> Sequence[Seen]:
        """Every replica of this node, and the endpoints that failed. May be called from any thread."""
        found: list[Seen] = []
        for endpoint_id, group in list(self.groups.items()):
            for one in list(group.processes):
                found.append(one.seen(endpoint_id, group.wish.name))
            if group.failed and not group.current():
                since = group.failed_at or clock.now()
                found.append(Seen(endpoint_id, group.wish.name, 0, "failed", since, group.failed, 0, 0, None))
        return found

    def log_of(self, endpoint_id: str) -> str:
        """The last that its engine wrote on this node."""
        group = self.groups.get(endpoint_id)
        lines = [one.running.log() for one in group.processes if one.running is not None] if group else []
        return ("\n".join(lines) or (group.log if group else ""))[-MAX_LOG_CHARS:]

    def used_bytes(self) -> int:
        """What replicas hold of the budget."""
        return sum(one.memory_bytes() for group in list(self.groups.values()) for one in list(group.processes))

    # ---- what the rows say -----------------------------------------------------------------------------------

    async def follow(self, wishes: Iterable[Wish]) -> None:
        """Every endpoint is as the rows say: what is gone, off or out of date drains, what is kept warm is loaded."""
        by_id = {one.endpoint_id: one for one in wishes}
        for endpoint_id, group in list(self.groups.items()):
            self._agree(group, by_id.get(endpoint_id))
        for wish in by_id.values():
            if wish.is_on and wish.keep_warm and not self.is_closed:
                group = self._group(wish)
                if len(group.current()) < wish.replicas and self._may_load(group):
                    self._begin(group, wish.endpoint_id)
        await self._tell()

    async def rest(self) -> None:
        """What nobody called for long is ended; files of the rest are in use."""
        for group in list(self.groups.values()):
            for one in group.current():
                is_idle = one.state == "ready" and not one.held and self._now() - one.used_at > group.wish.idle_s
                if is_idle and not group.wish.keep_warm:
                    self._drain([one])
                else:
                    await self.in_thread(self.starter.keep_files, one.plan)

    async def unload(self, endpoint_id: str) -> None:
        """Its replicas drain; the next call loads anew, whatever failed before."""
        group = self.groups.get(endpoint_id)
        if group is not None:
            self._forgive(group)
            self._drain(group.current())
            await self._tell()

    async def close(self) -> None:
        """Every process of this node has ended."""
        self.is_closed = True
        self.starter.stop()
        await self._tell()
        processes = [one for group in self.groups.values() for one in group.processes]
        await asyncio.gather(*(self._end(one) for one in processes))
        while left := [one for one in self._tasks if one is not asyncio.current_task()]:
            await asyncio.wait(left)
        self._threads.shutdown(wait=True)

    # ---- taking a replica ------------------------------------------------------------------------------------

    async def _taken(self, target: Target) -> Process:
        """A ready one with a free slot, which is held. Raises what :class:`Store` says."""
        deadline = self._now() + LOAD_S
        group = await self._up_to_date(target)
        failed_before = group.failed_loads
        while True:
            if self.is_closed:
                raise LoadFailed("This node of the hub is stopping: repeat the call.")
            if not group.wish.is_on:
                raise EndpointOff(f"{target.served_name} was switched off or removed at this moment.")
            if group.wish.fingerprint != target.fingerprint:
                raise LoadFailed(f"{target.served_name} was changed at this moment: repeat the call.")
            free = [one for one in group.processes if one.is_open and one.held < group.wish.parallel]
            if free:
                process = min(free, key=lambda one: (one.held, one.number))
                process.held += 1
                process.used_at = self._now()
                return process
            if group.failed_loads > failed_before and not group.current():
                raise group.failure(self._now())
            if len(group.current()) < group.wish.replicas and group.loading is None:
                if self._may_load(group):
                    self._begin(group, target.endpoint_id)
                elif not group.current():
                    raise group.failure(self._now())
            if self._now() > deadline:
                raise LoadFailed(f"{target.served_name} was not ready within {LOAD_S:.0f} s.", reason="too_slow")
            await self._wait(deadline - self._now())

    async def _up_to_date(self, target: Target) -> Group:
        """The group of ``target`` as the rows are now, where the call knows them as another than this node does."""
        group = self.groups.get(target.endpoint_id)
        if group is not None and group.wish.fingerprint == target.fingerprint and group.wish.is_on:
            return group
        wish = await self.in_thread(self.starter.wish, target.endpoint_id)
        if wish is None:
            raise ModelUnknown(f"{target.served_name} is not served any more.")
        if not wish.is_on:
            raise EndpointOff(f"{wish.name} is switched off.")
        group = self._group(wish)
        self._agree(group, wish)
        return group

    # ---- loading ---------------------------------------------------------------------------------------------

    def _may_load(self, group: Group) -> bool:
        return group.loading is None and self._now() >= group.again_at and not self.is_closed

    def _begin(self, group: Group, endpoint_id: str) -> None:
        group.loading = self._spawn(self._load(group, endpoint_id))

    async def _load(self, group: Group, endpoint_id: str) -> None:
        """One more replica is ready, or the group says why not."""
        try:
            async with self._loads:
                plan = await self.in_thread(self.starter.plan, endpoint_id)
                self._agree(group, plan.wish if plan else None)
                if plan is None or not plan.wish.is_on or self.is_closed:
                    return  # whoever waits looks again, and finds it so
                while await self._is_short_of_room(group, plan):
                    pass
        except JobFailed as err:
            group.log = err.log[-MAX_LOG_CHARS:]
            if err.failure != "stopped":
                group.load_failed(err.message, "does_not_fit" if err.failure == "no_room" else err.failure, self._now())
        except DoesNotFit as err:
            group.load_failed(err.message, "does_not_fit", self._now())
        except HubError as err:
            group.load_failed(err.message, "", self._now())
        except Exception:
            log.exception("%s could not be loaded", group.wish.name)
            group.load_failed(f"{group.wish.name} could not be loaded; the hub's log says why.", "", self._now())
        finally:
            group.loading = None
            await self._tell()

    async def _is_short_of_room(self, group: Group, plan: Plan) -> bool:
        """A replica is ready (False); or a cluster had no room for it, and what was idle went: try again (True)."""
        process = await self._admitted(group, plan)
        try:
            await self._started(group, process)
        except BaseException as err:
            await self._end(process)
            victim = self._least_used() if isinstance(err, JobFailed) and err.failure == "no_room" else None
            if victim is None:
                raise
            await self._end(victim)
            return True
        return False

    async def _started(self, group: Group, process: Process) -> None:
        begun = asyncio.get_running_loop().time()
        running = await self.in_thread(self.starter.begin, process.plan, process.limit_bytes(self.budget_bytes))
        process.running = running
        running.on_exit(lambda _: self._on_exit(process))
        if self.is_closed or process.state == "ending":
            raise JobFailed("stopped", f"{group.wish.name} was stopped before it was ready.")
        await self.in_thread(self.starter.ready, running)
        if process.state == "loading":
            process.state, process.since, process.used_at = "ready", clock.now(), self._now()
            log.info("%s is ready (%.1f s)", group.wish.name, self._now() - begun)

    async def _admitted(self, group: Group, plan: Plan) -> Process:
        """A replica that has its memory reserved; idle ones had to go for it. Raises :class:`DoesNotFit`."""
        need = plan.reckoned_bytes()
        if need > self.budget_bytes:
            raise DoesNotFit(
                f"{plan.wish.name} takes up to {figures.size(need)}, and models have {figures.size(self.budget_bytes)} "
                "on this node. A shorter context or a smaller quantisation takes less."
            )
        deadline = self._now() + ROOM_S
        while self.used_bytes() + need > self.budget_bytes:
            victim = self._least_used()
            if victim is not None:
                await self._end(victim)
            elif self._now() > deadline or not self._will_be_free():
                raise DoesNotFit(
                    f"{plan.wish.name} takes up to {figures.size(need)}, and there is no room beside what answers or "
                    f"is kept loaded: {figures.size(self.used_bytes())} of {figures.size(self.budget_bytes)} are taken."
                )
            else:
                await self._wait(deadline - self._now())
        taken = {one.number for one in group.processes}
        number = next(number for number in range(len(taken) + 1) if number not in taken)
        process = Process(number, plan, need, self._now(), clock.now())
        group.processes.append(process)
        return process

    def _least_used(self) -> Process | None:
        """The one to go for another: idle, and not kept warm."""
        idle = [
            one
            for group in self.groups.values()
            if not group.wish.keep_warm
            for one in group.processes
            if one.state == "ready" and not one.held
        ]
        return min(idle, key=lambda one: one.used_at, default=None)

    def _will_be_free(self) -> bool:
        """Whether something answers or ends that may go after that."""
        return any(
            one.state == "ending" or (one.held and not group.wish.keep_warm)
            for group in self.groups.values()
            for one in group.processes
        )

    # ---- ending ----------------------------------------------------------------------------------------------

    def _agree(self, group: Group, wish: Wish | None) -> None:
        """What runs and should not drains. ``wish`` None: the endpoint is gone."""
        if wish is None or not wish.is_on:
            self._forgive(group)
            self._drain(group.current())
            if wish is None and not group.processes and group.loading is None:
                self.groups.pop(group.wish.endpoint_id, None)
            group.wish = wish or replace(group.wish, is_on=False)
            return
        if wish.fingerprint != group.wish.fingerprint:
            self._forgive(group)
            self._drain(group.current())
        group.wish = wish
        self._drain(group.current()[wish.replicas :])

    def _drain(self, processes: Iterable[Process], *, patient: bool = True) -> None:
        """No call begins on them any more, from now on; they end by themselves (see :meth:`_end`)."""
        for one in processes:
            one.state, one.since = "ending", clock.now()
            self._spawn(self._end(one, patient=patient))

    async def _end(self, process: Process, *, patient: bool = False) -> None:
        """It has ended, and its memory is free. ``patient``: calls under way go on, for a while."""
        process.state = "ending"
        deadline = self._now() + DRAIN_S
        while patient and process.held and self._now() < deadline and not self.is_closed:
            await self._wait(deadline - self._now())
        running = process.running
        if running is not None:
            await self.in_thread(running.stop)
        for group in self.groups.values():
            if process in group.processes:
                group.processes.remove(process)
                if running is not None:
                    group.log = running.log()[-MAX_LOG_CHARS:] or group.log
        await self._tell()

    def _on_exit(self, process: Process) -> None:
        """In a thread of ``compute``: a process has ended."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(self._ended, process)
            except RuntimeError:
                pass  # the loop was closed at this moment, and every process with it

    def _ended(self, process: Process) -> None:
        if process.state != "ready":
            self._spawn(self._tell())
            return  # it was asked to, or its load says why
        running = process.running
        said = running.failure if running is not None else None
        reason, message = said or ("crashed", "Its engine ended.")
        for group in self.groups.values():
            if process in group.processes:
                log.warning("%s ended by itself: %s", group.wish.name, message)
                if process.suspects(self._now()):
                    self._died(group, process, message, reason)
                    return
                group.fail(message, reason, self._now())
        self._drain([process], patient=False)

    def _died(self, group: Group, process: Process, message: str, reason: str) -> None:
        """While it answered: the next call loads anew, at once, and who it may have been is found out meanwhile."""
        group.failed, group.reason, group.failed_at = message[:500], reason, clock.now()
        process.state, process.since = "ending", clock.now()
        self._spawn(self._blamed(group, process))

    async def _why(self, process: Process) -> str:
        """What is known of the end of one that broke off: whether it has ended is known moments later. '': nothing."""
        deadline, running = self._now() + WHY_S, process.running
        assert running is not None
        while running.is_alive and self._now() < deadline:
            await self._wait(deadline - self._now())
        return running.failure[1] if running.failure is not None else ""

    async def _blamed(self, group: Group, process: Process) -> None:
        deadline, running = self._now() + BLAME_S, process.running
        assert running is not None
        while (running.is_alive or process.held) and self._now() < deadline and not self.is_closed:
            await self._wait(deadline - self._now())  # every call that it broke off says so
        suspects = process.suspects(self._now())
        if running.failure is not None:
            group.reason, group.failed = running.failure[0], running.failure[1][:500]
        if not self.is_closed:
            self.blame.ended(group.wish.endpoint_id, suspects, self._now())
        if len(suspects) == 1:
            group.ended_by |= suspects
            if len(group.ended_by) >= MODEL_ITSELF:
                group.fail(group.failed, group.reason, self._now())
        await self._end(process, patient=True)

    def _forgive(self, group: Group) -> None:
        """It begins anew, whatever failed before and whoever made it."""
        group.forgive()
        self.blame.forget(group.wish.endpoint_id)

    # ---- small -----------------------------------------------------------------------------------------------

    def _group(self, wish: Wish) -> Group:
        return self.groups.setdefault(wish.endpoint_id, Group(wish))

    def _now(self) -> float:
        self._loop = self._loop or asyncio.get_running_loop()
        return self._loop.time()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _wait(self, seconds: float) -> None:
        """Until something changes, at most so long."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait(), max(0.01, min(seconds, LOOK_S)))
            except TimeoutError:
                pass

    def _spawn(self, work: Any) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """What blocks, in one of the store's few threads."""
        self._loop = asyncio.get_running_loop()
        return await self._loop.run_in_executor(self._threads, work, *args)
