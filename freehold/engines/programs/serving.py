"""A model of our own programs over HTTP: OpenAI's paths and the official client's task calls, on a port of its own.

A program gives its model's abilities as functions; this says which paths they answer, checks what is asked, refuses
whoever has no key, and counts tokens (``x-prompt-tokens``, ``usage``). Source of the task calls' shapes:
huggingface_hub, inference/_generated/types.
"""

import asyncio
import base64
import hmac
import json
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from freehold.engines.programs import lifeline, patience

MAX_BODY_BYTES = 64 << 20
MAX_INPUTS = 2_048
#: Calls of which it is known what they took.
MAX_CALLS = 1_024
#: A request of Starlette's to an answer of its.
Door = Callable[[Any], Awaitable[Any]]


class Refused(Exception):
    """What was asked cannot be answered; why, for whoever asked."""

    def __init__(self, message: str, *, kind: str = "invalid_request_error", **more: Any) -> None:
        super().__init__(message)
        self.message = message
        self.said = {"message": message, "type": kind, "code": 400, **more}


@dataclass(frozen=True)
class Asked:
    """One task call: its ``inputs``, its ``parameters``, and a file where one came (then ``inputs`` is None)."""

    inputs: Any
    parameters: Mapping[str, Any] = field(default_factory=dict)
    upload: bytes | None = None

    def text(self) -> str:
        if not isinstance(self.inputs, str):
            raise Refused("'inputs' is a text.")
        return self.inputs

    def texts(self) -> tuple[list[str], bool]:
        """The texts, and whether they came as a list."""
        if isinstance(self.inputs, str):
            return [self.inputs], False
        return texts_of(self.inputs, "inputs"), True

    def file(self) -> bytes:
        """A picture or a sound: as it came, or in base64, perhaps as a data address."""
        if self.upload is not None:
            return self.upload
        if not isinstance(self.inputs, str):
            raise Refused("'inputs' is a file in base64, or comes as the body itself.")
        if self.inputs.startswith(("http:", "https:")):
            raise Refused("This hub fetches no addresses: send the file itself, in base64.")
        try:
            return base64.b64decode(self.inputs.partition("base64,")[2] or self.inputs, validate=True)
        except ValueError:
            raise Refused("'inputs' is no base64.") from None

    def number(self, name: str, least: int, most: int, default: int) -> int:
        value = self.parameters.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Refused(f"{name!r} is a number from {least:,} to {most:,}.")
        return value


@dataclass(frozen=True)
class Vectors:
    """Embeddings, a row for each text, and how many tokens were read."""

    rows: Any  #: numpy, (texts, width), float32
    tokens: int


@dataclass(frozen=True)
class Told:
    """The answer to a task call, as JSON has it, and how many tokens were read (None: it reads none)."""

    answer: Any
    tokens: int | None = None


class Left(Exception):
    """Its caller went: what is under way is let go."""


class Broken(Exception):
    """The model could not go on; why, in the library's words."""

    @classmethod
    def of(cls, err: BaseException) -> "Broken":
        sys.stderr.write("".join(traceback.format_exception(err))[-4_000:])
        return cls(" ".join(str(err).split())[:300] or type(err).__name__)

    @property
    def said(self) -> dict[str, Any]:
        return {"message": f"The model could not go on: {self}", "type": "server_error", "code": 500}


@dataclass
class Call:
    """What a call took so far, and whether anybody still waits for it. ``handle``: of the library's, by which ``stop``
    ends a step at once."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    is_under_way: bool = False  # after its door has said where the answer comes from
    is_answered: bool = False
    is_left: bool = False
    handle: Any = None
    stop: Callable[[], None] = lambda: None

    @property
    def is_over(self) -> bool:
        return self.is_answered and not self.is_under_way

    def leave(self) -> None:
        self.is_left = True
        self.stop()

    def check(self) -> None:
        """Raises :class:`Left`."""
        if self.is_left:
            raise Left


_current: ContextVar[Call | None] = ContextVar("call", default=None)


def has_read(tokens: int) -> None:
    """So many more were read for the call that this thread works on. Raises :class:`Left` where nobody waits for it."""
    call = _current.get()
    if call is not None:
        call.prompt_tokens += tokens
        call.check()


def has_written(tokens: int) -> None:
    """So many more were written for it. As :func:`has_read`."""
    call = _current.get()
    if call is not None:
        call.completion_tokens += tokens
        call.check()


async def watched(receive: Callable[[], Awaitable[Any]], call: Call) -> None:
    """Lets go of ``call`` when its caller goes. Its body was read: what comes next says so."""
    while (await receive())["type"] != "http.disconnect":
        pass
    call.leave()


@dataclass(frozen=True)
class Abilities:
    """What a model can do. ``tasks`` by their names in the official client; ``talk`` has the doors of what writes."""

    embed: Callable[[Sequence[str], bool], Vectors] | None = None  # (texts, whether none of them may be cut)
    rank: Callable[[str, Sequence[str]], tuple[Sequence[float], int]] | None = None
    transcribe: Callable[[bytes, Mapping[str, Any]], str] | None = None
    talk: Callable[[asyncio.Semaphore, str], Mapping[str, Door]] | None = None  # (turns, alias) -> doors by paths
    tasks: Mapping[str, Callable[[Asked], Told]] = field(default_factory=dict)


def texts_of(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        if isinstance(value, list) and value and all(isinstance(one, int | list) for one in value):
            raise Refused(
                f"{name!r} holds numbers of tokens, which mean something else to each model: send texts. "
                "(LangChain's OpenAIEmbeddings does with check_embedding_ctx_length=False.)"
            )
        raise Refused(f"{name!r} is a text, or a list of texts.")
    if len(value) > MAX_INPUTS:
        raise Refused(f"{name!r} has {len(value):,} texts; up to {MAX_INPUTS:,} are read in one call.")
    return list(value)


def serve(options: Mapping[str, Any], abilities: Abilities) -> None:
    """Answer until the hub lets go."""
    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app(options, abilities), log_level="warning", access_log=False, lifespan="off", server_header=False, ws="none"
    )
    server = uvicorn.Server(config)
    listening.listen(128)
    patience.begin(options.get("patience_s", patience.PATIENCE_S))
    lifeline.ready(listening.getsockname()[1])
    server.run(sockets=[listening])


def app(options: Mapping[str, Any], abilities: Abilities) -> Any:
    """The application. ``options``: ``key``, ``alias``, ``parallel``."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    doors = _Doors(abilities, options["alias"], max(1, int(options.get("parallel", 1))))
    asked = {
        "/v1/embeddings": doors.embeddings,
        "/v1/rerank": doors.rerank,
        "/v1/audio/transcriptions": doors.transcriptions,
        "/task": doors.task,
        **(abilities.talk(doors.turns, options["alias"]) if abilities.talk else {}),
    }
    routes = [
        Route(f"{lifeline.PATH}/health", doors.health),
        Route(f"{lifeline.PATH}/v1/models", doors.models),
        Route(f"{lifeline.PATH}/took/{{id}}", doors.took),
        *(Route(f"{lifeline.PATH}{path}", doors.noted(door), methods=["POST"]) for path, door in asked.items()),
    ]
    inner = Starlette(routes=routes, exception_handlers={Refused: _refused, Broken: _broken})
    return _Locked(inner, options["key"])


class _Doors:
    """One for each path. ``parallel`` calls are worked on at a time, in threads; the others wait."""

    def __init__(self, abilities: Abilities, alias: str, parallel: int) -> None:
        self._abilities, self._alias = abilities, alias
        self.turns = asyncio.Semaphore(parallel)
        self._calls: dict[str, Call] = {}

    def noted(self, door: Door) -> Door:
        """``door``, and what each call of it took is known for a while by the id that it came with."""

        async def answered(request: Any) -> Any:
            call = request.state.call = Call()
            if call_id := request.headers.get("x-request-id"):
                self._calls[call_id] = call
                while len(self._calls) > MAX_CALLS:
                    del self._calls[next(iter(self._calls))]
            try:
                return await door(request)
            finally:
                call.is_answered = True

        return answered

    async def took(self, request: Any) -> Any:
        """Also of a call whose caller left: it is let go between two steps, and what it read by then counts."""
        call = self._calls.get(request.path_params["id"])
        known = call or Call(is_answered=True)
        return json_answer({
            "is_known": call is not None, "is_over": known.is_over, "prompt_tokens": known.prompt_tokens,
            "completion_tokens": known.completion_tokens,
        })  # fmt: skip

    async def _work(self, request: Any, act: Callable[..., Any], *given: Any) -> Any:
        from starlette.concurrency import run_in_threadpool

        call: Call = request.state.call
        async with self.turns:
            if await request.is_disconnected():
                raise Refused("Its caller left before it began.")
            _current.set(call)  # which the thread has, too
            watching = asyncio.ensure_future(watched(request.receive, call))
            try:
                found = await run_in_threadpool(act, *given)
            except (Refused, asyncio.CancelledError):
                raise
            except Left:
                raise Refused("Its caller left.") from None
            except BaseException as err:  # a library's own panic is no Exception
                raise Broken.of(err) from err
            finally:
                watching.cancel()
            call.prompt_tokens = _tokens_of(found)
            return found

    async def health(self, request: Any) -> Any:
        return json_answer({"status": "ok"})

    async def models(self, request: Any) -> Any:
        return json_answer({"object": "list", "data": [{"id": self._alias, "object": "model"}]})

    async def embeddings(self, request: Any) -> Any:
        if self._abilities.embed is None:
            raise Refused("This model makes no embeddings.", kind="not_supported_error")
        body = await read_json(request)
        asked = body.get("input")
        texts = [asked] if isinstance(asked, str) else texts_of(asked, "input")
        found: Vectors = await self._work(request, self._abilities.embed, texts, body.get("truncate") is not True)
        rows = _cut(found.rows, body.get("dimensions"))
        as_text = body.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": at, "embedding": _coded(row) if as_text else row.tolist()}
            for at, row in enumerate(rows)
        ]
        usage = {"prompt_tokens": found.tokens, "total_tokens": found.tokens}
        return json_answer({"object": "list", "model": self._alias, "data": data, "usage": usage})

    async def rerank(self, request: Any) -> Any:
        if self._abilities.rank is None:
            raise Refused("This model ranks nothing.", kind="not_supported_error")
        body = await read_json(request)
        query, documents = body.get("query"), body.get("documents", body.get("texts"))
        if not isinstance(query, str):
            raise Refused("'query' is a text.")
        texts = texts_of(documents, "documents")
        scores, tokens = await self._work(request, self._abilities.rank, query, texts)
        results = sorted(
            ({"index": at, "relevance_score": float(score)} for at, score in enumerate(scores)),
            key=lambda one: -one["relevance_score"],
        )
        top = body.get("top_n")
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        kept = results[:top] if isinstance(top, int) and top > 0 else results
        return json_answer({"object": "list", "model": self._alias, "results": kept, "usage": usage})

    async def transcriptions(self, request: Any) -> Any:
        if self._abilities.transcribe is None:
            raise Refused("This model hears nothing.", kind="not_supported_error")
        asked, form = await _form(request)
        if asked is None:
            raise Refused("'file' is a sound, sent as a form.")
        if form.get("response_format", "json") not in ("json", "text"):
            raise Refused(
                "This model does not say when a word was said: 'response_format' is json or text.",
                param="response_format",
            )
        text = await self._work(request, self._abilities.transcribe, asked, form)
        written = request.state.call.completion_tokens
        if form.get("response_format") == "text":
            return _text_answer(text, {"x-prompt-tokens": "0", "x-completion-tokens": str(written)})
        usage = {"type": "tokens", "input_tokens": 0, "output_tokens": written, "total_tokens": written}
        return json_answer({"text": text, "usage": usage})

    async def task(self, request: Any) -> Any:
        upload: bytes | None = None
        if request.headers.get("content-type", "").startswith("multipart/"):
            upload, body = await _form(request)
        else:
            body = await read_json(request)
        name = str(body.get("task", ""))
        if name not in self._abilities.tasks:
            raise Refused(f"This model does not do {name[:60]!r}; it does {', '.join(self._abilities.tasks)}.")
        parameters = body.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise Refused("'parameters' is an object.")
        asked = Asked(body.get("inputs"), parameters, upload)
        told: Told = await self._work(request, self._abilities.tasks[name], asked)
        headers = {} if told.tokens is None else {"x-prompt-tokens": str(told.tokens)}
        return json_answer(told.answer, headers=headers)


def _tokens_of(found: Any) -> int:
    """Of vectors, of what a task told, of scores with how many tokens were read for them; a text heard has none."""
    if isinstance(found, Vectors | Told):
        return found.tokens or 0
    return int(found[1]) if isinstance(found, tuple) else 0


async def _refused(request: Any, err: Exception) -> Any:
    assert isinstance(err, Refused)
    return json_answer({"error": err.said}, status_code=400)


async def _broken(request: Any, err: Exception) -> Any:
    assert isinstance(err, Broken)
    return json_answer({"error": err.said}, status_code=500)


def json_answer(told: Any, **more: Any) -> Any:
    from starlette.responses import JSONResponse

    try:
        return JSONResponse(told, **more)
    except ValueError as err:
        raise Broken("it gives what are no numbers") from err


def _text_answer(text: str, headers: Mapping[str, str]) -> Any:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(text, headers=headers)


class _Locked:
    """Whoever has no key learns nothing: not even which paths there are."""

    def __init__(self, inner: Any, key: str) -> None:
        self._inner = inner
        self._wanted = f"Bearer {key}".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] == "http" and hmac.compare_digest(given, self._wanted):
            await self._inner(scope, receive, send)
            return
        body = b'{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}'
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _read(request: Any) -> bytes:
    taken = bytearray()
    async for piece in request.stream():
        taken += piece
        if len(taken) > MAX_BODY_BYTES:
            raise Refused(f"The call is over {MAX_BODY_BYTES >> 20} MiB.")
    return bytes(taken)


async def read_json(request: Any) -> dict[str, Any]:
    try:
        body = json.loads(await _read(request))
    except (ValueError, RecursionError):
        raise Refused("The body is no JSON.") from None
    if not isinstance(body, dict):
        raise Refused("The body is no object.")
    return body


async def _form(request: Any) -> tuple[bytes | None, dict[str, Any]]:
    """The file and the other fields; objects among them come as JSON."""
    from starlette.datastructures import UploadFile

    if int(request.headers.get("content-length", 0)) > MAX_BODY_BYTES:
        raise Refused(f"The call is over {MAX_BODY_BYTES >> 20} MiB.")
    async with request.form(max_files=1, max_fields=50) as form:
        file, said = None, {}
        for name, value in form.items():
            if isinstance(value, UploadFile):
                file = await value.read()
            else:
                said[name] = _object(value) if name == "parameters" else value
    return file, said


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("'parameters' is no JSON.") from None


def _coded(row: Any) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode()


def _cut(rows: Any, dimensions: Any) -> Any:
    """Shorter embeddings, of the same length one again: what models are made for says so; others lose by it."""
    import numpy as np

    width = rows.shape[1]
    if dimensions is None or dimensions == width:
        return rows
    if not isinstance(dimensions, int) or isinstance(dimensions, bool) or not 0 < dimensions < width:
        raise Refused(f"'dimensions' is a number from 1 to {width}.")
    short = rows[:, :dimensions]
    return short / np.maximum(np.linalg.norm(short, axis=1, keepdims=True), 1e-12)
