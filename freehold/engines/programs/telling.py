"""What is written on its way to whoever asked: whole or as events, in the form of OpenAI's chat or its completions."""

import asyncio
import json
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from freehold.engines.programs import serving
from freehold.engines.programs.serving import Broken, Call, Left
from freehold.engines.programs.writing import Piece, Reader, Wish, write


class Answering:
    """A thread that writes; its pieces come to the loop. ``release``: the turn is another's once it has ended."""

    def __init__(self, reader: Reader, wish: Wish, call: Call, release: Callable[[], None]) -> None:
        self.answers, self.call = len(wish.prompts) * wish.answers, call
        self._wish, self._release = wish, release
        self._queue: asyncio.Queue[Piece | BaseException | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        call.is_under_way = True
        threading.Thread(target=self._write, args=(reader,), daemon=True).start()

    def _write(self, reader: Reader) -> None:
        last: BaseException | None = None
        try:
            for piece in write(reader, self._wish, self.call):
                self._loop.call_soon_threadsafe(self._queue.put_nowait, piece)
        except BaseException as err:  # a library's own panic is no Exception
            last = err
        self._loop.call_soon_threadsafe(self._ended, last)

    def _ended(self, err: BaseException | None) -> None:
        self.call.is_under_way = False
        self._release()
        self._queue.put_nowait(err)

    async def pieces(self) -> AsyncIterator[Piece]:
        """Raises :class:`Left`, and :class:`Broken` for what went wrong."""
        while (found := await self._queue.get()) is not None:
            if isinstance(found, Left):
                raise found
            if isinstance(found, BaseException):
                raise Broken.of(found)
            yield found


# ---- forms ----------------------------------------------------------------------------------------------------------


class Shape:
    """Answers as one path has them. ``continues``: a text that goes on with its prompt."""

    prefix, kind, kind_of_events = "", "", ""
    continues = False

    def __init__(self, alias: str) -> None:
        self._head = {"id": f"{self.prefix}-{secrets.token_hex(12)}", "created": int(time.time()), "model": alias}

    def choice(self, index: int, text: str, reason: str | None, stop: str | None) -> dict[str, Any]:
        """``stop``: what it ended by, of what the call names."""
        raise NotImplementedError

    def first(self, index: int) -> Sequence[dict[str, Any]]:
        """What the events of an answer begin with."""
        return []

    def piece(self, piece: Piece) -> Sequence[dict[str, Any]]:
        """The events of it."""
        raise NotImplementedError

    def whole(self, choices: Sequence[dict[str, Any]], call: Call) -> dict[str, Any]:
        return {**self._head, "object": self.kind, "choices": [*choices], "usage": usage(call)}

    def event(self, *choices: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {**self._head, "object": self.kind_of_events, "choices": [*choices], **more}


class Chat(Shape):
    prefix, kind, kind_of_events = "chatcmpl", "chat.completion", "chat.completion.chunk"

    def choice(self, index: int, text: str, reason: str | None, stop: str | None) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        return {"index": index, "message": message, "logprobs": None, "finish_reason": reason}

    def first(self, index: int) -> Sequence[dict[str, Any]]:
        return [self._delta(index, {"role": "assistant", "content": ""}, None)]

    def piece(self, piece: Piece) -> Sequence[dict[str, Any]]:
        told = [self._delta(piece.index, {"content": piece.text}, None)] if piece.text else []
        return [*told, self._delta(piece.index, {}, piece.reason)] if piece.reason else told

    def _delta(self, index: int, delta: Mapping[str, Any], reason: str | None) -> dict[str, Any]:
        return self.event({"index": index, "delta": delta, "logprobs": None, "finish_reason": reason})


class Completion(Shape):
    prefix, kind, kind_of_events = "cmpl", "text_completion", "text_completion"
    continues = True

    def choice(self, index: int, text: str, reason: str | None, stop: str | None) -> dict[str, Any]:
        # ``stop_reason`` is vLLM's word, by which text-generation-inference's clients are told.
        return {"index": index, "text": text, "logprobs": None, "finish_reason": reason, "stop_reason": stop}

    def piece(self, piece: Piece) -> Sequence[dict[str, Any]]:
        return [self.event(self.choice(piece.index, piece.text, piece.reason, piece.stop))]


def usage(call: Call) -> dict[str, int]:
    return {
        "prompt_tokens": call.prompt_tokens,
        "completion_tokens": call.completion_tokens,
        "total_tokens": call.prompt_tokens + call.completion_tokens,
    }


# ---- ways -----------------------------------------------------------------------------------------------------------


async def whole(request: Any, answering: Answering, shape: Shape) -> Any:
    """Everything in one piece."""
    texts, reasons = [""] * answering.answers, [""] * answering.answers
    stops: list[str | None] = [None] * answering.answers
    watching = asyncio.ensure_future(serving.watched(request.receive, answering.call))
    try:
        async for piece in answering.pieces():
            texts[piece.index] += piece.text
            reasons[piece.index], stops[piece.index] = piece.reason or "", piece.stop
    except Left:
        raise serving.Refused("Its caller left.") from None
    finally:
        watching.cancel()
    choices = [shape.choice(at, text, reasons[at], stops[at]) for at, text in enumerate(texts)]
    return serving.json_answer(shape.whole(choices, answering.call))


class Events:
    """The same as events, as they come: an ASGI application that answers one call."""

    def __init__(self, answering: Answering, shape: Shape, tells_usage: bool) -> None:
        self._answering, self._shape, self._tells_usage = answering, shape, tells_usage

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        call = self._answering.call
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
        watching = asyncio.ensure_future(serving.watched(receive, call))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for event in self._events():
                line = b"data: " + json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
                await send({"type": "http.response.body", "body": line, "more_body": True})
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})
        except Left:
            pass  # nobody hears it any more
        except Broken as err:
            line = b"data: " + json.dumps({"error": err.said}).encode() + b"\n\n"
            await send({"type": "http.response.body", "body": line, "more_body": False})
        finally:
            call.leave()  # what is at its end already does not hear it
            watching.cancel()

    async def _events(self) -> AsyncIterator[dict[str, Any]]:
        begun: set[int] = set()
        async for piece in self._answering.pieces():
            if piece.index not in begun:
                begun.add(piece.index)
                for event in self._shape.first(piece.index):
                    yield event
            for event in self._shape.piece(piece):
                yield event
        if self._tells_usage:
            yield self._shape.event(usage=usage(self._answering.call))
