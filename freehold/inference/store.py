"""The model store of this node: replicas loaded when they are asked for, kept while they are used, ended when not.

Everything here happens in the event loop, so that between two waits nothing changes under it; what blocks (the
database, files, starting and ending a process) is done in a few threads of its own. A *group* is an endpoint on this
node with its replicas. How they come to be is ``loading``, how they end ``ending``, and what both stand on ``waiting``.
What is idle is ended to make room; what answers, or is kept warm, never is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from freehold.core import clock
from freehold.core.errors import HubError
from freehold.inference.blame import Blame
from freehold.inference.ending import MAX_LOG_CHARS, Ending
from freehold.inference.errors import EndpointOff, EngineAway, EngineLost, LoadFailed, ModelUnknown
from freehold.inference.loading import Loading
from freehold.inference.plans import Wish
from freehold.inference.processes import Group, Process, Seen, Starter
from freehold.inference.rules import Replica, Target
from freehold.inference.space import Space
from freehold.inference.waiting import Waiting

T = TypeVar("T")

#: How long a call waits for a model to be loaded.
LOAD_S = 600.0


class NodeStore:
    """``inference.rules.Store``: the replicas of this node within its ``space``, which may take long to be known."""

    def __init__(self, starter: Starter, space: Callable[[], Space]) -> None:
        self.starter = starter
        self.groups: dict[str, Group] = {}
        self.blame = Blame()
        self._waiting = Waiting()
        self._ending = Ending(self.groups, self.blame, self._waiting)
        self._loading = Loading(self.groups, starter, space, self._ending, self._waiting)

    # ---- calls -----------------------------------------------------------------------------------------------

    def slots(self, target: Target) -> int:
        return max(1, target.replicas * target.parallel)

    @asynccontextmanager
    async def replica(self, target: Target, caller_id: str = "") -> AsyncIterator[Replica]:
        self.blame.check(target, caller_id, self._waiting.now())
        was_marked = self.blame.is_marked(target.endpoint_id, caller_id, self._waiting.now())
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
                self._ending.died(group, process, err.message, "crashed")
            why, is_by_somebody = await self._ending.why(process)
            is_away = isinstance(err, EngineAway) or (is_by_somebody and not was_marked)
            raise (EngineAway if is_away else EngineLost)(
                f"{why} Ask again: it is started anew." if why else err.message
            ) from err
        except HubError:
            raise  # it said why it does not answer
        except BaseException:
            process.left.append((caller_id, self._waiting.now()))
            raise
        else:
            process.calls += 1
            group = self.groups.get(target.endpoint_id)
            if group is not None and process.is_open:
                group.answered()
        finally:
            process.held -= 1
            process.callers[caller_id] -= 1
            if not process.callers[caller_id]:
                del process.callers[caller_id]
            process.used_at, process.called_at = self._waiting.now(), clock.now()
            await self._waiting.tell()

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
        """What replicas hold of the node's memory."""
        return sum(one.memory_bytes() for one in self._loading.processes())

    # ---- what the rows say -----------------------------------------------------------------------------------

    async def follow(self, wishes: Iterable[Wish]) -> None:
        """Every endpoint is as the rows say: what is gone, off or out of date drains, what is kept warm is loaded."""
        by_id = {one.endpoint_id: one for one in wishes}
        for endpoint_id, group in list(self.groups.items()):
            self._ending.agree(group, by_id.get(endpoint_id))
        for wish in by_id.values():
            if wish.is_on and wish.keep_warm and not self._waiting.is_closed:
                group = self._group(wish)
                if len(group.current()) < wish.replicas and self._loading.may_begin(group):
                    self._loading.begin(group, wish.endpoint_id)
        await self._waiting.tell()

    async def rest(self) -> None:
        """What nobody called for long is ended; files of the rest are in use."""
        for group in list(self.groups.values()):
            for one in group.current():
                unused_s = self._waiting.now() - one.used_at
                is_idle = one.state == "ready" and not one.held and unused_s > group.wish.idle_s
                if is_idle and not group.wish.keep_warm:
                    self._ending.drain([one])
                else:
                    await self.in_thread(self.starter.keep_files, one.plan)

    async def unload(self, endpoint_id: str) -> None:
        """Its replicas drain; the next call loads anew, whatever failed before."""
        group = self.groups.get(endpoint_id)
        if group is not None:
            self._ending.forgive(group)
            self._ending.drain(group.current())
            await self._waiting.tell()

    async def close(self) -> None:
        """Every process of this node has ended."""
        self._waiting.is_closed = True
        self.starter.stop()
        await self._waiting.tell()
        processes = [one for group in self.groups.values() for one in group.processes]
        await asyncio.gather(*(self._ending.end(one) for one in processes))
        await self._waiting.close()

    # ---- taking a replica ------------------------------------------------------------------------------------

    async def _taken(self, target: Target) -> Process:
        """A ready one with a free slot, which is held. Raises what :class:`Store` says."""
        deadline = self._waiting.now() + LOAD_S
        group = await self._up_to_date(target)
        failed_before = group.failed_loads
        while True:
            if self._waiting.is_closed:
                raise LoadFailed("This node of the hub is stopping: repeat the call.")
            if not group.wish.is_on:
                raise EndpointOff(f"{target.served_name} was switched off or removed at this moment.")
            if group.wish.fingerprint != target.fingerprint:
                raise LoadFailed(f"{target.served_name} was changed at this moment: repeat the call.")
            free = [one for one in group.processes if one.is_open and one.held < group.wish.parallel]
            if free:
                process = min(free, key=lambda one: (one.held, one.number))
                process.held += 1
                process.used_at = self._waiting.now()
                return process
            if group.failed_loads > failed_before and not group.current():
                raise group.failure(self._waiting.now())
            if len(group.current()) < group.wish.replicas and group.loading is None:
                if self._loading.may_begin(group):
                    self._loading.begin(group, target.endpoint_id)
                elif not group.current():
                    raise group.failure(self._waiting.now())
            if self._waiting.now() > deadline:
                raise LoadFailed(f"{target.served_name} was not ready within {LOAD_S:.0f} s.", reason="too_slow")
            await self._waiting.wait(deadline - self._waiting.now())

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
        self._ending.agree(group, wish)
        return group

    # ---- small -----------------------------------------------------------------------------------------------

    def _group(self, wish: Wish) -> Group:
        return self.groups.setdefault(wish.endpoint_id, Group(wish))

    async def in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """What blocks, in one of the store's few threads."""
        return await self._waiting.in_thread(work, *args)
