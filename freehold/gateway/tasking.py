"""Task calls of the official client: ``POST /models/{name}``, also below the path of its own provider.

Source: huggingface_hub 2.4, ``inference/_providers/hf_inference.py``: ``InferenceClient(model=<address>)`` posts there,
and chats at ``<address>/v1/chat/completions``. @huggingface/inference 4 generates text at ``<address>/v1/completions``.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

import freehold
from freehold.access.rules import Action
from freehold.core.errors import HubError
from freehold.core.http import in_thread, stream_door
from freehold.gateway import api, official, rules, service
from freehold.gateway.answering import Answer
from freehold.gateway.api import Door, admit, answered, in_openai_form, json_of
from freehold.gateway.generated import Generation, Heard, Similarity, Task, Vectors
from freehold.gateway.receiving import body_of
from freehold.gateway.rules import Wish
from freehold.gateway.shapes import OpenAI
from freehold.inference.errors import ModelUnknown, NotAble
from freehold.inference.service.names import Listed
from freehold.pipelines.rules import AnyPlan

SHAPES: Mapping[str, type[Task]] = {
    "text-generation": Generation,
    "automatic-speech-recognition": Heard,
    "feature-extraction": Vectors,
    "sentence-similarity": Similarity,
}


@stream_door(Action.READ)
async def task(request: Request) -> Response:
    """A call of the task that the address, or what was sent, says."""
    try:
        return await _answered(request)
    except HubError as err:
        return Task().problem(err)


async def _answered(request: Request) -> Response:
    name = f"{request.path_params['namespace']}/{request.path_params['name']}"
    asked = request.path_params.get("task", "")
    body = await body_of(request, rules.MAX_BODY_BYTES)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    # Bytes that it was given as such the client sends without saying what they are.
    is_json = media_type == "application/json" or body.lstrip()[:1] == b"{"
    wanted = request.headers.get("accept", "")
    if wanted.startswith("image/"):  # no other task is asked so
        raise NotAble(f"{name[:200]} makes no pictures: no model here does.")
    given: dict[str, Any] | None = rules.parsed(body) if is_json else None
    found = ""

    def wished(plan: AnyPlan) -> Wish:
        nonlocal found
        found = official.task_of(plan, asked, given)
        return official.wish_of(plan, found, given, body, media_type)

    admitted = await admit(request, name, wished)
    is_by_engine = admitted.wish.path == "task"
    return Answer(request, admitted, (Task if is_by_engine else SHAPES.get(found, Task))(given))


@stream_door(Action.LIST)
async def health(request: Request) -> Response:
    """Whether whoever asks may call it."""
    try:
        await _listed(request)
    except HubError as err:
        return Task().problem(err)
    return JSONResponse({"status": "ok"})


@stream_door(Action.LIST)
async def info(request: Request) -> Response:
    """What it is, as text-generation-inference tells of itself."""
    try:
        one = await _listed(request)
    except HubError as err:
        return Task().problem(err)
    told = {
        "model_id": one.model,
        "model_sha": one.revision or None,
        "model_dtype": None,
        "version": freehold.__version__,
    }
    return JSONResponse(told | {"max_total_tokens": one.context_tokens, "max_input_length": one.context_tokens})


async def _listed(request: Request) -> Listed:
    name = f"{request.path_params['namespace']}/{request.path_params['name']}"
    one = await in_thread(request, lambda ask: service.model(ask.db, ask.actor, name), reads=True)
    if one is None:
        raise ModelUnknown(f"No model that you may call is served as {name[:200]!r}.")
    return one


def named(path: str) -> Door:
    """The door of one of OpenAI's calls to the model that the address names, whatever the body calls it."""

    @in_openai_form
    async def door(request: Request) -> Response:
        name = f"{request.path_params['namespace']}/{request.path_params['name']}"
        given = await json_of(request)
        wish = rules.wish(path, _plain_form(given), model=name)
        return await answered(request, wish, api.SHAPES.get(path, OpenAI))

    door.__name__ = f"named_{path.replace('/', '_')}"
    return stream_door(Action.READ)(door)


def _plain_form(given: dict[str, Any]) -> dict[str, Any]:
    """With a schema as the client's own words for it have it turned into OpenAI's."""
    form = given.get("response_format")
    if (
        isinstance(form, Mapping)
        and form.get("type") in ("json_object", "json")
        and isinstance(form.get("value"), dict)
    ):
        told = {"type": "json_schema", "json_schema": {"name": "answer", "schema": form["value"]}}
        return given | {"response_format": told}
    return given


def _routes(prefix: str) -> list[BaseRoute]:
    model = prefix + "/models/{namespace}/{name}"
    doors: list[tuple[str, Door]] = [
        (model, task),
        (model + "/pipeline/{task}", task),
        *((f"{model}/v1/{path}", named(path)) for path in ("chat/completions", "completions")),
    ]
    told = [Route(f"{model}/health", health, methods=["GET"]), Route(f"{model}/info", info, methods=["GET"])]
    return [*told, *(Route(path, door, methods=["POST"]) for path, door in doors)]


routes: list[BaseRoute] = [*_routes(""), *_routes("/hf-inference")]
