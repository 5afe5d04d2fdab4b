"""Which calls are downloads, and whose. Source: protocol/hub-api.md 0.2; the rule is told in ``service.counting``."""

from starlette.requests import Request

from freehold.access.rules import Actor
from freehold.content.service.counting import DownloadLog
from freehold.core import caller

#: What a browser fetches for itself while it shows a page.
PARTS_OF_PAGES = frozenset({"image", "video", "audio", "script", "style", "font", "iframe", "embed", "object", "track"})

#: How git and git-lfs name themselves.
GIT = ("git/", "git-lfs/")


def note(request: Request, actor: Actor, repo_id: str) -> None:
    """Count this call if it is a download. Costs one look at the headers and one in a set."""
    headers = request.headers
    if request.method == "HEAD" or "xet-read-token" in request.url.path:
        if "x-hf-download-counter" not in headers:
            return
    elif headers.get("sec-fetch-dest") in PARTS_OF_PAGES:
        return
    log: DownloadLog | None = getattr(request.app.state, "downloads", None)
    if log is not None:
        who = actor.id
        network = _network(request)
        log.note(repo_id, who or _visitor(request), "" if who else network, network)


def _visitor(request: Request) -> str:
    """A visitor by address and program: behind one proxy several people look alike, and count as one."""
    program = request.headers.get("user-agent", "")
    if program.startswith(GIT):  # a clone and its large files are one download
        program = "git"
    return f"{_address(request)} {program}"


def _address(request: Request) -> str:
    """Where the call came from, behind a proxy on this machine too."""
    known = caller.current()
    return known.address if known else request.client.host if request.client else ""


def _network(request: Request) -> str:
    return caller.network_of(_address(request))
