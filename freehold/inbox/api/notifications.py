"""Notifications, watching and the activity feed over JSON: calls of our own, for scripts and other clients."""

from typing import Any

from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action
from freehold.core import clock, http
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.inbox import access, queries, rules, schemas
from freehold.inbox.service import notifying, watching
from freehold.repos import paths

paths.register()
router = Router(tags=["notifications"])
OWN = "own"


@router.get("/api/notifications")
@door(OWN)
def list_notifications(
    ask: Ask,
    unread: bool = False,
    reason: str | None = None,
    repo: str | None = None,
    cursor: str | None = None,
    limit: int = notifying.PAGE,
) -> Response:
    """What you were told, the newest first; ``reason`` is mention, participating, watching, owner, search or you."""
    found = notifying.inbox(ask.db, ask.actor, only_unread=unread, reason=reason, repo=repo, before=cursor, limit=limit)
    link = http.next_page(ask.request, found[-1].news_id) if found and len(found) >= min(limit, notifying.PAGE) else {}
    return JSONResponse([schemas.notification(one, ask.base_url) for one in found], headers=link)


@router.get("/api/notifications/count")
@door(OWN)
def count_notifications(ask: Ask) -> dict[str, Any]:
    """How many are unread, up to 100."""
    access.own(ask.actor, writes=False)
    return {"unread": notifying.unread(ask.db, ask.actor)}


@router.post("/api/notifications/read")
@door(OWN)
def mark_read(ask: Ask, body: schemas.Marked) -> dict[str, Any]:
    """These, or all of them, are read (or with ``read: false`` unread again)."""
    return {"changed": notifying.mark(ask.db, ask.actor, body.which(), read=body.read)}


@router.get("/api/settings/notifications")
@door(OWN)
def notification_choices(ask: Ask) -> dict[str, Any]:
    """What you want to be told on the page, and by mail."""
    return schemas.choices(watching.choices(ask.db, access.own(ask.actor, writes=False)))


@router.patch("/api/settings/notifications")
@door(OWN)
def choose_notifications(ask: Ask, body: dict[str, schemas.ChoiceBody]) -> dict[str, Any]:
    """By group, such as ``{"mention": {"page": true, "mail": false}}``; groups that are left out stay."""
    user_id = access.own(ask.actor, writes=True)
    watching.choose(ask.db, user_id, {group: (one.page, one.mail) for group, one in body.items()})
    return schemas.choices(watching.choices(ask.db, user_id))


@router.get("/api/settings/watch")
@door(OWN)
def list_watched(ask: Ask) -> list[dict[str, Any]]:
    """What you watch, and how closely."""
    found = watching.watched(ask.db, ask.actor)
    return [{"type": one.type, "name": one.name, "level": one.level} for one in found]


@router.post("/api/settings/watch")
@door(OWN)
def change_watched(ask: Ask, body: schemas.WatchBody) -> list[dict[str, Any]]:
    """``add`` watches (level: all, participating, ignore), ``delete`` goes back to what is usual."""
    for item in body.add:
        watching.watch(ask.db, ask.actor, item.type, item.name, item.level)
    for gone in body.delete:
        watching.watch(ask.db, ask.actor, gone.type, gone.name, None)
    found = watching.watched(ask.db, ask.actor)
    return [{"type": one.type, "name": one.name, "level": one.level} for one in found]


@router.put("/api/{kind:plural}/{namespace}/{name}/discussions/{num:int}/mute")
@door(Action.READ)
def mute(ask: Ask, kind: str, namespace: str, name: str, num: int, body: schemas.Muted) -> dict[str, Any]:
    """Of this thread you hear no more, unless ``muted`` is false."""
    watching.mute(ask.db, ask.actor, f"{namespace}/{name}", num, kind=kind, muted=body.muted)
    return {"muted": body.muted}


@router.get("/api/activity")
@door(PUBLIC)
def list_activity(
    ask: Ask, account: str | None = None, watched: bool = False, cursor: str | None = None, limit: int = queries.PAGE
) -> Response:
    """What happened on this hub, of an account, or of what you watch, as far as you may read it."""
    found = queries.activity(ask.db, ask.actor, account=account, watched=watched, before=cursor, limit=limit)
    return _feed(ask, found, limit)


@router.get("/api/{kind:plural}/{namespace}/{name}/activity")
@door(Action.READ)
def repo_activity(
    ask: Ask, kind: str, namespace: str, name: str, cursor: str | None = None, limit: int = queries.PAGE
) -> Response:
    """What happened in a repository."""
    path = f"{namespace}/{name}"
    found = queries.of_repo(ask.db, ask.actor, path, kind=kind, before=cursor, limit=limit)
    return _feed(ask, found, limit)


def _feed(ask: Ask, found: Any, limit: int) -> Response:
    link = http.next_page(ask.request, found[-1].id) if found and len(found) >= min(limit, queries.PAGE) else {}
    shown = [
        {
            "id": news.id,
            "kind": news.kind,
            "at": clock.wire(news.at),
            "actor": news.actor.name if news.actor is not None else None,
            "repo": {"type": news.repo_kind, "name": news.repo_path},
            **{key: news.data[key] for key in rules.FEED_KEYS if key in news.data},
        }
        for news in found
    ]
    return JSONResponse(shown, headers=link)
