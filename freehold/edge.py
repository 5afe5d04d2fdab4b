"""What stands around every route of the hub: middleware, and errors mapped to answers (``core.http``)."""

from urllib.parse import quote, urlsplit

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from freehold.core import http
from freehold.core.errors import BadRequest, HubError, Malformed
from freehold.repos.errors import RepoMoved


def add(app: FastAPI) -> None:
    """``app`` bounds bodies, routes on raw paths and answers each error once. The last one added is the outermost."""
    app.add_middleware(http.BodyLimit)
    app.add_middleware(http.RawPath)
    app.add_middleware(http.RequestId)
    app.add_exception_handler(RepoMoved, _on_moved)
    app.add_exception_handler(HubError, http.on_hub_error)
    app.add_exception_handler(OSError, http.on_os_error)
    app.add_exception_handler(DataError, _on_unkeepable)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(HTTPException, _on_framework_error)
    app.add_exception_handler(ClientDisconnect, http.on_gone)
    app.add_exception_handler(Exception, http.on_crash)


async def _on_moved(request: Request, err: Exception) -> Response:
    """307 to the same address under the new name; keeps method, body and query. Source: protocol/hub-api.md 0.5.

    The address has no host: huggingface_hub 0.36 follows a redirect of its metadata call only when it is relative.
    """
    assert isinstance(err, RepoMoved)
    old, new = str(err.extra["movedFrom"]), str(err.extra["movedTo"])
    raw = request.scope["raw_path"].decode("ascii").split("?")[0]
    at = raw.lower().find("/" + quote(old).lower())
    if at < 0:  # the name came in a body, as in delete and move: the client is told
        return http.problem(BadRequest(err.message))
    path = f"{raw[: at + 1]}{quote(new)}{raw[at + 1 + len(quote(old)) :]}"
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{urlsplit(http.base_url(request)).path}{path}{query}", status_code=307)


async def _on_malformed(request: Request, err: Exception) -> Response:
    assert isinstance(err, RequestValidationError)
    problems = [f"{'.'.join(str(part) for part in e['loc'][1:]) or 'body'}: {e['msg']}" for e in err.errors()[:5]]
    if http.wants_page(request):
        return await http.on_hub_error(request, Malformed(f"The form could not be read: {'; '.join(problems)}."))
    return JSONResponse({"error": "; ".join(problems)}, status_code=422)


async def _on_unkeepable(request: Request, err: Exception) -> Response:
    """A database is stricter than JSON: PostgreSQL keeps no NUL in a text."""
    assert isinstance(err, DataError)
    return http.problem(BadRequest("A value holds a character or a number that cannot be kept, such as a NUL."))


async def _on_framework_error(request: Request, err: Exception) -> Response:
    assert isinstance(err, HTTPException)
    if isinstance(err.__cause__, HubError):  # raised while the framework read the body
        return await http.on_hub_error(request, err.__cause__)
    if err.status_code == 404:
        return await http.on_hub_error(request, NoSuchPage("There is nothing at this address."))
    headers = dict(err.headers or {})
    if http.wants_page(request):
        return await http.on_hub_error(request, FrameworkError(f"{err.detail}.", err.status_code, headers))
    return JSONResponse({"error": str(err.detail)}, status_code=err.status_code, headers=headers)


class NoSuchPage(HubError):
    status = 404


class FrameworkError(HubError):
    """What the framework refuses by itself, such as a method that an address does not take."""

    def __init__(self, message: str, status: int, headers: dict[str, str]) -> None:
        super().__init__(message, headers=headers)
        self.status = status
