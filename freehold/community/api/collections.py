"""Collections over JSON. Source: protocol/hub-api.md 9."""

from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action
from freehold.community import rules, schemas
from freehold.community.api.likes import onward, paging
from freehold.community.queries import collections as queries
from freehold.community.queries.collections import Listing
from freehold.community.service import collections, items
from freehold.community.service.collections import Changes
from freehold.core.errors import BadRequest, NotHere
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router

router = Router(tags=["community"])
ONE = "/api/collections/{namespace}/{slug}"
MAX_FILTERS = 20


@router.get("/api/collections")
@door(PUBLIC)
def list_collections(ask: Ask) -> Response:
    """Collections that whoever asks may know of, by owner and by what they hold, each with its first four items."""
    page = queries.listed(ask.db, ask.actor, _listing(ask))
    shown = [schemas.collection(ask.base_url, found, listed=True) for found in page.collections]
    return JSONResponse(shown, headers=onward(ask, page.next))


@router.post("/api/collections")
@door(Action.CREATE_IN)
def create(ask: Ask, body: schemas.NewCollection) -> dict[str, Any]:
    """An empty collection. 409 carries the ``slug`` of the one that has the title already."""
    if body.resourceGroupId:
        raise NotHere("There are no resource groups here; an organisation's members have roles instead.")
    made = collections.create(
        ask.db,
        ask.actor,
        body.title,
        namespace=body.namespace,
        description=body.description or "",
        private=body.private,
        theme=body.theme,
    )
    return _told(ask, made)


@router.get(ONE)
@door(Action.READ)
def one(ask: Ask, namespace: str, slug: str) -> dict[str, Any]:
    """A collection, at any slug it ever had."""
    return schemas.collection(ask.base_url, queries.whole(ask.db, ask.actor, f"{namespace}/{slug}"))


@router.patch(ONE)
@door(Action.WRITE)
def change(ask: Ask, namespace: str, slug: str, body: schemas.CollectionChanges) -> dict[str, Any]:
    """What was sent is changed; the answer holds the new slug."""
    changes = Changes(body.title, body.description, body.theme, body.private, body.position)
    found = collections.change(ask.db, ask.actor, f"{namespace}/{slug}", changes)
    return {"success": True, "data": _told(ask, found)}


@router.delete(ONE)
@door(Action.WRITE)
def remove(ask: Ask, namespace: str, slug: str) -> dict[str, Any]:
    collections.remove(ask.db, ask.actor, f"{namespace}/{slug}")
    return {"success": True}


@router.post(f"{ONE}/items")
@door(Action.WRITE)
def add_item(ask: Ask, namespace: str, slug: str, body: schemas.NewItem) -> dict[str, Any]:
    """The item stands last; the whole collection is told."""
    item = body.item
    shown = items.add(ask.db, ask.actor, f"{namespace}/{slug}", item.type, item.id, note=body.note or "")
    return schemas.collection(ask.base_url, shown)


@router.patch(f"{ONE}/items/{{item_id}}")
@door(Action.WRITE)
def change_item(ask: Ask, namespace: str, slug: str, item_id: str, body: schemas.ItemChanges) -> dict[str, Any]:
    path = f"{namespace}/{slug}"
    items.change(ask.db, ask.actor, path, item_id, note=body.note, position=body.position)
    return {"success": True}


@router.delete(f"{ONE}/items/{{item_id}}")
@door(Action.WRITE)
def remove_item(ask: Ask, namespace: str, slug: str, item_id: str) -> dict[str, Any]:
    items.remove(ask.db, ask.actor, f"{namespace}/{slug}", item_id)
    return {"success": True}


@router.post(f"{ONE}/upvote")
@door(Action.PROPOSE)
def upvote(ask: Ask, namespace: str, slug: str) -> dict[str, Any]:
    """Whoever asks upvotes the collection; saying so twice counts once."""
    found = collections.upvote(ask.db, ask.actor, f"{namespace}/{slug}")
    return {"upvotes": found.upvotes, "isUpvotedByUser": True}


@router.delete(f"{ONE}/upvote")
@door(Action.PROPOSE)
def take_upvote_back(ask: Ask, namespace: str, slug: str) -> dict[str, Any]:
    found = collections.take_upvote_back(ask.db, ask.actor, f"{namespace}/{slug}")
    return {"upvotes": found.upvotes, "isUpvotedByUser": False}


def _told(ask: Ask, found: Any) -> dict[str, Any]:
    return schemas.collection(ask.base_url, queries.shown(ask.db, ask.actor, found))


def _listing(ask: Ask) -> Listing:
    query = ask.request.query_params
    sort = query.get("sort") or rules.SORTS[0]
    if sort not in rules.SORTS:
        raise BadRequest(f"{sort[:40]!r} is not a way to sort collections; use {', '.join(rules.SORTS)}.")
    return Listing(
        owners=_several(query, "owner"),
        items=_several(query, "item"),
        search=(query.get("q") or query.get("search") or "")[:200].strip(),
        sort=sort,
        **paging(ask, queries.cursor_kind(sort)),
    )


def _several(query: QueryParams, name: str) -> list[str]:
    values = [value.strip()[:300] for text in query.getlist(name) for value in text.split(",") if value.strip()]
    if len(values) > MAX_FILTERS:
        raise BadRequest(f"{name} is given {len(values)} times; up to {MAX_FILTERS} are looked for at once.")
    return values
