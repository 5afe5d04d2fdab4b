"""What happens to all that answers calls, as entries of the trail: endpoints, routes, pipelines, batches."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from freehold.batches import events as batches
from freehold.batches.tables import Batch
from freehold.core.events import Bus
from freehold.governance.service.trail import Thing, record
from freehold.inference import events as endpoints
from freehold.inference.tables import Endpoint
from freehold.pipelines import events as pipelines
from freehold.pipelines.tables import Pipeline
from freehold.routing import events as routes
from freehold.routing.tables import Route


def subscribe(bus: Bus) -> None:
    """Every event of the run plane that is written down."""
    bus.subscribe(endpoints.EndpointDeployed, on_deployed)
    bus.subscribe(endpoints.EndpointChanged, on_endpoint_changed)
    bus.subscribe(endpoints.EndpointRemoved, on_endpoint_removed)
    bus.subscribe(routes.RouteMade, on_route_made)
    bus.subscribe(routes.RouteChanged, on_route_changed)
    bus.subscribe(routes.RouteRemoved, on_route_removed)
    bus.subscribe(pipelines.PipelineServed, on_pipeline_served)
    bus.subscribe(pipelines.PipelineChanged, on_pipeline_changed)
    bus.subscribe(pipelines.PipelineStopped, on_pipeline_stopped)
    bus.subscribe(batches.BatchBegun, on_batch_begun)
    bus.subscribe(batches.BatchStopped, on_batch_stopped)
    bus.subscribe(batches.BatchResumed, on_batch_resumed)


# ---- endpoints ---------------------------------------------------------------------------------------------


def on_deployed(db: Session, event: endpoints.EndpointDeployed) -> None:
    row = event.endpoint
    model = f"{row.repo.path}@{row.revision[:7]}" if row.repo else f"{row.remote_model} at {_host(row)}"
    record(db, "endpoint.deployed", _endpoint(row), actor=event.actor, model=model, file=row.file, engine=row.engine)


def on_endpoint_changed(db: Session, event: endpoints.EndpointChanged) -> None:
    record(db, "endpoint.changed", _endpoint(event.endpoint), actor=event.actor, **event.changed)


def on_endpoint_removed(db: Session, event: endpoints.EndpointRemoved) -> None:
    record(db, "endpoint.removed", _endpoint(event.endpoint), actor=event.actor, why=event.why)


def _endpoint(row: Endpoint) -> Thing:
    return Thing("endpoint", row.id, row.name, row.namespace_id)


def _host(row: Endpoint) -> str:
    """Addresses may hold what opens them: the host tells enough."""
    return urlsplit(row.remote_url or "").hostname or "?"


# ---- routes ------------------------------------------------------------------------------------------------


def on_route_made(db: Session, event: routes.RouteMade) -> None:
    route = event.route
    told = {"on": route.is_on, "keepsContent": route.keeps_content, **_policy(route, route.policy)}
    record(db, "route.made", _route(route), actor=event.actor, **told)


def on_route_changed(db: Session, event: routes.RouteChanged) -> None:
    """Switched, guarded otherwise and changed are entries of their own, so that each can be looked for."""
    changed, thing = dict(event.changed), _route(event.route)
    if "on" in changed:
        record(db, "route.enabled" if changed.pop("on") else "route.disabled", thing, actor=event.actor)
    if "guards" in changed:
        record(db, "route.guards", thing, actor=event.actor, guards=_guards(changed.pop("guards")) or "none")
    if changed:
        told = {**changed, **_policy(event.route, changed)}
        if "policy" in told:  # how it sticks, what is checked: long, and on the route's page
            told["policy"] = sorted(told["policy"]) or "as usual"
        record(db, "route.changed", thing, actor=event.actor, **told)


def on_route_removed(db: Session, event: routes.RouteRemoved) -> None:
    record(db, "route.deleted", _route(event.route), actor=event.actor)


def _route(row: Route) -> Thing:
    return Thing("route", row.id, row.name, row.namespace_id)


def _policy(route: Route, policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy in few words: its kind, the names behind it, what guards it.

    An organisation's trail is read by people who may not call every target: of those elsewhere it tells how many.
    """
    told: dict[str, Any] = {"kind": policy["kind"]} if "kind" in policy else {}
    if "targets" in policy:
        names = [str(one["name"]) for one in policy["targets"]]
        own = [name for name in names if _is_in(name, route.namespace.name)]
        told["targets"] = own + ([f"{len(names) - len(own)} elsewhere"] if len(own) < len(names) else [])
    if policy.get("guards"):
        told["guards"] = _guards(policy["guards"])
    return told


def _is_in(name: str, namespace: str) -> bool:
    return name.partition("/")[0].lower() == namespace.lower()


def _guards(guards: list[Mapping[str, Any]]) -> list[str]:
    """Which guards stand where. What they look for may be a list of rude words: it is on the route's page."""
    return [f"{one['side']} {one['kind']}: {one['does']}" for one in guards]


# ---- pipelines ---------------------------------------------------------------------------------------------


def on_pipeline_served(db: Session, event: pipelines.PipelineServed) -> None:
    row = event.pipeline
    of = f"{row.repo.path}@" if row.repo.owner_id == row.namespace_id else ""  # another's repository may be private
    told: dict[str, Any] = {"file": f"{of}{row.revision[:7]}:{row.path}", "keepsContent": row.keeps_content}
    record(db, "pipeline.served", _pipeline(row), actor=event.actor, **told)


def on_pipeline_changed(db: Session, event: pipelines.PipelineChanged) -> None:
    record(db, "pipeline.changed", _pipeline(event.pipeline), actor=event.actor, **event.changed)


def on_pipeline_stopped(db: Session, event: pipelines.PipelineStopped) -> None:
    record(db, "pipeline.stopped", _pipeline(event.pipeline), actor=event.actor, why=event.why)


def _pipeline(row: Pipeline) -> Thing:
    return Thing("pipeline", row.id, row.name, row.namespace_id)


# ---- batches -----------------------------------------------------------------------------------------------


def on_batch_begun(db: Session, event: batches.BatchBegun) -> None:
    row = event.batch
    told: dict[str, Any] = {"of": row.given.get("repo") or row.given.get("file_id"), "into": row.given.get("into")}
    told |= {"model": row.served_name, "bill_to": row.bill_to}
    record(db, "batch.begun", _batch(row), actor=event.actor, **told)


def on_batch_stopped(db: Session, event: batches.BatchStopped) -> None:
    told: dict[str, Any] = {"how": event.how, "why": event.why, "answered": event.batch.done}
    record(db, "batch.stopped", _batch(event.batch), actor=event.actor, **told)


def on_batch_resumed(db: Session, event: batches.BatchResumed) -> None:
    record(db, "batch.resumed", _batch(event.batch), actor=event.actor, with_failed=event.retries)


def _batch(row: Batch) -> Thing:
    return Thing("batch", row.id, row.id, row.user_id)
