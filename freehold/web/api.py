"""Doors of the static files, and what every router of pages needs."""

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from freehold.core.http import PUBLIC
from freehold.core.routes import Router
from freehold.web import assets, compression


def static_file(request: Request) -> Response:
    """A static file under its digest: good for ever; under an old digest it is gone."""
    held = assets.load()
    found = held.files.get(request.path_params["path"])
    if found is None or request.path_params["digest"] != held.digest:
        return Response("No such file.", 404, media_type="text/plain")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    headers["Vary"] = "Accept-Encoding"
    packed = compression.static(request, request.path_params["path"])
    if packed is None:
        return Response(found.body, media_type=found.media_type, headers=headers)
    return Response(packed, media_type=found.media_type, headers=headers | {"Content-Encoding": "gzip"})


static_file.action = PUBLIC  # type: ignore[attr-defined]  # read by the walk over every route


def _favicon(request: Request) -> Response:
    found = assets.load().files["img/favicon.svg"]
    return Response(found.body, media_type=found.media_type, headers={"Cache-Control": "public, max-age=86400"})


_favicon.action = PUBLIC  # type: ignore[attr-defined]

routes: list[BaseRoute] = [
    Route(assets.PREFIX + "/{digest}/{path:path}", static_file),
    Route("/favicon.ico", _favicon),
]


def answering_head(router: Router) -> Router:
    """``router``, its pages answering HEAD too: Starlette does so by itself, FastAPI does not."""
    for route in router.routes:
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")
    return router
