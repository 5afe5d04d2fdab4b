"""A folder as one zip: for people, who have no client. It counts as one download of the repository."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action
from freehold.content import media
from freehold.content.api import counting
from freehold.content.service import archives
from freehold.core.http import unit_of_work, work_door
from freehold.repos import paths

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
    return StreamingResponse(archives.pieces(state.database, ask.kit, found), headers=headers)


_REPO = "/{kind:prefix}{namespace}/{name}"
routes: list[BaseRoute] = [
    Route(_REPO + "/archive/{rev:segment}", archive, methods=["GET", "HEAD"]),
    Route(_REPO + "/archive/{rev:segment}/{path:rest}", archive, methods=["GET", "HEAD"]),
]
