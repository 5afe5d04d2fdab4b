"""Replies of which something was read already: begun, so that they are known to come, or whole, to be checked."""

import json
from collections.abc import AsyncIterator, Sequence

from freehold.inference.rules import Call, Leg, Piece, Reply
from freehold.routing.errors import AnswerTooLong

#: Of an answer that is read whole before it goes on.
MAX_HELD_BYTES = 8 << 20


class Begun:
    """A reply with what was read of it already. ``text``: what it says, where it was read whole."""

    def __init__(
        self,
        reply: Reply,
        *,
        held: bytes | None = None,
        first: Sequence[Piece] = (),
        rest: AsyncIterator[Piece] | None = None,
        text: str = "",
    ) -> None:
        self.target, self.measured, self.content_type = reply.target, reply.measured, reply.content_type
        self.text = text
        self._reply, self._held, self._first, self._rest = reply, held, first, rest

    @property
    def legs(self) -> Sequence[Leg]:
        return self._reply.legs

    async def body(self) -> bytes:
        return self._held if self._held is not None else await self._reply.body()

    async def pieces(self) -> AsyncIterator[Piece]:
        for piece in self._first:
            yield piece
        if self._rest is not None:
            async for piece in self._rest:
                yield piece


async def begin(reply: Reply, call: Call) -> Begun:
    """``reply`` once its first piece is here, or all of it where it is no stream."""
    if not call.is_stream:
        return Begun(reply, held=await reply.body())
    rest = reply.pieces()
    try:
        first = await anext(rest)
    except StopAsyncIteration:
        return Begun(reply)
    return Begun(reply, first=[first], rest=rest)


async def whole(reply: Reply, call: Call) -> Begun:
    """All of ``reply``, with the text that it says. Raises :class:`AnswerTooLong` where it cannot be held."""
    if not call.is_stream:
        held = await reply.body()
        return Begun(reply, held=held, text=text_of(held))
    pieces: list[Piece] = []
    size = 0
    async for piece in reply.pieces():
        size += len(piece.data)
        if size > MAX_HELD_BYTES:
            raise AnswerTooLong(f"The answer is over {MAX_HELD_BYTES} bytes, too long to be checked.")
        pieces.append(piece)
    return Begun(reply, first=pieces, text="".join(delta_of(piece.data) for piece in pieces))


def text_of(body: bytes) -> str:
    """What the first choice of an answer says; '' of one that says nothing in words."""
    try:
        first = json.loads(body)["choices"][0]
        return str(first["message"]["content"] or "") if "message" in first else str(first.get("text") or "")
    except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError):
        return ""


def delta_of(data: bytes) -> str:
    """What one event of a stream adds to its first choice."""
    try:
        first = next((one for one in json.loads(data)["choices"] if one.get("index", 0) == 0), None)
        if first is None:
            return ""
        return str(first["delta"].get("content") or "") if "delta" in first else str(first.get("text") or "")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return ""
