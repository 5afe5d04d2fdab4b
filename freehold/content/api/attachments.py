"""Files for comments: sent by whoever is signed in, seen by whoever has their address. Source: hub-api.md 3.7."""

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action, Actor
from freehold.content import media
from freehold.content.api import sending
from freehold.content.keys import attachment_key
from freehold.content.kit import Kit
from freehold.content.service import attachments
from freehold.content.service.commits import scratch_directory
from freehold.content.service.downloads import Body
from freehold.core.bodies import receive_to_file
from freehold.core.errors import Forbidden
from freehold.core.http import PUBLIC, Ask, base_url, door, in_thread, stream_door


@stream_door(Action.PROPOSE)
async def attach(request: Request) -> Response:
    """The body is kept; the answer is its address, as text."""
    kit: Kit = request.app.state.kit
    await in_thread(request, _admitted, reads=True)
    with scratch_directory(kit) as scratch:
        path = scratch / "file"
        await receive_to_file(request, path, limit_bytes=attachments.MAX_FILM_BYTES)
        name, sort, size = await run_in_threadpool(attachments.keep, kit, path)
    await in_thread(request, lambda ask: attachments.record(ask.db, ask.actor, name, sort, size), reads=False)
    return PlainTextResponse(f"{base_url(request)}/uploads/{name}")


@door(PUBLIC)
def attachment(ask: Ask) -> Response:
    found = attachments.find(ask.db, ask.request.path_params["name"])
    key, store = attachment_key(found.name), ask.kit.store
    body = Body(found.name, found.size_bytes, partial(store.stream, key), store.local_path(key), key)
    headers = {
        "Content-Type": found.media_type,
        "Content-Disposition": media.disposition(found.name, attachment=False),
        "Content-Security-Policy": media.SANDBOX,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, max-age=31536000, immutable",
    }
    return sending.respond(ask.request, body, headers, filename=found.name)


def _admitted(ask: Ask) -> None:
    actor: Actor = ask.actor
    attachments.admit(ask.db, actor)
    if actor.token is not None and actor.token.scope == "read":
        raise Forbidden(f"Token {actor.token.name!r} may only read: attaching a file needs one that may write.")


routes: list[BaseRoute] = [
    Route("/uploads", attach, methods=["POST"]),
    Route("/uploads/{name}", attachment, methods=["GET", "HEAD"]),
]
