"""A folder as one zip: for people, who have no client. It counts as one download of the repository."""

from collections.abc import Awaitable, Callable

from sqlalchemy.orm import Session
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action
from freehold.content import media
from freehold.content.api import counting
from freehold.content.service import archives
from freehold.core.bodies import Flow
from freehold.core.http import unit_of_work, work_door
from freehold.repos import paths
from freehold.repos import service as repos

paths.register()


@work_door(Action.READ)
def archive(request: Request) -> Response:
    """Everything below a folder, made while it is sent; of unknown length, so it cannot be taken up again."""
    given, state = request.path_params, request.app.state
    with unit_of_work(request) as ask:
        repo = f"{given['namespace']}/{given['name']}"
        folder = given.get("path", "").strip("/")
        found = archives.plan(ask.db, ask.kit, ask.actor, given["kind"], repo, given["rev"], folder)
        counting.note(request, ask.actor, found.repo_id)
    headers = {
        "Content-Type": "application/zip",
        "Content-Disposition": media.disposition(found.name, attachment=True),
        "Content-Security-Policy": media.SANDBOX,
        "Cache-Control": "private, no-store",
    }
    if request.method == "HEAD":
        return Response(headers=headers)

    def may_go_on(db: Session) -> None:
        repos.load(db, state.resolve_actor(db, request), repo, Action.READ, kind=given["kind"])

    async def send(write: Callable[[bytes], Awaitable[None]]) -> None:
        made = archives.pieces(state.database, ask.kit, found, may_go_on)
        async for piece in iterate_in_threadpool(made):
            await write(piece)

    return Flow(send, headers=headers)


_REPO = "/{kind:prefix}{namespace}/{name}"
routes: list[BaseRoute] = [
    Route(_REPO + "/archive/{rev:segment}", archive, methods=["GET", "HEAD"]),
    Route(_REPO + "/archive/{rev:segment}/{path:rest}", archive, methods=["GET", "HEAD"]),
]
