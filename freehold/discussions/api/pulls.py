"""Pull requests over JSON: what discussions do not have. Source: protocol/hub-api.md 6 for merging."""

from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action, Actor
from freehold.core.bodies import receive_body
from freehold.core.errors import Malformed
from freehold.core.http import Ask, door, in_thread, stream_door
from freehold.core.routes import Router
from freehold.discussions import queries, schemas, service
from freehold.discussions.service.reviews import Remark
from freehold.discussions.tables import Event
from freehold.repos import paths

paths.register()
router = Router(tags=["discussions"])
MAX_MERGE_BYTES = 1 << 20
ONE = "/api/{kind:plural}/{namespace:segment}/{name:segment}/discussions/{num:int}"


@router.post(
    f"{ONE}/merge",
    response_model=None,
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": schemas.Merge.model_json_schema()}}}},
)
@stream_door(Action.WRITE)
async def merge(request: Request, kind: str, namespace: str, name: str, num: int) -> Response:
    """The pull request is in its branch. 409 names the files that both sides changed."""
    # A stream door: the verb opens its own transactions around the bytes it writes.
    body = bytearray()
    await receive_body(request, body.extend, limit_bytes=MAX_MERGE_BYTES)
    comment = _comment_of_merge(bytes(body))
    actor: Actor = await in_thread(request, lambda ask: ask.actor, reads=True)
    state = request.app.state

    def merged() -> str:
        path = f"{namespace}/{name}"
        return service.merge(state.database, state.kit, actor, path, num, kind=kind, comment=comment)

    return JSONResponse({"mergeCommitId": await run_in_threadpool(merged)})


@router.put(f"{ONE}/draft")
@door(Action.PROPOSE)
def to_draft(ask: Ask, kind: str, namespace: str, name: str, num: int) -> dict[str, Any]:
    """The pull request is a draft: it is worked on, and not merged."""
    event = service.change_draft(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind, is_draft=True)
    return {"newStatus": _shown(ask, event)}


@router.delete(f"{ONE}/draft")
@door(Action.PROPOSE)
def make_ready(ask: Ask, kind: str, namespace: str, name: str, num: int) -> dict[str, Any]:
    event = service.change_draft(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind, is_draft=False)
    return {"newStatus": _shown(ask, event)}


@router.put(f"{ONE}/base")
@door(Action.PROPOSE)
def change_base(ask: Ask, kind: str, namespace: str, name: str, num: int, body: schemas.NewBase) -> dict[str, Any]:
    """The pull request is for another branch."""
    path = f"{namespace}/{name}"
    event = service.change_base(ask.db, ask.kit, ask.actor, path, num, kind=kind, base=body.base)
    return {"event": _shown(ask, event)}


@router.post(f"{ONE}/reviews")
@door(Action.PROPOSE)
def review(ask: Ask, kind: str, namespace: str, name: str, num: int, body: schemas.NewReview) -> dict[str, Any]:
    """A verdict on the pull request as it is now, with remarks on lines of its files."""
    remarks = [Remark(item.path, item.line, item.text, item.side, item.oid) for item in body.remarks]
    event = service.review(
        ask.db,
        ask.kit,
        ask.actor,
        f"{namespace}/{name}",
        num,
        kind=kind,
        verdict=body.state,
        text=body.comment,
        remarks=remarks,
    )
    return {"review": _shown(ask, event)}


def _shown(ask: Ask, event: Event) -> dict[str, Any]:
    return schemas.event(event, queries.one_event(ask.db, ask.kit, ask.actor, event))


def _comment_of_merge(body: bytes) -> str:
    """Clients send nothing, ``null`` or ``{"comment": ...}``."""
    if body.strip() in (b"", b"null"):
        return ""
    try:
        return schemas.Merge.model_validate_json(body).comment or ""
    except ValidationError as err:
        raise Malformed("The body must be JSON with a 'comment', or nothing.") from err
