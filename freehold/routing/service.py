"""The verbs: a route is made, changed, switched and taken away; a name comes to a plan; a choice is written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts import rules as account_rules
from freehold.core import clock
from freehold.core.events import publish
from freehold.core.ids import ordered_id
from freehold.guards import service as guards
from freehold.inference.service import names
from freehold.repos import rules as repo_rules
from freehold.repos import service as repos
from freehold.routing import access, planning, policies
from freehold.routing.errors import BadRoute, RouteNotFound, TooManyRoutes
from freehold.routing.events import RouteChanged, RouteMade, RouteRemoved
from freehold.routing.rules import Ledger, Plan, RoutePlan
from freehold.routing.tables import Route, RouteChoice
from freehold.usage.rules import Outcome

MAX_ROUTES = 100
#: Choices of a route that are kept; cut back once in so many calls.
KEPT, CUT_EVERY = 500, 16

plan = planning.plan


@dataclass(frozen=True)
class Given:
    """A route as somebody wrote it. ``policy``: as ``policies.read`` takes it."""

    name: str
    policy: Mapping[str, Any]
    description: str = ""
    is_on: bool = True
    keeps_content: bool = False


def create(db: Session, actor: Actor, given: Given) -> Route:
    """The route is there and its name is served. Its namespace is one in which ``actor`` may make things.

    Raises :class:`BadRoute`, :class:`TooManyRoutes`, ``NameClaimed``, and what ``repos.service.namespace_for`` does.
    """
    namespace, _, name = given.name.strip().partition("/")
    if not name:
        raise BadRoute("A route is named namespace/name; the namespace is yours or your organisation's.", field="name")
    owner = repos.namespace_for(db, actor, namespace)
    served = f"{owner.name}/{repo_rules.checked_name(name)}"
    policy = policies.read(given.policy)
    planning.check(db, actor, served, policy)
    if (db.scalar(select(func.count()).where(Route.namespace_id == owner.id)) or 0) >= MAX_ROUTES:
        raise TooManyRoutes(f"{owner.name} has {MAX_ROUTES} routes, the most. Take one away first.")
    now = clock.now()
    route = Route(
        id=ordered_id(),
        namespace_id=owner.id,
        name=served,
        description=account_rules.checked_line(given.description, "description", most=500, field="description"),
        policy=policies.written(policy),
        is_on=given.is_on,
        keeps_content=given.keeps_content,
        created_by_id=actor.id,
        created_at=now,
        updated_at=now,
    )
    names.claim(db, served, owner, "route", route.id)
    db.add(route)
    db.flush()
    publish(db, RouteMade(route, actor))
    return route


def change(db: Session, actor: Actor, name: str, given: Given) -> Route:
    """The route is as ``given`` says; its name stays. Raises as :func:`create`, and what :func:`load` does."""
    route = load(db, actor, name, Action.WRITE)[0]
    policy = policies.read(given.policy)
    planning.check(db, actor, route.name, policy)
    before = _told(route)
    route.policy = policies.written(policy)
    route.description = account_rules.checked_line(given.description, "description", most=500, field="description")
    route.is_on, route.keeps_content = given.is_on, given.keeps_content
    _changed(db, actor, route, before)
    return route


def switch(db: Session, actor: Actor, name: str, *, is_on: bool) -> Route:
    """The route answers, or does not until it is switched on again."""
    route = load(db, actor, name, Action.WRITE)[0]
    before = _told(route)
    route.is_on = is_on
    _changed(db, actor, route, before)
    return route


def remove(db: Session, actor: Actor, name: str) -> str:
    """The route is gone with its choices and findings, and its name is free; the name. Routes that use it go on
    without it."""
    route = load(db, actor, name, Action.WRITE)[0]
    publish(db, RouteRemoved(route, actor))
    names.release(db, "route", route.id)
    guards.forget(db, route.id)
    shown = route.name
    db.delete(route)
    db.flush()
    return shown


def load(db: Session, actor: Actor, name: str, action: Action) -> tuple[Route, RoutePlan | None]:
    """The route of this name, if ``actor`` may see it (READ) or change it (WRITE), with what they may call of it.

    Raises what ``access.load`` does.
    """
    found = names.find(db, name)
    if found is None or found.kind != "route":
        raise RouteNotFound("There is no such route, or it is not yours to call.")
    return access.load(db, actor, db.get(Route, found.target_id), action)


def record(db: Session, made: Plan, ledger: Ledger, *, outcome: Outcome, request_id: str) -> None:
    """What each route on the way chose, and what guards found, is kept; of each route the newest. Nothing of a route
    that went away meanwhile."""
    guards.record(db, ledger.findings, request_id)
    there = set(db.scalars(select(Route.id).where(Route.id.in_(list(_route_ids(made))[:50]))))
    answer = next((leg for leg, part in reversed(_pairs(ledger)) if part.role in ("answer", "step")), None)
    for route_id in there:
        if route_id not in ledger.chosen and route_id != getattr(made, "route_id", ""):
            continue  # it stood behind the route that was called, and was not chosen
        chosen, why = ledger.chosen.get(route_id, ("", "nobody was asked"))
        db.add(
            RouteChoice(
                id=ordered_id(),
                route_id=route_id,
                at=clock.now(),
                chosen=chosen[:193],
                model=(answer.target.model if answer else "")[:256],
                revision=answer.target.revision if answer else "",
                why=why[:500],
                outcome=outcome,
                legs=len(ledger.legs),
                tokens=sum(leg.measured.prompt_tokens + leg.measured.completion_tokens for leg in ledger.legs),
                request_id=request_id[:256],
            )
        )
        if int(ordered_id()[-2:], 16) % CUT_EVERY == 0:
            _cut(db, route_id)
    db.flush()


def _told(route: Route) -> dict[str, Any]:
    """What can be changed of it, as the JSON API names it; of a policy its parts."""
    policy = dict(route.policy)
    parts = {name: policy.pop(name, [] if name != "kind" else "") for name in ("kind", "targets", "guards")}
    return {
        "on": route.is_on, "keepsContent": route.keeps_content, "description": route.description, **parts,
        "policy": policy,
    }  # fmt: skip


def _changed(db: Session, actor: Actor, route: Route, before: Mapping[str, Any]) -> None:
    """It is kept, and told of where anything is different from ``before``."""
    changed = {name: value for name, value in _told(route).items() if before[name] != value}
    route.updated_at = clock.now()
    db.flush()
    if changed:
        publish(db, RouteChanged(route, actor, changed))


def _pairs(ledger: Ledger) -> list[tuple[Any, Any]]:
    return list(zip(ledger.legs, ledger.parts, strict=False))


def _route_ids(made: Plan) -> set[str]:
    if not isinstance(made, RoutePlan):
        return set()
    return {made.route_id}.union(*(_route_ids(option.plan) for option in made.options))


def _cut(db: Session, route_id: str) -> None:
    mine = select(RouteChoice.id).where(RouteChoice.route_id == route_id).order_by(RouteChoice.id.desc())
    last = db.scalar(mine.offset(KEPT).limit(1))
    if last is not None:
        db.execute(delete(RouteChoice).where(RouteChoice.route_id == route_id, RouteChoice.id <= last))
