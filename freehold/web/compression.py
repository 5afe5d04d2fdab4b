"""Pages and static files smaller on their way: gzip, for who takes it (docs/decisions/0015)."""

import gzip
from functools import cache

from starlette.requests import Request
from starlette.responses import Response

from freehold.web import assets

#: Shorter texts gain less than the work costs.
FROM_BYTES = 1_000
#: Longer pages go as they are: nobody waits for the bandwidth of this hub while a thread is busy for that long.
MOST_BYTES = 4 << 20
#: 0.3 ms for a page of 30 kB; the best level takes four times as long for 2 % less.
PAGE_LEVEL = 4
_TEXTS = ("text/", "image/svg+xml")


def page(request: Request, answer: Response) -> None:
    """``answer``, a page, goes compressed where nobody could learn from its length.

    A page that another site made the browser ask for, and one with a secret in it (``no-store``), goes as it is.
    """
    body = bytes(answer.body)
    is_foreign = request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
    is_secret = "no-store" in answer.headers.get("cache-control", "")
    if is_foreign or is_secret or not FROM_BYTES <= len(body) <= MOST_BYTES or not _takes_gzip(request):
        return
    answer.body = gzip.compress(body, PAGE_LEVEL, mtime=0)
    answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Content-Length"] = str(len(answer.body))


def static(request: Request, path: str) -> bytes | None:
    """The static file at ``path`` compressed, if it is a text and the browser takes it so."""
    return _static(path) if _takes_gzip(request) else None


@cache
def _static(path: str) -> bytes | None:
    """Compressed once, when it is first asked for: what no page uses costs nothing. All texts together take 80 kB."""
    asset = assets.load().files[path]
    if not asset.media_type.startswith(_TEXTS) or len(asset.body) < FROM_BYTES:
        return None
    return gzip.compress(asset.body, 9, mtime=0)


def _takes_gzip(request: Request) -> bool:
    codings = [part.strip().lower() for part in request.headers.get("accept-encoding", "").split(",")]
    return any(coding == "gzip" or (coding.startswith("gzip;") and "q=0" not in coding) for coding in codings)
