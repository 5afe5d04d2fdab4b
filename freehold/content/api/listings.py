"""The repositories of a namespace with what they take. Source: huggingface_hub 2.4.0, ``HfApi.list_user_repos``."""

from typing import Any

from starlette.responses import JSONResponse, Response

from freehold.access.rules import Actor
from freehold.accounts.errors import NotAllowed, SignInNeeded
from freehold.accounts.tables import Account
from freehold.content import by_owner
from freehold.core.clock import wire
from freehold.core.http import Ask, door, int_between, next_page
from freehold.core.routes import Router
from freehold.people.access import organization

router = Router(tags=["repositories"])
OWN = "own"
MAX_PAGE = 500


@router.get("/api/settings/repositories")
@door(OWN)
def mine(ask: Ask) -> Response:
    """The repositories of whoever asks, as far as their token goes, last changed first."""
    if ask.actor.is_anonymous:
        raise SignInNeeded("Sign in, or send a token, to list your repositories.")
    return _listed(ask, ask.db.get_one(Account, ask.actor.id))


@router.get("/api/organizations/{org}/settings/repositories")
@door(OWN)
def of_organization(ask: Ask, org: str) -> Response:
    """The same of an organisation, for its members."""
    actor: Actor = ask.actor
    if actor.is_anonymous:
        raise SignInNeeded("Sign in, or send a token, to list the repositories of an organisation.")
    found = organization(ask.db, actor, org)
    if found.id not in actor.roles and not actor.is_admin:
        raise NotAllowed(f"Only members of {found.name} see what its repositories take.")
    return _listed(ask, found)


def _listed(ask: Ask, owner: Account) -> Response:
    query = ask.request.query_params
    limit = int_between(query, "limit", MAX_PAGE, 1, MAX_PAGE)
    cursor = by_owner.cursor(query["cursor"]) if query.get("cursor") else None
    page = by_owner.stored(ask.db, ask.actor, owner, after=cursor, limit=limit)
    items: list[dict[str, Any]] = [
        {
            "id": kept.repo.path,
            "type": kept.repo.kind,
            "updatedAt": wire(kept.repo.updated_at),
            "visibility": kept.repo.visibility,
            "storage": kept.size_bytes,
            "storagePercent": round(100 * kept.size_bytes / page.total_bytes, 4) if page.total_bytes else 0,
        }
        for kept in page.items
    ]
    return JSONResponse(items, headers=next_page(ask.request, page.next.text()) if page.next else {})
