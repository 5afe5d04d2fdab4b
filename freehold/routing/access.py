"""Who sees and changes a route: who may call something of it sees it; who may write in its namespace changes it."""

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts.errors import SignInNeeded
from freehold.routing import planning
from freehold.routing.errors import NotYourRoute, RouteNotFound
from freehold.routing.rules import RoutePlan
from freehold.routing.tables import Route


def changes(actor: Actor, route: Route) -> bool:
    """Whether ``actor`` may change it."""
    return bool(decide(actor, Action.WRITE, Thing(owner_id=route.namespace_id, visibility="private")))


def load(db: Session, actor: Actor, route: Route | None, action: Action) -> tuple[Route, RoutePlan | None]:
    """``route`` if ``actor`` may see it (READ) or change it (WRITE), with what they may call of it.

    Raises :class:`RouteNotFound` where it is not there or not to be known, :class:`NotYourRoute` otherwise,
    and ``SignInNeeded`` to whoever is not signed in.
    """
    made = None
    if route is not None:
        called = planning.callable_routes(db, actor, [route])
        made = called[0][1] if called else None
    if route is None or (made is None and not changes(actor, route)):
        raise RouteNotFound("There is no such route, or it is not yours to call.")
    if action is not Action.READ and not changes(actor, route):
        if actor.is_anonymous:
            raise SignInNeeded("Sign in, or send a token: only who may write in its namespace changes it.")
        raise NotYourRoute(f"{route.name} belongs to {route.namespace.name}: only who may write there changes it.")
    return route, made
