"""A call of the hub's own, answered whole: for jobs that ask many."""

import logging
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from freehold.content.kit import Kit
from freehold.core.database import Database
from freehold.gateway import keeping, service
from freehold.gateway.completing import Completions
from freehold.gateway.keeping import Heard
from freehold.gateway.service import Admitted
from freehold.gateway.shapes import OpenAI
from freehold.inference.errors import EngineFailed
from freehold.inference.rules import Reply, Runtime, Target
from freehold.pipelines.answering import answer
from freehold.usage.rules import Outcome

log = logging.getLogger("freehold.gateway")


async def ask(runtime: Runtime, database: Database, kit: Kit, admitted: Admitted) -> bytes:
    """The answer to what was let in, as ``/v1`` gives it, recorded however it ends. Raises what the runtime does."""
    heard = Heard(admitted.plan)
    try:
        async with answer(runtime, admitted.plan, admitted.call, admitted.asked, admitted.ledger) as reply:
            body = await reply.body()
        heard.whole(body)
        shape = Completions if admitted.wish.path == "completions" else OpenAI
        return put(shape(admitted.wish).whole, body, reply)
    finally:
        await recorded(database, kit, admitted, heard, outcome="cut" if admitted.is_spent else None)


def put(shaping: Callable[[bytes, Reply], bytes], said: bytes, reply: Reply) -> bytes:
    """What an engine said, as ``shaping`` puts it. Raises :class:`EngineFailed` for what is no answer of its kind: one
    elsewhere may say anything."""
    try:
        return shaping(said, reply)
    except (LookupError, TypeError, AttributeError, ValueError) as err:
        log.warning("%s answered in no known form", reply.target.served_name, exc_info=True)
        raise EngineFailed("The engine's answer is of no known form.") from err


async def recorded(
    database: Database, kit: Kit, admitted: Admitted, heard: Heard, *, outcome: Outcome | None = None
) -> None:
    """What a call took is written down, and of what was ``heard`` what its owner keeps; in a thread what waits for the
    database."""
    if admitted.ledger.legs:
        service.record(database, admitted, outcome=outcome)
    else:  # it may have to take back what was held of a budget
        await run_in_threadpool(service.record, database, admitted)
    if not isinstance(admitted.plan, Target):
        await run_in_threadpool(service.keep, database, admitted, outcome=outcome)
    if heard.has_begun:
        await run_in_threadpool(keeping.keep, database, kit, admitted, heard)
