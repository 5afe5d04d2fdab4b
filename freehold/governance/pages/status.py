"""How the hub is, as a page for everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from freehold.core.http import PUBLIC, unit_of_work, work_door
from freehold.core.routes import Router
from freehold.governance.queries import status
from freehold.governance.queries.status import Part
from freehold.web.render import render

router = Router(include_in_schema=False)


@dataclass(frozen=True)
class StatusPage:
    """Each part in a word and a sentence."""

    title: str
    parts: Sequence[Part]
    looked_at: datetime


@router.get("/-/health")
@work_door(PUBLIC)
def status_page(request: Request) -> Response:
    state = request.app.state
    parts, looked_at = status.look(state, state.database, state.kit.store)
    page = StatusPage(f"Health: {state.health.lower()}", parts, looked_at)
    if any(part.state == "down" for part in parts):  # who looks may not be to be found out
        return render(request, page, status=503)
    with unit_of_work(request, reads=True):
        return render(request, page)
