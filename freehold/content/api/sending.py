"""Bytes on their way out: conditions, exact single ranges, and who sends them. Sources: RFC 9110; hub-api.md 1.2."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from freehold.content.api.counting import PARTS_OF_PAGES
from freehold.content.kit import Kit
from freehold.content.service.downloads import Body
from freehold.core.bodies import FileSlice
from freehold.core.errors import RangeUnsatisfiable

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*")


def respond(request: Request, body: Body, headers: Mapping[str, str], *, filename: str = "file") -> Response:
    """The answer to a GET or HEAD of ``body``, with ``headers`` on every outcome.

    304 when the client has it, 206 for a single range, 416 past the end, a redirect where the store takes over.
    """
    out = {**headers, "ETag": f'"{body.etag}"', "Accept-Ranges": "bytes"}
    if _has_it(request, body.etag):
        return Response(status_code=304, headers=out)
    if request.method == "HEAD":
        # Answered here and never redirected: the client reads size and commit off this very answer (hub-api.md 0.5).
        return Response(headers=out | {"Content-Length": str(body.size_bytes)})
    handed_on = _handed_on(request, body, out, filename)
    if handed_on is not None:
        return handed_on
    wanted = byte_range(request, body.etag, body.size_bytes)
    start, end = wanted or (0, body.size_bytes)
    out["Content-Length"] = str(end - start)
    if wanted:
        out["Content-Range"] = f"bytes {start}-{end - 1}/{body.size_bytes}"
    status = 206 if wanted else 200
    if start == end:
        return Response(status_code=status, headers=out)
    if body.path is not None:
        try:
            return FileSlice(body.path, start, end, status_code=status, headers=out)
        except FileNotFoundError:
            pass  # a cached file that was dropped this very moment: its pieces are still there
    return StreamingResponse(_begun(body.pieces(start, end)), status_code=status, headers=out)


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """``pieces`` with the first one in hand: what the store lost is told by a status, not by a body that breaks off."""
    return chain([next(pieces)], pieces)


def byte_range(request: Request, etag: str, size_bytes: int) -> tuple[int, int] | None:
    """``[start, end)`` of a single byte range; None for everything.

    Several ranges, another unit or nonsense count as none, as HTTP allows; so does a condition on other bytes. Raises
    :class:`RangeUnsatisfiable` for a range without a byte of the file.
    """
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    condition = request.headers.get("if-range")
    if asked is None or asked[1] == asked[2] == "" or (condition is not None and condition != f'"{etag}"'):
        return None
    if asked[1] == "":
        last = int(asked[2])
        if last == 0 or size_bytes == 0:
            raise RangeUnsatisfiable(size_bytes)
        return max(0, size_bytes - last), size_bytes
    start = int(asked[1])
    end = int(asked[2]) + 1 if asked[2] else size_bytes
    if asked[2] and end <= start:
        return None
    if start >= size_bytes:
        raise RangeUnsatisfiable(size_bytes)
    return start, min(end, size_bytes)


def _has_it(request: Request, etag: str) -> bool:
    given = request.headers.get("if-none-match")
    if given is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return "*" in tags or f'"{etag}"' in tags


def _handed_on(request: Request, body: Body, headers: Mapping[str, str], filename: str) -> Response | None:
    """Somebody else sends the bytes, range and all: the front server, or the store by a signed address."""
    kit: Kit = request.app.state.kit
    location = kit.settings.nginx_accel
    if location and body.path is not None and body.key is not None:
        return Response(headers={**headers, "X-Accel-Redirect": f"{location.rstrip('/')}/{body.key}"})
    # The policy of our pages shows what comes from this hub alone: a picture is not fetched from the store's host.
    is_of_page = request.headers.get("sec-fetch-dest") in PARTS_OF_PAGES
    if body.address is not None and body.size_bytes > 0 and not is_of_page:
        address = body.address(filename)
        if address is not None:
            return Response(status_code=302, headers={**headers, "Location": address})
    return None
