"""A call of the hub's own, answered whole: for jobs that ask many."""

from starlette.concurrency import run_in_threadpool

from freehold.content.kit import Kit
from freehold.core.database import Database
from freehold.gateway import keeping, service
from freehold.gateway.keeping import Heard
from freehold.gateway.service import Admitted
from freehold.gateway.shapes import OpenAI
from freehold.inference.rules import Runtime
from freehold.pipelines.answering import answer
from freehold.usage.rules import Outcome


async def ask(runtime: Runtime, database: Database, kit: Kit, admitted: Admitted) -> bytes:
    """The answer to what was let in, as ``/v1`` gives it, recorded however it ends. Raises what the runtime does."""
    heard = Heard(admitted.plan)
    try:
        async with answer(runtime, admitted.plan, admitted.call, admitted.asked, admitted.ledger) as reply:
            body = await reply.body()
        heard.whole(body)
        return OpenAI(admitted.wish.model).whole(body, reply)
    finally:
        outcome: Outcome | None = "cut" if admitted.is_spent else None
        # In a thread: it may take back what was held of a budget, and keeps what a route did.
        await run_in_threadpool(_recorded, database, kit, admitted, outcome, heard)


def _recorded(database: Database, kit: Kit, admitted: Admitted, outcome: Outcome | None, heard: Heard) -> None:
    service.record(database, admitted, outcome=outcome)
    service.keep(database, admitted, outcome=outcome)
    keeping.keep(database, kit, admitted, heard)
