"""What one chooses by, for programs: calls of this hub's own."""

from typing import Any

from starlette.responses import JSONResponse, Response

from freehold.access.rules import Action
from freehold.choosing import choice, exports, helping, similar, trees, wishes
from freehold.choosing.comparing import compare
from freehold.choosing.trees import Node
from freehold.choosing.uses import USES
from freehold.core.errors import BadRequest
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.repos import service as repos

router = Router(prefix="/api")


@router.get("/compare")
@door(PUBLIC)
def compared(ask: Ask) -> Response:
    """Repositories side by side: ``models=ns/name`` or ``datasets=ns/name``, each up to five times.

    ``machine``, ``users`` and ``tokens`` say what has to fit, ``only=differences`` leaves out what all say alike;
    ``format``: json, csv or markdown.
    """
    wanted = ask.request.query_params.get("format") or "json"
    found = compare(ask)
    if wanted == "json":
        told: dict[str, Any] = exports.plain(found)
        return JSONResponse(told)
    if wanted not in exports.FORMS:
        raise BadRequest(f"format is json, csv or markdown; {wanted[:40]!r} is not.")
    media_type, ending, write = exports.FORMS[wanted]
    name = f'attachment; filename="comparison.{ending}"'
    return Response(write(found), media_type=media_type, headers={"Content-Disposition": name})


@router.get("/choose")
@door(PUBLIC)
def chosen(ask: Ask) -> Response:
    """A shortlist by six questions, with the reason for each and what ruled out the rest (docs/choosing.md).

    ``for`` is asked of everybody; ``commercial``, ``machine``, ``length`` with its ``unit``, ``speed`` and ``language``
    may be left out.
    """
    wish = wishes.read(ask.request.query_params)
    if wish.use is None or wish.problems:
        raise BadRequest(" ".join(wish.problems) or f"for is one of {', '.join(USES)}.")
    own, _ = helping.own_machines(ask)
    found = helping.help_choosing(ask, wish, own)
    if found.wish.problems:
        raise BadRequest(" ".join(found.wish.problems))
    return JSONResponse(choice.plain(found, helping.heads(ask.db, found), ask.base_url))


@router.get("/models/{namespace}/{name}/-/lineage")
@door(Action.LIST)
def lineage(ask: Ask, namespace: str, name: str) -> Response:
    """What a model was made from, and what was made from it: ``relation`` narrows it, ``open=ns/name`` opens others.

    Of each relation the most downloaded models and how many there are; ``isMore``: at least so many.
    """
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.LIST)
    query = ask.request.query_params
    relation = query.get("relation") or ""
    if relation and relation not in trees.RELATIONS:
        raise BadRequest(f"relation is one of {', '.join(trees.RELATIONS)}; {relation[:40]!r} is not.")
    opened = [path[:200].lower() for path in query.getlist("open")]
    found = trees.family(ask.db, ask.actor, repo, relation=relation, opened=opened)
    return JSONResponse(_node(found.root) | {"totals": dict(found.totals), "isMore": found.is_more})


@router.get("/{kind:plural}/{namespace}/{name}/-/similar")
@door(Action.LIST)
def similar_to(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    """Public repositories like a model or a data set, the nearest first, each with why."""
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.LIST, kind=kind)
    found = similar.of(ask.db, repo)
    return JSONResponse(
        [{"id": one.row.path, "reasons": list(one.reasons), "otherVersions": one.others} for one in found]
    )


def _node(node: Node) -> dict[str, Any]:
    told: dict[str, Any] = {"id": node.path or None, "relation": node.relation or None}
    if node.is_hidden:
        told["isHidden"] = True
    if node.row is not None:
        told["parameters"], told["commercial"] = node.row.parameters, node.row.verdict or None
        told["downloads"] = node.row.downloads
    if node.note:
        told["note"] = node.note
    if node.has_more:
        told["hasMore"] = True
    if node.above:
        told["above"] = [_node(one) for one in node.above]
    if node.below:
        told["below"] = {
            way.relation: {"total": way.total, "isMore": way.is_more, "models": [_node(one) for one in way.nodes]}
            for way in node.below
        }
    return told
