"""What went wrong, as a page: what, why, and what next. For htmx it is a notice above the page that stays open."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from freehold.core.errors import HubError
from freehold.core.http import ENCODED_SLASH, is_own_origin, unit_of_work
from freehold.web import fragments
from freehold.web.components import Place
from freehold.web.render import page_headers, render, shown_visitor, templates

log = logging.getLogger("freehold.web")


@dataclass(frozen=True)
class ErrorPage:
    """An expected failure, told to a person: what, which, what next."""

    title: str
    status: int
    message: str
    next: str  #: what can be done about it, in a sentence or two
    places: Sequence[Place]  #: ways to go on
    near: Sequence[Place]  #: what has a name like the one that was asked for, as far as the visitor may know
    offers_sign_in: bool
    is_gated: bool  #: it can be seen by everybody, its files on request
    request_id: str


def error_page(request: Request, err: HubError) -> Response:
    """``err`` for a person, with the headers that clients read kept. Reads the database for names that are near."""
    headers = dict(err.headers) | ({"X-Error-Code": err.code} if err.code else {})
    is_absent = err.status == 404 or err.code == "RepoNotFound"
    near = _near(request) if is_absent and not fragments.is_asked_by_script(request) else ()
    title, message = _BY_CODE.get(err.code or "", ("", ""))
    page = ErrorPage(
        title=title or _TITLES.get(err.status, "This did not work"),
        status=err.status,
        message=message or err.message,
        next=_next(err),
        places=_places(request, err, is_absent=is_absent),
        near=near,
        offers_sign_in=shown_visitor(request) is None and err.status in (401, 403, 404),
        is_gated=err.code == "GatedRepo",
        request_id=request.scope.get("freehold.request_id", ""),
    )
    if fragments.is_asked_by_script(request):
        return _notice(page, headers)
    return render(request, page, status=err.status, headers=headers)


def _notice(page: ErrorPage, headers: Mapping[str, str]) -> Response:
    """What somebody typed stays on the screen: only the sentence is put above it."""
    template = templates().get_template("web/error_notice.html")
    here = {"HX-Retarget": "#flash", "HX-Reswap": "innerHTML", "HX-Reselect": ".notice", "HX-Push-Url": "false"}
    return HTMLResponse(template.render(page=page), page.status, headers={**page_headers(), **headers, **here})


#: By code: where the message is a contract with clients, people get a sentence of their own.
_BY_CODE = {
    "RepoNotFound": ("Nothing here", "There is no repository of this name, or it is private to others."),
    "RevisionNotFound": ("No such revision", ""),
    "EntryNotFound": ("No such file", ""),
    "GatedRepo": ("On request", ""),  # the message says where the visitor stands and what to do next
}
_TITLES = {
    400: "This cannot be done",
    401: "Sign in first",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not a page",
    409: "In conflict with what is there",
    412: "It changed meanwhile",
    413: "Too large",
    422: "Not understood",
    429: "Too often",
    500: "The hub made a mistake",
    501: "Not in this hub",
    503: "Not available now",
    507: "The hub's disk is full",
}
_NEXT = {
    400: "Go back, change what was asked for, and try again.",
    403: "Ask its owner or an administrator of this hub for the right to do it.",
    405: "This address only takes what a form or a program sends to it.",
    409: "Open the page anew to see how it is now, then repeat what you want.",
    412: "Somebody was quicker. Open the page anew; going back keeps what you typed.",
    413: "Send less at once. Large files go up with hf upload, with git, or dragged into the files of a repository.",
    422: "Go back: what you typed is still there. Correct it and send it again.",
    500: "Whoever runs this hub finds there what it was. Trying again may work.",
    503: "Something that the hub depends on does not answer. Try again in a minute.",
    507: "Nothing was recorded. An administrator of this hub has to free some space first.",
}


def _next(err: HubError) -> str:
    wait_s = err.headers.get("Retry-After", "")
    if err.status == 429:
        return f"Try again in {wait_s} seconds." if wait_s.isdecimal() else "Try again in a while."
    # What was refused to a form says itself what to do.
    return "" if err.code == "GatedRepo" or "again" in err.message else _NEXT.get(err.status, "")


def _places(request: Request, err: HubError, *, is_absent: bool) -> Sequence[Place]:
    """Where the error itself sends people; back to the form; a search for the name that was not found; the start."""
    places = [Place(*err.place)] if err.place else []
    if came_from := _own_referrer(request):
        places.append(Place("Open the page anew" if request.method == "POST" else "Back", came_from))
    slots = request.app.state.slots
    name = _name(request)
    if is_absent and name and slots.search_address:
        places.append(Place(f"Search for “{name}”", f"{slots.search_address}?{urlencode({'search': name})}"))
    return [*places, Place("To the start", "/")]


def _own_referrer(request: Request) -> str:
    referrer = request.headers.get("referer", "")
    if not referrer or not is_own_origin(request, referrer):
        return ""
    parts = urlsplit(referrer)
    address = parts.path + (f"?{parts.query}" if parts.query else "")
    return (
        address if address.startswith("/") and not address.startswith("//") and parts.path != request.url.path else ""
    )


def _name(request: Request) -> str:
    """What the address calls what it leads to: the name of a repository, or its own last part."""
    named = request.path_params.get("name") or unquote(request.url.path.rstrip("/").rpartition("/")[2])
    return str(named).replace(ENCODED_SLASH, "/")[:100]


def _near(request: Request) -> Sequence[Place]:
    """Of the same kind, and only what the visitor may know of; also tells the shell who looks."""
    find = request.app.state.slots.near
    if find is None or request.method != "GET":
        return ()
    try:
        with unit_of_work(request, reads=True) as ask:
            found: Sequence[Place] = find(ask, str(request.path_params.get("kind") or "model"), _name(request))
            return found
    except HubError:  # a bad token, say: that is another answer's matter
        return ()
