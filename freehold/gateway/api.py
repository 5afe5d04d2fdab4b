"""``/v1``: OpenAI's calls of every model that whoever asks may call. Source: OpenAI API reference."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action
from freehold.core.errors import HubError
from freehold.core.http import Ask, in_thread, stream_door
from freehold.gateway import conversing, hearing, ranking, rules, service, shapes, unserved
from freehold.gateway.answering import Answer
from freehold.gateway.completing import Completions
from freehold.gateway.errors import BadCall, NoSuchCall, NotByThis
from freehold.gateway.hearing import HeardAsEvents
from freehold.gateway.ranking import Ranking
from freehold.gateway.receiving import body_of, sound_of
from freehold.gateway.remembering import Memory, asker_of
from freehold.gateway.responses import Responses
from freehold.gateway.rules import Wish
from freehold.gateway.service import Admitted, Asker, Known
from freehold.gateway.shapes import OpenAI, Shape
from freehold.inference.errors import ContextTooLong, ModelUnknown
from freehold.inference.rules import ABILITY_OF
from freehold.inference.service.names import Listed
from freehold.pipelines.rules import AnyPlan

#: Above this, reading JSON would keep everybody else waiting.
LARGE_BYTES = 256 << 10

#: No policy looks at them.
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})

#: Of paths whose answers some engine tells otherwise than OpenAI's clients read them.
SHAPES: Mapping[str, type[OpenAI]] = {"completions": Completions, "rerank": Ranking}

Door = Callable[[Request], Awaitable[Response]]


def in_openai_form(door: Door) -> Door:
    """``door``, with what goes wrong told as OpenAI's clients read it."""

    async def told(request: Request) -> Response:
        try:
            return await door(request)
        except HubError as err:
            return shapes.problem(err)

    return told


def answering(path: str) -> Door:
    """The door of one call below ``/v1``."""

    @in_openai_form
    async def door(request: Request) -> Response:
        given = await json_of(request)
        if path == "rerank":
            given = ranking.asked(given)
        return await answered(request, rules.wish(path, given), SHAPES.get(path, OpenAI))

    door.__name__ = path.replace("/", "_")
    return stream_door(Action.READ)(door)


async def json_of(request: Request) -> dict[str, Any]:
    """The body of ``request`` as a JSON object. Raises :class:`BadCall`, :class:`TooLarge`."""
    body = await body_of(request, rules.MAX_BODY_BYTES)
    return await run_in_threadpool(rules.parsed, body) if len(body) > LARGE_BYTES else rules.parsed(body)


async def answered(request: Request, wish: Wish, shape: Callable[[Wish], Shape]) -> Response:
    """The answer to ``wish``, once it is let in."""
    admitted = await admit(request, wish.model, lambda _: wish, is_quick=True)
    return Answer(request, admitted, shape(wish))


async def admit(request: Request, model: str, wished: Callable[[AnyPlan], Wish], *, is_quick: bool = False) -> Admitted:
    """What is ``wished`` of ``model`` is let in, by a transaction that is over by then, or by what is remembered.

    ``is_quick``: what is wished is known already, and may be asked for in the event loop.
    """
    headers = {name: value for name, value in request.headers.items() if name not in SECRET_HEADERS}
    # The official client's name for it, and OpenAI's.
    bill_to = headers.get("x-hf-bill-to") or headers.get("openai-organization") or ""
    request_id: str = request.scope.get("freehold.request_id", "")

    def enter(known: Known) -> Admitted:
        request.state.actor = known.actor
        asker = Asker(known.actor, request_id, bill_to, headers)
        return service.enter(request.app.state.database, known, asker, wished)

    def read(ask: Ask) -> tuple[Known, Admitted]:
        asker = Asker(ask.actor, request_id, bill_to, headers)
        known = service.known(ask.db, asker, model)
        return known, service.enter(ask.db, known, asker, wished)

    memory: Memory = request.app.state.memory
    who = asker_of(request, bill_to) if is_quick else None
    return await memory.admitted(who, model, enter, lambda: in_thread(request, read, reads=True))


@stream_door(Action.READ)
@in_openai_form
async def responses(request: Request) -> Response:
    """What ``/v1/chat/completions`` answers, in the form of Responses."""
    given = await json_of(request)
    try:
        wish = rules.wish("chat/completions", conversing.chat_of(given))
    except BadCall as err:
        raise conversing.as_named(err) from err
    try:
        return await answered(request, wish, lambda _: Responses(wish.model, given))
    except ContextTooLong as err:
        err.param = "input"
        raise


@stream_door(Action.READ)
@in_openai_form
async def transcriptions(request: Request) -> Response:
    """Sound to text, as multipart/form-data."""
    fields, sound, media_type = await sound_of(request)
    body, is_stream = hearing.asked(fields)
    wish = rules.wish("audio/transcriptions", body)
    wish = Wish(wish.path, wish.model, wish.body, upload=sound, content_type=media_type)
    return await answered(request, wish, HeardAsEvents if is_stream else OpenAI)


@stream_door(Action.LIST)
@in_openai_form
async def models(request: Request) -> Response:
    found = await in_thread(request, lambda ask: service.models(ask.db, ask.actor), reads=True)
    return JSONResponse({"object": "list", "data": [_model(one) for one in found]})


@stream_door(Action.LIST)
@in_openai_form
async def model(request: Request) -> Response:
    name = request.path_params["model"]
    one = await in_thread(request, lambda ask: service.model(ask.db, ask.actor, name), reads=True)
    if one is None:
        raise ModelUnknown(f"No model that you may call is served as {name[:200]!r}.")
    return JSONResponse(_model(one))


@stream_door(Action.READ)
@in_openai_form
async def nothing(request: Request) -> Response:
    path = request.path_params.get("rest", "")
    instead = unserved.instead_of(path)
    if path in (*ABILITY_OF, "responses") and not (request.method == "GET" and instead):
        raise NotByThis(f"/v1/{path} is asked with POST.", headers={"Allow": "POST"})
    calls = ", ".join(f"/v1/{one}" for one in (*ABILITY_OF, "responses", "models", "files", "batches"))
    raise NoSuchCall(f"{request.method} /v1/{path[:100]} is not answered here. {instead or f'Calls: {calls}.'}")


def _model(one: Listed) -> Mapping[str, Any]:
    freehold = {
        "kind": one.kind,
        "model": one.model,
        "revision": one.revision,
        "file": one.file,
        "abilities": list(one.abilities),
        "context_tokens": one.context_tokens,
        "base": one.base,
    }
    created = int(one.created_at.timestamp())
    return {"id": one.name, "object": "model", "created": created, "owned_by": one.owner, "freehold": freehold}


routes: list[BaseRoute] = [
    *(Route(f"/v1/{path}", answering(path), methods=["POST"]) for path in ABILITY_OF if path != "audio/transcriptions"),
    Route("/v2/rerank", answering("rerank"), methods=["POST"]),  # where Cohere's client asks
    Route("/v1/responses", responses, methods=["POST"]),
    Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
    Route("/v1/models", models, methods=["GET"]),
    Route("/v1/models/{model:rest}", model, methods=["GET"]),
    Route("/v1", nothing, methods=["GET", "POST"]),
    Route("/v1/{rest:rest}", nothing, methods=["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]),
]
