"""Repositories over JSON: create, delete, move, settings, auth-check. Source: protocol/hub-api.md 2, 1.8."""

from typing import Any

from freehold.access.rules import Action
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.repos import admissions, paths, rules, service
from freehold.repos.errors import RepoExists
from freehold.repos.schemas import CreateRepo, DeleteRepo, MoveRepo, RepoSettings, RepoUrl
from freehold.repos.tables import Repo

paths.register()
router = Router(tags=["repositories"])


@router.post("/api/repos/create", response_model=None, responses={200: {"model": RepoUrl}})
@door(Action.CREATE_IN)
def create(ask: Ask, body: CreateRepo) -> dict[str, Any]:
    namespace, name = _split(body.organization, body.name)
    try:
        repo = service.create(
            ask.db,
            ask.actor,
            name,
            namespace=namespace,
            kind=body.type or "model",
            visibility=_visibility(body.visibility, body.private),
            sdk=body.sdk,
            space=body.given(),
        )
    except RepoExists as err:
        # exist_ok reads the whole address from the conflict answer.
        err.extra["url"] = ask.base_url + str(err.extra["url"])
        raise
    return _url(ask, repo)


@router.delete("/api/repos/delete")
@door(Action.ADMIN)
def delete(ask: Ask, body: DeleteRepo) -> dict[str, Any]:
    namespace, name = _split(body.organization, body.name)
    service.delete_repo(ask.db, ask.actor, f"{namespace or ask.actor.name}/{name}", kind=body.type or "model")
    return {}


@router.post("/api/repos/move")
@door(Action.ADMIN)
def move(ask: Ask, body: MoveRepo) -> dict[str, Any]:
    try:
        repo = service.move(ask.db, ask.actor, body.fromRepo, body.toRepo, kind=body.kind())
    except RepoExists as err:
        err.extra["url"] = ask.base_url + str(err.extra["url"])
        raise
    return _url(ask, repo)


@router.put("/api/{kind:plural}/{namespace}/{name}/settings")
@door(Action.ADMIN)
def settings(ask: Ask, kind: str, namespace: str, name: str, body: RepoSettings) -> dict[str, Any]:
    gated = None if body.gated is None else ("" if body.gated is False else str(body.gated))
    changes = service.Changes(
        visibility=_visibility(body.visibility, body.private),
        gated=gated,
        gate=rules.GateChanges(
            renew=body.gatedRenew,
            grace_days=body.gatedGraceDays,
            notify_mode=body.gatedNotificationsMode,
            notify_email=body.gatedNotificationsEmail,
        ),
        discussions_disabled=body.discussionsDisabled,
    )
    repo = service.change_settings(ask.db, ask.actor, f"{namespace}/{name}", changes, kind=kind)
    gate = admissions.gate_of(ask.db, repo)
    return service.settings_of(repo) | {
        "gatedNotificationsMode": gate.notify_mode,
        "gatedNotificationsEmail": gate.notify_email,
        "gatedRenew": gate.renew,
        "gatedGraceDays": gate.grace_days,
    }


@router.get("/api/{kind:plural}/{namespace}/{name}/auth-check")
@door(Action.READ)
def auth_check(ask: Ask, kind: str, namespace: str, name: str) -> dict[str, Any]:
    service.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    return {}


@router.get("/api/{kind:plural}/{namespace}/{name}/auth-check/write")
@door(Action.WRITE)
def auth_check_write(ask: Ask, kind: str, namespace: str, name: str) -> dict[str, Any]:
    service.load(ask.db, ask.actor, f"{namespace}/{name}", Action.WRITE, kind=kind)
    return {}


def _split(organization: str | None, name: str) -> tuple[str | None, str]:
    """Older clients send ``ns/name`` as the name."""
    if "/" in name:
        namespace, _, name = name.partition("/")
        return organization or namespace, name
    return organization, name


def _visibility(visibility: str | None, private: bool | None) -> str | None:
    if visibility is not None:
        return visibility
    return None if private is None else ("private" if private else "public")


def _url(ask: Ask, repo: Repo) -> dict[str, Any]:
    return {
        "url": ask.base_url + rules.page_path(repo.kind, repo.path),
        "id": repo.id,
        "name": repo.path,
        "private": repo.visibility == "private",
    }
