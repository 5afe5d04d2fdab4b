"""Guards at work: on what goes in, and on the answer as it comes out, whole or as a stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from freehold.guards import answers, asked, asking, json_schema
from freehold.guards.errors import Blocked
from freehold.guards.rules import Finding, Guard
from freehold.guards.sieve import Placed, Sieve, blocked
from freehold.guards.streaming import Stream
from freehold.inference.rules import Call, Leg, Piece, Reply

#: Asks the model that a guard names: (served name, path below /v1, body) -> its answer.
AskModel = Callable[[str, str, dict[str, Any]], Awaitable[bytes]]

#: From here a text is looked at in a thread, so that others' calls go on.
THREAD_CHARACTERS = 20_000
MAX_ANSWER_BYTES = 16 << 20


async def checked_input(call: Call, placed: Sequence[Placed], findings: list[Finding], ask: AskModel) -> Call:
    """``call`` as the model may have it. Raises :class:`Blocked`, and what ``ask`` does."""
    mine = [one for one in placed if one.guard.side == "input"]
    if not mine:
        return call
    asked.refuse_unreadable(call.body)
    text: str = await asyncio.to_thread(asked.words, call.body)  # how much there is is not known yet
    for one in mine:
        if one.guard.kind == "size" and (what := _too_large(one.guard, call, len(text))):
            _note(one, "input", what, "call", findings)
    sieve = Sieve(mine, "input", findings)
    body: Mapping[str, Any] = call.body
    if sieve:
        body = await _apart(len(text), lambda: asked.cleaned(call.body, sieve))
    for one in mine:
        if one.guard.kind == "model":
            what = await asking.found(one.guard, asked.words(body), ask)
            if what:
                _note(one, "input", what, "call", findings)
                if one.guard.does == "mask":
                    raise blocked("input", one.guard, what)  # a question without its words is none
    return replace(call, body=body)


def guarded(reply: Reply, call: Call, placed: Sequence[Placed], findings: list[Finding], ask: AskModel) -> Reply:
    """``reply``, of which nothing leaves that a guard keeps."""
    mine = [one for one in placed if one.guard.side == "output"]
    return Guarded(reply, call, mine, findings, ask) if mine else reply


class Guarded:
    """A reply behind guards. A blocked answer ends as OpenAI's do: no text, ``finish_reason`` "content_filter"."""

    def __init__(
        self, reply: Reply, call: Call, placed: Sequence[Placed], findings: list[Finding], ask: AskModel
    ) -> None:
        self.target, self.measured, self.content_type = reply.target, reply.measured, reply.content_type
        self._reply, self._call, self._placed, self._findings, self._ask = reply, call, placed, findings, ask
        self._sieve = Sieve(placed, "output", findings)
        #: These see an answer only when it is there as a whole.
        self._late = [one for one in placed if one.guard.kind in ("schema", "model")]

    @property
    def legs(self) -> Sequence[Leg]:
        return self._reply.legs

    async def body(self) -> bytes:
        raw = await self._reply.body()
        try:
            told = json.loads(raw)
        except (ValueError, RecursionError):
            return await self._plain(raw)
        choices = told.get("choices") if isinstance(told, dict) else None
        if answers.is_vectors(told):
            return raw
        if not isinstance(choices, list):
            walked = await _apart(len(raw), lambda: self._sieve.walk(told, "answer"))
            return json.dumps(walked, ensure_ascii=False).encode()
        kept = answers.head(told)
        kept["choices"] = [await self._choice(choice) for choice in choices if isinstance(choice, dict)]
        return json.dumps(kept, ensure_ascii=False).encode()

    async def pieces(self) -> AsyncIterator[Piece]:
        stream = Stream(self._sieve, self._most_of, is_json=bool(self._call.body.get("response_format")))
        if self._late:
            async for piece in self._late_pieces(stream):
                yield piece
            return
        async for piece in self._reply.pieces():
            for data in stream.take(piece.data):
                yield Piece(data)
            if stream.is_blocked:
                return
        for data in stream.end():
            yield Piece(data)

    async def _late_pieces(self, stream: Stream) -> AsyncIterator[Piece]:
        """All of the answer is read, looked at, and then sent in pieces."""
        out: list[bytes] = []
        size = 0
        async for piece in self._reply.pieces():
            size += len(piece.data)
            if size > MAX_ANSWER_BYTES:
                raise Blocked("The answer is too long for the guards of this route.")
            out.extend(stream.take(piece.data))
            if stream.is_blocked:
                break
        else:
            out.extend(stream.end())
        for index in sorted(stream.said.keys() | stream.beside.keys()):
            text = stream.said.get(index, "")
            kept = await self._looked_at(text, stream.beside.get(index, ""))
            if kept != text:
                out = stream.instead(out, index, kept)
            if kept is None:
                break
        for data in out:
            yield Piece(data)

    async def _choice(self, given: dict[str, Any]) -> dict[str, Any]:
        """What of one choice of a whole answer leaves. Its ``logprobs`` do not: they spell the text token by token."""
        is_chat = isinstance(given.get("message"), dict)
        message = answers.members(given["message"] if is_chat else given)
        finish = answers.ending(given.get("finish_reason"))
        try:
            beside = [self._beside(message)]
            for key in answers.TEXTS:
                text = answers.text_of(message.get(key))
                if text is not None:
                    message[key] = await self._text(text, is_answer=key in answers.ANSWER)
                    beside += [] if key in answers.ANSWER else [message[key]]
            await self._as_a_whole(message, "\n".join(beside))
        except Blocked:
            message = {"role": "assistant", "content": ""} if is_chat else {"text": ""}
            finish = "content_filter"
        return {
            "index": given.get("index", 0),
            **({"message": message} if is_chat else message),
            "finish_reason": finish,
        }

    def _beside(self, message: dict[str, Any]) -> str:
        """Calls of tools are looked at, in place; what they say."""
        for key in ("tool_calls", "function_call"):
            if key in message:
                message[key] = self._sieve.walk(message[key], "tool call")
        told = [message[key] for key in ("tool_calls", "function_call") if message.get(key)]
        return json.dumps(told, ensure_ascii=False) if told else ""

    async def _text(self, text: str, *, is_answer: bool) -> str:
        if is_answer:
            self._most_of(len(text))
        cleaned: str = await _apart(len(text), lambda: self._sieve.clean_either(text, "answer"))
        return cleaned

    async def _as_a_whole(self, message: dict[str, Any], beside: str) -> None:
        """The guards that want all of an answer look at it; where it goes, so does what was said beside it."""
        key = "text" if "text" in message else "content"
        text = str(message.get(key) or "")
        kept = await self._looked_at(text, beside)
        if kept is None:
            raise Blocked("A guard does not let the answer out.")
        if kept != text:
            for name in answers.BESIDE:
                message.pop(name, None)
            message[key] = kept

    async def _looked_at(self, text: str, beside: str) -> str | None:
        """``text`` once the guards that want all of it have it: itself, a mask, or None for blocked."""
        for one in self._late:
            if one.guard.kind == "schema":
                # The answer that calls a tool has no other words, and is none yet.
                what = _against(one.guard.options["schema"], text) if text or not beside else ""
            else:
                what = await asking.found(one.guard, f"{text}\n{beside}".strip(), self._ask)
            if what:
                try:
                    _note(one, "output", what, "answer", self._findings)
                except Blocked:
                    return None
                if one.guard.does == "mask":
                    return "[removed]"
        return text

    def _most_of(self, characters: int) -> None:
        """Raises :class:`Blocked` where the answer is larger than a guard has it and does not only mark it."""
        for one in self._placed:
            is_over = one.guard.kind == "size" and characters > int(one.guard.options["characters"])
            if is_over and not any(found.what == "too large" for found in self._findings):
                _note(one, "output", "too large", "answer", self._findings)

    async def _plain(self, raw: bytes) -> bytes:
        """Text that is no JSON, such as subtitles, is looked at; sound and pictures are not."""
        if not self.content_type.startswith(("text/", "application/json")):
            return raw
        text: str = await _apart(len(raw), lambda: self._sieve.clean(raw.decode("utf-8", "replace"), "answer"))
        return text.encode()


def _against(schema: Mapping[str, Any], text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "no JSON"
    return "not of the schema" if json_schema.wrong(schema, value) else ""


def _too_large(guard: Guard, call: Call, characters: int) -> str:
    """What of a call is larger than ``guard`` has it; '' nothing."""
    if characters > int(guard.options.get("characters", characters)):
        return "too large"
    is_over = "bytes" in guard.options and asked.file_bytes(call) > int(guard.options["bytes"])
    return "files too large" if is_over else ""


def _note(one: Placed, side: Any, what: str, place: str, findings: list[Finding]) -> None:
    findings.append(Finding(one.guard.kind, side, one.guard.does, what, place, 1, one.route_id))
    if one.guard.does == "block":
        raise blocked(side, one.guard, what)


async def _apart(size: int, work: Callable[[], Any]) -> Any:
    return work() if size < THREAD_CHARACTERS else await asyncio.to_thread(work)
