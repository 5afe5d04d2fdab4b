"""``/v1/files`` and ``/v1/batches`` as OpenAI's clients call them, and batches over data sets.

Source: OpenAI API reference, files and batch.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from freehold.batches import forecast, rules, schemas
from freehold.batches.errors import BadBatch, NoSuchBatch
from freehold.batches.service import files, jobs
from freehold.core.bodies import receive_body
from freehold.core.http import Ask, door, in_thread, stream_door
from freehold.core.multipart import FormReader
from freehold.core.routes import Router
from freehold.gateway.api import in_openai_form, json_of

OWN = "own"
router = Router(tags=["batches"])


@stream_door(OWN)
@in_openai_form
async def upload(request: Request) -> Response:
    """A file of requests, as multipart/form-data with ``purpose`` and ``file``."""
    kit = request.app.state.kit
    await in_thread(
        request, lambda ask: files.has_room(ask.db, kit, ask.actor), reads=True
    )  # before bytes are taken in
    scratch = Path(await run_in_threadpool(tempfile.mkdtemp, dir=kit.tmp))
    try:
        with FormReader(request, scratch, max_files=1, admit=lambda _: None) as reader:
            await receive_body(request, reader.take, limit_bytes=rules.MAX_FILE_BYTES)
            form = reader.finish()
        if not form.files:
            raise BadBatch('The form has no file: send it as "file".', field="file")
        one, purpose = form.files[0], form.fields.get("purpose", "")
        anchor, seconds = (form.fields.get(f"expires_after[{name}]") for name in ("anchor", "seconds"))
        kept_s = files.lifetime_s(kit, anchor, seconds)
        await in_thread(request, lambda ask: files.admit(ask.db, kit, ask.actor, purpose, one.size_bytes), reads=True)
        file_id = await run_in_threadpool(files.put, kit, one.path)

        def record(ask: Ask) -> dict[str, Any]:
            files.admit(ask.db, kit, ask.actor, purpose, one.size_bytes)  # others may have come meanwhile
            recorded = files.record(ask.db, ask.actor.id, file_id, one.name, purpose, one.size_bytes, kept_s=kept_s)
            return schemas.file(recorded)

        try:
            return JSONResponse(await in_thread(request, record))
        except BadBatch:
            await run_in_threadpool(kit.store.delete, [rules.file_key(file_id)])
            raise
    finally:
        await run_in_threadpool(shutil.rmtree, scratch, ignore_errors=True)


@stream_door(OWN)
@in_openai_form
async def all_files(request: Request) -> Response:
    query = request.query_params
    most, order = _most(request, files.MAX_LISTED), query.get("order", "desc")
    after, purpose = query.get("after", ""), query.get("purpose", "")
    if order not in ("asc", "desc"):
        raise BadBatch('"order" is asc or desc.', field="order")

    def listed(ask: Ask) -> list[dict[str, Any]]:
        found = files.listed(
            ask.db, ask.actor, after=after, limit=most + 1, purpose=purpose, oldest_first=order == "asc"
        )
        return [schemas.file(one) for one in found]

    return _page(await in_thread(request, listed), most)


@stream_door(OWN)
@in_openai_form
async def file(request: Request) -> Response:
    file_id = request.path_params["file_id"]
    return JSONResponse(await in_thread(request, lambda ask: schemas.file(files.load(ask.db, ask.actor, file_id))))


@stream_door(OWN)
@in_openai_form
async def file_content(request: Request) -> Response:
    file_id, kit = request.path_params["file_id"], request.app.state.kit

    def found(ask: Ask) -> tuple[str, int]:
        one = files.load(ask.db, ask.actor, file_id)
        return rules.file_key(one.id), one.size_bytes

    key, size_bytes = await in_thread(request, found)
    headers = {"Content-Length": str(size_bytes), "Content-Disposition": "attachment", "Cache-Control": "no-store"}
    return StreamingResponse(kit.store.stream(key, 0, size_bytes), media_type="application/jsonl", headers=headers)


@stream_door(OWN)
@in_openai_form
async def delete_file(request: Request) -> Response:
    file_id = request.path_params["file_id"]
    await in_thread(request, lambda ask: files.delete(ask.db, ask.kit, ask.actor, file_id))
    return JSONResponse({"id": file_id, "object": "file", "deleted": True})


@stream_door(OWN)
@in_openai_form
async def create(request: Request) -> Response:
    given = await json_of(request)
    file_id, endpoint, notes = given.get("input_file_id"), given.get("endpoint"), given.get("metadata") or {}
    if not isinstance(file_id, str) or not isinstance(endpoint, str) or not isinstance(notes, dict):
        raise BadBatch("A batch has an input_file_id, an endpoint such as /v1/chat/completions, and perhaps metadata.")
    if not (file_id.isascii() and file_id.isprintable()):
        raise NoSuchBatch("You have no file of this id.")
    if given.get("completion_window") not in (None, "24h"):
        raise BadBatch('"completion_window" is 24h: a batch goes on after all live calls.', field="completion_window")
    bill_to = (request.headers.get("x-hf-bill-to") or request.headers.get("openai-organization") or "")[:96]
    after = given.get("output_expires_after")
    if after is not None and not isinstance(after, dict):
        raise BadBatch('"output_expires_after" is an object of anchor and seconds.', field="output_expires_after")
    anchor, seconds = ((after or {}).get(name) for name in ("anchor", "seconds"))
    kept_s = files.lifetime_s(request.app.state.kit, anchor, seconds, field="output_expires_after")

    def made(ask: Ask) -> dict[str, Any]:
        path = endpoint.removeprefix("/v1/")
        begun = jobs.from_file(ask.db, ask.actor, file_id, path, notes=notes, bill_to=bill_to, kept_s=kept_s)
        return schemas.batch(begun)

    return JSONResponse(await in_thread(request, made))


@stream_door(OWN)
@in_openai_form
async def all_batches(request: Request) -> Response:
    after, most = request.query_params.get("after", ""), _most(request, 20)

    def listed(ask: Ask) -> list[dict[str, Any]]:
        return [schemas.batch(one) for one in jobs.listed(ask.db, ask.actor, after=after, limit=most + 1)]

    return _page(await in_thread(request, listed), most)


def _most(request: Request, usual: int) -> int:
    limit = request.query_params.get("limit", "")
    is_number = limit.isascii() and limit.isdigit() and 1 <= int(limit[:6]) <= jobs.MAX_LISTED
    return int(limit) if is_number else usual


def _page(found: list[dict[str, Any]], most: int) -> Response:
    shown = found[:most]
    ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {}
    return JSONResponse({"object": "list", "data": shown, "has_more": len(found) > most, **ends})


@stream_door(OWN)
@in_openai_form
async def batch(request: Request) -> Response:
    batch_id = request.path_params["batch_id"]
    return JSONResponse(await in_thread(request, lambda ask: schemas.batch(jobs.load(ask.db, ask.actor, batch_id))))


@stream_door(OWN)
@in_openai_form
async def cancel(request: Request) -> Response:
    batch_id = request.path_params["batch_id"]

    def cancelled(ask: Ask) -> dict[str, Any]:
        files.own(ask.actor, writes=True)
        return schemas.batch(jobs.cancel(ask.db, ask.actor, batch_id))

    return JSONResponse(await in_thread(request, cancelled))


@router.post("/api/batches", status_code=201)
@door(OWN)
def from_dataset(ask: Ask, body: schemas.DatasetBody) -> dict[str, Any]:
    """Each row of a data set (Parquet, JSON, CSV, text) is put into a prompt and asked of a model, a route or a
    pipeline; the answers become a new private data set, whose card tells models, revisions and parameters."""
    return schemas.batch(jobs.from_dataset(ask.db, ask.kit, ask.actor, body.asked()))


@router.post("/api/batches/forecast")
@door(OWN, reads=True)
def foretell(ask: Ask, body: schemas.DatasetBody) -> dict[str, Any]:
    """What the same would take, before it is begun: rows are counted, tokens reckoned from the first hundred."""
    told = forecast.of_dataset(ask.db, ask.request.app.state.database, ask.kit, ask.actor, body.asked())
    return {**told.__dict__, "currency": ask.kit.settings.currency}


@router.post("/api/batches/{batch_id}/{verb}")
@door(OWN)
def change(ask: Ask, batch_id: str, verb: str) -> dict[str, Any]:
    """``pause``, ``resume``, ``retry`` (resume with the lines that failed), ``finish`` (without them), ``cancel``."""
    files.own(ask.actor, writes=True)
    return schemas.batch(jobs.change(ask.db, ask.actor, batch_id, verb))


routes: list[BaseRoute] = [
    Route("/v1/files", upload, methods=["POST"]),
    Route("/v1/files", all_files, methods=["GET"]),
    Route("/v1/files/{file_id}", file, methods=["GET"]),
    Route("/v1/files/{file_id}", delete_file, methods=["DELETE"]),
    Route("/v1/files/{file_id}/content", file_content, methods=["GET"]),
    Route("/v1/batches", create, methods=["POST"]),
    Route("/v1/batches", all_batches, methods=["GET"]),
    Route("/v1/batches/{batch_id}", batch, methods=["GET"]),
    Route("/v1/batches/{batch_id}/cancel", cancel, methods=["POST"]),
]
