"""What one chooses by, for programs: calls of this hub's own."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from freehold.choosing import exports
from freehold.choosing.comparing import compare
from freehold.core.errors import BadRequest
from freehold.core.http import PUBLIC, Ask, door

router = APIRouter(prefix="/api")


@router.get("/compare")
@door(PUBLIC)
def compared(ask: Ask) -> Response:
    """Repositories side by side: ``models=ns/name`` or ``datasets=ns/name``, each up to five times.

    ``machine``, ``users`` and ``tokens`` say what has to fit, ``only=differences`` leaves out what all say alike;
    ``format``: json, csv or markdown.
    """
    wanted = ask.request.query_params.get("format") or "json"
    found = compare(ask)
    if wanted == "json":
        told: dict[str, Any] = exports.plain(found)
        return JSONResponse(told)
    if wanted not in exports.FORMS:
        raise BadRequest(f"format is json, csv or markdown; {wanted[:40]!r} is not.")
    media_type, ending, write = exports.FORMS[wanted]
    name = f'attachment; filename="comparison.{ending}"'
    return Response(write(found), media_type=media_type, headers={"Content-Disposition": name})
