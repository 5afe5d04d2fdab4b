"""Pipelines over JSON: calls of our own, for scripts."""

from typing import Any

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.pipelines import queries, schemas, service

router = Router(tags=["pipelines"])


@router.get("/api/pipelines")
@door(Action.READ)
def listed(ask: Ask) -> list[dict[str, Any]]:
    """The pipelines that you may call or change."""
    return [schemas.pipeline(one) for one in queries.listed(ask.db, ask.actor)]


@router.post("/api/pipelines", status_code=201)
@door(Action.CREATE_IN)
def serve(ask: Ask, body: schemas.PipelineBody) -> dict[str, Any]:
    """A file of a repository is served: ``{"repo": "lab/review", "path": "freehold-pipeline.yaml"}``."""
    made = service.serve(ask.db, ask.kit, ask.actor, body.given())
    return _pipeline(ask, made.name)


@router.get("/api/pipelines/{namespace}/{name}")
@door(Action.READ)
def read(ask: Ask, namespace: str, name: str) -> dict[str, Any]:
    return _pipeline(ask, f"{namespace}/{name}")


@router.put("/api/pipelines/{namespace}/{name}/revision")
@door(Action.WRITE)
def pin(ask: Ask, namespace: str, name: str, body: schemas.RevisionBody) -> dict[str, Any]:
    """The pipeline is what its file says at this revision."""
    service.pin(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", body.revision)
    return _pipeline(ask, f"{namespace}/{name}")


@router.put("/api/pipelines/{namespace}/{name}/settings")
@door(Action.WRITE)
def change(ask: Ask, namespace: str, name: str, body: schemas.SettingsBody) -> dict[str, Any]:
    name = f"{namespace}/{name}"
    service.change(ask.db, ask.actor, name, is_on=body.on, keeps_content=body.keeps_content)
    return _pipeline(ask, name)


@router.delete("/api/pipelines/{namespace}/{name}", status_code=204)
@door(Action.WRITE)
def stop(ask: Ask, namespace: str, name: str) -> Response:
    """It is served no more; its file stays."""
    service.stop(ask.db, ask.actor, f"{namespace}/{name}")
    return Response(status_code=204)


@router.get("/api/pipelines/{namespace}/{name}/traces")
@door(Action.WRITE)
def traces(ask: Ask, namespace: str, name: str, limit: int = 50) -> list[dict[str, Any]]:
    """What its steps did lately, for who may change it."""
    pipeline, _ = service.load(ask.db, ask.actor, f"{namespace}/{name}", Action.WRITE)
    return schemas.traces(queries.traces(ask.db, ask.actor, pipeline, limit=max(1, min(limit, queries.MAX_SHOWN))))


def _pipeline(ask: Ask, name: str) -> dict[str, Any]:
    found, made = service.load(ask.db, ask.actor, name, Action.READ)
    return schemas.pipeline(queries.seen(ask.db, ask.actor, found, made))
