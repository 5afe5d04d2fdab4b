"""Threads over JSON, of discussions and of pull requests. Source: protocol/hub-api.md 6."""

from typing import Any

from starlette.datastructures import QueryParams

from freehold.access.rules import Action
from freehold.core.errors import BadRequest
from freehold.core.http import Ask, door, int_between
from freehold.core.routes import Router
from freehold.discussions import queries, rules, schemas, service
from freehold.discussions.queries import Listing
from freehold.discussions.tables import Event
from freehold.repos import paths

paths.register()
router = Router(tags=["discussions"])
MAX_PAGES = 1_000_000
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
    """A thread; with ``pullRequest`` a draft to ``base``, or an open pull request that brings the revision ``head``."""
    path, title, text = f"{namespace}/{name}", body.title, body.description
    if body.pullRequest:
        goes: dict[str, Any] = {"base": body.base, "head": body.head, "kit": ask.kit}
        made = service.create_pull_request(ask.db, ask.actor, path, kind=kind, title=title, description=text, **goes)
    else:
        made = service.create_discussion(ask.db, ask.actor, path, kind=kind, title=title, description=text)
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
    return {"newMessage": _shown(ask, event)}


@router.post(f"{ONE}/title")
@door(Action.PROPOSE)
def rename(ask: Ask, kind: str, namespace: str, name: str, num: int, body: schemas.NewTitle) -> dict[str, Any]:
    event = service.rename(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind, title=body.title)
    return {"newTitle": _shown(ask, event)}


@router.post(f"{ONE}/status")
@door(Action.PROPOSE)
def change_status(ask: Ask, kind: str, namespace: str, name: str, num: int, body: schemas.NewStatus) -> dict[str, Any]:
    path, comment = f"{namespace}/{name}", body.comment or ""
    event = service.change_status(ask.db, ask.actor, path, num, kind=kind, status=body.status, comment=comment)
    return {"newStatus": _shown(ask, event)}


@router.post(f"{ONE}/comment/{{comment_id:segment}}/edit")
@door(Action.PROPOSE)
def edit_comment(
    ask: Ask, kind: str, namespace: str, name: str, num: int, comment_id: str, body: schemas.EditedComment
) -> dict[str, Any]:
    path = f"{namespace}/{name}"
    event = service.edit_comment(ask.db, ask.actor, path, num, comment_id, kind=kind, text=body.content)
    return {"updatedComment": _shown(ask, event)}


@router.post(f"{ONE}/comment/{{comment_id:segment}}/hide")
@door(Action.WRITE)
def hide_comment(ask: Ask, kind: str, namespace: str, name: str, num: int, comment_id: str) -> dict[str, Any]:
    event = service.hide_comment(ask.db, ask.actor, f"{namespace}/{name}", num, comment_id, kind=kind)
    return {"updatedComment": _shown(ask, event)}


@router.put(f"{ONE}/comment/{{comment_id:segment}}/reactions/{{reaction}}")
@door(Action.PROPOSE)
def react(ask: Ask, kind: str, namespace: str, name: str, num: int, comment_id: str, reaction: str) -> dict[str, Any]:
    """The caller thinks this of the comment: agree, disagree, thanks, hurrah, unsure or watching."""
    event = service.react(ask.db, ask.actor, f"{namespace}/{name}", num, comment_id, reaction, kind=kind)
    return {"updatedComment": _shown(ask, event)}


@router.delete(f"{ONE}/comment/{{comment_id:segment}}/reactions/{{reaction}}")
@door(Action.PROPOSE)
def take_back(
    ask: Ask, kind: str, namespace: str, name: str, num: int, comment_id: str, reaction: str
) -> dict[str, Any]:
    event = service.take_back(ask.db, ask.actor, f"{namespace}/{name}", num, comment_id, reaction, kind=kind)
    return {"updatedComment": _shown(ask, event)}


@router.put(f"{ONE}/lock")
@door(Action.WRITE)
def lock(ask: Ask, kind: str, namespace: str, name: str, num: int) -> dict[str, Any]:
    """Only those who may write to the repository add to the thread from now on."""
    event = service.change_lock(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind, is_locked=True)
    return {"event": _shown(ask, event)}


@router.delete(f"{ONE}/lock")
@door(Action.WRITE)
def unlock(ask: Ask, kind: str, namespace: str, name: str, num: int) -> dict[str, Any]:
    event = service.change_lock(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind, is_locked=False)
    return {"event": _shown(ask, event)}


@router.put(f"{ONE}/pin")
@door(Action.WRITE)
def pin(ask: Ask, kind: str, namespace: str, name: str, num: int) -> dict[str, Any]:
    """The thread stands above the list of the repository's threads."""
    event = service.change_pin(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind, is_pinned=True)
    return {"event": _shown(ask, event)}


@router.delete(f"{ONE}/pin")
@door(Action.WRITE)
def unpin(ask: Ask, kind: str, namespace: str, name: str, num: int) -> dict[str, Any]:
    event = service.change_pin(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind, is_pinned=False)
    return {"event": _shown(ask, event)}


def _shown(ask: Ask, event: Event) -> dict[str, Any]:
    return schemas.event(event, queries.one_event(ask.db, ask.kit, ask.actor, event))


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
