"""Task calls of the official client: ``POST /models/{name}``, also below the path of its own provider.

Source: huggingface_hub 2.4, ``inference/_providers/hf_inference.py``: ``InferenceClient(model=<address>)`` posts there,
and chats at ``<address>/v1/chat/completions``. @huggingface/inference 4 generates text at ``<address>/v1/completions``.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action
from freehold.core.errors import HubError
from freehold.core.http import stream_door
from freehold.gateway import api, official, rules
from freehold.gateway.answering import Answer
from freehold.gateway.api import Door, admit, answered, in_openai_form, json_of
from freehold.gateway.generated import Generation, Heard, Similarity, Task, Vectors
from freehold.gateway.receiving import body_of
from freehold.gateway.rules import Wish
from freehold.gateway.shapes import OpenAI
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
    is_json = media_type in ("application/json", "") or body[:1] == b"{"
    given: dict[str, Any] | None = rules.parsed(body) if is_json else None
    found = ""

    def wished(plan: AnyPlan) -> Wish:
        nonlocal found
        found = official.task_of(plan, asked, given)
        return official.wish_of(plan, found, given, body, media_type)

    admitted = await admit(request, name, wished)
    is_by_engine = admitted.wish.path == "task"
    return Answer(request, admitted, (Task if is_by_engine else SHAPES.get(found, Task))(given))


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
    return [Route(path, door, methods=["POST"]) for path, door in doors]


routes: list[BaseRoute] = [*_routes(""), *_routes("/hf-inference")]
