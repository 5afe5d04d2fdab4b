"""Duplicating a repository. Source: protocol/hub-api.md 2."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action
from freehold.content.service import duplicates
from freehold.content.service.commits import scratch_directory
from freehold.content.service.duplicates import Wanted
from freehold.core.http import base_url, unit_of_work, work_door
from freehold.core.routes import Router
from freehold.repos import paths
from freehold.repos.errors import RepoExists
from freehold.repos.rules import page_path
from freehold.repos.schemas import DuplicateRepo

paths.register()
router = Router(tags=["repositories"])


@router.post("/api/{kind:plural}/{namespace}/{name}/duplicate", response_model=None)
@work_door(Action.READ)
def duplicate(request: Request, kind: str, namespace: str, name: str, body: DuplicateRepo) -> Response:
    """A second repository with this one's history and files. 409 with the ``url`` of what has the name already."""
    state, base = request.app.state, base_url(request)
    with unit_of_work(request, reads=True) as ask:
        actor = ask.actor
    to_namespace, _, to_name = body.repository.rpartition("/")
    visibility = body.visibility or (None if body.private is None else "private" if body.private else "public")
    wanted = Wanted(to_name, to_namespace or None, visibility, body.given())
    try:
        with scratch_directory(state.kit) as scratch:
            repo = duplicates.duplicate(
                state.database, state.kit, actor, (kind, f"{namespace}/{name}"), wanted, scratch
            )
    except RepoExists as err:
        err.extra["url"] = base + str(err.extra["url"])  # exist_ok reads the whole address from the conflict
        raise
    answer = {"url": base + page_path(repo.kind, repo.path), "id": repo.id, "name": repo.path}
    return JSONResponse({**answer, "private": repo.visibility == "private", "filesCopyPending": False})
