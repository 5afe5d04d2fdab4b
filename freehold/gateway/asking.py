"""A call of the hub's own, answered whole: for jobs that ask many."""

from starlette.concurrency import run_in_threadpool

from freehold.content.kit import Kit
from freehold.core.database import Database
from freehold.gateway import keeping, service
from freehold.gateway.completing import Completions
from freehold.gateway.keeping import Heard
from freehold.gateway.service import Admitted
from freehold.gateway.shapes import OpenAI
from freehold.inference.rules import Runtime, Target
from freehold.pipelines.answering import answer
from freehold.usage.rules import Outcome


async def ask(runtime: Runtime, database: Database, kit: Kit, admitted: Admitted) -> bytes:
    """The answer to what was let in, as ``/v1`` gives it, recorded however it ends. Raises what the runtime does."""
    heard = Heard(admitted.plan)
    try:
        async with answer(runtime, admitted.plan, admitted.call, admitted.asked, admitted.ledger) as reply:
            body = await reply.body()
        heard.whole(body)
        shape = Completions if admitted.wish.path == "completions" else OpenAI
        return shape(admitted.wish).whole(body, reply)
    finally:
        await recorded(database, kit, admitted, heard, outcome="cut" if admitted.is_spent else None)


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
