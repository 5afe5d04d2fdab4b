"""Routes as somebody may see them. Names of models that they may not call are in nothing of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.guards import service as guards
from freehold.guards.tables import GuardFinding
from freehold.inference.service import names as served
from freehold.routing import access, planning, policies
from freehold.routing.rules import Policy, RoutePlan, leaves
from freehold.routing.tables import Route, RouteChoice

MAX_SHOWN = 200


@dataclass(frozen=True)
class Seen:
    """A route for one reader. ``policy``: what of it they may know; ``left_out``: targets that they may not call."""

    name: str
    description: str
    kind: str
    policy: Mapping[str, Any]
    is_on: bool
    is_callable: bool
    abilities: Sequence[str]
    left_out: int
    may_change: bool
    keeps_content: bool
    updated_at: datetime

    @property
    def address(self) -> str:
        return f"/routes/{self.name}"


def seen(db: Session, actor: Actor, route: Route, made: RoutePlan | None) -> Seen:
    """``route`` as ``actor`` may see it; ``made``: what they may call of it."""
    whole = policies.read(route.policy)
    shown, left_out = _shown(db, actor, whole)
    may_change = access.changes(actor, route)
    if not may_change:
        shown = replace(shown, guards=())  # what is looked for is told to who has to get past it by nobody
    return Seen(
        name=route.name,
        description=route.description,
        kind=whole.kind,
        policy=policies.written(shown) | ({} if may_change else {"guarded": bool(whole.guards)}),
        is_on=route.is_on,
        is_callable=made is not None,
        abilities=sorted(_abilities(made or (planning.Planner(db, actor).of(route) if may_change else None))),
        left_out=left_out,
        may_change=may_change,
        keeps_content=route.keeps_content,
        updated_at=route.updated_at,
    )


def _abilities(made: RoutePlan | None) -> set[str]:
    """What any model that may answer does: those that do not do what is asked are passed over. Also of a route that is
    switched off, for who may switch it on."""
    return {str(one) for leaf in leaves(made) for one in leaf.abilities} if made else set()


def listed(db: Session, actor: Actor, *, namespace: str = "") -> list[Seen]:
    """The routes that ``actor`` may call or change, by name."""
    query = select(Route).order_by(Route.name).limit(planning.MAX_ROUTES)
    if namespace:
        query = query.where(
            or_(Route.name.ilike(f"{namespace.replace('%', '').replace('_', chr(92) + '_')}/%", escape="\\"))
        )
    routes = db.scalars(query).all()
    called = {route.id: made for route, made in planning.callable_routes(db, actor, routes)}
    mine = [route for route in routes if route.id in called or access.changes(actor, route)]
    return [seen(db, actor, route, called.get(route.id)) for route in mine[:MAX_SHOWN]]


def names(db: Session, actor: Actor, *, but: str = "") -> list[str]:
    """What ``actor`` may call and a route may name: models, adapters and routes, ``but`` the route itself."""
    models = [one.name for one in served.listed(db, actor)]
    routes = [one.name for one in listed(db, actor) if one.is_callable and one.is_on]
    return sorted({one for one in (*models, *routes) if one.lower() != but.lower()}, key=str.lower)


def choices(db: Session, actor: Actor, route: Route, *, limit: int) -> list[RouteChoice]:
    """What the route chose lately, the newest first, for who may change it. Models that they may not call have no
    name."""
    if not access.changes(actor, route):
        return []
    query = select(RouteChoice).where(RouteChoice.route_id == route.id).order_by(RouteChoice.id.desc())
    rows = list(db.scalars(query.limit(min(limit, MAX_SHOWN))))
    planner = planning.Planner(db, actor)
    for row in rows:
        if row.chosen and planner.plan(row.chosen) is None:
            db.expunge(row)
            row.chosen, row.model, row.revision = "", "", ""
    return rows


def findings(db: Session, actor: Actor, route: Route, *, limit: int) -> Sequence[GuardFinding]:
    """What its guards found lately, for who may change it."""
    return guards.found(db, route.id, limit=limit) if access.changes(actor, route) else []


def _shown(db: Session, actor: Actor, policy: Policy) -> tuple[Policy, int]:
    """``policy`` without what ``actor`` may not call, and how many targets that are."""
    planner = planning.Planner(db, actor)
    kept = tuple(one for one in policy.choices if planner.plan(one.name, depth=1) is not None)
    check = policy.check
    if check is not None and check.judge and planner.plan(check.judge, depth=1) is None:
        check = replace(check, judge="")
    known = tuple(
        one
        for one in policy.guards
        if one.kind != "model" or planner.plan(str(one.options["model"]), depth=1) is not None
    )
    return replace(policy, choices=kept, check=check, guards=known), len(policy.choices) - len(kept)
