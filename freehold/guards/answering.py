"""Guards at work: on what goes in, and on the answer as it comes out, whole or as a stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from freehold.guards import asking, json_schema
from freehold.guards.errors import Blocked
from freehold.guards.rules import Finding
from freehold.guards.sieve import Placed, Sieve, blocked
from freehold.guards.streaming import Stream
from freehold.inference.rules import Call, Leg, Piece, Reply

#: Asks the model that a guard names: (served name, path below /v1, body) -> its answer.
AskModel = Callable[[str, str, dict[str, Any]], Awaitable[bytes]]

#: What is no text of the one who asks, or no text at all.
_NO_TEXT = frozenset([
    "model", "role", "type", "id", "object", "name", "user", "metadata", "tools", "functions", "tool_choice",
    "response_format", "grammar", "guided_json", "stop", "logit_bias", "image_url", "url", "data", "b64_json",
    "input_audio", "file_data", "encoding_format", "truncation", "parameters", "language", "tool_call_id",
    "created", "finish_reason", "usage", "logprobs", "system_fingerprint", "label",
])  # fmt: skip
#: From here a text is looked at in a thread, so that others' calls go on.
THREAD_CHARACTERS = 20_000
MAX_ANSWER_BYTES = 16 << 20


async def checked_input(call: Call, placed: Sequence[Placed], findings: list[Finding], ask: AskModel) -> Call:
    """``call`` as the model may have it. Raises :class:`Blocked`, and what ``ask`` does."""
    mine = [one for one in placed if one.guard.side == "input"]
    if not mine:
        return call
    for name in ("prompt", "input"):
        if _has_tokens(call.body.get(name)):
            raise Blocked(f'The guards of this route read words: send "{name}" as text, not as numbers of tokens.')
    text = "\n".join(_texts(call.body))
    for one in mine:
        if one.guard.kind == "size" and len(text) > int(one.guard.options.get("characters", 0)):
            _note(one, "input", "too large", "call", findings)
    sieve = Sieve(mine, "input", findings)
    body: Mapping[str, Any] = call.body
    if sieve:
        body = await _apart(len(text), lambda: _mapped(call.body, sieve, ""))
    for one in mine:
        if one.guard.kind == "model":
            what = await asking.found(one.guard, "\n".join(_texts(body)), ask)
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
        self._most = min(
            (int(one.guard.options["characters"]) for one in placed if one.guard.kind == "size"), default=None
        )

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
        if not isinstance(choices, list):
            return json.dumps(
                await _apart(len(raw), lambda: _mapped(told, self._sieve, "")), ensure_ascii=False
            ).encode()
        for choice in choices:
            await self._choice(choice)
        return json.dumps(told, ensure_ascii=False).encode()

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
        for index, text in sorted(stream.said.items()):
            kept = await self._looked_at(text)
            if kept != text:
                out = stream.instead(out, index, kept)
            if kept is None:
                break
        for data in out:
            yield Piece(data)

    async def _choice(self, choice: dict[str, Any]) -> None:
        """One choice of a whole answer, changed in place."""
        said = choice.get("message")
        message: dict[str, Any] = said if isinstance(said, dict) else choice
        if self._sieve.changes or self._late:
            choice.pop("logprobs", None)  # they spell the text token by token
        try:
            for key in ("content", "text", "reasoning_content", "reasoning", "refusal"):
                if isinstance(message.get(key), str):
                    message[key] = await self._text(message[key], key in ("content", "text"))
            for tool in message.get("tool_calls") or ():
                function = tool.get("function", {})
                if isinstance(function.get("arguments"), str):
                    function["arguments"] = self._sieve.clean_json(function["arguments"], "tool call")
        except Blocked:
            for key in ("tool_calls", "reasoning_content", "reasoning", "refusal"):
                message.pop(key, None)
            message["content" if message is not choice else "text"] = ""
            choice["finish_reason"] = "content_filter"

    async def _text(self, text: str, is_answer: bool) -> str:
        if is_answer:
            self._most_of(len(text))
        cleaned: str = await _apart(len(text), lambda: _cleaned(self._sieve, text))
        if not is_answer:
            return cleaned
        kept = await self._looked_at(cleaned)
        if kept is None:
            raise Blocked("A guard does not let the answer out.")
        return kept

    async def _looked_at(self, text: str) -> str | None:
        """``text`` once the guards that want all of it have it: itself, a mask, or None for blocked."""
        for one in self._late:
            if one.guard.kind == "schema":
                what = _against(one.guard.options["schema"], text)
            else:
                what = await asking.found(one.guard, text, self._ask)
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


def _cleaned(sieve: Sieve, text: str) -> str:
    return sieve.clean_json(text, "answer") if text.lstrip()[:1] in ("{", "[") else sieve.clean(text, "answer")


def _note(one: Placed, side: Any, what: str, place: str, findings: list[Finding]) -> None:
    findings.append(Finding(one.guard.kind, side, one.guard.does, what, place, 1, one.route_id))
    if one.guard.does == "block" or (one.guard.does == "mask" and what == "too large"):
        raise blocked(side, one.guard, what)


async def _apart(size: int, work: Callable[[], Any]) -> Any:
    return work() if size < THREAD_CHARACTERS else await asyncio.to_thread(work)


def _has_tokens(value: Any) -> bool:
    """Whether numbers stand where words are to be: an engine turns them into words that no guard saw."""
    return isinstance(value, list) and any(not isinstance(one, str) and not isinstance(one, Mapping) for one in value)


def _texts(value: Any, depth: int = 0) -> list[str]:
    if isinstance(value, str):
        return [value]
    if depth > 60:
        return []
    if isinstance(value, list):
        return [text for one in value for text in _texts(one, depth + 1)]
    if isinstance(value, Mapping):
        return [text for key, one in value.items() if key not in _NO_TEXT for text in _texts(one, depth + 1)]
    return []


def _mapped(value: Any, sieve: Sieve, place: str, depth: int = 0) -> Any:
    """``value`` with its texts cleaned. ``place``: the first steps to it, as ``messages[2]``."""
    if isinstance(value, str):
        return sieve.clean(value, place or "call")
    if depth > 60:
        raise Blocked("The call is nested too deeply for the guards of this route.")
    if isinstance(value, list):
        is_first = depth <= 1
        return [_mapped(one, sieve, f"{place}[{at}]" if is_first else place, depth + 1) for at, one in enumerate(value)]
    if isinstance(value, Mapping):
        return {key: one if key in _NO_TEXT else _member(key, one, sieve, place, depth) for key, one in value.items()}
    return value


def _member(key: str, value: Any, sieve: Sieve, place: str, depth: int) -> Any:
    if key == "arguments" and isinstance(value, str):
        return sieve.clean_json(value, place)
    return _mapped(value, sieve, place or str(key)[:40], depth + 1)
