"""Routes over JSON: calls of our own, for scripts."""

from typing import Any

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.routing import queries, schemas, service

router = Router(tags=["routes"])


@router.get("/api/routes")
@door(Action.READ)
def listed(ask: Ask, namespace: str = "") -> list[dict[str, Any]]:
    """The routes that you may call or change; of each the targets that you may call."""
    return [schemas.route(one) for one in queries.listed(ask.db, ask.actor, namespace=namespace[:96])]


@router.post("/api/routes", status_code=201)
@door(Action.CREATE_IN)
def create(ask: Ask, body: schemas.RouteBody) -> dict[str, Any]:
    """A new route: ``{"name": "lab/assistant", "policy": {"kind": "fallback", "targets": [...]}}``."""
    route = service.create(ask.db, ask.actor, body.given())
    return _route(ask, route.name)


@router.get("/api/routes/{namespace}/{name}")
@door(Action.READ)
def read(ask: Ask, namespace: str, name: str) -> dict[str, Any]:
    return _route(ask, f"{namespace}/{name}")


@router.put("/api/routes/{namespace}/{name}")
@door(Action.WRITE)
def change(ask: Ask, namespace: str, name: str, body: schemas.RouteBody) -> dict[str, Any]:
    """All of the route but its name is as the body says."""
    service.change(ask.db, ask.actor, f"{namespace}/{name}", body.given())
    return _route(ask, f"{namespace}/{name}")


@router.put("/api/routes/{namespace}/{name}/on")
@door(Action.WRITE)
def switch(ask: Ask, namespace: str, name: str, body: schemas.SwitchBody) -> dict[str, Any]:
    service.switch(ask.db, ask.actor, f"{namespace}/{name}", is_on=body.on)
    return _route(ask, f"{namespace}/{name}")


@router.delete("/api/routes/{namespace}/{name}", status_code=204)
@door(Action.WRITE)
def remove(ask: Ask, namespace: str, name: str) -> Response:
    service.remove(ask.db, ask.actor, f"{namespace}/{name}")
    return Response(status_code=204)


@router.get("/api/routes/{namespace}/{name}/recent")
@door(Action.WRITE)
def recent(ask: Ask, namespace: str, name: str, limit: int = 50) -> dict[str, Any]:
    """What it chose lately and what its guards found, for who may change it. Never a text."""
    route, _ = service.load(ask.db, ask.actor, f"{namespace}/{name}", Action.WRITE)
    limit = max(1, min(limit, queries.MAX_SHOWN))
    choices = queries.choices(ask.db, ask.actor, route, limit=limit)
    return schemas.recent(choices, queries.findings(ask.db, ask.actor, route, limit=limit))


def _route(ask: Ask, name: str) -> dict[str, Any]:
    route, made = service.load(ask.db, ask.actor, name, Action.READ)
    return schemas.route(queries.seen(ask.db, ask.actor, route, made))
