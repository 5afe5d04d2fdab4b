"""Who may call what, remembered for exactly as long as nothing in the database is another.

A call is let in by some ten short reads, two milliseconds of processor before its first token. Between two commits of
anybody's they give the same, and SQLite says in some microseconds whether there was one: then what they gave is good.
Only what no clock can end is kept: plain tokens without an end, models without a gate, and no budget that ends calls.
PostgreSQL does not say it, and there every call is read anew. So it is for whoever calls, a door or a batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from freehold.access import service as access
from freehold.accounts.rules import SESSION_COOKIE, secret_hash
from freehold.core.database import Database
from freehold.gateway.service import Admitted, Known, record

MAX_KNOWN = 2000
#: Longer ones are nobody's.
MAX_NAME = 96


class Memory:
    """What one hub remembers. Used by its event loop alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: Hashable = None
        self._known: dict[tuple[str, str], Known] = {}

    async def admitted(
        self,
        who: str | None,
        model: str,
        enter: Callable[[Known], Admitted],
        anew: Callable[[], Awaitable[tuple[Known, Admitted]]],
    ) -> Admitted:
        """A call is let in: by ``enter`` with what ``model`` is to ``who``, where that was read since the last commit,
        else by ``anew``, which reads it. ``who``: all that it depends on, such as who pays; None: it is not kept.
        """
        known = self._found(who, model)
        if known is not None:
            access.note_token(self._database, known.actor)
            return enter(known)
        version = self._database.version()  # before anything is read
        known, entered = await self._whole(anew())
        self._keep(who, model, version, known)
        return entered

    async def _whole(self, letting: Awaitable[tuple[Known, Admitted]]) -> tuple[Known, Admitted]:
        """Whoever leaves in this moment may be let in all the same: then what is held of a budget for them, and counted
        of a limit, is given back."""
        task = asyncio.ensure_future(letting)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                _, entered = task.result()
                await run_in_threadpool(record, self._database, entered)
            raise

    def _found(self, who: str | None, model: str) -> Known | None:
        if who is None or not self._known or self._database.version() != self._version:
            return None
        return self._known.get((who, model))

    def _keep(self, who: str | None, model: str, version: Hashable, known: Known) -> None:
        """``known`` was read after ``version`` was: it is good until that is another one."""
        if who is None or version is None or not known.is_lasting:
            return
        if version != self._version or len(self._known) >= MAX_KNOWN:
            self._version, self._known = version, {}
        self._known[who, model] = known


def asker_of(request: Request, bill_to: str) -> str | None:
    """What stands for the token that came, and for who pays; None: it came otherwise, and is read anew each time."""
    given = request.headers.get("authorization", "")
    if given[:7].lower() != "bearer " or SESSION_COOKIE in request.cookies or len(bill_to) > MAX_NAME:
        return None
    return f"{secret_hash(given[7:].strip())} {bill_to}"
