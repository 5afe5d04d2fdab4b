"""The answer of "help me choose" as JSON: what an evaluation on one's own examples begins with."""

from collections.abc import Mapping
from typing import Any

from freehold.choosing.helping import Help, Reason
from freehold.choosing.shortlist import Pick
from freehold.choosing.speed import Speed
from freehold.choosing.wishes import Wish


def plain(found: Help, commits: Mapping[str, str], hub: str) -> dict[str, Any]:
    """``commits``: heads of ``main`` by the id of the repository; ``hub`` its address.

    ``asked`` is the question, ``shortlist`` its answer in order, each with the commit it was read from, so that the
    same list can be named later; ``ruledOut`` counts each other model once, under the first reason that holds.
    """
    return {
        "asked": _asked(found.wish),
        "address": hub + found.wish.address(),
        "total": found.total,
        "passing": found.passing,
        "lookedAt": found.looked,
        "shortlist": [_pick(one, commits.get(one.row.repo_id)) for one in found.picks],
        "tradeOffs": list(found.trade_offs),
        "ruledOut": [_reason(one, hub) for one in found.reasons],
        "leftOut": [{"id": one.row.path, "why": one.why} for one in found.left],
        "loosened": [
            {"words": one.words, "number": one.number, "address": hub + one.wish.address()} for one in found.loosened
        ],
        "problems": list(found.wish.problems),
    }


def _asked(wish: Wish) -> dict[str, Any]:
    return {
        "for": wish.use.key if wish.use else None,
        "tasks": list(wish.use.tasks) if wish.use else [],
        "commercial": wish.commercial or None,
        "machine": wish.machine or None,
        "tokens": wish.tokens or None,
        "wordsASecond": wish.words_a_second or None,
        "language": wish.language or None,
    }


def _pick(one: Pick, commit: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": one.row.path,
        "sha": commit,
        "commercial": one.row.verdict or "unresolved",
        "license": one.row.licence or None,
        "parameters": one.row.parameters,
        "contextLength": one.facts.context_length,
        "downloads": one.row.downloads,
        "evaluatedOn": list(one.evaluated),
        "why": list(one.why),
        "also": [row.path for row in one.also],
        "file": one.way.name if one.way else None,
        "quantisation": one.way.label if one.way else None,
        "wordsASecond": _speed(one.speed),
    }
    if one.way is not None and one.fit is not None:
        told["memory"] = {
            "engine": one.way.need.engine,
            "bytes": one.way.need.total_bytes,
            "marginBytes": one.way.need.margin_bytes,
            "usableBytes": one.fit.usable_bytes,
        }
    return told


def _speed(found: Speed | None) -> dict[str, float] | None:
    return {"low": round(found.low, 1), "high": round(found.high, 1)} if found is not None else None


def _reason(one: Reason, hub: str) -> dict[str, Any]:
    return {"words": one.words, "number": one.number, "address": hub + one.address if one.address else None}
