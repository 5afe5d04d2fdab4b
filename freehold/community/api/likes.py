"""Likes over JSON. Source: protocol/hub-api.md 9."""

from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action
from freehold.community import rules, schemas
from freehold.community.queries import marks
from freehold.community.service import likes
from freehold.core.http import PUBLIC, Ask, door, int_between, next_page
from freehold.core.paging import Cursor, decode, encode
from freehold.core.routes import Router
from freehold.repos import paths
from freehold.repos.tables import Repo

paths.register()
router = Router(tags=["community"])


@router.post("/api/{kind:plural}/{namespace}/{name}/like")
@door(Action.PROPOSE)
def like(ask: Ask, kind: str, namespace: str, name: str) -> dict[str, Any]:
    """Whoever asks likes the repository; saying so twice counts once."""
    return _marked(likes.like(ask.db, ask.actor, f"{namespace}/{name}", kind=kind), True)


@router.delete("/api/{kind:plural}/{namespace}/{name}/like")
@door(Action.PROPOSE)
def unlike(ask: Ask, kind: str, namespace: str, name: str) -> dict[str, Any]:
    return _marked(likes.unlike(ask.db, ask.actor, f"{namespace}/{name}", kind=kind), False)


@router.get("/api/users/{user}/likes")
@door(PUBLIC)
def liked(ask: Ask, user: str) -> Response:
    """What somebody likes, newest first: public, but for what whoever asks may not know of."""
    page = marks.liked(ask.db, ask.actor, user, **paging(ask))
    return JSONResponse([schemas.liked(like) for like in page.likes], headers=onward(ask, page.next))


@router.get("/api/{kind:plural}/{namespace}/{name}/likers")
@door(Action.LIST)
def likers(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    _, page = marks.likers(ask.db, ask.actor, f"{namespace}/{name}", kind=kind, **paging(ask))
    return people(ask, page)


def people(ask: Ask, page: marks.AccountsPage) -> Response:
    """A page of people as clients read it."""
    followed = marks.followed_among(ask.db, ask.actor, page.accounts)
    shown = [schemas.person(ask.base_url, account, followed) for account in page.accounts]
    return JSONResponse(shown, headers=onward(ask, page.next))


def paging(ask: Ask, kind: type[datetime] | type[int] = datetime) -> dict[str, Any]:
    """``limit`` and ``cursor`` of a list's address."""
    query = ask.request.query_params
    cursor = query.get("cursor")
    limit = int_between(query, "limit", rules.PAGE, 1, rules.MAX_PAGE)
    return {"limit": limit, "cursor": decode(cursor, kind) if cursor else None}


def onward(ask: Ask, cursor: Cursor | None) -> dict[str, str]:
    return next_page(ask.request, encode(cursor)) if cursor else {}


def _marked(repo: Repo, is_liked: bool) -> dict[str, Any]:
    return {"likes": repo.likes, "isLikedByUser": is_liked}
