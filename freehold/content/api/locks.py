"""Locks of git-lfs over JSON. Source: git-lfs docs/api/locking.md."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action
from freehold.content.api.lfs import LFS_JSON, RefIn, read_body, speaks_lfs
from freehold.content.service import locks
from freehold.core.http import Ask, in_thread, int_between, stream_door
from freehold.repos import paths

paths.register()

LFS = {"Content-Type": LFS_JSON}


class LockIn(BaseModel):
    model_config = ConfigDict(strict=True)
    path: Annotated[str, Field(min_length=1, max_length=4096)]
    ref: RefIn | None = None


class VerifyIn(BaseModel):
    """git-lfs may send a cursor of nothing, and a limit of 0 for none."""

    cursor: Annotated[str, Field(max_length=24)] | None = None
    limit: Annotated[int, Field(ge=0, le=1 << 31)] | None = None
    ref: RefIn | None = None


class UnlockIn(BaseModel):
    force: bool | None = None
    ref: RefIn | None = None


@speaks_lfs
@stream_door(Action.WRITE)
async def create(request: Request) -> Response:
    given: LockIn = await read_body(request, LockIn)
    lock = await in_thread(
        request, lambda ask: locks.told(locks.create(ask.db, ask.actor, _path(ask), given.path, kind=_kind(ask)))
    )
    return JSONResponse({"lock": lock}, 201, headers=LFS)


@speaks_lfs
@stream_door(Action.READ)
async def listed(request: Request) -> Response:
    given = request.query_params
    limit = int_between(given, "limit", locks.MAX_PAGE, 0, locks.MAX_PAGE) or locks.MAX_PAGE

    def find(ask: Ask) -> dict[str, object]:
        page = locks.found(
            ask.db,
            ask.actor,
            _path(ask),
            kind=_kind(ask),
            file=given.get("path"),
            lock_id=given.get("id"),
            cursor=given.get("cursor"),
            limit=limit,
        )
        return {"locks": [locks.told(lock) for lock in page.locks]} | _next(page)

    return JSONResponse(await in_thread(request, find, reads=True), headers=LFS)


@speaks_lfs
@stream_door(Action.PROPOSE)
async def verify(request: Request) -> Response:
    """Asked before every push: whose locks there are."""
    given: VerifyIn = await read_body(request, VerifyIn)

    def sorted_out(ask: Ask) -> dict[str, object]:
        limit = given.limit or locks.MAX_PAGE
        page = locks.to_verify(ask.db, ask.actor, _path(ask), kind=_kind(ask), cursor=given.cursor, limit=limit)
        ours = [locks.told(lock) for lock in page.locks if lock.owner_id == ask.actor.id]
        theirs = [locks.told(lock) for lock in page.locks if lock.owner_id != ask.actor.id]
        return {"ours": ours, "theirs": theirs} | _next(page)

    return JSONResponse(await in_thread(request, sorted_out, reads=True), headers=LFS)


@speaks_lfs
@stream_door(Action.WRITE)
async def unlock(request: Request) -> Response:
    given: UnlockIn = await read_body(request, UnlockIn)
    force = bool(given.force)
    which = request.path_params["lock"]
    lock = await in_thread(
        request,
        lambda ask: locks.told(locks.remove(ask.db, ask.actor, _path(ask), which, kind=_kind(ask), force=force)),
    )
    return JSONResponse({"lock": lock}, headers=LFS)


def _next(page: locks.Page) -> dict[str, object]:
    return {"next_cursor": page.next_cursor} if page.next_cursor else {}


def _kind(ask: Ask) -> str:
    kind: str = ask.request.path_params["kind"]
    return kind


def _path(ask: Ask) -> str:
    given = ask.request.path_params
    return f"{given['namespace']}/{given['name']}"


_REPO = "/{kind:prefix}{namespace}/{name}"
routes: list[BaseRoute] = [
    Route(repo + "/info/lfs/locks" + call, endpoint, methods=[method])
    for repo in (_REPO + ".git", _REPO)
    for call, endpoint, method in (
        ("", create, "POST"),
        ("", listed, "GET"),
        ("/verify", verify, "POST"),
        ("/{lock}/unlock", unlock, "POST"),
    )
]
