"""The table of pages (``scripts/pages.py``) names every page that there is."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from scripts.pages import PAGES

#: What browsers get and is no page of its own, or only with a secret or a state that the sample has not.
OTHERS = {
    "/-/suggest": "JSON",
    "/.well-known/oauth-authorization-server": "JSON",
    "/.well-known/openid-configuration": "JSON",
    "/oauth/jwks": "JSON",
    "/oauth/userinfo": "JSON",
    "/admin/health.json": "JSON",
    "/new/name": "JSON",
    "/papers/{paper_id}.md": "a text",
    "/admin/audit/export.{form}": "a download",
    "/organizations/{org}/settings/audit/export.{form}": "a download",
    "/{kind:prefix}{namespace}/{name}/user-access-report": "a download",
    "/avatars/{name}": "a picture",
    "/settings": "a redirect",
    "/organizations/{org}/settings": "a redirect",
    "/join": "closed on this hub",
    "/join/{secret}": "needs a secret",
    "/password/{secret}": "needs a secret",
    "/unsubscribe/{token}": "needs a secret",
    "/oauth/authorize": "needs a program",
    "/settings/webhooks/{webhook_id}/deliveries/{delivery_id}": "needs a delivery",
    "/searches/{search_id}": "leads to the list",
    "/{kind:prefix}{namespace}/{name}/discussions/{num:int}/comment/{comment_id}": "needs a comment",
    "/{kind:prefix}{namespace}/{name}/discussions/{num:int}/conflicts": "needs a conflict",
}


def test_every_page_is_in_the_table(app: FastAPI) -> None:
    routes = [route for route in _routes(app.router.routes) if "GET" in route.methods and not route.include_in_schema]
    shown = {_path(page.address) for page in PAGES}
    there = {next((route.path for route in routes if route.path_regex.match(path)), "") for path in shown}
    missing = {route.path for route in routes if not route.path.startswith("/api/")} - there - set(OTHERS)
    assert missing == set(), "add them to scripts/pages.py, so that axe reads them"


def test_names_are_those_of_pictures() -> None:
    names = [page.name for page in PAGES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)


def _path(address: str) -> str:
    address = address.replace("{collection}", "lab/levels-0")
    return re.sub(r"{\w+}", "1", address.partition("?")[0])


def _routes(routes: Iterable[Any]) -> Iterator[APIRoute]:
    """Those of included routers too, which the framework keeps nested."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif (inner := getattr(route, "original_router", None)) is not None:
            yield from _routes(inner.routes)
