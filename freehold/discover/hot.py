"""Repository info at the cost of one row: the call that every client makes before every download.

The answer is kept under everything it was made from (the repository's row, its head, the bytes it uses), so that it can
never be older than what was asked for. Whatever one row cannot decide goes the plain way, which ``api`` documents.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from freehold.access.rules import Action, Thing, decide
from freehold.access.service import SESSION_COOKIE, glimpse
from freehold.content.rules import MAIN
from freehold.core.database import RowQuery
from freehold.core.http import quick_door, unit_of_work
from freehold.core.lru import Lru
from freehold.discover import api, rules
from freehold.discover.service import HEAD
from freehold.repos import paths

paths.register()
KEPT_BYTES = 16 << 20
#: An answer to a longer query is not kept: strangers choose the query, and it is part of the key.
MAX_KEPT_QUERY_BYTES = 1024
#: What follows from more than the row: a score fades, other models come, go and become private, and a model that is
#: deployed does not answer everybody.
_ELSEWHERE = frozenset({"trendingScore", "childrenModelCount", "inference"})

_answers: Lru[tuple[object, ...], bytes] = Lru(KEPT_BYTES, lambda body: len(body) + 1000)

#: Every column of the repository is part of the key: whichever of them the info tells, a change of it shows.
_ROW = RowQuery(
    "SELECT r.id, r.owner_id, r.visibility, r.gated, r.creator_id, r.is_disabled, a.name, f.target,"
    " (SELECT SUM(p.size_bytes) FROM packs p WHERE p.repo_id = r.id),"
    " (SELECT SUM(c.size_bytes) FROM repo_contents g JOIN contents c ON c.sha256 = g.sha256 WHERE g.repo_id = r.id),"
    " r.*"
    " FROM repos r JOIN accounts a ON a.id = r.owner_id"
    " LEFT JOIN refs f ON f.repo_id = r.id AND f.name = :ref"
    " WHERE r.kind = :kind AND r.path_key = :path_key"
)


def _kept(request: Request) -> Response | None:
    row = _row(request)
    if row is None or not _may_know(request, row):
        return None
    body = _answers.get(_key(request, row))
    return None if body is None else Response(body, media_type="application/json")


@quick_door(Action.LIST, _kept)
def repo(request: Request) -> Response:
    """What is known about one repository, at the head of ``main`` or at ``rev``."""
    given = request.path_params
    row = _row(request)
    with unit_of_work(request) as ask:
        answer = api.info_of(ask, given["kind"], f"{given['namespace']}/{given['name']}", given.get("rev"))
    if row is not None and _row(request) == row:  # else it may tell of more than the row that it would be kept under
        _answers.put(_key(request, row), bytes(answer.body))
    return answer


def _key(request: Request, row: tuple[Any, ...]) -> tuple[object, ...]:
    return (*row, request.path_params.get("rev"), request.scope["query_string"])


def _row(request: Request) -> tuple[Any, ...] | None:
    """What one row tells of the repository; None for a revision whose commit another row names."""
    given = request.path_params
    if given["kind"] == "space":  # its runtime tells its own people more than others
        return None
    query: bytes = request.scope["query_string"]
    if given.get("rev") not in (None, HEAD) or len(query) > MAX_KEPT_QUERY_BYTES:
        return None
    if query and not _ELSEWHERE.isdisjoint(rules.asked_for(request.query_params)):
        return None
    path_key = f"{given['namespace']}/{given['name']}".lower()
    found: tuple[Any, ...] | None = request.app.state.database.row(
        _ROW, kind=given["kind"], path_key=path_key, ref=MAIN
    )
    return found


def _may_know(request: Request, row: tuple[Any, ...]) -> bool:
    repo_id, owner_id, visibility, gated, creator_id, is_disabled, *_ = row
    credentials = request.headers.get("authorization"), request.cookies.get(SESSION_COOKIE)
    actor = glimpse(request.app.state.database, *credentials)
    thing = Thing(owner_id=owner_id, visibility=visibility, repo_id=repo_id, gated=gated, creator_id=creator_id)
    return actor is not None and not is_disabled and bool(decide(actor, Action.LIST, thing))


_REPO = "/api/{kind:plural}/{namespace}/{name}"
routes: list[BaseRoute] = [
    Route(_REPO, repo, methods=["GET"]),
    Route(_REPO + "/revision/{rev:segment}", repo, methods=["GET"]),
]
