"""Lists and repository info over JSON. Source: protocol/hub-api.md 1.5, 4."""

from typing import Annotated, Any

from fastapi import Query
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action
from freehold.accounts.queries import avatar_path
from freehold.core.http import PUBLIC, Ask, door, next_page
from freehold.core.paging import encode
from freehold.core.routes import Router
from freehold.discover import finding, info, machines, queries, rules, service, suggesting, telling
from freehold.discover.finding import Search
from freehold.discover.service import Wanted
from freehold.repos import paths
from freehold.repos.errors import repo_not_found
from freehold.web.slots import Slots

paths.register()
router = Router(tags=["discover"])
#: Items of a page that names every file of each: each needs its repository opened.
MAX_FULL = 100
#: Discussions that are suggested while one types.
THREADS = 2
OPENED = {"siblings", "mainSize", "runtime", "usedStorage", "evalResults", "childrenModelCount"}


@router.get("/api/{kind:plural}", openapi_extra={"parameters": telling.parameters()})
@door(PUBLIC)
def list_repos(ask: Ask, kind: str) -> Response:
    """The repositories of a kind that whoever asks may know of: all questions of lists, combined freely.

    What is no answer to a question is refused with 400 and what would be one.
    """
    query = ask.request.query_params
    names = _names(kind, query)
    own = machines.of(ask.db, ask.actor) if ":" in query.get("fits", "") else rules.NO_MACHINES
    listing = rules.listing(kind, query, most=MAX_FULL if OPENED & set(names) else rules.MAX_PAGE, own=own)
    page = queries.page(ask.db, ask.actor, listing, with_data=bool(info.OF_DATA & set(names)))
    items = service.listed_all(ask.db, ask.kit, ask.actor, page.items, names)
    headers = next_page(ask.request, encode(page.next)) if page.next else {}
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


@router.get("/api/spaces/semantic-search")
@door(PUBLIC)
def search_spaces(ask: Ask, q: Annotated[str, Query(max_length=1000)] = "") -> Response:
    """Spaces by words in their names: this hub compares no meanings, so no score of that is made up.

    Spaces that do not run are among them, because none runs here yet. Source: protocol/hub-api.md 4.
    """
    listing = rules.space_search(q, ask.request.query_params)
    page = queries.page(ask.db, ask.actor, listing)
    return JSONResponse([service.found_space(ask.db, ask.kit, ask.actor, item) for item in page.items])


@router.get("/-/suggest", include_in_schema=False)
@door(PUBLIC)
def suggest(ask: Ask, q: str = "") -> Response:
    """For the search field of our own pages: ``[{"label": "Models", "items": [{"text", "note", "address"}]}]``."""
    words = suggesting.plain(q)
    slots: Slots = ask.request.app.state.slots
    threads = slots.search[0](ask, words, THREADS) if words and slots.search else None
    groups = suggesting.suggest(ask.db, ask.actor, words, threads)
    shown = [
        {
            "label": group.label,
            "items": [{"text": one.text, "note": one.note, "address": one.address} for one in group.suggestions],
        }
        for group in groups
    ]
    return JSONResponse(shown, headers={"Cache-Control": "private, no-cache", "Vary": "Cookie"})


@router.get("/api/{kind:plural}/{name}")
@router.get("/api/{kind:plural}/{name}/revision/{rev:segment}")
@door(Action.LIST)
def one_segment(ask: Ask, kind: str, name: str, rev: str = "") -> Response:
    """A repository without a namespace: never here, and said in the words that clients understand."""
    raise repo_not_found(anonymous=ask.actor.is_anonymous)


@router.get("/api/{kind:plural}/{namespace}/{name}/scan")
@door(Action.READ)
def scan(ask: Ask, kind: str, namespace: str, name: str) -> dict[str, Any]:
    """What scanners found: nothing scans files on this hub yet, so nothing is called safe."""
    return service.scan_status(ask.db, ask.actor, kind, f"{namespace}/{name}")


@router.get("/api/models/{namespace}/{name}/openness")
@door(Action.LIST)
def openness_of_model(ask: Ask, namespace: str, name: str) -> dict[str, Any]:
    """How open a model is: six dimensions, each open, partly, closed or unknown, with what that rests on."""
    return service.openness(ask.db, ask.kit, ask.actor, "model", f"{namespace}/{name}")


@router.get("/api/datasets/{namespace}/{name}/openness")
@door(Action.LIST)
def openness_of_dataset(ask: Ask, namespace: str, name: str) -> dict[str, Any]:
    """How open a data set is: four dimensions, as of a model."""
    return service.openness(ask.db, ask.kit, ask.actor, "dataset", f"{namespace}/{name}")


@router.get("/api/models/{namespace}/{name}/safetensors-metadata/{filename:rest}")
@door(Action.READ)
def safetensors_metadata(ask: Ask, namespace: str, name: str, filename: str) -> Response:
    """The headers of every part of a model, in one call. Source: protocol/hub-api.md 1.8."""
    told = service.safetensors_metadata(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", filename)
    return Response(told, media_type="application/json")


@router.get("/api/datasets/{namespace}/{name}/leaderboard")
@door(Action.READ)
def leaderboard(
    ask: Ask,
    namespace: str,
    name: str,
    base_model: bool = True,
    task_id: Annotated[str | None, Query(max_length=200)] = None,
) -> list[dict[str, Any]]:
    """Models by their score on a benchmark, the highest first. Source: protocol/hub-api.md 1.8."""
    found = service.leaderboard(
        ask.db, ask.kit, ask.actor, f"{namespace}/{name}", task=task_id, with_derived=not base_model
    )
    return [_standing(ask, one) for one in found]


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
    """A few of everything whose name holds the words: of one ``type`` or more, or of all."""
    types = [word for text in ask.request.query_params.getlist("type") for word in text.split(",") if word]
    search = Search(q[:200].strip(), types[:20], max(1, min(limit, 20)), ask.base_url)
    return finding.quick(ask.db, ask.actor, search)


def _standing(ask: Ask, one: queries.Standing) -> dict[str, Any]:
    owner = one.repo.owner
    author = {
        "type": "user" if owner.kind == "user" else "org",
        "name": owner.name,
        "fullname": owner.full_name,
        "avatarUrl": ask.base_url + avatar_path(owner),
    }
    told = {"rank": one.rank, "modelId": one.repo.path, "value": one.value, "filename": one.filename}
    return {
        **told,
        "verified": False,  # nothing here verifies a result yet
        "source": one.data.get("source"),
        "notes": one.data.get("notes"),
        "author": author,
    }


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
