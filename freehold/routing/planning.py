"""Served names to plans: what one actor may call of what stands behind a name. Reads, and decides nothing else.

A route answers whoever may call something of what it would use, and all that guards it. To others it is not there.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.core.errors import HubError
from freehold.inference.errors import SignInToCall
from freehold.inference.service import names
from freehold.routing import policies
from freehold.routing.errors import BadRoute
from freehold.routing.rules import MAX_DEPTH, MAX_LEAVES, Choice, Option, Plan, Policy, RoutePlan, leaves
from freehold.routing.tables import Route

#: Routes that are looked at for one list.
MAX_ROUTES = 500


class Planner:
    """Plans for one actor. Each name is looked at once, however many routes use it."""

    def __init__(self, db: Session, actor: Actor) -> None:
        self.db, self.actor = db, actor
        self._known: dict[str, Plan | None] = {}

    def plan(self, name: str, *, depth: int = 0) -> Plan | None:
        """What ``name`` comes to; None: nothing that this actor may call."""
        key = name.lower()
        if key not in self._known:
            self._known[key] = None  # what leads back to itself comes to nothing; it was refused when it was saved
            self._known[key] = self._planned(name, depth)
        return self._known[key]

    def of(self, route: Route, *, depth: int = 0) -> RoutePlan | None:
        """What ``route`` comes to; None: nothing of it is left, or one of its guards may not be called."""
        policy = policies.read(route.policy)
        options = [option for one in policy.choices if (option := self._option(one, depth)) is not None]
        guard_models: dict[str, Plan] = {}
        for guard in policy.guards:
            if guard.kind == "model":
                model = self.plan(str(guard.options["model"]), depth=depth + 1)
                if model is None:
                    return None
                guard_models[str(guard.options["model"]).lower()] = model
        if not options:
            return None
        judge = self.plan(policy.check.judge, depth=depth + 1) if policy.check and policy.check.judge else None
        return RoutePlan(
            route_id=route.id,
            served_name=route.name,
            owner_id=route.namespace_id,
            policy=policy,
            options=tuple(options),
            judge=judge,
            guard_models=guard_models,
            left_out=len(policy.choices) - len(options),
            keeps_content=route.keeps_content,
        )

    def _option(self, choice: Choice, depth: int) -> Option | None:
        plan = self.plan(choice.name, depth=depth + 1)
        return None if plan is None else Option(choice, plan)

    def _planned(self, name: str, depth: int) -> Plan | None:
        if depth > MAX_DEPTH:
            return None
        found = names.find(self.db, name)
        if found is not None and found.kind == "route":
            route = self.db.get(Route, found.target_id)
            return self.of(route, depth=depth) if route is not None and route.is_on else None
        try:
            return names.resolve(self.db, self.actor, name)
        except HubError:
            return None


def plan(db: Session, actor: Actor, served: str) -> Plan:
    """What ``served`` comes to for ``actor``: an endpoint's target, or a route with what is left of it.

    Raises what ``inference.service.names.resolve`` does; a route of which nothing is left is unknown.
    """
    found = names.find(db, served)
    if found is None or found.kind != "route":
        return names.resolve(db, actor, served)
    names.refuse_anonymous(db, actor)
    made = Planner(db, actor).plan(served)
    if made is None:
        raise names.unknown(db, actor, served, also=callable_names(db, actor))
    return made


def callable_routes(db: Session, actor: Actor, routes: Sequence[Route]) -> list[tuple[Route, RoutePlan]]:
    """Those of ``routes`` that ``actor`` may call, with their plans."""
    try:
        names.refuse_anonymous(db, actor)
    except SignInToCall:
        return []
    planner = Planner(db, actor)
    return [(one, made) for one in routes if one.is_on and isinstance(made := planner.plan(one.name), RoutePlan)]


def callable_names(db: Session, actor: Actor) -> list[str]:
    """The names of all routes that ``actor`` may call, in order."""
    routes = db.scalars(select(Route).order_by(Route.name).limit(MAX_ROUTES)).all()
    return [route.name for route, _ in callable_routes(db, actor, routes)]


def check(db: Session, actor: Actor, name: str, policy: Policy) -> None:
    """Refuse a policy of the route ``name`` that ``actor`` may not save: with names that they may not call, with more
    than can be walked, or with a way back to itself. Raises :class:`BadRoute`."""
    planner = Planner(db, actor)
    count = 0
    for one in policies.names(policy):
        if one.lower() == name.lower():
            raise BadRoute(f"{name} cannot stand behind itself.", field="targets")
        found = planner.plan(one, depth=1)
        if found is None:
            also = callable_names(db, actor)
            raise BadRoute(names.unknown(db, actor, one, also=also).message, field="targets")
        count += len(leaves(found))
    if count > MAX_LEAVES:
        raise BadRoute(f"{count} models stand behind this route, more than the {MAX_LEAVES} it may have.")
    _refuse_circles(db, name, policy)


def _refuse_circles(db: Session, name: str, policy: Policy) -> None:
    """Walk what stands behind, level by level; also what the saver may not call, since circles need no rights."""
    level = [one.lower() for one in policies.names(policy)]
    seen: set[str] = set()
    for _ in range(MAX_DEPTH):
        behind: list[str] = []
        for key in level:
            found = names.find(db, key) if key not in seen else None
            seen.add(key)
            route = db.get(Route, found.target_id) if found is not None and found.kind == "route" else None
            if route is not None:
                behind.extend(one.lower() for one in policies.names(policies.read(route.policy)))
        if name.lower() in behind:
            raise BadRoute(f"What stands behind {name} leads back to it. Take one of them out.", field="targets")
        if not behind:
            return
        level = behind[:500]
    raise BadRoute(f"Routes stand behind routes at most {MAX_DEPTH} deep.", field="targets")
