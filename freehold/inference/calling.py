"""A call on its way to an engine's process and back: sent, read piece by piece, counted, and let go when it is left.

Leaving closes the connection: that is what an engine takes as "stop", and its slot is free again within a token or two.
"""

import asyncio
import json
import re
import secrets
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from freehold.engines import vllm
from freehold.inference import forcing, refusals
from freehold.inference.counting import Ledger, Progress, Totals, read_totals, read_usage, token_of
from freehold.inference.errors import AnswerTooLarge, EngineAway, EngineLost, TooSlow
from freehold.inference.exchanging import Answer, Lost, Request, Silent, Unreached, Unread, exchanged
from freehold.inference.forcing import Forced
from freehold.inference.rules import Call, Leg, Piece, Replica, Target
from freehold.inference.settling import (
    TELLING,
    Shown,
    by_its_word,
    by_totals,
    by_what_was_shown,
    chars_of,
    in_any_case,
)  # fmt: skip

CONNECT_S = 5.0
SILENCE_S = 600.0  # of a stream: a long prompt on a slow processor says nothing for minutes
ANSWER_S = 3600.0  # of an answer in one piece
METRICS_S = 2.0
MAX_METRICS_BYTES = 1 << 20
MAX_LEDGERS = 256
LLAMA = "llama.cpp"
#: So many tokens of a prompt llama.cpp reads in one step; none is shorter than a character.
STEP_TOKENS = 512
#: By which an engine tells of a call. transformers takes it from its clients by this name.
CALL_ID, MAX_TOOK_BYTES = "X-Request-ID", 4096
MAX_ANSWER_BYTES = 64 << 20
MAX_EVENT_BYTES = 8 << 20
MAX_REFUSAL_BYTES = 64 << 10
#: Paths whose answers are generated: parameters' defaults apply to them, and they can be streamed.
GENERATES = frozenset({"chat/completions", "completions", "responses"})
#: The official client's calls, which no path of OpenAI's has: the body says which task.
TASK = "task"
#: What an answer may say that it is: whatever else an engine elsewhere calls it, no browser shows it as a page.
_PLAIN = ("application/json", "text/event-stream", "text/plain", "text/vtt", "application/x-subrip", "audio/")
#: With the same weights the same question gets the same answer, unless the call or the endpoint says otherwise.
TEMPERATURE = 0
_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class EngineReply:
    """An answer of one engine's process (``inference.rules.Reply``)."""

    def __init__(self, answer: Answer, leg: Leg, call: Call, began: float) -> None:
        self.target = leg.target
        self.measured = leg.measured
        self.content_type = shown_as(answer.headers.get("content-type", "application/json"))
        self.is_whole = False  # the engine said that it is at its end
        self._answer, self._leg, self._call, self._began = answer, leg, call, began
        self._progress = Progress(leg.measured)
        options = call.body.get("stream_options")
        self._wants_usage = isinstance(options, Mapping) and options.get("include_usage") is True
        self._wants_usage_each = isinstance(options, Mapping) and options.get("continuous_usage_stats") is True
        self._wants_timings = call.body.get("timings_per_token") is True
        self._events = Events()
        self._coming: Iterator[Piece] = iter(())
        self._first: Piece | None = None  # of a stream, until it is asked for
        self._body: bytes | None = None
        self.shown = Shown() if leg.target.engine != LLAMA else None  # which tells each token itself

    @property
    def legs(self) -> tuple[Leg, ...]:
        return (self._leg,)

    async def body(self) -> bytes:
        if self._body is None:
            self._body = await self._read()
        return self._body

    async def _read(self) -> bytes:
        parts, size = [], 0
        while part := await self._answer.read():
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise AnswerTooLarge(f"The answer is over {MAX_ANSWER_BYTES >> 20} MiB: ask for less at once.")
            parts.append(part)
        whole = b"".join(parts)
        self._note_first()
        self.measured.is_counted = "json" in self.content_type and self._count(whole)
        told = self._answer.headers.get("x-prompt-tokens", "")
        if not self.measured.is_counted and re.fullmatch("[0-9]{1,9}", told):
            self.measured.prompt_tokens, self.measured.is_counted = int(told), True
            written = self._answer.headers.get("x-completion-tokens", "")
            self.measured.completion_tokens = int(written) if re.fullmatch("[0-9]{1,9}", written) else 0
        self.is_whole = True
        return whole

    def _count(self, whole: bytes) -> bool:
        try:
            answer = json.loads(whole)
        except (ValueError, RecursionError):
            return False
        return isinstance(answer, dict) and read_usage(answer.get("usage"), self.measured)

    async def pieces(self) -> AsyncIterator[Piece]:
        while (piece := self._first or await self._next()) is not None:
            self._first = None
            yield piece

    async def begin(self) -> None:
        """Something is here that may be told of it: all of it, or the first of a stream."""
        if self._call.is_stream:
            self.measured.is_counted = False
            self._first = await self._next()
        else:
            await self.body()

    async def _next(self) -> Piece | None:
        """Of a stream; None: it is at its end. Raises :class:`EngineLost` where that came too soon."""
        while (piece := next(self._coming, None)) is None and (part := await self._answer.read()):
            if (piece := self._token(part)) is not None:
                return piece
            self._coming = self._heard(part)
        if piece is None and self.shown is not None and self.shown.is_at_end:
            self.is_whole = True  # transformers says no [DONE]; the connection was closed as one is at an end
        if piece is None and not self.is_whole:
            raise EngineLost("The engine broke off in the middle of its answer. Ask again: the next call has another.")
        return piece

    def _token(self, part: bytes) -> Piece | None:
        """Of what came, where that is one token and nothing else; None of whatever must be looked at."""
        is_usual = self.shown is None and self.measured.first_token_s is not None and self._events.is_between
        if not (is_usual and part.startswith(b"data: ") and part.endswith(b"\n\n")):
            return None
        data = part[6:-2]
        token = token_of(data)
        if token is None:
            return None
        self._progress.token(token)
        return Piece(data if self._wants_timings else data[: token.timings_at] + b"}")

    def _heard(self, part: bytes) -> Iterator[Piece]:
        for data in self._events.of(part):
            if data == b"[DONE]":
                self.is_whole = True
            elif told := self._told(data, wants_usage=self._wants_usage, wants_timings=self._wants_timings):
                self._note_first()
                yield Piece(told)

    def _told(self, data: bytes, *, wants_usage: bool, wants_timings: bool) -> bytes:
        """One event, counted, without what only the hub asked for; b'' where nothing is left of it."""
        token = token_of(data)
        if token is not None:  # nearly every one
            self._progress.token(token)
            return data if wants_timings else data[: token.timings_at] + b"}"
        event = _parsed(data)
        refusals.raise_of_event(event)
        is_counted = self._progress.read(event)
        if self.shown is not None:
            self.shown.add(event)
        if event.get("type") == "response.completed":
            ended = _mapping(event.get("response"))
            self.is_whole = self.measured.is_counted = read_usage(ended.get("usage"), self.measured)
        self.measured.is_counted |= is_counted
        if "prompt_progress" in event and self._call.body.get("return_progress") is not True:
            return b""
        if "usage" in event and not event.get("choices") and "choices" in event and not wants_usage:
            return b""
        if self.target.engine == vllm.NAME and event.get("choices") and not self._wants_usage_each:
            return _written({name: value for name, value in event.items() if name != "usage"})
        if "timings" in event and not wants_timings and event.get("choices"):
            return _written({name: value for name, value in event.items() if name != "timings"})
        return data

    def _note_first(self) -> None:
        if self.measured.first_token_s is None:
            self.measured.first_token_s = asyncio.get_running_loop().time() - self._began


AnyReply = EngineReply | Forced


class Caller:
    """Calls replicas, each call over a connection of its own.

    On one machine a connection costs a tenth of a millisecond, and what is not shared cannot be left behind: a pool
    held connections whose callers were cancelled while they connected, and those that an engine closed just as they
    were used again (httpcore 1.0.9).
    """

    def __init__(self) -> None:
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        self._tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def ask(self, replica: Replica, call: Call, leg: Leg, *, began: float) -> AsyncIterator[AnyReply]:
        """``call`` is with the engine and ``leg`` is filled in while it answers; whole once the context was left.

        Raises :class:`EngineAway`, :class:`EngineLost`, :class:`TooSlow` and what ``inference.refusals`` makes of the
        engine's words.
        """
        ledger = self._ledger(replica, leg.target, call)
        if ledger is not None:
            await ledger.begin(leg.measured)
        request = self._request(replica, call, leg.target)
        reply: EngineReply | None = None
        is_refused = is_lost = False
        try:
            try:
                silence_s = SILENCE_S if call.is_stream else ANSWER_S
                async with exchanged(request, connect_s=CONNECT_S, silence_s=silence_s) as answer:
                    if answer.status != 200:
                        is_refused = True
                        said = await _at_most(answer, MAX_REFUSAL_BYTES)
                        raise refusals.of_answer(answer.status, said, leg.target)
                    reply = EngineReply(answer, leg, call, began)
                    await reply.begin()  # until then nothing was told of it, and another may answer
                    yield Forced(reply) if forcing.tools_of(call, leg.target) else reply
            except Silent as err:
                raise TooSlow("The engine said nothing for too long; the call was given up.") from err
            except Unreached as err:
                is_lost = True
                raise EngineAway("The engine is not to be reached; it may have ended at this moment.") from err
            except Lost as err:
                is_lost = True
                # What stands before an engine elsewhere may reset what it has passed on.
                kind = EngineAway if isinstance(err, Unread) and not replica.host else EngineLost
                raise kind(
                    "The engine's process ended, or broke off, before it had answered. Ask again: it is started anew."
                ) from err
        finally:
            is_whole = is_refused or (reply is not None and reply.is_whole)
            if ledger is not None:
                await by_totals(ledger, leg.measured, call, is_whole=is_whole)
            elif not is_whole and not (is_lost and reply is None):
                told = await in_any_case(self._told(replica, request, leg)) if leg.target.engine in TELLING else False
                if not told:
                    by_what_was_shown(call, leg.measured, reply.shown if reply is not None else None)

    async def _told(self, replica: Replica, request: Request, leg: Leg) -> bool:
        """The engine said what the call took that it was asked with ``request``."""

        async def ask() -> Mapping[str, Any] | None:
            try:
                said = await self._get(replica, f"took/{request.headers[CALL_ID]}", MAX_TOOK_BYTES)
            except Silent:
                return None
            return _mapping(json.loads(said)) if said else None

        return await by_its_word(ask, leg.measured)

    def _trust(self) -> ssl.SSLContext:
        if self._tls is None:  # reads some hundred authorities, so only where somebody is called elsewhere
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def forget(self, replica: Replica) -> None:
        """The replica's process is gone."""
        self._ledgers.pop((replica.address, replica.key), None)

    def _ledger(self, replica: Replica, target: Target, call: Call) -> Ledger | None:
        if target.engine != LLAMA or call.path not in GENERATES:
            return None
        found = self._ledgers.get((replica.address, replica.key))
        if found is None:
            for old in [known for known in self._ledgers if known[0] == replica.address]:
                del self._ledgers[old]  # the port is another process's now
            if len(self._ledgers) >= MAX_LEDGERS:  # of processes that ended long ago, the oldest first
                del self._ledgers[next(iter(self._ledgers))]
            found = self._ledgers[replica.address, replica.key] = Ledger(lambda: self._totals(replica))
        return found

    async def _totals(self, replica: Replica) -> Totals | None:
        try:
            said = await self._get(replica, "metrics", MAX_METRICS_BYTES)
        except Silent as err:
            raise TimeoutError from err
        return read_totals(said) if said is not None else None

    async def _get(self, replica: Replica, path: str, most_bytes: int) -> bytes | None:
        """What the engine tells there; None: nothing. Raises :class:`Silent`."""
        request = Request("GET", f"{replica.address}/{path}", {"Authorization": f"Bearer {replica.key}"})
        try:
            async with exchanged(request, connect_s=METRICS_S, silence_s=METRICS_S) as answer:
                said = await _at_most(answer, most_bytes)
        except Lost:
            return None
        return said if answer.status == 200 else None

    def _request(self, replica: Replica, call: Call, target: Target) -> Request:
        url = f"{replica.address}/task" if call.path == TASK else f"{replica.address}/v1/{call.path}"
        headers = {"Authorization": f"Bearer {replica.key}"} if replica.key else {}
        if replica.host:
            headers["Host"] = replica.host
        if target.engine in TELLING:
            headers[CALL_ID] = secrets.token_hex(12)
        fields = engine_body(call, target, replica.body)
        if call.upload is None:
            headers["Content-Type"] = "application/json"
            body = _written(fields)
        else:
            boundary = secrets.token_hex(16)
            headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
            body = form(fields, call.upload, call.content_type or "application/octet-stream", boundary)
        trust = self._trust() if url.startswith("https:") else None
        return Request("POST", url, headers, body, trust, replica.host.partition(":")[0])


def engine_body(call: Call, target: Target, found_by: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine is sent: the call's own words, the endpoint's defaults where it says nothing, and what counts."""
    given = {name: value for name, value in call.body.items() if value is not None}
    if call.path not in GENERATES:
        return {**given, **found_by}
    body = {"temperature": TEMPERATURE, **target.defaults, **given, **found_by}
    if tools := forcing.tools_of(call, target):
        body = forcing.worded(body, tools)
    if target.engine == vllm.NAME:
        body = vllm.constrained(body)
    if call.is_stream:
        body["stream"] = True
        if call.path != "responses":
            body["stream_options"] = {**_mapping(given.get("stream_options")), "include_usage": True}
        if target.engine == LLAMA:
            body["timings_per_token"] = True
            # A sign of life while a long prompt is read. A short one is read in one step, and its first token says as
            # much; one event more before that is time that its caller waits.
            if chars_of(call.body) > STEP_TOKENS:
                body["return_progress"] = True
        elif target.engine == vllm.NAME and call.path != "responses":
            body["stream_options"]["continuous_usage_stats"] = True
    return body


async def _at_most(answer: Answer, limit_bytes: int) -> bytes:
    said = b""
    while len(said) <= limit_bytes and (part := await answer.read()):
        said += part
    return said[:limit_bytes]


class Events:
    """What follows ``data:`` in each event of a stream. Source: HTML, 9.2.6, as engines write it: one line each."""

    def __init__(self) -> None:
        self._held = bytearray()  # grows by what comes: a long line in small parts is not put together for each

    @property
    def is_between(self) -> bool:
        """Whether all that came was whole."""
        return not self._held

    def of(self, part: bytes) -> Iterator[bytes]:
        """Those that are whole with ``part``."""
        first, *lines = part.split(b"\n")
        self._held += first
        if len(self._held) > MAX_EVENT_BYTES:
            raise AnswerTooLarge(f"One event of the answer is over {MAX_EVENT_BYTES >> 20} MiB.")
        if not lines:
            return
        lines.insert(0, bytes(self._held))
        self._held = bytearray(lines.pop())
        for line in lines:
            if line.startswith((b"data:", b"error:")):
                yield line.partition(b":")[2].strip()


def shown_as(content_type: str) -> str:
    """The media type that an answer goes on with, of the one that the engine gave it."""
    return content_type if content_type.lower().startswith(_PLAIN) else "application/octet-stream"


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as err:
        raise EngineLost("The engine sent an event that is not JSON; the call was given up.") from err
    if not isinstance(event, dict):
        raise EngineLost("The engine sent an event that is no object; the call was given up.")
    return event


def _written(value: object) -> bytes:
    return _WRITER.encode(value).encode("utf-8", "replace")


def form(fields: Mapping[str, Any], file: bytes, content_type: str, boundary: str) -> bytes:
    """``fields`` and a file as multipart/form-data; names as browsers write them. Source: RFC 7578; HTML, 4.10.21.8."""
    parts: list[bytes] = []
    for name, value in fields.items():
        said = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
        text = value if isinstance(value, str) else json.dumps(value)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{said}"\r\n\r\n'
        parts.append(f"{head}{text}\r\n".encode("utf-8", "replace"))
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="upload"\r\n'
    parts += [f"{head}Content-Type: {content_type}\r\n\r\n".encode(), file, f"\r\n--{boundary}--\r\n".encode()]
    return b"".join(parts)


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
