"""Side calls of the clients. Source: protocol/hub-api.md 0.8."""

from fastapi import Request
from starlette.responses import Response

from freehold.core.http import PUBLIC, stream_door
from freehold.core.routes import Router

router = Router(tags=["accounts"])


@router.head("/api/telemetry/{topic:rest}", include_in_schema=False)
@stream_door(PUBLIC)
async def telemetry(request: Request, topic: str) -> Response:
    """Libraries report their use here; it is answered and dropped."""
    return Response()
