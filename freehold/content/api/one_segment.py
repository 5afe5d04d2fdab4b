"""Names without a namespace (``gpt2``): no repository here has one, and clients must hear it in their own words.

Included last: ``/api/models/{name}/commits/{rev}`` also reads as a call on a repository called ``commits``.
"""

from typing import Any

from freehold.access.rules import Action
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.repos import paths
from freehold.repos import service as repos

paths.register()
router = Router(include_in_schema=False)
CALLS = (
    ("GET", "tree/{rev:segment}"),
    ("GET", "tree/{rev:segment}/{path:rest}"),
    ("GET", "commits/{rev:segment}"),
    ("POST", "paths-info/{rev:segment}"),
    ("POST", "preupload/{rev:segment}"),
    ("POST", "commit/{rev:segment}"),
    ("POST", "like"),
    ("DELETE", "like"),
)


@door(Action.READ, reads=True)
def not_found(ask: Ask, kind: str, name: str) -> Any:
    repos.load(ask.db, ask.actor, name, Action.READ, kind=kind)


for method, call in CALLS:
    router.add_api_route(f"/api/{{kind:plural}}/{{name:segment}}/{call}", not_found, methods=[method])
