"""Spaces over JSON. Source: protocol/hub-api.md 10."""

from typing import Any, Literal

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action
from freehold.accounts.errors import SignInNeeded
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.repos import service as repos
from freehold.repos.access import may
from freehold.repos.tables import Repo
from freehold.spaces import queries, schemas, service
from freehold.spaces.schemas import DevModeIn, HardwareIn, KeyIn, SleepIn, ValueIn, VolumesIn

router = Router(tags=["spaces"])
SPACE = "/api/spaces/{namespace}/{name}"


@router.get(SPACE + "/secrets")
@door(Action.WRITE)
def secrets(ask: Ask, namespace: str, name: str) -> dict[str, Any]:
    """Which secrets there are. Their values are told through no door."""
    repo = _load(ask, namespace, name, Action.WRITE)
    return schemas.secrets(queries.secrets(ask.db, repo))


@router.post(SPACE + "/secrets")
@door(Action.ADMIN)
def set_secret(ask: Ask, namespace: str, name: str, body: ValueIn) -> dict[str, Any]:
    repo = service.set_secret(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", body.given())
    return schemas.secrets(queries.secrets(ask.db, repo))


@router.delete(SPACE + "/secrets")
@door(Action.ADMIN)
def remove_secret(ask: Ask, namespace: str, name: str, body: KeyIn) -> dict[str, Any]:
    repo = service.remove_secret(ask.db, ask.actor, f"{namespace}/{name}", body.key)
    return schemas.secrets(queries.secrets(ask.db, repo))


@router.get(SPACE + "/variables")
@door(Action.READ)
def variables(ask: Ask, namespace: str, name: str) -> dict[str, Any]:
    repo = _load(ask, namespace, name, Action.READ)
    return schemas.variables(queries.variables(ask.db, repo))


@router.post(SPACE + "/variables")
@door(Action.ADMIN)
def set_variable(ask: Ask, namespace: str, name: str, body: ValueIn) -> dict[str, Any]:
    repo = service.set_variable(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", body.given())
    return schemas.variables(queries.variables(ask.db, repo))


@router.delete(SPACE + "/variables")
@door(Action.ADMIN)
def remove_variable(ask: Ask, namespace: str, name: str, body: KeyIn) -> dict[str, Any]:
    repo = service.remove_variable(ask.db, ask.actor, f"{namespace}/{name}", body.key)
    return schemas.variables(queries.variables(ask.db, repo))


@router.get(SPACE + "/runtime")
@door(Action.READ)
def runtime(ask: Ask, namespace: str, name: str) -> dict[str, Any]:
    """Stopped, or without an app: no Space runs on this hub yet."""
    return _runtime(ask, _load(ask, namespace, name, Action.READ))


@router.post(SPACE + "/hardware")
@door(Action.ADMIN)
def hardware(ask: Ask, namespace: str, name: str, body: HardwareIn) -> dict[str, Any]:
    repo = service.request_hardware(ask.db, ask.actor, f"{namespace}/{name}", body.flavor, body.sleepTimeSeconds)
    return _runtime(ask, repo)


@router.post(SPACE + "/sleeptime")
@door(Action.ADMIN)
def sleep_time(ask: Ask, namespace: str, name: str, body: SleepIn) -> dict[str, Any]:
    return _runtime(ask, service.set_sleep_time(ask.db, ask.actor, f"{namespace}/{name}", body.seconds))


@router.post(SPACE + "/pause", response_model=None)
@door(Action.WRITE)
def pause(ask: Ask, namespace: str, name: str) -> None:
    """409: nothing runs that could be paused."""
    service.pause(ask.db, ask.actor, f"{namespace}/{name}")


@router.post(SPACE + "/restart", response_model=None)
@door(Action.WRITE)
def restart(ask: Ask, namespace: str, name: str) -> None:
    """501: no Space runs on this hub yet."""
    service.restart(ask.db, ask.actor, f"{namespace}/{name}")


@router.post(SPACE + "/storage", response_model=None)
@router.delete(SPACE + "/storage", response_model=None)
@door(Action.WRITE)
def storage(ask: Ask, namespace: str, name: str) -> None:
    """501: a disk that stays belongs to an app that runs. Clients before 2.0 ask for it."""
    service.restart(ask.db, ask.actor, f"{namespace}/{name}")


@router.post(SPACE + "/dev-mode")
@door(Action.WRITE)
def dev_mode(ask: Ask, namespace: str, name: str, body: DevModeIn) -> dict[str, Any]:
    return _runtime(ask, service.set_dev_mode(ask.db, ask.actor, f"{namespace}/{name}", enabled=body.enabled))


@router.put(SPACE + "/volumes")
@door(Action.ADMIN)
def set_volumes(ask: Ask, namespace: str, name: str, body: VolumesIn) -> dict[str, Any]:
    wanted = [volume.model_dump() for volume in body.volumes]
    return _runtime(ask, service.set_volumes(ask.db, ask.actor, f"{namespace}/{name}", wanted))


@router.delete(SPACE + "/volumes")
@door(Action.ADMIN)
def remove_volumes(ask: Ask, namespace: str, name: str) -> dict[str, Any]:
    return _runtime(ask, service.remove_volumes(ask.db, ask.actor, f"{namespace}/{name}"))


@router.get(SPACE + "/logs/{which}", response_model=None)
@door(Action.WRITE)
def logs(ask: Ask, namespace: str, name: str, which: Literal["run", "build"]) -> Response:
    """A stream of events that ends at once: nothing was built and nothing ran."""
    _load(ask, namespace, name, Action.WRITE)
    return Response("", media_type="text/event-stream")


# ---- addresses that read as a repository's ----------------------------------------------------------------------


@door(PUBLIC)
def hardware_on_offer(ask: Ask) -> Response:
    """None: no Space runs on this hub yet."""
    return JSONResponse([])


@door(PUBLIC)
def templates(ask: Ask) -> Response:
    """None: a Space is begun from its first files, or by duplicating another."""
    return JSONResponse({"templates": []})


@door(Action.CREATE_IN, reads=True)
def zero_gpu_quota(ask: Ask) -> Response:
    """No seconds of any shared GPU, of which none were used."""
    if ask.actor.is_anonymous:
        raise SignInNeeded("Sign in to learn your quota.")
    return JSONResponse({"base": 0, "current": 0, "resetsAt": None, "overquotaUsed": 0})


fixed_routes: list[BaseRoute] = [
    Route("/api/spaces/hardware", hardware_on_offer, methods=["GET"]),
    Route("/api/spaces/templates", templates, methods=["GET"]),
    Route("/api/spaces/zero-gpu/quota", zero_gpu_quota, methods=["GET"]),
]


def _load(ask: Ask, namespace: str, name: str, action: Action) -> Repo:
    return repos.load(ask.db, ask.actor, f"{namespace}/{name}", action, kind="space")


def _runtime(ask: Ask, repo: Repo) -> dict[str, Any]:
    found = queries.runtime(ask.db, ask.kit, repo)
    return queries.wire(found, with_volumes=bool(may(ask.actor, Action.WRITE, repo)))
