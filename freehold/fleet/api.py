"""Machines over JSON: calls of our own, for scripts."""

from typing import Any

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.fleet import access, queries, schemas, service
from freehold.fleet.rules import MINE

router = Router(tags=["machines"])
OWN = "own"


@router.get("/api/settings/machines")
@door(OWN)
def mine(ask: Ask) -> list[dict[str, Any]]:
    """Your machines. ``fits=`` of a list of models takes their ``address``, and ``mine:fleet`` for any of them."""
    return _all(ask, None)


@router.post("/api/settings/machines", status_code=201)
@door(OWN)
def add_mine(ask: Ask, body: schemas.MachineBody) -> dict[str, Any]:
    return schemas.machine(service.add(ask.db, ask.actor, None, body.given()), MINE)


@router.put("/api/settings/machines/{word}")
@door(OWN)
def change_mine(ask: Ask, word: str, body: schemas.MachineBody) -> dict[str, Any]:
    """``word`` is what stands behind ``mine:`` in its address."""
    return schemas.machine(service.change(ask.db, ask.actor, None, word, body.given()), MINE)


@router.delete("/api/settings/machines/{word}", status_code=204)
@door(OWN)
def remove_mine(ask: Ask, word: str) -> Response:
    service.remove(ask.db, ask.actor, None, word)
    return Response(status_code=204)


@router.get("/api/organizations/{org}/machines")
@door(Action.READ)
def theirs(ask: Ask, org: str) -> list[dict[str, Any]]:
    """The machines of an organisation, for its members."""
    return _all(ask, org)


@router.post("/api/organizations/{org}/machines", status_code=201)
@door(Action.ADMIN)
def add_theirs(ask: Ask, org: str, body: schemas.MachineBody) -> dict[str, Any]:
    return schemas.machine(service.add(ask.db, ask.actor, org, body.given()), org)


@router.put("/api/organizations/{org}/machines/{word}")
@door(Action.ADMIN)
def change_theirs(ask: Ask, org: str, word: str, body: schemas.MachineBody) -> dict[str, Any]:
    return schemas.machine(service.change(ask.db, ask.actor, org, word, body.given()), org)


@router.delete("/api/organizations/{org}/machines/{word}", status_code=204)
@door(Action.ADMIN)
def remove_theirs(ask: Ask, org: str, word: str) -> Response:
    service.remove(ask.db, ask.actor, org, word)
    return Response(status_code=204)


def _all(ask: Ask, org: str | None) -> list[dict[str, Any]]:
    owner = access.owner(ask.db, ask.actor, org, changes=False)
    return [schemas.machine(row, owner.name if org else MINE) for row in queries.of(ask.db, owner)]
