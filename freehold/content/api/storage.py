"""Large files of a whole history, what they take, and how to be rid of them. Source: protocol/hub-api.md 3.7.

``storage`` and ``storage/plan`` are calls of our own.
"""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action, Actor
from freehold.content import holdings, queries, rules
from freehold.content.holdings import Deletion, LargeFile, Share
from freehold.content.schemas import Deletions, Sha256
from freehold.content.service import erasing
from freehold.core.bodies import receive_body
from freehold.core.clock import wire
from freehold.core.errors import Malformed
from freehold.core.http import Ask, door, in_thread, next_page, stream_door
from freehold.core.routes import Router
from freehold.repos import paths
from freehold.repos import service as repos

paths.register()
router = Router(tags=["storage"])
REPO = "/api/{kind:plural}/{namespace:segment}/{name:segment}"
MAX_PAGE = 1000
MAX_REVISIONS = 50
MAX_BODY_BYTES = 1 << 20
MAX_PLANNED = 1000
Place = Annotated[int, Query(ge=0, le=1 << 40)]
Names = Annotated[list[Annotated[str, Field(max_length=255)]], Query(max_length=MAX_PLANNED, default_factory=list)]
Digests = Annotated[list[Sha256], Query(max_length=MAX_PLANNED, default_factory=list)]


@router.get(f"{REPO}/lfs-files", response_model=None)
@door(Action.WRITE)
def lfs_files(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    limit: Annotated[int, Query(ge=1, le=1 << 31)] = MAX_PAGE,
    cursor: Place = 0,
) -> Response:
    """Every large file that the repository holds, wherever in its history, and those that no commit names."""
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.WRITE, kind=kind)
    limit = min(limit, MAX_PAGE)
    found, more = holdings.large_files(ask.db, repo, ask.kit, start=cursor, limit=limit)
    headers = next_page(ask.request, str(cursor + limit)) if more else {}
    return JSONResponse([_large_file(item) for item in found], headers=headers)


@router.post(
    f"{REPO}/lfs-files/batch",
    response_model=None,
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": Deletions.model_json_schema()}}}},
)
@stream_door(Action.ADMIN)
async def delete_lfs_files(request: Request, kind: str, namespace: str, name: str) -> Response:
    """The repository gives these large files up for good; with ``rewriteHistory`` no commit has them any more."""
    # A stream door: the verb opens its own transactions around the bytes it writes.
    path = f"{namespace}/{name}"

    def allowed(ask: Ask) -> Actor:
        repos.load(ask.db, ask.actor, path, Action.ADMIN, kind=kind)
        actor: Actor = ask.actor
        return actor

    actor = await in_thread(request, allowed, reads=True)
    body = bytearray()
    await receive_body(request, body.extend, limit_bytes=MAX_BODY_BYTES)
    asked = _deletions(bytes(body)).deletions
    state = request.app.state

    def erase() -> erasing.Erased:
        return erasing.erase(
            state.database, state.kit, actor, path, asked.sha, kind=kind, rewrite_history=asked.rewriteHistory
        )

    done = await run_in_threadpool(erase)
    return JSONResponse({"success": True, "deleted": list(done.digests), "rewrittenCommits": len(done.commits)})


@router.get(f"{REPO}/storage", response_model=None)
@door(Action.WRITE)
def storage(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    """What the repository takes: in git, in large files, by ref, and how much of it is of older revisions only."""
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.WRITE, kind=kind)
    found = holdings.storage(ask.db, repo, ask.kit)
    shown = {
        "usedStorage": found.used_bytes,
        "git": {"bytes": found.git_bytes, "packs": found.packs},
        "largeFiles": _share(found.large),
        "superseded": _share(found.superseded),
        "unreferenced": _share(found.unnamed),
        "refs": [
            {"ref": ref.name, "targetCommit": ref.commit, "largeFiles": _share(ref.named), "unique": _share(ref.alone)}
            for ref in found.refs
        ],
    }
    return JSONResponse(shown)


@router.get(f"{REPO}/storage/revisions/{{rev:segment}}", response_model=None)
@door(Action.WRITE)
def revisions(ask: Ask, kind: str, namespace: str, name: str, rev: str, cursor: Place = 0) -> Response:
    """Large files by revision, newest first: what each one's tree holds, and what came with it."""
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.WRITE, kind=kind)
    found, more = holdings.revisions(ask.db, repo, ask.kit, rev, start=cursor, limit=MAX_REVISIONS)
    shown = [
        {
            "id": item.commit.oid,
            "title": item.commit.title,
            "date": wire(item.commit.when),
            "largeFiles": _share(item.held),
            "added": _share(item.added),
        }
        for item in found
    ]
    return JSONResponse(shown, headers=next_page(ask.request, str(cursor + MAX_REVISIONS)) if more else {})


@router.get(f"{REPO}/storage/plan", response_model=None)
@door(Action.WRITE)
def plan(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    squash: Names,
    delete: Names,
    file: Digests,
) -> Response:
    """What squashing branches, deleting branches or tags, and giving up large files (by SHA-256) would free."""
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.WRITE, kind=kind)
    named = {revision: queries.resolve_ref(ask.db, repo, revision) for revision in {*squash, *delete}}
    full = {revision: found[0] if found else revision for revision, found in named.items()}
    deletion = Deletion({full[name] for name in delete}, {full[name] for name in squash}, set(file))
    found = holdings.plan(ask.db, repo, ask.kit, deletion)
    shown = {
        "largeFiles": _share(found.claimed),
        "git": {"bytes": found.git_bytes},
        "files": [{"fileOid": sha256, "filename": path, "size": size} for sha256, path, size in found.files[:MAX_PAGE]],
    }
    # What others hold too stays, and to say how much that is would say what others hold.
    return JSONResponse(shown | ({"storedBytes": found.stored_bytes} if ask.actor.is_admin else {}))


def _large_file(item: LargeFile) -> dict[str, Any]:
    shown = {
        "fileOid": item.sha256,
        "filename": item.path,
        "oid": item.sha256,
        "pushedAt": wire(item.pushed_at),
        "size": item.size_bytes,
    }
    if item.ref:
        shown["ref"] = item.ref.removeprefix(rules.BRANCHES)
    return shown | ({"xetHash": item.file_hash} if item.file_hash else {})


def _share(share: Share) -> dict[str, int]:
    return {"files": share.files, "bytes": share.size_bytes}


def _deletions(body: bytes) -> Deletions:
    try:
        return Deletions.model_validate_json(body)
    except ValidationError as err:
        problem = err.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in problem["loc"])
        raise Malformed(f"{where or 'body'}: {problem['msg']}") from err
