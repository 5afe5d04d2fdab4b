"""What of a page htmx asks for: a named block of its template where the route allows it, else the whole of it.

A block is asked for by the id of the element that it will replace (``HX-Target: table#rows``), so the two have one
name; a dash of the id is an underscore of the block. Source: htmx 4, "Request headers" and "Response headers".
"""

from collections.abc import Collection
from urllib.parse import unquote

from starlette.requests import Request

#: The same address is answered as a page and as parts of it: a cache, the browser's for "back" too, keeps them apart.
VARY = "HX-Request, HX-Target"


def is_asked_by_script(request: Request) -> bool:
    """Whether htmx waits for this answer, to put it into a page that is open."""
    return request.headers.get("hx-request") == "true" and "hx-history-restore-request" not in request.headers


def block(request: Request, allowed: Collection[str]) -> str:
    """The block to send alone; empty for the whole page."""
    name = _target(request).replace("-", "_")
    return name if _wants_part(request) and name in allowed else ""


def takes_part(request: Request) -> bool:
    """Whether htmx will cut its part out of a whole page, and leave the rest of what is open as it is."""
    return (
        is_asked_by_script(request)
        and not _wants_part(request)
        and not request.headers.get("hx-target", "").startswith("body")
    )


def takeover(request: Request, address: str, status: int) -> dict[str, str]:
    """Headers for a whole page that comes where a part of another was awaited, as after the end of a session.

    It takes the window over, and the address says so; a refusal of what was sent keeps the address of its form.
    """
    if not _wants_part(request):
        return {}
    moved = {"HX-Push-Url": address} if status < 400 else {}
    return {"HX-Retarget": "body", "HX-Reswap": "outerSync", **moved}


def _wants_part(request: Request) -> bool:
    return is_asked_by_script(request) and request.headers.get("hx-request-type") == "partial"


def _target(request: Request) -> str:
    return unquote(request.headers.get("hx-target", "").partition("#")[2])[:100]
