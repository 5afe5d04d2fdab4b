"""Files by revision and path: ``/resolve/`` and ``/raw/``. Source: protocol/hub-api.md 1.1, 1.2."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action
from freehold.access.service import SESSION_COOKIE, glimpse
from freehold.content import media
from freehold.content.api import counting, sending
from freehold.content.service import downloads
from freehold.content.service.downloads import Asked, Body, Found
from freehold.content.service.xet import reads
from freehold.core.http import Ask, base_url, door, quick_door, unit_of_work
from freehold.repos import paths
from freehold.repos.errors import repo_not_found
from freehold.repos.rules import api_path

paths.register()


def _known_file(request: Request) -> Response | None:
    return _quickly(request, raw=False)


def _known_pointer(request: Request) -> Response | None:
    return _quickly(request, raw=True)


@quick_door(Action.READ, _known_file)
def resolve(request: Request) -> Response:
    """The file itself."""
    return _file(request, raw=False)


@quick_door(Action.READ, _known_pointer)
def raw(request: Request) -> Response:
    """What git keeps: the pointer's text for a large file."""
    return _file(request, raw=True)


@door(Action.READ)
def one_segment(ask: Ask) -> Response:
    """A model without a namespace: never here, and said in the words that clients understand."""
    raise repo_not_found(anonymous=ask.actor.is_anonymous)


def _quickly(request: Request, *, raw: bool) -> Response | None:
    """The call that every library makes for every file: without a session where prepared rows can tell."""
    if request.method != "HEAD":
        return None
    asked = _asked(request.path_params)
    database = request.app.state.database
    credentials = request.headers.get("authorization"), request.cookies.get(SESSION_COOKIE)
    actor = glimpse(database, *credentials)
    known = downloads.find_known(database, actor, asked, raw=raw) if actor is not None else None
    if known is None or actor is None:
        return None
    counting.note(request, actor, known.repo_id)
    return _answer(request, known, asked, _unread(known), raw=raw)


def _file(request: Request, *, raw: bool) -> Response:
    asked = _asked(request.path_params)
    database = request.app.state.database
    with unit_of_work(request) as ask:
        found = downloads.find(ask.db, database, ask.kit, ask.actor, asked, raw=raw)
        counting.note(request, ask.actor, found.repo_id)
        body = _unread(found) if request.method == "HEAD" else downloads.body(ask.kit, ask.db, found)
    return _answer(request, found, asked, body, raw=raw)


def _answer(request: Request, found: Found, asked: Asked, body: Body, *, raw: bool) -> Response:
    return sending.respond(request, body, _headers(request, found, asked, raw=raw), filename=asked.name)


def _asked(given: dict[str, str]) -> Asked:
    rev, path = given["rev"], given["path"]
    if rev == "refs":
        # The literal form /resolve/refs/pr/1/file, beside the proper one with %2F. Source: hub-api.md 0.6.
        group, _, rest = path.partition("/")
        name, _, path = rest.partition("/")
        rev = f"refs/{group}/{name}"
    return Asked(given["kind"], f"{given['namespace']}/{given['name']}", rev, path)


def _unread(found: Found) -> Body:
    """A HEAD reads nothing of the file."""
    return Body(found.etag, found.size_bytes, lambda start, end: iter(()))


def _headers(request: Request, found: Found, asked: Asked, *, raw: bool) -> dict[str, str]:
    attachment = request.query_params.get("download", "") not in ("", "false", "0")
    headers = {
        "X-Repo-Commit": found.commit,
        "Content-Type": media.TEXT if raw else media.content_type(asked.path),
        "Content-Disposition": media.disposition(asked.path, attachment=attachment),
        "Content-Security-Policy": media.SANDBOX,
        # Kept by the reader alone, and asked again: the name may point elsewhere, the right to read may end.
        "Cache-Control": "private, no-cache",
    }
    if found.kept is not None:
        headers["X-Linked-Size"] = str(found.size_bytes)
        headers["X-Linked-ETag"] = f'"{found.etag}"'
        if found.kept.file_hash is not None:
            base, file_hash = base_url(request), found.kept.file_hash
            route = f"{base}{api_path(asked.kind, found.repo_path)}/xet-read-token/{found.commit}"
            info = f"{base}{reads.PREFIX}/v1/reconstructions/{file_hash}"
            headers["X-Xet-Hash"] = file_hash
            headers["X-Xet-Refresh-Route"] = route
            headers["Link"] = f'<{route}>; rel="xet-auth", <{info}>; rel="xet-reconstruction-info"'
    return headers


_REPO = "/{kind:prefix}{namespace}/{name}"
routes: list[BaseRoute] = [
    Route(_REPO + "/resolve/{rev:segment}/{path:rest}", resolve, methods=["GET", "HEAD"]),
    Route(_REPO + "/raw/{rev:segment}/{path:rest}", raw, methods=["GET", "HEAD"]),
    Route("/{name}/resolve/{rev:segment}/{path:rest}", one_segment, methods=["GET", "HEAD"]),
    Route("/{name}/raw/{rev:segment}/{path:rest}", one_segment, methods=["GET", "HEAD"]),
]
