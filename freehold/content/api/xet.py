"""The Xet doors: tokens at the hub, the content-addressed storage under ``/xet``. Source: protocol/xet.md 7 and 8.

Xorb grants are not offered (``POST /v1/xorb-grants`` is 404, the right "no"): a body would pass through this server all
the same, one round trip later. With a remote store it must pass too, to be checked before anyone can name it.
"""

import asyncio
import functools
import gzip
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qs

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action
from freehold.content.api import counting
from freehold.content.keys import xorb_key
from freehold.content.kit import Kit
from freehold.content.service.xet import dedup, reads, shards, tokens, xorbs
from freehold.content.service.xet.tokens import Caller
from freehold.core.bodies import FileSlice, receive_body, receive_to_file
from freehold.core.database import Database
from freehold.core.direct import in_bytes_thread
from freehold.core.errors import BadRequest, HubError, StorageFull, StorageReadOnly, TooLarge
from freehold.core.http import PUBLIC, Ask, base_url, door, named_os_error, stream_door
from freehold.core.ids import new_id
from freehold.core.routes import Router
from freehold.repos import paths
from freehold.stores.errors import MissingObject
from freehold.xetkit import recipes
from freehold.xetkit import shards as shard_format
from freehold.xetkit import xorbs as xorb_format

paths.register()
log = logging.getLogger("freehold.xet")
T = TypeVar("T")
router = Router(tags=["xet"])

#: The client gives up after 300 s of silence. Source: xet.md 8.3.
HEARTBEAT_S = 15.0
MAX_TELEMETRY_BYTES = 1 << 20
MAX_BATCH_FILES = 1000
MAX_BATCH_BODY_BYTES = 1 << 20
#: Xorbs on their way in at once, a buffer of 1 MiB each; more wait before their bodies are read.
MAX_XORBS_AT_ONCE = 256
GZIP_FROM_BYTES = 2048

_verifiers = ThreadPoolExecutor(max(2, min(4, os.cpu_count() or 2)), thread_name_prefix="xet-verify")


# ---- tokens ------------------------------------------------------------------------------------------------


@router.get("/api/{kind:plural}/{namespace}/{name}/xet-read-token/{rev:segment}")
@door(Action.READ)
def read_token(ask: Ask, kind: str, namespace: str, name: str, rev: str) -> Response:
    """Where the Xet storage is, and a token to read the repository's files from it."""
    return _token(ask, f"{namespace}/{name}", kind, "read", create_pr=False)


@router.get("/api/{kind:plural}/{namespace}/{name}/xet-write-token/{rev:segment}")
@door(Action.WRITE)
def write_token(
    ask: Ask, kind: str, namespace: str, name: str, rev: str, create_pr: Literal["0", "1", "true", "false"] = "0"
) -> Response:
    """A token to upload files with. ``rev`` may be ``None`` when a pull request is to be created (hub-api.md 3.5)."""
    return _token(ask, f"{namespace}/{name}", kind, "write", create_pr=create_pr in ("1", "true"))


def _token(ask: Ask, path: str, kind: str, scope: Literal["read", "write"], *, create_pr: bool) -> Response:
    kit: Kit = ask.kit
    life_s = kit.settings.xet_token_s
    grant = tokens.grant(
        ask.db, kit.signer, ask.actor, path, kind=kind, scope=scope, create_pr=create_pr, life_s=life_s
    )
    if scope == "read":
        counting.note(ask.request, ask.actor, grant.repo_id)
    cas_url = ask.base_url + reads.PREFIX
    # The same three values twice: Python reads the headers, hf-xet the JSON. Source: xet.md 7.1.
    return JSONResponse(
        {"casUrl": cas_url, "accessToken": grant.token, "exp": grant.expires_at},
        headers={
            "X-Xet-Cas-Url": cas_url,
            "X-Xet-Access-Token": grant.token,
            "X-Xet-Token-Expiration": str(grant.expires_at),
            "Cache-Control": "no-store",
        },
    )


# ---- uploads -----------------------------------------------------------------------------------------------


def told_at_once(route: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """``route``, answering 413 where other doors say 507 (a full or read-only disk).

    hf-xet repeats a call after any 5xx, for more than four minutes, before its user reads why it failed.
    """

    @functools.wraps(route)
    async def answer(request: Request) -> Response:
        try:
            return await route(request)
        except (HubError, OSError) as err:
            named = err if isinstance(err, HubError) else named_os_error(err)
            if not isinstance(named, StorageFull | StorageReadOnly):
                raise
            log.error("%s %s: %s", request.method, request.url.path, named.message)
            raise TooLarge(named.message) from err

    return answer


@stream_door(Action.WRITE)
@told_at_once
async def post_xorb(request: Request) -> Response:
    """Take one xorb: written and checked while it arrives, durable and recorded before it is acknowledged."""
    kit, name = _kit(request), str(request.path_params["hash"])
    caller = await _as_caller(request, lambda db, caller: caller, writes=True)
    async with _turns(request):
        arrival = await in_bytes_thread(xorbs.Arrival, kit.tmp, name, _announced(request))
        with arrival:
            await receive_body(request, arrival.take, limit_bytes=xorb_format.MAX_BODY_BYTES)
            index = await in_bytes_thread(arrival.finish)
            is_new = await in_bytes_thread(xorbs.keep, _database(request), kit.store, caller, arrival, index)
    return JSONResponse({"was_inserted": is_new})


@stream_door(Action.WRITE)
@told_at_once
async def post_shard_v1(request: Request) -> Response:
    """Register the files of a shard; answers when everything is checked and recorded."""
    with _scratch(request) as path:
        await _shard_body(request, path)
        is_new = await _registration(request, path, shards.Progress())
    return JSONResponse({"result": int(is_new)})


@stream_door(Action.WRITE)
@told_at_once
async def post_shard_v2(request: Request) -> Response:
    """The same with news on the way, as lines of JSON; failures come as the last line. Source: xet.md 8.3."""
    with ExitStack() as scratch:
        path = scratch.enter_context(_scratch(request))
        await _shard_body(request, path)
        kept = scratch.pop_all()

    async def lines() -> AsyncIterator[bytes]:
        with kept:
            async for event in _shard_events(request, path):
                yield json.dumps(event).encode() + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


async def _shard_events(request: Request, path: Path) -> AsyncIterator[dict[str, Any]]:
    progress = shards.Progress()
    begun = _news(progress)  # said first, however far the work has come by then
    work = _registration(request, path, progress)
    try:
        yield begun
        while not work.done():
            await asyncio.wait([work], timeout=HEARTBEAT_S)
            if not work.done():
                yield _news(progress)
        yield {"type": "result", "result": int(await work)}
    except HubError as err:
        yield {"type": "error", "message": err.message, "retryable": err.status >= 500 and err.status != 507}
    except Exception as err:
        named = named_os_error(err) if isinstance(err, OSError) else None
        if named is None:
            log.exception("a shard could not be registered")
        message = named.message if named else "The hub made a mistake; it is logged."
        yield {"type": "error", "message": message, "retryable": named is None}
    finally:
        work.cancel()  # the client left: what has not begun need not


def _news(progress: shards.Progress) -> dict[str, Any]:
    if progress.is_committing:
        return {"type": "committing", "stage": "syncing"}
    return {"type": "validating", "verified": progress.verified_bytes, "total": progress.total_bytes}


def _registration(request: Request, path: Path, progress: shards.Progress) -> "asyncio.Future[bool]":
    """The work in its own few threads: hashing whole files must not hold up xorbs that are still arriving."""
    kit, database = _kit(request), _database(request)

    def caller_of(db: Session) -> Caller:
        return tokens.caller(db, kit.signer, request.headers.get("authorization"), writes=True)

    return asyncio.wrap_future(_verifiers.submit(shards.register, kit, database, caller_of, path, progress))


@contextmanager
def _scratch(request: Request) -> Iterator[Path]:
    """A place for a body that may have to wait its turn on the disk rather than in memory."""
    path = _kit(request).tmp / f"shard-{new_id()}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


async def _shard_body(request: Request, path: Path) -> None:
    await _as_caller(request, lambda db, caller: None, writes=True)
    await receive_to_file(request, path, limit_bytes=shard_format.MAX_BYTES)


# ---- questions ---------------------------------------------------------------------------------------------


@stream_door(Action.READ)
async def get_chunk(request: Request) -> Response:
    """Which xorbs hold this chunk and its neighbours, as far as the caller may know: a keyed shard, or 404."""
    kit, name = _kit(request), str(request.path_params["hash"])

    def look(db: Session, caller: Caller) -> tuple[Caller, dedup.Hit]:
        return caller, dedup.find(db, caller, name)

    caller, hit = await _as_caller(request, look)
    body = await run_in_threadpool(dedup.answer, kit, caller, hit)
    return Response(body, media_type="application/octet-stream")


@stream_door(Action.READ)
async def get_reconstruction_v2(request: Request) -> Response:
    return await _reconstruction(request, recipes.as_v2)


@stream_door(Action.READ)
async def get_reconstruction_v1(request: Request) -> Response:
    return await _reconstruction(request, recipes.as_v1)


async def _reconstruction(
    request: Request, shape: Callable[[recipes.Plan, recipes.Address], dict[str, object]]
) -> Response:
    kit, name = _kit(request), str(request.path_params["hash"])
    file = await _as_caller(request, lambda db, caller: reads.find(db, caller, name))
    address = reads.addresses(kit, base_url(request))
    asked = request.headers.get("range")

    def answer() -> Response:
        return _json(request, shape(reads.planned(kit.store, file, asked), address))

    return await run_in_threadpool(answer)


@stream_door(Action.READ)
async def batch_reconstructions(request: Request) -> Response:
    """Many whole files at once, in the v1 shape; ``file_id`` repeated in the query, or a list in the body."""
    kit = _kit(request)
    names = await _batch_names(request)

    def look(db: Session, caller: Caller) -> dict[str, reads.File]:
        return {name: reads.find(db, caller, name) for name in names}

    files = await _as_caller(request, look)
    address = reads.addresses(kit, base_url(request))

    def answer() -> Response:
        plans = {name: reads.planned(kit.store, file, None) for name, file in files.items()}
        fetch_info: dict[str, Any] = {}
        for plan in plans.values():
            for xorb, entries in recipes.fetch_info(plan, address).items():
                fetch_info.setdefault(xorb, []).extend(entries)
        terms = {name: recipes.wire_terms(plan) for name, plan in plans.items()}
        return _json(request, {"files": terms, "fetch_info": fetch_info})

    return await run_in_threadpool(answer)


async def _batch_names(request: Request) -> list[str]:
    names: list[Any] = request.query_params.getlist("file_id")
    if request.method == "POST":
        body = bytearray()
        await receive_body(request, body.extend, limit_bytes=MAX_BATCH_BODY_BYTES)
        try:
            given = json.loads(body or b"[]")
        except (ValueError, RecursionError) as err:
            raise BadRequest("The body is not JSON.") from err
        names += given if isinstance(given, list) else []
    if len(names) > MAX_BATCH_FILES or not all(isinstance(name, str) for name in names):
        raise BadRequest(f"Ask for at most {MAX_BATCH_FILES} files, by their hashes.")
    return list(dict.fromkeys(names))


@stream_door(Action.READ)
async def head_file(request: Request) -> Response:
    name = str(request.path_params["hash"])
    file = await _as_caller(request, lambda db, caller: reads.find(db, caller, name))
    return Response(headers={"Content-Length": str(file.size_bytes)})


@stream_door(Action.READ)
async def head_xorb(request: Request) -> Response:
    name = str(request.path_params["hash"])
    size = await _as_caller(request, lambda db, caller: reads.xorb_size(db, caller, name))
    return Response(headers={"Content-Length": str(size)})


@stream_door(Action.READ)
async def telemetry(request: Request) -> Response:
    """Clients report each transfer and want no answer; it is read, so that the connection lives on, and dropped."""
    await _as_caller(request, lambda db, caller: None)
    await receive_body(request, lambda piece: None, limit_bytes=MAX_TELEMETRY_BYTES)
    return JSONResponse({})


# ---- bytes -------------------------------------------------------------------------------------------------


@stream_door(PUBLIC)  # the signature in the address is the authority: clients send no token here (xet.md 9)
async def get_data(request: Request) -> Response:
    """A signed range of a xorb, exactly as stored."""
    kit, name = _kit(request), str(request.path_params["hash"])
    query = {key: values[0] for key, values in parse_qs(request.url.query).items()}
    start, end = reads.opened(kit.signer, name, query, request.headers.get("range"))

    def answer() -> Response:
        key = xorb_key(name)
        path = kit.store.local_path(key)
        size = path.stat().st_size if path is not None else kit.store.size(key)
        if size is None:
            raise MissingObject(key)
        headers = {
            "Content-Range": f"bytes {start}-{end - 1}/{size}",
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, immutable",
        }
        if path is not None:
            return FileSlice(path, start, end, status_code=206, headers=headers)
        headers["Content-Length"] = str(end - start)
        pieces = kit.store.stream(key, start, end)
        return StreamingResponse(pieces, 206, headers, media_type="application/octet-stream")

    return await in_bytes_thread(answer)


# ---- shared ------------------------------------------------------------------------------------------------


async def _as_caller(request: Request, work: Callable[[Session, Caller], T], *, writes: bool = False) -> T:
    """``work(db, caller)`` in a thread, in one reading transaction, for whoever holds the Xet token."""
    kit, database = _kit(request), _database(request)
    authorization = request.headers.get("authorization")

    def run() -> T:
        with database.read() as db:
            return work(db, tokens.caller(db, kit.signer, authorization, writes=writes))

    return await run_in_threadpool(run)


def _turns(request: Request) -> asyncio.Semaphore:
    """Bounds the xorbs on their way in; kept with the application, because a semaphore has one event loop."""
    state = request.app.state
    if not hasattr(state, "xorb_turns"):
        state.xorb_turns = asyncio.Semaphore(MAX_XORBS_AT_ONCE)
    turns: asyncio.Semaphore = state.xorb_turns
    return turns


def _announced(request: Request) -> int | None:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None


def _json(request: Request, value: dict[str, object]) -> Response:
    """Plans of long files are large and repeat themselves: compressed where the client takes it (xet.md 16)."""
    body = json.dumps(value, separators=(",", ":")).encode()
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "no-store"}
    if len(body) >= GZIP_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, compresslevel=1)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)


def _kit(request: Request) -> Kit:
    kit: Kit = request.app.state.kit
    return kit


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


routes: list[BaseRoute] = [
    Route(reads.PREFIX + path, endpoint, methods=methods)
    for path, endpoint, methods in (
        ("/v1/xorbs/default/{hash}", post_xorb, ["POST"]),
        ("/v1/xorbs/default/{hash}", head_xorb, ["HEAD"]),
        ("/v2/shards", post_shard_v2, ["POST"]),
        ("/v1/shards", post_shard_v1, ["POST"]),
        # hf-xet asks under ``default``; the specification says ``default-merkledb``. Source: xet.md 8.
        ("/v1/chunks/default/{hash}", get_chunk, ["GET"]),
        ("/v1/chunks/default-merkledb/{hash}", get_chunk, ["GET"]),
        ("/v2/reconstructions/{hash}", get_reconstruction_v2, ["GET"]),
        ("/v1/reconstructions/{hash}", get_reconstruction_v1, ["GET"]),
        ("/v1/reconstructions", batch_reconstructions, ["GET", "POST"]),
        ("/v1/files/{hash}", head_file, ["HEAD"]),
        ("/v1/telemetry", telemetry, ["POST"]),
        ("/data/{hash}", get_data, ["GET"]),
    )
]
