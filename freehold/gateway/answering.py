"""An answer on its way to whoever asked: as it comes, no faster than it is taken, and recorded however it ends.

The head is sent with the first bytes, so that what goes wrong before is answered with a status of its own; afterwards
it is an event of the stream. Whoever leaves, or takes nothing for ``STALL_S``, frees the engine's slot.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from freehold.core.errors import HubError, Unavailable
from freehold.core.http import header_text
from freehold.gateway import asking, keeping
from freehold.gateway.errors import BudgetReached
from freehold.gateway.service import Admitted
from freehold.gateway.shapes import Shape
from freehold.inference.rules import Reply, Runtime
from freehold.pipelines.answering import answer
from freehold.usage.rules import Outcome, headers_of

log = logging.getLogger("freehold.gateway")
STALL_S = 60.0
LOOKS = 20  # in that time
STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # a proxy in front passes each event on at once
}


class Answer(Response):
    """What ``admitted`` comes to, put into ``shape``. Sends an error in the shape's own form rather than raising it."""

    def __init__(self, request: Request, admitted: Admitted, shape: Shape, *, stall_s: float = STALL_S) -> None:
        self._request, self._admitted, self._shape, self._stall_s = request, admitted, shape, stall_s
        self._heard = keeping.Heard(admitted.plan)
        self._send: Send | None = None
        self._writing_since: float | None = None
        self._has_begun = False
        self._outcome: Outcome | None = None
        self.status_code = 200
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        working = asyncio.ensure_future(self._answered(scope, receive))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, leaving):
                task.cancel()
            # What was left is let go and counted before it is recorded, also when the server is stopping.
            results = await asyncio.gather(working, leaving, return_exceptions=True)
            await self._recorded()
        if isinstance(results[0], Exception):
            raise results[0]

    async def _answered(self, scope: Scope, receive: Receive) -> None:
        try:
            async with asyncio.timeout(None) as patience:
                self._looks_at(patience)
                try:
                    await self._told(scope, receive)
                finally:
                    self._alarm.cancel()
        except TimeoutError:
            log.info("The reader of %s took nothing for %g seconds and was let go", scope["path"], self._stall_s)

    def _looks_at(self, patience: asyncio.Timeout) -> None:
        """Now and then, whether the reader still takes something: an alarm for each piece would cost more than it."""
        loop = asyncio.get_running_loop()
        if self._writing_since is not None and loop.time() - self._writing_since > self._stall_s:
            patience.reschedule(loop.time())
        else:
            self._alarm = loop.call_later(self._stall_s / LOOKS, self._looks_at, patience)

    async def _told(self, scope: Scope, receive: Receive) -> None:
        try:
            await self._work()
        except HubError as err:
            await self._failed(err, scope, receive)
        except Exception:
            if not self._has_begun:
                raise  # our bug: the edge logs it and answers
            log.exception("An answer to %s broke off", scope["path"])
            await self._failed(Unavailable("The hub made a mistake and broke off here."), scope, receive)

    async def _work(self) -> None:
        admitted, shape = self._admitted, self._shape
        runtime: Runtime = self._request.app.state.runtime
        async with answer(runtime, admitted.plan, admitted.call, admitted.asked, admitted.ledger) as reply:
            if admitted.wish.is_stream:
                await self._streamed(reply)
            else:
                body = await reply.body()
        if admitted.wish.is_stream:
            await self._begin(reply)  # where there was nothing to tell but that it is at its end
            await self._write(shape.last(reply))
            await self._end()
            return
        headers = self._source(reply) | {"Content-Type": shape.content_type or reply.content_type}
        if admitted.is_spent:
            self._outcome, headers["X-Freehold-Cut"] = "cut", "budget"
        whole = asking.put(shape.whole, body, reply)
        await self._start(headers | {"Content-Length": str(len(whole))})
        self._heard.whole(body)
        await self._write(whole)
        await self._end()

    async def _streamed(self, reply: Reply) -> None:
        admitted, shape = self._admitted, self._shape
        async with aclosing(reply.pieces()) as pieces:  # type: ignore[type-var]  # every one is a generator
            async for piece in pieces:
                told = asking.put(shape.piece, piece.data, reply)
                await self._begin(reply)
                self._heard.piece(piece.data)
                if told:
                    await self._write(told)
                if admitted.is_spent:
                    self._outcome = "cut"
                    raise BudgetReached("This month's budget ends here, in the middle of the answer.")

    async def _failed(self, err: HubError, scope: Scope, receive: Receive) -> None:
        assert self._send is not None
        if err.status >= 500:
            log.warning("%s %s: %s", scope["method"], scope["path"], err.message)
        if self._has_begun:
            await self._write(self._shape.broken(err))
            await self._end()
            return
        self._has_begun = True
        await self._shape.problem(err)(scope, receive, self._send)

    async def _recorded(self) -> None:
        state = self._request.app.state
        await asking.recorded(state.database, state.kit, self._admitted, self._heard, outcome=self._outcome)

    # ---- bytes out -----------------------------------------------------------------------------------------

    def _source(self, reply: Reply) -> dict[str, str]:
        queue_ms = sum(leg.measured.queue_s for leg in self._admitted.ledger.legs) * 1000
        told = {
            **self._admitted.ledger.headers(reply.target),
            "X-Freehold-Endpoint": reply.target.served_name,
            "X-Freehold-Queue-Ms": f"{queue_ms:.0f}",
            **(keeping.HEADER if keeping.is_kept(self._admitted.plan) else {}),
            **(headers_of(limits) if (limits := self._admitted.allowance.limits) else {}),
        }
        return {name: header_text(value) for name, value in told.items() if value}

    async def _begin(self, reply: Reply) -> None:
        """The head of a stream was sent."""
        if not self._has_begun:
            await self._start(STREAM_HEADERS | self._source(reply))

    async def _start(self, headers: Mapping[str, str]) -> None:
        assert self._send is not None
        self._has_begun = True
        self.init_headers(headers)
        if "content-length" in self.headers and "Content-Length" not in headers:
            del self.headers["content-length"]
        await self._send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _write(self, data: bytes) -> None:
        assert self._send is not None
        self._writing_since = asyncio.get_running_loop().time()
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._writing_since = None

    async def _end(self) -> None:
        assert self._send is not None
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
