"""Git LFS: the batch call, bodies and parts at signed addresses. Source: protocol/hub-api.md 3.4, git-lfs docs/api."""

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial, wraps
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action
from freehold.content import queries, rules
from freehold.content.api import counting, sending
from freehold.content.errors import ObjectUnknown
from freehold.content.intake import Scratch, receive_exactly
from freehold.content.kit import Kit
from freehold.content.service import downloads, objects, uploads
from freehold.content.service.git.rights import FOR
from freehold.content.service.objects import Wanted
from freehold.content.tables import Content, MultipartUpload
from freehold.core.direct import in_bytes_thread
from freehold.core.errors import BadRequest, HubError, Malformed, TooLarge
from freehold.core.http import PUBLIC, Ask, base_url, door, in_thread, stream_door
from freehold.repos import paths
from freehold.repos import service as repos
from freehold.repos.tables import Repo

paths.register()

LFS_JSON = "application/vnd.git-lfs+json"
#: Clients send 100 (git-lfs) or 256 (huggingface_hub) at once.
MAX_OBJECTS = 1000
MAX_BODY_BYTES = 1 << 20
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Endpoint = Callable[[Request], Awaitable[Response]]


class ObjectIn(BaseModel):
    model_config = ConfigDict(strict=True)
    oid: Digest
    size: Annotated[int, Field(ge=0, le=1 << 62)]

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.oid, self.size)


class RefIn(BaseModel):
    name: str = ""


class BatchIn(BaseModel):
    """``ref`` is absent when the files are for a pull request that is yet to be opened."""

    operation: Literal["upload", "download"]
    objects: Annotated[list[ObjectIn], Field(max_length=MAX_OBJECTS)]
    transfers: Annotated[list[str], Field(max_length=32)] = ["basic"]
    hash_algo: Literal["sha256"] = "sha256"
    ref: RefIn | None = None


class PartIn(BaseModel):
    partNumber: Annotated[int, Field(ge=1, le=uploads.MAX_PARTS)]
    etag: Annotated[str, Field(min_length=1, max_length=200)]


class CompletionIn(BaseModel):
    oid: Digest
    parts: Annotated[list[PartIn], Field(max_length=uploads.MAX_PARTS)]


def speaks_lfs(endpoint: Endpoint) -> Endpoint:
    """git-lfs reads ``message``, and asks its user for credentials when told so by its own header."""

    @wraps(endpoint)
    async def spoken(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HubError as err:
            err.extra.setdefault("message", err.message)
            if err.status == 401:
                err.headers.setdefault("LFS-Authenticate", 'Basic realm="Freehold"')
            raise

    return spoken


# ---- batch ----------------------------------------------------------------------------------------------------------


@speaks_lfs
@stream_door(Action.WRITE)
async def batch(request: Request) -> Response:
    """What to do with each object. Uploads ask for WRITE (PROPOSE for a pull request), downloads for READ."""
    asked = await read_body(request, BatchIn)
    if asked.operation == "download":
        found = await in_thread(request, lambda ask: _held(ask, asked), reads=True)
        return _answer("basic", [_download(request, wanted, found) for wanted in asked.objects])
    repo, here = await in_thread(request, lambda ask: _here_already(ask, asked), reads=True)
    missing = [given.wanted for given in asked.objects if given.oid not in here]
    kit: Kit = request.app.state.kit
    started: dict[str, MultipartUpload] = {}
    if "multipart" in asked.transfers and any(uploads.by_parts(kit, wanted) for wanted in missing):
        # git-lfs takes the answer's transfer for every object of it, so all of them go by parts then.
        started = await run_in_threadpool(_start_parts, kit, repo.id, missing)
    if started or any(here.values()):
        await in_thread(request, lambda ask: _record(ask.db, repo, started, here), reads=False)
    offers = [_offer(request, repo, given.wanted, given.oid in here, started.get(given.oid)) for given in asked.objects]
    return _answer("multipart" if started else "basic", offers)


def _held(ask: Ask, asked: BatchIn) -> tuple[Repo, dict[str, Content]]:
    repo = _load(ask, Action.READ)
    counting.note(ask.request, ask.actor, repo.id)
    return repo, queries.contents(ask.db, repo, {given.oid for given in asked.objects})


def _here_already(ask: Ask, asked: BatchIn) -> tuple[Repo, dict[str, Content | None]]:
    """The objects that need no bytes: None for what the repository has, the content for what it is to be granted."""
    # Who may only propose uploads for refs/pr/N, and by git for refs/for/<branch>.
    to_branch = asked.ref is not None and not asked.ref.name.startswith((rules.PULLS, FOR))
    repo = _load(ask, Action.WRITE if to_branch else Action.PROPOSE)
    held = queries.contents(ask.db, repo, {given.oid for given in asked.objects})
    elsewhere = objects.held_elsewhere(ask.db, ask.actor, {given.oid for given in asked.objects} - held.keys())
    again = objects.claimed_long_ago(ask.db, repo.id, held.values())
    return repo, {**elsewhere, **dict.fromkeys(held), **{content.sha256: content for content in again}}


def _start_parts(kit: Kit, repo_id: str, missing: list[Wanted]) -> dict[str, MultipartUpload]:
    allowed = [wanted for wanted in missing if 0 < wanted.size_bytes <= kit.settings.max_object_bytes]
    uploads.refuse_too_many_parts(allowed)
    return {wanted.sha256: uploads.start_parts(kit, repo_id, wanted) for wanted in allowed}


def _record(
    db: Session, repo: Repo, started: Mapping[str, MultipartUpload], here: Mapping[str, Content | None]
) -> None:
    db.add_all(started.values())
    objects.grant(db, repo.id, [content for content in here.values() if content is not None])


def _offer(
    request: Request, repo: Repo, wanted: Wanted, here: bool, upload: MultipartUpload | None
) -> dict[str, object]:
    kit: Kit = request.app.state.kit
    base = base_url(request)
    entry: dict[str, object] = {"oid": wanted.sha256, "size": wanted.size_bytes, "authenticated": True}
    if wanted.size_bytes > kit.settings.max_object_bytes:
        return entry | _error(413, f"The largest file that this hub keeps has {kit.settings.max_object_bytes} bytes.")
    if here:
        return entry
    verify = {"href": f"{base}{request.url.path.removesuffix('batch')}verify"}
    if upload is None:
        send: dict[str, object] = {"href": uploads.put_address(kit, base, repo.id, wanted)}
    else:
        complete, addresses = uploads.part_addresses(kit, base, upload)
        numbered = {f"{number:05d}": address for number, address in enumerate(addresses, 1)}
        send = {"href": complete, "header": {"chunk_size": str(upload.chunk_bytes), **numbered}}
    return entry | {"actions": {"upload": send | {"expires_in": uploads.ADDRESS_S}, "verify": verify}}


def _download(request: Request, given: ObjectIn, found: tuple[Repo, dict[str, Content]]) -> dict[str, object]:
    repo, held = found
    entry: dict[str, object] = {"oid": given.oid, "size": given.size}
    content = held.get(given.oid)
    if content is None:
        return entry | _error(404, f"This repository has no object {given.oid}.")
    kit: Kit = request.app.state.kit
    href = downloads.object_address(kit, base_url(request), repo.id, content)
    entry |= {"size": content.size_bytes, "authenticated": True}
    return entry | {"actions": {"download": {"href": href, "expires_in": downloads.ADDRESS_S}}}


def _error(code: int, message: str) -> dict[str, object]:
    return {"error": {"code": code, "message": message}}


def _answer(transfer: str, entries: list[dict[str, object]]) -> Response:
    return JSONResponse(
        {"transfer": transfer, "objects": entries, "hash_algo": "sha256"}, headers={"Content-Type": LFS_JSON}
    )


@speaks_lfs
@stream_door(Action.READ)
async def verify(request: Request) -> Response:
    """200 when the repository has this object in this size."""
    given = await read_body(request, ObjectIn)

    def check(ask: Ask) -> None:
        content = queries.contents(ask.db, _load(ask, Action.READ), [given.oid]).get(given.oid)
        if content is None or content.size_bytes != given.size:
            raise ObjectUnknown(given.oid)

    await in_thread(request, check, reads=True)
    return JSONResponse({}, headers={"Content-Type": LFS_JSON})


# ---- bytes ----------------------------------------------------------------------------------------------------------


@speaks_lfs
@stream_door(PUBLIC)
async def put_object(request: Request) -> Response:
    """Take a whole file in. The address is the authority: clients send no credentials with it."""
    kit: Kit = request.app.state.kit
    repo_id, wanted = uploads.checked_put(kit, request.path_params["oid"], request.query_params.get("t", ""))
    with await in_bytes_thread(Scratch, kit.tmp, wanted.size_bytes) as scratch:
        await receive_exactly(request, scratch.take, wanted.size_bytes)
        await in_bytes_thread(uploads.keep, kit, scratch, wanted)
    record = _as_hub(request, lambda db: objects.record_whole(db, repo_id, wanted.sha256, wanted.size_bytes))
    await run_in_threadpool(record)
    return Response(status_code=200)


@speaks_lfs
@stream_door(PUBLIC)
async def put_part(request: Request) -> Response:
    """Take one part in; the answer's ETag is what completion has to name."""
    kit: Kit = request.app.state.kit
    parts = uploads.checked_parts(kit, request.path_params["upload"], request.query_params.get("t", ""))
    number = request.path_params["number"]
    goes_on = partial(uploads.refuse_over, request.app.state.database, kit, parts)
    await run_in_threadpool(goes_on)
    if parts.at_store is not None:
        return await _pass_on(request, parts, number)
    with await in_bytes_thread(uploads.part_slot, kit, parts, number) as slot:
        await receive_exactly(request, slot.take, parts.size_of(number))
        etag = await in_bytes_thread(uploads.part_done, kit, parts, number, slot)
    await run_in_threadpool(goes_on)  # it may have ended while the part came
    return Response(status_code=200, headers={"ETag": etag})


async def _pass_on(request: Request, parts: uploads.Parts, number: int) -> Response:
    kit: Kit = request.app.state.kit
    uploads.check_number(parts, number)
    with await in_bytes_thread(Scratch, kit.tmp, parts.size_of(number)) as scratch:
        await receive_exactly(request, scratch.take, parts.size_of(number))
        etag = await in_bytes_thread(uploads.pass_part, kit, parts, number, scratch)
    return Response(status_code=200, headers={"ETag": etag})


@speaks_lfs
@stream_door(PUBLIC)
async def drop_parts(request: Request) -> Response:
    """A call of our own: whoever sends the upload does not want it any more."""
    kit: Kit = request.app.state.kit
    parts = uploads.checked_parts(kit, request.path_params["upload"], request.query_params.get("t", ""))
    await run_in_threadpool(uploads.drop, request.app.state.database, kit, parts)
    return Response(status_code=204)


@speaks_lfs
@stream_door(PUBLIC)
async def complete_parts(request: Request) -> Response:
    """Join the parts, check the whole and record it. May be repeated."""
    kit: Kit = request.app.state.kit
    parts = uploads.checked_parts(kit, request.path_params["upload"], request.query_params.get("t", ""))
    given = await read_body(request, CompletionIn)
    named = {part.partNumber: part.etag for part in given.parts}
    if given.oid != parts.wanted.sha256 or sorted(named) != list(range(1, len(given.parts) + 1)):
        raise BadRequest("The completion names another file than the upload, or its parts are not 1, 2, 3, ...")

    def join() -> None:
        database = request.app.state.database
        with database.read() as db:
            upload = db.get(MultipartUpload, parts.upload_id)
            if upload is None and objects.is_held(db, parts.repo_id, parts.wanted.sha256):
                return  # a repeated call: the first one did it
            if upload is None:
                raise ObjectUnknown(parts.wanted.sha256)
            at_store = upload.store_upload_id
        uploads.join(kit, parts, at_store, [named[number] for number in sorted(named)])
        with database.write() as db:
            uploads.close_parts(db, parts)

    await run_in_threadpool(join)
    return JSONResponse({}, headers={"Content-Type": LFS_JSON})


@door(PUBLIC)
def get_object(ask: Ask) -> Response:
    """An object at the address that a batch answer gave out."""
    request = ask.request
    repo_id = downloads.checked_object(ask.kit, request.path_params["oid"], request.query_params.get("t", ""))
    body = downloads.object_body(ask.kit, ask.db, repo_id, request.path_params["oid"])
    return sending.respond(request, body, {"Content-Type": "application/octet-stream"})


# ---- helpers --------------------------------------------------------------------------------------------------------


def _load(ask: Ask, action: Action) -> Repo:
    given = ask.request.path_params
    return repos.load(ask.db, ask.actor, f"{given['namespace']}/{given['name']}", action, kind=given["kind"])


def _as_hub(request: Request, work: Callable[[Session], None]) -> Callable[[], None]:
    """``work`` in a write transaction of nobody in particular: the signed address said who asked."""

    def run() -> None:
        with request.app.state.database.write() as db:
            work(db)

    return run


async def read_body(request: Request, shape: type[Any]) -> Any:
    """The JSON body as ``shape``, bounded. Raises :class:`Malformed` or :class:`TooLarge`."""
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > MAX_BODY_BYTES:
            raise TooLarge(f"The body is over {MAX_BODY_BYTES} bytes, the limit of this call.")
    try:
        return shape.model_validate(json.loads(raw))
    except ValidationError as err:
        problem = err.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in problem["loc"])
        raise Malformed(f"{where or 'body'}: {problem['msg']}") from err
    except (ValueError, RecursionError) as err:
        raise Malformed("The body is not JSON.") from err


_REPO = "/{kind:prefix}{namespace}/{name}"
routes: list[BaseRoute] = [
    Route("/lfs/objects/{oid}", put_object, methods=["PUT"]),
    Route("/lfs/objects/{oid}", get_object, methods=["GET"]),
    Route("/lfs/uploads/{upload}/{number:int}", put_part, methods=["PUT"]),
    Route("/lfs/uploads/{upload}", complete_parts, methods=["POST"]),
    Route("/lfs/uploads/{upload}", drop_parts, methods=["DELETE"]),
    # git-lfs itself adds ".git" to a remote without it; other tools do not.
    Route(_REPO + ".git/info/lfs/objects/batch", batch, methods=["POST"]),
    Route(_REPO + "/info/lfs/objects/batch", batch, methods=["POST"]),
    Route(_REPO + ".git/info/lfs/objects/verify", verify, methods=["POST"]),
    Route(_REPO + "/info/lfs/objects/verify", verify, methods=["POST"]),
]
