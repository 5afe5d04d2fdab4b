"""Discussions and pull requests over JSON. Source: protocol/hub-api.md 6."""

from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action, Actor
from freehold.core.bodies import receive_body
from freehold.core.errors import BadRequest, Malformed
from freehold.core.http import Ask, door, in_thread, int_between, stream_door
from freehold.discussions import queries, rules, schemas, service
from freehold.discussions.queries import Listing
from freehold.repos import paths

paths.register()
router = APIRouter(tags=["discussions"])
MAX_PAGES = 1_000_000
MAX_MERGE_BYTES = 1 << 20
ALL = "/api/{kind:plural}/{namespace:segment}/{name:segment}/discussions"
ONE = ALL + "/{num:int}"


@router.get(ALL)
@door(Action.READ)
def list_discussions(ask: Ask, kind: str, namespace: str, name: str) -> dict[str, Any]:
    """Discussions and pull requests, newest first, a page (``p``, from 0) at a time."""
    found = queries.listed(ask.db, ask.actor, f"{namespace}/{name}", _listing(ask.request.query_params), kind=kind)
    shown = [schemas.summary(found.repo, discussion) for discussion in found.discussions]
    return {"discussions": shown, "count": found.total, "start": found.start}


@router.post(ALL)
@door(Action.PROPOSE)
def create(ask: Ask, kind: str, namespace: str, name: str, body: schemas.NewDiscussion) -> dict[str, Any]:
    create = service.create_pull_request if body.pullRequest else service.create_discussion
    path = f"{namespace}/{name}"
    made = create(ask.db, ask.actor, path, kind=kind, title=body.title, description=body.description)
    return {"num": made.num, "title": made.title, "status": made.status, "pullRequest": made.is_pull_request}


@router.get(ONE)
@door(Action.READ)
def details(ask: Ask, kind: str, namespace: str, name: str, num: int, diff: str = "") -> dict[str, Any]:
    """A thread with its events; of a pull request, also what merging it would do."""
    with_diff = diff not in ("", "0", "false")
    path = f"{namespace}/{name}"
    thread = queries.thread(ask.db, ask.kit, ask.actor, path, num, kind=kind, with_changes=True, with_diff=with_diff)
    return schemas.details(thread)


@router.post(f"{ONE}/comment")
@door(Action.PROPOSE)
def comment(ask: Ask, kind: str, namespace: str, name: str, num: int, body: schemas.NewComment) -> dict[str, Any]:
    event = service.comment(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind, text=body.comment)
    return {"newMessage": schemas.event(event)}


@router.post(f"{ONE}/title")
@door(Action.PROPOSE)
def rename(ask: Ask, kind: str, namespace: str, name: str, num: int, body: schemas.NewTitle) -> dict[str, Any]:
    event = service.rename(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind, title=body.title)
    return {"newTitle": schemas.event(event)}


@router.post(f"{ONE}/status")
@door(Action.PROPOSE)
def change_status(ask: Ask, kind: str, namespace: str, name: str, num: int, body: schemas.NewStatus) -> dict[str, Any]:
    path, comment = f"{namespace}/{name}", body.comment or ""
    event = service.change_status(ask.db, ask.actor, path, num, kind=kind, status=body.status, comment=comment)
    return {"newStatus": schemas.event(event)}


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


@router.post(f"{ONE}/comment/{{comment_id:segment}}/edit")
@door(Action.PROPOSE)
def edit_comment(
    ask: Ask, kind: str, namespace: str, name: str, num: int, comment_id: str, body: schemas.EditedComment
) -> dict[str, Any]:
    path = f"{namespace}/{name}"
    event = service.edit_comment(ask.db, ask.actor, path, num, comment_id, kind=kind, text=body.content)
    return {"updatedComment": schemas.event(event)}


@router.post(f"{ONE}/comment/{{comment_id:segment}}/hide")
@door(Action.WRITE)
def hide_comment(ask: Ask, kind: str, namespace: str, name: str, num: int, comment_id: str) -> dict[str, Any]:
    event = service.hide_comment(ask.db, ask.actor, f"{namespace}/{name}", num, comment_id, kind=kind)
    return {"updatedComment": schemas.event(event)}


def _listing(query: QueryParams) -> Listing:
    kind, status = query.get("type") or "all", query.get("status") or "all"
    if kind not in ("all", "discussion", "pull_request"):
        raise BadRequest(f"{kind[:40]!r} is not a type; use all, discussion or pull_request.")
    if status not in rules.STATUSES:
        raise BadRequest(f"{status[:40]!r} is not a status; use {', '.join(rules.STATUSES)}.")
    author = query.get("author") or ""
    if "\x00" in author:
        raise BadRequest("The author's name holds a NUL.")
    return Listing(kind, status, author[:200], int_between(query, "p", 0, 0, MAX_PAGES))


def _comment_of_merge(body: bytes) -> str:
    """Clients send nothing, ``null`` or ``{"comment": ...}``."""
    if body.strip() in (b"", b"null"):
        return ""
    try:
        return schemas.Merge.model_validate_json(body).comment or ""
    except ValidationError as err:
        raise Malformed("The body must be JSON with a 'comment', or nothing.") from err
