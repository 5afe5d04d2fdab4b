"""What a form did, said once on the page that the redirect leads to: ``say(request, answer, "Token revoked.")``.

It travels in a cookie, so that it works without script and needs no row. The cookie is signed: only this hub makes
one, and no other site, a sister domain's included, can put words into its mouth.
"""

from dataclasses import dataclass
from typing import Literal, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from freehold.core import clock
from freehold.core.http import base_url

COOKIE = "freehold_flash"
#: As long as a slow redirect takes; what nobody came to read by then is stale.
LIFE_S = 120
MAX_CHARACTERS = 400
_PURPOSE = "flash"

Kind = Literal["done", "info", "warn", "danger"]
Answer = TypeVar("Answer", bound=Response)


@dataclass(frozen=True)
class Said:
    """One sentence for the next page. ``kind`` is that of its notice."""

    text: str
    kind: Kind


def say(request: Request, answer: Answer, text: str, kind: Kind = "done") -> Answer:
    """``answer``, a redirect, whose page begins with ``text`` (plain; at most 400 characters are kept)."""
    claims = {"text": text[:MAX_CHARACTERS], "kind": kind}
    sealed = request.app.state.kit.signer.seal(_PURPOSE, claims, clock.epoch_s() + LIFE_S)
    answer.set_cookie(
        COOKIE,
        sealed,
        max_age=LIFE_S,
        path="/",
        secure=base_url(request).startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return answer


def heard(request: Request) -> Said | None:
    """What an earlier answer had to say to this browser; None for nothing, or for what we did not say."""
    sealed = request.cookies.get(COOKIE)
    claims = request.app.state.kit.signer.open(_PURPOSE, sealed) if sealed else None
    return Said(claims["text"], claims["kind"]) if claims else None


def forget(request: Request, answer: Response) -> None:
    """It was said once: ``answer`` takes the cookie away, a false one too."""
    if COOKIE in request.cookies:
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
