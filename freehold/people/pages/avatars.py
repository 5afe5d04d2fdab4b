"""Pictures of people and organisations, as clients and pages fetch them."""

from starlette.responses import Response

from freehold.accounts.queries import avatar
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.people.rules import parcel_svg

router = Router(include_in_schema=False)
#: A picture is a picture, whatever somebody put into it: nothing runs, nothing is fetched.
PICTURE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=300",
}


@router.get("/avatars/{name}")
@door(PUBLIC)
def picture(ask: Ask, name: str) -> Response:
    """The picture an account chose, or the parcel of its name: for any name, so that it tells who is here to nobody."""
    wanted = name.removesuffix(".svg")[:96]
    chosen = None if name.endswith(".svg") else avatar(ask.db, wanted)
    if chosen is not None:
        return Response(chosen.body, media_type=chosen.media_type, headers=PICTURE)
    return Response(parcel_svg(wanted), media_type="image/svg+xml", headers=PICTURE)
