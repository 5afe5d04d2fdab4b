"""Publishing over JSON: preupload, commit, copies of large files. Source: protocol/hub-api.md 3.1, 3.2, 3.6, 3.7."""

import base64
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action, Actor
from freehold.content.errors import BadCommit
from freehold.content.kit import Kit
from freehold.content.schemas import CommitAnswer, Duplicate, Preupload, PreuploadAnswer
from freehold.content.service import commits, copies, preuploads, reverting
from freehold.content.service.commits import Done, Target
from freehold.content.service.copies import WantedCopy
from freehold.content.service.preuploads import Advice, Candidate
from freehold.content.service.proposals import ProposalReader
from freehold.core.bodies import receive_body
from freehold.core.errors import BadRequest
from freehold.core.http import Ask, base_url, door, in_thread, int_between, stream_door
from freehold.core.routes import Router
from freehold.repos import paths
from freehold.repos.rules import page_path

paths.register()
router = Router(tags=["commits"])
REPO = "/api/{kind:plural}/{namespace:segment}/{name:segment}"


@router.post(f"{REPO}/preupload/{{rev:segment}}", response_model=None, responses={200: {"model": PreuploadAnswer}})
@door(Action.PROPOSE, reads=True)
def preupload(
    ask: Ask, kind: str, namespace: str, name: str, rev: str, body: Preupload, create_pr: bool = False
) -> dict[str, Any]:
    admitted = commits.admit(ask.db, ask.actor, Target(kind, f"{namespace}/{name}", rev, create_pr))
    candidates = [Candidate(file.path, file.size, _sample(file.sample)) for file in body.files]
    commit, advice = preuploads.advise(ask.db, ask.kit, admitted, candidates, body.gitIgnore)
    return {"files": [_advice(item) for item in advice], "commitOid": commit}


@router.post(
    f"{REPO}/commit/{{rev:segment}}",
    response_model=None,
    responses={200: {"model": CommitAnswer}},
    openapi_extra={"requestBody": {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
@stream_door(Action.PROPOSE)
async def commit(request: Request, kind: str, namespace: str, name: str, rev: str, create_pr: bool = False) -> Response:
    target = Target(kind, f"{namespace}/{name}", rev, create_pr)
    kit: Kit = request.app.state.kit
    # Whoever may not commit is told so before the body is read.
    actor = await in_thread(request, lambda ask: _admitted(ask, target), reads=True)
    with commits.scratch_directory(kit) as scratch:
        with ProposalReader(scratch, max_inline_bytes=kit.settings.max_inline_bytes) as reader:
            try:
                await receive_body(request, reader.take, limit_bytes=kit.settings.max_commit_bytes)
            except ClientDisconnect as err:
                raise BadCommit("The connection ended in the middle of the commit: nothing was kept.") from err
            proposal = reader.finish()
        database = request.app.state.database
        done = await run_in_threadpool(commits.commit, database, kit, actor, target, proposal, scratch)
    return JSONResponse(_done(base_url(request), done))


@router.post(f"{REPO}/revert/{{commit:segment}}", response_model=None, responses={200: {"model": CommitAnswer}})
@stream_door(Action.PROPOSE)
async def revert(request: Request, kind: str, namespace: str, name: str, commit: str) -> Response:
    """A call of our own: a commit that undoes ``commit``. The query says ``branch`` (main), ``parent`` (of a merge: the
    number of the side that stays) and ``create_pr=1``. 409 names the files that changed again since.
    """
    query = request.query_params
    opens_pull = query.get("create_pr", "").lower() in ("1", "true")
    target = Target(kind, f"{namespace}/{name}", query.get("branch") or "main", opens_pull)
    parent = int_between(query, "parent", 0, 0, 1000) or None
    actor = await in_thread(request, lambda ask: _admitted(ask, target), reads=True)
    state = request.app.state
    undo = partial(reverting.revert, state.database, state.kit, actor, target, commit, parent=parent)
    return JSONResponse(_done(base_url(request), await run_in_threadpool(undo)))


@router.post(f"{REPO}/lfs-files/duplicate")
@door(Action.WRITE)
def duplicate(ask: Ask, kind: str, namespace: str, name: str, body: Duplicate) -> dict[str, Any]:
    refused = copies.duplicate(
        ask.db,
        ask.actor,
        (kind, f"{namespace}/{name}"),
        (body.target.type, body.target.name),
        [WantedCopy(file.sha256, file.xetHash) for file in body.files],
    )
    reason = "The source repository has no such file."
    return {"success": not refused, "failed": [{"sha256": item.sha256, "error": reason} for item in refused]}


def _admitted(ask: Ask, target: Target) -> Actor:
    commits.admit(ask.db, ask.actor, target)
    actor: Actor = ask.actor
    return actor


def _sample(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as err:
        raise BadRequest("A sample is not base64.") from err


def _advice(item: Advice) -> dict[str, Any]:
    known = {"oid": item.oid} if item.oid else {}
    return {"path": item.path, "uploadMode": item.mode, "shouldIgnore": item.should_ignore, **known}


def _done(base: str, done: Done) -> dict[str, Any]:
    page = base + page_path(done.kind, done.repo)
    answer = {"success": True, "commitOid": done.commit, "commitUrl": f"{page}/commit/{done.commit}", "hookOutput": ""}
    if done.pull is not None:
        answer["pullRequestUrl"] = f"{page}/discussions/{done.pull}"
    return answer
