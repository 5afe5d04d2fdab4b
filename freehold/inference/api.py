"""Endpoints over JSON: calls of our own, for scripts. Models themselves are called under ``/v1``."""

from typing import Any

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core.http import Ask, door, int_between
from freehold.core.routes import Router
from freehold.inference import access, node, queries, rules, schemas
from freehold.inference.schemas import EndpointChange, NewAdapter, NewEndpoint
from freehold.inference.service import adapters, elsewhere, endpoints
from freehold.inference.service.making import Wanted
from freehold.inference.tables import Endpoint

router = Router(tags=["endpoints"])
ENDPOINTS = "/api/endpoints"


@router.get(ENDPOINTS)
@door(Action.READ)
def listed(ask: Ask, namespace: str | None = None) -> list[dict[str, Any]]:
    """The endpoints that you may call or change, by name, with how they are on each node."""
    return [schemas.endpoint(one) for one in queries.listed(ask.db, ask.actor, namespace or "")]


@router.post(ENDPOINTS, status_code=201)
@door(Action.CREATE_IN)
def deploy(ask: Ask, body: NewEndpoint) -> dict[str, Any]:
    """The model answers from now on, pinned to the commit that its revision is now. 400 says what would fit instead."""
    if body.url:
        row = elsewhere.connect(ask.db, ask.kit, ask.actor, body.elsewhere(), body.wanted())
    else:
        row = endpoints.deploy(ask.db, ask.kit, ask.actor, body.model, body.revision, body.wanted())
    return _told(ask, row)


@router.get(f"{ENDPOINTS}/{{endpoint_id}}")
@door(Action.READ)
def one(ask: Ask, endpoint_id: str) -> dict[str, Any]:
    return _told(ask, access.load(ask.db, ask.actor, endpoint_id))


@router.patch(f"{ENDPOINTS}/{{endpoint_id}}")
@door(Action.WRITE)
def change(ask: Ask, endpoint_id: str, body: EndpointChange) -> dict[str, Any]:
    """What is out of date finishes what it answers, and is loaded anew."""
    return _told(ask, endpoints.change(ask.db, ask.kit, ask.actor, endpoint_id, body.changes()))


@router.delete(f"{ENDPOINTS}/{{endpoint_id}}", status_code=204)
@door(Action.WRITE)
def remove(ask: Ask, endpoint_id: str) -> Response:
    endpoints.remove(ask.db, ask.actor, endpoint_id)
    return Response(status_code=204)


@router.post(f"{ENDPOINTS}/{{endpoint_id}}/adapters", status_code=201)
@door(Action.WRITE)
def add_adapter(ask: Ask, endpoint_id: str, body: NewAdapter) -> dict[str, Any]:
    """A LoRA answers beside its base, under a name of its own."""
    added = adapters.add(
        ask.db, ask.kit, ask.actor, endpoint_id, body.model,
        revision=body.revision, file=body.file, name=body.name,
    )  # fmt: skip
    return schemas.adapter(added)


@router.delete(f"{ENDPOINTS}/{{endpoint_id}}/adapters/{{adapter_id}}", status_code=204)
@door(Action.WRITE)
def remove_adapter(ask: Ask, endpoint_id: str, adapter_id: str) -> Response:
    adapters.remove(ask.db, ask.actor, endpoint_id, adapter_id)
    return Response(status_code=204)


@router.get(f"{ENDPOINTS}/{{endpoint_id}}/log")
@door(Action.WRITE)
def log(ask: Ask, endpoint_id: str) -> dict[str, str]:
    """The last that its engine wrote on the node that answers; for whoever changes it."""
    row = access.load(ask.db, ask.actor, endpoint_id, Action.WRITE)
    return {"log": ask.request.app.state.models.log_of(row.id)}


@router.get("/api/models/{namespace}/{name}/engines")
@door(Action.READ)
def choices(
    ask: Ask, namespace: str, name: str, revision: str | None = None, file: str | None = None, engine: str | None = None
) -> dict[str, Any]:
    """What could serve the model on this node (``context`` tokens, ``parallel`` calls), and why the rest cannot."""
    query = ask.request.query_params
    wanted = Wanted(
        file=file or "",
        engine=engine or "",
        context_tokens=int_between(query, "context", rules.USUAL_CONTEXT, rules.MIN_CONTEXT, rules.MAX_CONTEXT),
        parallel=int_between(query, "parallel", rules.USUAL_PARALLEL, 1, rules.MAX_PARALLEL),
    )
    _, commit, found = endpoints.look(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", revision or "", wanted)
    return schemas.choices(commit, found, node.room(ask.kit.settings).budget_bytes)


def _told(ask: Ask, row: Endpoint) -> dict[str, Any]:
    (found,) = queries.standings(ask.db, ask.actor, [row])
    return schemas.endpoint(found, list(queries.adapters(ask.db, ask.actor, row)))
