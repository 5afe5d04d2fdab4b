"""The HTTP edge: raw paths, request ids, the unit of work around a route, and errors mapped to answers.

Around every route, and only here: resolve the actor, open the unit of work, map errors.
"""

import functools
import inspect
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from freehold.core import caller
from freehold.core.database import Database
from freehold.core.errors import BadRequest, HubError, NotHere, StorageFull, StorageReadOnly, TooLarge

log = logging.getLogger("freehold.http")
T = TypeVar("T")

#: Stands for a percent-encoded slash inside one path segment while routing. A real NUL is refused before routing.
ENCODED_SLASH = "\x00"
PUBLIC = "public"
MAX_SMALL_BODY_BYTES = 16 << 20


# ---- one request's unit of work ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """What a door hands to a verb: who asks, the open transaction, and the request for links.

    ``actor`` is an ``access.Actor``; ``kit`` is whatever ``main.py`` built for the rooms (stores, settings).
    """

    db: Session
    actor: Any
    request: Request

    @property
    def kit(self) -> Any:
        return self.request.app.state.kit

    @property
    def base_url(self) -> str:
        return base_url(self.request)


@contextmanager
def unit_of_work(request: Request, *, reads: bool | None = None) -> Iterator[Ask]:
    """One request, one transaction, committed when the block ends. Runs in a worker thread.

    ``reads`` defaults to the method: GET and HEAD read, the rest write.
    """
    state = request.app.state
    database: Database = state.database
    only_reads = request.method in ("GET", "HEAD") if reads is None else reads
    with database.read() if only_reads else database.write() as db:
        request.state.actor = actor = state.resolve_actor(db, request)  # kept for an error page's shell
        db.info["actor"] = actor  # for what is written down of events that do not say who
        request.state.ask = ask = Ask(db, actor, request)  # for what other rooms put into a page
        try:
            yield ask
        finally:
            request.state.ask = None


def door(action: str, *, reads: bool | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make ``fn(ask, ...)`` a synchronous route: one thread hop, one transaction.

    ``action`` names the access action that the verb behind asks for, or ``"public"``; a test walks every route and
    fails on one that names none. The first parameter of ``fn`` is the :class:`Ask`. A plain ``str`` is a part of the
    path, as the router read it; FastAPI sees the others. (It would make a validator for each of some 600 such parts,
    a fifth of the time that a start takes, and find every one of them to be a text. ``described`` tells of them.)
    """

    def wrap(fn: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(fn, eval_str=True)
        _, *rest = signature.parameters.values()
        parts = [p.name for p in rest if p.annotation is str and p.default is p.empty]
        rest = [p for p in rest if p.name not in parts]
        request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)

        @functools.wraps(fn)
        def endpoint(request: Request, **values: Any) -> Any:
            given = {name: request.path_params[name] for name in parts}
            with unit_of_work(request, reads=reads) as ask:
                return fn(ask, **given, **values)

        del endpoint.__wrapped__  # inspect would follow it back to the signature with ``ask``
        endpoint.__signature__ = signature.replace(parameters=[request, *rest])  # type: ignore[attr-defined]
        endpoint.__annotations__ = {"request": Request} | {p.name: p.annotation for p in rest}
        endpoint.action = action  # type: ignore[attr-defined]
        endpoint.parts = parts  # type: ignore[attr-defined]
        return endpoint

    return wrap


def described(document: dict[str, Any]) -> dict[str, Any]:
    """``document``, an OpenAPI description by FastAPI, with the parts of paths that :func:`door` reads by itself."""
    for path, operations in document.get("paths", {}).items():
        for operation in operations.values():
            told = operation.setdefault("parameters", [])
            known = {one["name"] for one in told if one["in"] == "path"}
            told[:0] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in re.findall(r"{([a-z_]+)}", path)
                if name not in known
            ]
    return document


def quick_door(
    action: str, quick: Callable[[Request], Response | None]
) -> Callable[[Callable[[Request], Response]], Callable[[Request], Awaitable[Response]]]:
    """Make ``fn(request)`` a route that asks ``quick`` first: for the hottest reads.

    ``quick`` answers from a few prepared rows (``Database.row``) and what is in memory, or gives None. On SQLite that
    takes less than the hop to a thread would, so it runs in the event loop. ``fn`` opens its own unit of work.
    """

    def wrap(fn: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        @functools.wraps(fn)
        async def endpoint(request: Request) -> Response:
            if request.app.state.database.is_sqlite:
                answer = quick(request)
            else:
                answer = await run_in_threadpool(quick, request)
            return answer if answer is not None else await run_in_threadpool(fn, request)

        endpoint.action = action  # type: ignore[attr-defined]
        return endpoint

    return wrap


def work_door(action: str) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Mark a synchronous route that opens its own units of work, because bytes are written between them."""

    def wrap(fn: Callable[..., Response]) -> Callable[..., Response]:
        fn.action = action  # type: ignore[attr-defined]
        return fn

    return wrap


def stream_door(action: str) -> Callable[[Callable[..., Awaitable[Response]]], Callable[..., Awaitable[Response]]]:
    """Mark an asynchronous route that reads its own body (bytes never wait inside a transaction)."""

    def wrap(fn: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        fn.action = action  # type: ignore[attr-defined]
        fn.streams = True  # type: ignore[attr-defined]
        return fn

    return wrap


async def in_thread(request: Request, work: Callable[[Ask], T], *, reads: bool | None = None) -> T:
    """Run ``work(ask)`` in a worker thread inside one unit of work (for stream doors, after or before the bytes)."""

    def run() -> T:
        with unit_of_work(request, reads=reads) as ask:
            return work(ask)

    return await run_in_threadpool(run)


# ---- addresses ---------------------------------------------------------------------------------------------


def base_url(request: Request) -> str:
    """Scheme and authority every emitted address is built on, without a trailing slash.

    The client compares origins literally: ``localhost`` is not ``127.0.0.1``. Source: protocol/hub-api.md 0.1.
    """
    configured: str = request.app.state.kit.settings.public_url
    if configured:
        return configured.rstrip("/")
    host = request.headers.get("host") or "127.0.0.1"
    if not re.fullmatch(r"[A-Za-z0-9.\-_:\[\]]{1,255}", host):
        raise BadRequest("The Host header is not a host name.")
    return f"{request.scope['scheme']}://{host}"


def is_own_origin(request: Request, origin: str) -> bool:
    """Whether an ``Origin`` header names this hub. What cannot be read as an address (``http://[``) does not."""
    try:
        return urlsplit(origin)[:2] == urlsplit(base_url(request))[:2]
    except ValueError:
        return False


def next_page(request: Request, cursor: str) -> dict[str, str]:
    """The ``Link`` header to the next page: absolute, same query, new cursor. Source: protocol/hub-api.md 0.7."""
    query = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"] + [("cursor", cursor)]
    path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace").split("?")[0]
    return {"Link": f'<{base_url(request)}{path}?{urlencode(query)}>; rel="next"'}


def quoted(segment: str) -> str:
    """``segment`` as one percent-encoded path segment (slashes included)."""
    return quote(segment, safe="")


class SegmentConvertor(Convertor[str]):
    """One path segment whose encoded slashes come back as slashes: revisions, and paths sent as one segment."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return value.replace(ENCODED_SLASH, "/")

    def to_string(self, value: str) -> str:
        return quoted(value)


class RestConvertor(Convertor[str]):
    """Everything to the end of the path: slashes, encoded slashes, and line ends, which git lets names have."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value.replace(ENCODED_SLASH, "/")

    def to_string(self, value: str) -> str:
        return quote(value)


class NameConvertor(SegmentConvertor):
    """The router's own default: one segment, and no slash in it by any spelling, since names hold none."""

    regex = f"[^/{ENCODED_SLASH}]+"


register_url_convertor("str", NameConvertor())
register_url_convertor("segment", SegmentConvertor())
register_url_convertor("rest", RestConvertor())


class RawPath:
    """Route on the raw path: ``%2F`` stays inside its segment, everything else is decoded once.

    Refuses NUL and bytes that are not UTF-8, which no name in a hub may hold.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        if b"%00" in scope["query_string"]:
            await problem(BadRequest("The query holds a NUL."))(scope, receive, send)
            return
        if b"%" not in raw and b"\x00" not in raw and raw.isascii():  # nearly every call
            await self.app(dict(scope, path=raw.split(b"?")[0].decode("ascii")), receive, send)
            return
        try:
            parts = [unquote(part, errors="strict") for part in raw.split(b"?")[0].decode("ascii").split("/")]
        except UnicodeDecodeError:
            parts = ["\x00"]
        if any("\x00" in part for part in parts):
            refusal = problem(BadRequest("The address holds a NUL or bytes that are not UTF-8."))
            await refusal(scope, receive, send)
            return
        scope = dict(scope, path="/".join(part.replace("/", ENCODED_SLASH) for part in parts))
        await self.app(scope, receive, send)


class RequestId:
    """Echo ``X-Request-Id``, or make one that holds the client's trace id. Source: protocol/hub-api.md 0.3.

    Also sets the headers that every answer carries.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        trace = headers.get("x-amzn-trace-id", "")
        request_id = given if _is_token(given) else trace if _is_token(trace) else secrets.token_hex(8)
        scope["freehold.request_id"] = request_id
        peer = scope.get("client")
        # A proxy may add a line of its own after the client's: all lines are one list. Source: RFC 9110, 5.3.
        forwarded = ",".join(headers.getlist("x-forwarded-for"))
        caller.set_current(caller.Caller(caller.address_of(peer[0] if peer else "", forwarded), request_id))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                out.setdefault("X-Request-Id", request_id)
                out.setdefault("X-Content-Type-Options", "nosniff")
            await send(message)

        await self.app(scope, receive, send_with_id)


def _is_token(text: str) -> bool:
    return bool(re.fullmatch(r"[\x21-\x7e]{1,256}", text))


class BodyLimit:
    """No ordinary body grows past ``MAX_SMALL_BODY_BYTES``; stream doors bound their own."""

    def __init__(self, app: ASGIApp, *, limit_bytes: int = MAX_SMALL_BODY_BYTES) -> None:
        self.app = app
        self.limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            # The route is known by the time its body is read.
            if seen > self.limit_bytes and not getattr(scope.get("endpoint"), "streams", False):
                raise TooLarge(f"The body is over {self.limit_bytes} bytes, the limit of this call.")
            return message

        await self.app(scope, bounded, send)


# ---- errors ------------------------------------------------------------------------------------------------


def problem(err: HubError) -> Response:
    """An error as the clients read it: ``X-Error-Code``, ``X-Error-Message`` and ``{"error": ...}``."""
    headers = dict(err.headers)
    if err.code:
        headers["X-Error-Code"] = err.code
    headers["X-Error-Message"] = header_text(err.message)
    return JSONResponse({"error": err.message, **err.extra}, status_code=err.status, headers=headers)


def header_text(text: str) -> str:
    """``text`` as one header line: printable ASCII (clients disagree on the rest), at most 1,000 characters."""
    return re.sub(r"[^ -~]", "?", re.sub(r"\s+", " ", text))[:1000].strip()


def named_os_error(err: OSError) -> HubError | None:
    """A full or read-only disk as an error people can act on; None for any other ``OSError``."""
    import errno

    if err.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("The hub's disk is full: nothing was recorded. Free some space, then repeat the call.")
    if err.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StorageReadOnly("The hub cannot write to its data directory: nothing was recorded. Make it writable.")
    return None


async def on_hub_error(request: Request, err: Exception) -> Response:
    assert isinstance(err, HubError)
    if err.status >= 500 and not isinstance(err, NotHere):  # what is not here is no fault of the hub's
        log.error("%s %s: %s", request.method, request.url.path, err.message)
    page: Callable[[Request, HubError], Response] | None = getattr(request.app.state, "error_page", None)
    if page is not None and wants_page(request):
        return await run_in_threadpool(page, request, err)  # it may look for names that are near
    return problem(err)


async def on_os_error(request: Request, err: Exception) -> Response:
    assert isinstance(err, OSError)
    named = named_os_error(err)
    if named is None:
        return await on_crash(request, err)
    return await on_hub_error(request, named)


async def on_gone(request: Request, err: Exception) -> Response:
    """The sender left in the middle of its body: nobody reads this answer, and nothing went wrong here."""
    return Response(status_code=400, headers={"Connection": "close"})


async def on_crash(request: Request, err: Exception) -> Response:
    """Our bug: logged whole, told in one sentence."""
    log.exception("%s %s failed", request.method, request.url.path, exc_info=err)
    request_id = request.scope.get("freehold.request_id", "")
    told = HubError(f"Something went wrong here that nobody foresaw; it is logged under {request_id}.")
    page: Callable[[Request, HubError], Response] | None = getattr(request.app.state, "error_page", None)
    if page is not None and wants_page(request):
        try:
            return await run_in_threadpool(page, request, told)
        except Exception:
            log.exception("the page about it failed too")
    return JSONResponse({"error": f"The hub made a mistake; it is logged under {request_id}."}, status_code=500)


def wants_page(request: Request) -> bool:
    """A browser opening a page, rather than a client calling."""
    return request.method in ("GET", "HEAD", "POST") and "text/html" in request.headers.get("accept", "")


def int_between(values: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """Query parameter ``name`` as a whole number, clamped to ``low`` .. ``high``; refused when not one."""
    raw = values.get(name)
    if raw is None or raw == "":
        return default
    if not re.fullmatch(r"\d{1,9}", raw):
        raise BadRequest(f"{name} is {raw[:40]!r}; it takes a whole number.")
    return max(low, min(int(raw), high))
