"""Branches, tags and squashed history over JSON. Source: protocol/hub-api.md 5."""

from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action, Actor
from freehold.content import queries, rules
from freehold.content.schemas import NewBranch, NewTag, Squash
from freehold.content.service import refs as service
from freehold.content.tables import Ref
from freehold.core.bodies import receive_body
from freehold.core.errors import Malformed
from freehold.core.http import Ask, door, in_thread, stream_door
from freehold.core.routes import Router
from freehold.repos import paths
from freehold.repos import service as repos

paths.register()
router = Router(tags=["refs"])
MAX_SQUASH_BYTES = 64 << 10
REPO = "/api/{kind:plural}/{namespace:segment}/{name:segment}"


@router.get(f"{REPO}/refs")
@door(Action.READ)
def list_refs(ask: Ask, kind: str, namespace: str, name: str, include_prs: bool = False) -> dict[str, Any]:
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    found = queries.refs(ask.db, repo)
    shown = {
        "branches": _shown(found, rules.BRANCHES),
        "converts": _shown(found, rules.CONVERTS),
        "tags": _shown(found, rules.TAGS),
    }
    return shown | ({"pullRequests": _shown(found, rules.PULLS)} if include_prs else {})


@router.post(f"{REPO}/branch/{{branch:segment}}")
@door(Action.WRITE)
def create_branch(
    ask: Ask, kind: str, namespace: str, name: str, branch: str, body: NewBranch | None = None
) -> dict[str, Any]:
    start = body.startingPoint if body else None
    commit = service.create_branch(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", branch, kind=kind, start=start)
    return {"commit": commit}


@router.delete(f"{REPO}/branch/{{branch:segment}}")
@door(Action.WRITE)
def delete_branch(ask: Ask, kind: str, namespace: str, name: str, branch: str) -> dict[str, Any]:
    service.delete_branch(ask.db, ask.actor, f"{namespace}/{name}", branch, kind=kind)
    return {}


@router.post(f"{REPO}/tag/{{rev:segment}}")
@door(Action.WRITE)
def create_tag(ask: Ask, kind: str, namespace: str, name: str, rev: str, body: NewTag) -> dict[str, Any]:
    commit = service.create_tag(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", body.tag, kind=kind, revision=rev)
    return {"commit": commit}


@router.delete(f"{REPO}/tag/{{tag:segment}}")
@door(Action.WRITE)
def delete_tag(ask: Ask, kind: str, namespace: str, name: str, tag: str) -> dict[str, Any]:
    service.delete_tag(ask.db, ask.actor, f"{namespace}/{name}", tag, kind=kind)
    return {}


@router.post(
    f"{REPO}/super-squash/{{rev:segment}}",
    response_model=None,
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": Squash.model_json_schema()}}}},
)
@stream_door(Action.WRITE)
async def super_squash(request: Request, kind: str, namespace: str, name: str, rev: str) -> Response:
    # A stream door: the verb opens its own transactions around the bytes it writes.
    body = bytearray()
    await receive_body(request, body.extend, limit_bytes=MAX_SQUASH_BYTES)
    actor: Actor = await in_thread(request, lambda ask: ask.actor, reads=True)
    message = _message(bytes(body)) or f"Super-squash branch '{rev}'"
    state = request.app.state

    def squash() -> str:
        path = f"{namespace}/{name}"
        return service.super_squash(state.database, state.kit, actor, path, rev, kind=kind, message=message)

    return JSONResponse({"commitOid": await run_in_threadpool(squash)})


def _message(body: bytes) -> str:
    try:
        return Squash.model_validate_json(body or b"{}").message.strip()
    except ValidationError as err:
        raise Malformed("The body must be JSON with a 'message' of up to 4,096 characters.") from err


def _shown(refs: list[Ref], prefix: str) -> list[dict[str, str]]:
    return [
        {"name": ref.name.removeprefix(prefix), "ref": ref.name, "targetCommit": ref.commit}
        for ref in refs
        if ref.name.startswith(prefix)
    ]
