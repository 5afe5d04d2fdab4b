"""Large files from the hub's own upload page: what is here, what is to be sent, and where. A call of our own."""

from functools import partial
from typing import Annotated

from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action, Actor
from freehold.content.api.commits import REPO
from freehold.content.api.lfs import ObjectIn, read_body
from freehold.content.kit import Kit
from freehold.content.service import commits, resuming, uploads
from freehold.content.service.commits import Target
from freehold.content.service.resuming import Going
from freehold.core.http import Ask, in_thread, stream_door
from freehold.core.routes import Router
from freehold.repos import paths

paths.register()
router = Router(tags=["uploads"])
MAX_FILES = 100


class UploadsIn(BaseModel):
    """Files by SHA-256 and size in bytes."""

    files: Annotated[list[ObjectIn], Field(max_length=MAX_FILES)]


@router.post(f"{REPO}/uploads/{{rev:segment}}")
@stream_door(Action.PROPOSE)
async def go_on(request: Request, kind: str, namespace: str, name: str, rev: str, create_pr: bool = False) -> Response:
    """For each file: ``here`` (nothing to send), ``whole`` (PUT it to ``href``) or ``parts``.

    Parts are PUT to ``{href}/{number}?t={token}``, those in ``arrived`` need not be; their ETags, and those that the
    PUTs answer, complete the upload by POST to ``{href}?t={token}``, as in LFS. DELETE there gives it up.
    """
    target = Target(kind, f"{namespace}/{name}", rev, create_pr)
    # Whoever may not commit is told so before the body is read.
    actor, repo_id = await in_thread(request, lambda ask: _admitted(ask, target), reads=True)
    asked: UploadsIn = await read_body(request, UploadsIn)
    kit: Kit = request.app.state.kit
    files = [given.wanted for given in asked.files]
    work = partial(resuming.go_on, request.app.state.database, kit, actor, target, files)
    going = await run_in_threadpool(work)
    return JSONResponse({"files": [_told(kit, repo_id, one) for one in going]})


def _admitted(ask: Ask, target: Target) -> tuple[Actor, str]:
    actor: Actor = ask.actor
    return actor, commits.admit(ask.db, actor, target).repo.id


def _told(kit: Kit, repo_id: str, one: Going) -> dict[str, object]:
    told: dict[str, object] = {"oid": one.wanted.sha256, "size": one.wanted.size_bytes, "state": one.state}
    if one.state == "whole":
        return told | {"href": uploads.put_address(kit, "", repo_id, one.wanted)}
    if one.upload is None:
        return told
    parts = uploads.parts_of(one.upload)
    return told | {
        "href": f"/lfs/uploads/{parts.upload_id}",
        "token": uploads.parts_token(kit, parts),
        "chunkSize": parts.chunk_bytes,
        "parts": parts.count,
        "arrived": {str(number): etag for number, etag in sorted(one.arrived.items())},
    }
