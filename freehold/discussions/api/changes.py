"""Comparisons over JSON, or as git prints them: two revisions, a commit, what a pull request clashes with."""

from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from freehold.access.rules import Action, Actor
from freehold.content.service.merging import Decision
from freehold.core.bodies import receive_body
from freehold.core.errors import Malformed
from freehold.core.http import Ask, door, in_thread, stream_door
from freehold.core.routes import Router
from freehold.discussions import comparisons, schemas, service
from freehold.discussions.comparisons import Compared
from freehold.repos import paths

paths.register()
router = Router(tags=["discussions"])
MAX_UPDATE_BYTES = 8 << 20
REPO = "/api/{kind:plural}/{namespace:segment}/{name:segment}"
ONE = REPO + "/discussions/{num:int}"


@router.get(REPO + "/compare/{spec:rest}", response_model=None)
@door(Action.READ)
def compare(ask: Ask, kind: str, namespace: str, name: str, spec: str) -> Response:
    """``base...head``: what head has since both grew apart; ``base..head``: all that differs. ``?raw``: as a patch."""
    spec, is_raw = _raw(ask.request, spec)
    found = comparisons.of_revisions(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", spec, kind=kind)
    return _answer(found, is_raw)


@router.get(REPO + "/commit/{revision:segment}", response_model=None)
@door(Action.READ)
def one_commit(ask: Ask, kind: str, namespace: str, name: str, revision: str) -> Response:
    """What a commit did to its first parent. ``?raw``: as a patch."""
    revision, is_raw = _raw(ask.request, revision)
    found = comparisons.of_commit(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", revision, kind=kind)
    return _answer(found, is_raw)


@router.get(f"{ONE}/conflicts")
@door(Action.READ)
def conflicts(ask: Ask, kind: str, namespace: str, name: str, num: int) -> dict[str, Any]:
    """The files that pull request and branch both changed, with the lines that clash."""
    path = f"{namespace}/{name}"
    return schemas.conflicts(comparisons.of_conflicts(ask.db, ask.kit, ask.actor, path, num, kind=kind))


@router.post(
    f"{ONE}/update",
    response_model=None,
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": schemas.Update.model_json_schema()}}}},
)
@stream_door(Action.PROPOSE)
async def update(request: Request, kind: str, namespace: str, name: str, num: int) -> Response:
    """The pull request takes up what its branch has since. ``files`` decides on those that clash."""
    # A stream door: the verb opens its own transactions around the bytes it writes.
    body = bytearray()
    await receive_body(request, body.extend, limit_bytes=MAX_UPDATE_BYTES)
    try:
        asked = schemas.Update.model_validate_json(bytes(body) or b"{}")
    except ValidationError as err:
        raise Malformed(f"The body must say what is decided: {err.errors()[0]['msg']}.") from err
    actor: Actor = await in_thread(request, lambda ask: ask.actor, reads=True)
    state = request.app.state
    decisions = {item.path: Decision(item.side, tuple(item.clashes), item.text) for item in asked.files}
    seen = (asked.proposal, asked.base) if asked.proposal and asked.base else None

    def done() -> str:
        path, database = f"{namespace}/{name}", state.database
        return service.take_up(database, state.kit, actor, path, num, kind=kind, decisions=decisions, seen=seen)

    return JSONResponse({"commitOid": await run_in_threadpool(done)})


def _raw(request: Request, spec: str) -> tuple[str, bool]:
    """``main...dev.diff`` and ``main...dev?raw`` both ask for the patch."""
    if spec.endswith(".diff"):
        return spec.removesuffix(".diff"), True
    return spec, request.query_params.get("raw") not in (None, "0", "false")


def _answer(found: Compared, is_raw: bool) -> Response:
    if is_raw:
        return PlainTextResponse(found.patch.encode("utf-8", "replace"))
    return JSONResponse(schemas.compared(found))
