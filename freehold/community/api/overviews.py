"""People and organisations over JSON: overviews, who follows whom, members. Source: protocol/hub-api.md 7."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.responses import Response

from freehold.access.rules import Action, Actor
from freehold.community import schemas
from freehold.community.api.likes import paging, people
from freehold.community.queries import marks
from freehold.community.queries.people import overview
from freehold.community.service import follows
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router

router = Router(tags=["community"])
#: Counts something of an account, by its id, that the actor may know of.
Counter = Callable[[Session, Actor, str], int]


def install(app: Starlette, counters: Mapping[str, Counter]) -> None:
    """Numbers of overviews that rooms above know, by their names on the wire (``numDiscussions``)."""
    app.state.overview_counters = counters


@router.get("/api/users/{user}/overview")
@door(PUBLIC)
def user_overview(ask: Ask, user: str) -> dict[str, Any]:
    found = overview(ask.db, ask.actor, user, kind="user")
    counters: Mapping[str, Counter] = getattr(ask.request.app.state, "overview_counters", {})
    more = {name: count(ask.db, ask.actor, found.account.id) for name, count in counters.items()}
    return schemas.user_overview(ask.base_url, found, more)


@router.get("/api/organizations/{org}/overview")
@door(PUBLIC)
def org_overview(ask: Ask, org: str) -> dict[str, Any]:
    return schemas.org_overview(ask.base_url, overview(ask.db, ask.actor, org, kind="org"))


@router.get("/api/users/{user}/followers")
@door(PUBLIC)
def user_followers(ask: Ask, user: str) -> Response:
    return people(ask, marks.followers(ask.db, user, kind="user", **paging(ask)))


@router.get("/api/users/{user}/following")
@door(PUBLIC)
def user_following(ask: Ask, user: str) -> Response:
    """Whom somebody follows: people and organisations, told apart by ``type``."""
    return people(ask, marks.following(ask.db, user, **paging(ask)))


@router.get("/api/organizations/{org}/followers")
@door(PUBLIC)
def org_followers(ask: Ask, org: str) -> Response:
    return people(ask, marks.followers(ask.db, org, kind="org", **paging(ask)))


@router.get("/api/organizations/{org}/members")
@door(PUBLIC)
def org_members(ask: Ask, org: str) -> Response:
    return people(ask, marks.members(ask.db, ask.actor, org, **paging(ask, int)))


@router.post("/api/users/{user}/follow")
@door(Action.PROPOSE)
def follow_user(ask: Ask, user: str) -> dict[str, Any]:
    follows.follow(ask.db, ask.actor, user, kind="user")
    return {"isFollowing": True}


@router.delete("/api/users/{user}/follow")
@door(Action.PROPOSE)
def unfollow_user(ask: Ask, user: str) -> dict[str, Any]:
    follows.unfollow(ask.db, ask.actor, user, kind="user")
    return {"isFollowing": False}


@router.post("/api/organizations/{org}/follow")
@door(Action.PROPOSE)
def follow_org(ask: Ask, org: str) -> dict[str, Any]:
    follows.follow(ask.db, ask.actor, org, kind="org")
    return {"isFollowing": True}


@router.delete("/api/organizations/{org}/follow")
@door(Action.PROPOSE)
def unfollow_org(ask: Ask, org: str) -> dict[str, Any]:
    follows.unfollow(ask.db, ask.actor, org, kind="org")
    return {"isFollowing": False}
