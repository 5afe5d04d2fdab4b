"""Saved searches over JSON: calls of our own, for scripts."""

from typing import Any

from starlette.responses import Response

from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.searches import queries, schemas, service
from freehold.searches.service import Notice
from freehold.searches.tables import SavedSearch

router = Router(tags=["searches"])
OWN = "own"
SEARCHES = "/api/settings/searches"


@router.get(SEARCHES)
@door(OWN)
def mine(ask: Ask) -> list[dict[str, Any]]:
    """Your saved searches, the newest first: how many match now, and how many of them are new since you looked."""
    found = queries.standings(ask.db, ask.actor, queries.mine(ask.db, ask.actor))
    return [schemas.search(one, ask.base_url) for one in found]


@router.post(SEARCHES, status_code=201)
@door(OWN)
def save(ask: Ask, body: schemas.SearchBody) -> dict[str, Any]:
    """What comes to match from now on is new to it."""
    notice = Notice(body.page, body.mail)
    return _told(ask, service.save(ask.db, ask.actor, body.kind, body.query, body.name, notice))


@router.get(f"{SEARCHES}/{{search_id}}")
@door(OWN)
def one(ask: Ask, search_id: str) -> dict[str, Any]:
    return _told(ask, queries.one(ask.db, ask.actor, search_id))


@router.patch(f"{SEARCHES}/{{search_id}}")
@door(OWN)
def change(ask: Ask, search_id: str, body: schemas.SearchChange) -> dict[str, Any]:
    """Its name, how it tells, whether it pauses."""
    now = queries.one(ask.db, ask.actor, search_id, reads=False)
    page, mail = now.in_page if body.page is None else body.page, body.mail or now.mail
    changed = service.change(
        ask.db, ask.actor, search_id, name=body.name, notice=Notice(page, mail), is_paused=body.paused
    )
    return _told(ask, changed)


@router.delete(f"{SEARCHES}/{{search_id}}", status_code=204)
@door(OWN)
def remove(ask: Ask, search_id: str) -> Response:
    service.remove(ask.db, ask.actor, search_id)
    return Response(status_code=204)


@router.put(f"{SEARCHES}/{{search_id}}/looked")
@door(OWN)
def look(ask: Ask, search_id: str) -> dict[str, Any]:
    """Nothing that was found until now is new any more."""
    return _told(ask, service.look(ask.db, ask.actor, search_id))


def _told(ask: Ask, search: SavedSearch) -> dict[str, Any]:
    (standing,) = queries.standings(ask.db, ask.actor, [search])
    return schemas.search(standing, ask.base_url)
