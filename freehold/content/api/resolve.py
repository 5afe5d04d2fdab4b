"""Files by revision and path: ``/resolve/`` and ``/raw/``. Source: protocol/hub-api.md 1.1, 1.2."""

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action
from freehold.content import media
from freehold.content.api import sending
from freehold.content.service import downloads
from freehold.content.service.downloads import Asked, Found
from freehold.core.http import Ask, door
from freehold.repos import paths
from freehold.repos.errors import repo_not_found
from freehold.repos.rules import api_path

paths.register()


@door(Action.READ)
def resolve(ask: Ask) -> Response:
    """The file itself."""
    return _file(ask, raw=False)


@door(Action.READ)
def raw(ask: Ask) -> Response:
    """What git keeps: the pointer's text for a large file."""
    return _file(ask, raw=True)


@door(Action.READ)
def one_segment(ask: Ask) -> Response:
    """A model without a namespace: never here, and said in the words that clients understand."""
    raise repo_not_found(ask.request.path_params["name"], anonymous=ask.actor.is_anonymous)


def _file(ask: Ask, *, raw: bool) -> Response:
    request = ask.request
    asked = _asked(request.path_params)
    found = downloads.find(ask.db, request.app.state.database, ask.kit, ask.actor, asked, raw=raw)
    body = downloads.body(ask.kit, ask.db, found) if request.method == "GET" else _unread(found)
    headers = _headers(ask, found, asked, raw=raw)
    return sending.respond(request, body, headers, filename=asked.path.rpartition("/")[2])


def _asked(given: dict[str, str]) -> Asked:
    rev, path = given["rev"], given["path"]
    if rev == "refs":
        # The literal form /resolve/refs/pr/1/file, beside the proper one with %2F. Source: hub-api.md 0.6.
        group, _, rest = path.partition("/")
        name, _, path = rest.partition("/")
        rev = f"refs/{group}/{name}"
    return Asked(given["kind"], f"{given['namespace']}/{given['name']}", rev, path)


def _unread(found: Found) -> downloads.Body:
    """A HEAD reads nothing of the file."""
    return downloads.Body(found.etag, found.size_bytes, lambda start, end: iter(()))


def _headers(ask: Ask, found: Found, asked: Asked, *, raw: bool) -> dict[str, str]:
    attachment = ask.request.query_params.get("download", "") not in ("", "false", "0")
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
            api = f"{ask.base_url}{api_path(asked.kind, found.repo_path)}"
            route = f"{api}/xet-read-token/{found.commit}"
            headers["X-Xet-Hash"] = found.kept.file_hash
            headers["X-Xet-Refresh-Route"] = route
            headers["Link"] = f'<{route}>; rel="xet-auth"'
    return headers


_REPO = "/{kind:prefix}{namespace}/{name}"
routes: list[BaseRoute] = [
    Route(_REPO + "/resolve/{rev:segment}/{path:rest}", resolve, methods=["GET", "HEAD"]),
    Route(_REPO + "/raw/{rev:segment}/{path:rest}", raw, methods=["GET", "HEAD"]),
    Route("/{name}/resolve/{rev:segment}/{path:rest}", one_segment, methods=["GET", "HEAD"]),
    Route("/{name}/raw/{rev:segment}/{path:rest}", one_segment, methods=["GET", "HEAD"]),
]
