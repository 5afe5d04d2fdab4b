"""Lists and repository info over JSON. Source: protocol/hub-api.md 1.5, 4."""

from typing import Any

from fastapi import APIRouter
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action
from freehold.core.http import PUBLIC, Ask, door, next_page
from freehold.discover import info, queries, rules, service
from freehold.discover.rules import Listing
from freehold.discover.service import Wanted
from freehold.repos import paths
from freehold.repos.errors import repo_not_found

paths.register()
router = APIRouter(tags=["discover"])
#: Items of a page that names every file of each: each needs its repository opened.
MAX_FULL = 100


@router.get("/api/{kind:plural}")
@door(PUBLIC)
def list_repos(ask: Ask, kind: str) -> Response:
    """The repositories of a kind that whoever asks may know of, by author, words and tags."""
    query = ask.request.query_params
    names = _names(kind, query)
    listing = rules.listing(kind, query, most=MAX_FULL if "siblings" in names else rules.MAX_PAGE)
    page = queries.page(ask.db, ask.actor, listing)
    items = [service.listed(ask.db, ask.kit, item, names) for item in page.items]
    headers = next_page(ask.request, rules.encode(page.next)) if page.next else {}
    return JSONResponse(items, headers=headers)


@router.get("/api/{kind:plural}/{namespace}/{name}")
@door(Action.LIST)
def repo(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    """What is known about one repository at the head of ``main``."""
    return info_of(ask, kind, f"{namespace}/{name}", None)


@router.get("/api/{kind:plural}/{namespace}/{name}/revision/{rev:segment}")
@door(Action.LIST)
def repo_at(ask: Ask, kind: str, namespace: str, name: str, rev: str) -> Response:
    """The same at a branch, tag or commit."""
    return info_of(ask, kind, f"{namespace}/{name}", rev)


@router.get("/api/{kind:plural}/{name}")
@router.get("/api/{kind:plural}/{name}/revision/{rev:segment}")
@door(Action.LIST)
def one_segment(ask: Ask, kind: str, name: str, rev: str = "") -> Response:
    """A repository without a namespace: never here, and said in the words that clients understand."""
    raise repo_not_found(anonymous=ask.actor.is_anonymous)


@router.get("/api/models-tags-by-type")
@door(PUBLIC)
def model_tags(ask: Ask) -> dict[str, Any]:
    return service.tags_by_type(ask.db, ask.actor, "model")


@router.get("/api/datasets-tags-by-type")
@door(PUBLIC)
def dataset_tags(ask: Ask) -> dict[str, Any]:
    return service.tags_by_type(ask.db, ask.actor, "dataset")


@router.get("/api/tasks")
@door(PUBLIC)
def tasks(ask: Ask) -> Response:
    return JSONResponse(dict(service.tasks(ask.db, ask.actor)))


@router.get("/api/quicksearch")
@door(PUBLIC)
def quicksearch(ask: Ask, q: str = "", limit: int = 5) -> dict[str, Any]:
    """A few names of each kind that hold the words."""
    most = max(1, min(limit, 20))
    found: dict[str, Any] = {}
    for kind, plural in (("model", "models"), ("dataset", "datasets"), ("space", "spaces")):
        listing = Listing(kind=kind, search=q[:200], limit=most)
        page = queries.page(ask.db, ask.actor, listing)
        found[plural] = [{"_id": item.repo.id, "id": item.repo.path} for item in page.items]
        found[f"{plural}Count"] = queries.count(ask.db, ask.actor, listing)
    return found


def _names(kind: str, query: QueryParams) -> tuple[str, ...]:
    asked = rules.expand(kind, query)
    if asked:
        return asked
    names = info.LISTED[kind]
    if rules.wants(query, "full"):
        names += info.FULL
    if rules.wants(query, "cardData"):
        names += ("cardData",)
    if rules.wants(query, "config"):
        names += ("config",)
    return tuple(dict.fromkeys(names))


def info_of(ask: Ask, kind: str, path: str, revision: str | None) -> Response:
    query = ask.request.query_params
    wanted = Wanted(rules.expand(kind, query), rules.wants(query, "blobs"), rules.wants(query, "securityStatus"))
    return JSONResponse(service.repo_info(ask.db, ask.kit, ask.actor, kind, path, revision, wanted))
