"""How replicas of a node end: drained when out of date, ended for others, or by themselves, with who is to blame."""

import logging
from collections.abc import Iterable
from dataclasses import replace

from freehold.core import clock
from freehold.inference.blame import Blame
from freehold.inference.plans import Wish
from freehold.inference.processes import Group, Process
from freehold.inference.waiting import Waiting

log = logging.getLogger("freehold.models")

#: For calls to say that an engine broke them off; and callers, each alone with one, of whom it died without a call that
#: ended well in between, before the model itself is at fault and is left alone for a while.
BLAME_S, MODEL_ITSELF = 1.0, 3
#: For whoever was broken off to be told why.
WHY_S = 2.0
#: Calls under way on what is out of date go on for so long.
DRAIN_S = 600.0
MAX_LOG_CHARS = 16_000


class Ending:
    """Of the processes of ``groups``. In the loop, but for :meth:`on_exit`."""

    def __init__(self, groups: dict[str, Group], blame: Blame, waiting: Waiting) -> None:
        self._groups, self._blame, self._waiting = groups, blame, waiting

    # ---- because somebody wants it -----------------------------------------------------------------------------

    def agree(self, group: Group, wish: Wish | None) -> None:
        """What runs and should not drains. ``wish`` None: the endpoint is gone."""
        if wish is None or not wish.is_on:
            self.forgive(group)
            self.drain(group.current())
            if wish is None and not group.processes and group.loading is None:
                self._groups.pop(group.wish.endpoint_id, None)
            group.wish = wish or replace(group.wish, is_on=False)
            return
        if wish.fingerprint != group.wish.fingerprint:
            self.forgive(group)
            self.drain(group.current())
        group.wish = wish
        self.drain(group.current()[wish.replicas :])

    def drain(self, processes: Iterable[Process], *, patient: bool = True) -> None:
        """No call begins on them any more, from now on; they end by themselves (see :meth:`end`)."""
        for one in processes:
            one.state, one.since = "ending", clock.now()
            self._waiting.spawn(self.end(one, patient=patient))

    async def end(self, process: Process, *, patient: bool = False) -> None:
        """It has ended, and its memory is free. ``patient``: calls under way go on, for a while."""
        process.state = "ending"
        deadline = self._waiting.now() + DRAIN_S
        while patient and process.held and self._waiting.now() < deadline and not self._waiting.is_closed:
            await self._waiting.wait(deadline - self._waiting.now())
        running = process.running
        if running is not None:
            await self._waiting.in_thread(running.stop)
        for group in self._groups.values():
            if process in group.processes:
                group.processes.remove(process)
                if running is not None:
                    group.log = running.log()[-MAX_LOG_CHARS:] or group.log
        await self._waiting.tell()

    def forgive(self, group: Group) -> None:
        """It begins anew, whatever failed before and whoever made it."""
        group.forgive()
        self._blame.forget(group.wish.endpoint_id)

    # ---- by itself ---------------------------------------------------------------------------------------------

    def on_exit(self, process: Process) -> None:
        """In a thread of ``compute``: a process has ended."""
        self._waiting.from_outside(self._ended, process)

    def _ended(self, process: Process) -> None:
        if process.state != "ready":
            self._waiting.spawn(self._waiting.tell())
            return  # it was asked to, or its load says why
        running = process.running
        said = running.failure if running is not None else None
        reason, message = said or ("crashed", "Its engine ended.")
        for group in self._groups.values():
            if process in group.processes:
                log.warning("%s ended by itself: %s", group.wish.name, message)
                if process.suspects(self._waiting.now()):
                    self.died(group, process, message, reason)
                    return
                group.fail(message, reason, self._waiting.now())
        self.drain([process], patient=False)

    def died(self, group: Group, process: Process, message: str, reason: str) -> None:
        """While it answered: the next call loads anew, at once, and who it may have been is found out meanwhile."""
        group.failed, group.reason, group.failed_at = message[:500], reason, clock.now()
        process.state, process.since = "ending", clock.now()
        self._waiting.spawn(self._blamed(group, process))

    async def why(self, process: Process) -> tuple[str, bool]:
        """What is known of the end of one that broke off ('': nothing), and whether somebody ended it, be it the hub:
        that it has ended is known moments later."""
        deadline, running = self._waiting.now() + WHY_S, process.running
        assert running is not None
        while running.is_alive and self._waiting.now() < deadline:
            await self._waiting.wait(deadline - self._waiting.now())
        if running.failure is None:
            return "", not running.is_alive
        reason, message = running.failure
        return message, reason == "killed"

    async def _blamed(self, group: Group, process: Process) -> None:
        waiting, running = self._waiting, process.running
        deadline = waiting.now() + BLAME_S
        assert running is not None
        while (running.is_alive or process.held) and waiting.now() < deadline and not waiting.is_closed:
            await waiting.wait(deadline - waiting.now())  # every call that it broke off says so
        suspects = process.suspects(waiting.now())
        if running.failure is not None:
            group.reason, group.failed = running.failure[0], running.failure[1][:500]
        if not waiting.is_closed:
            self._blame.ended(group.wish.endpoint_id, suspects, waiting.now())
        if len(suspects) == 1:
            group.ended_by |= suspects
            if len(group.ended_by) >= MODEL_ITSELF:
                group.fail(group.failed, group.reason, waiting.now())
        await self.end(process, patient=True)
