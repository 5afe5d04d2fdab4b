"""Trends over JSON and CSV, for whoever wants to draw or reckon with them."""

import hashlib
from typing import Annotated

from fastapi import Query
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.trends import dimensions, exports, rules, telling
from freehold.trends.telling import Told

router = Router(tags=["trends"])

_BY = ", ".join(dict.fromkeys(one.name for one in dimensions.DIMENSIONS))
Kind = Annotated[str, Query(description=f"One of {', '.join(rules.USUAL)}.")]
By = Annotated[str, Query(description=f"What they are divided by: {_BY}; not every kind has each.")]
Measure = Annotated[str, Query(description=f"One of {', '.join(rules.MEASURES)}.")]
As = Annotated[str, Query(alias="as", description="share (of all of the kind) or number: what is compared.")]
Span = Annotated[str, Query(description=f"One of {', '.join(rules.SPANS)}.")]
Grain = Annotated[str, Query(description=f"One of {', '.join(rules.GRAINS)}, as far as the span has them.")]
_CSV = {200: {"content": {"text/csv": {}}, "description": "A line a word, a column a stretch of time."}}
_JSON = {
    200: {
        "description": (
            "Words of the dimension, those with most first, at most 200. `now` and `before` are sums over the "
            "stretches of time of the same names, `numbers` those of each of `stretches`; `ratio` is what `now` is of "
            "`before` (of shares, where `as` is share), and lies between `low` and `high` with a probability of 99 %. "
            "`reading` is rising, falling, steady or unclear; null where nothing can be compared."
        )
    }
}


@router.get("/api/trends", responses=_JSON)  # type: ignore[arg-type]
@door(PUBLIC)
def trends(
    ask: Ask, kind: Kind = "", by: By = "", measure: Measure = "", as_: As = "", span: Span = "", grain: Grain = ""
) -> Response:
    """Which kinds of public repository rise and fall. Answers 304 to an ``If-None-Match`` of what is still so."""
    told = _told(ask, kind, by, measure, as_, span, grain)
    return _kept(ask, told, "json") or JSONResponse(exports.as_json(told, ask.base_url), headers=_headers(told, "json"))


@router.get("/api/trends.csv", responses=_CSV)  # type: ignore[arg-type]
@door(PUBLIC)
def trends_as_csv(
    ask: Ask, kind: Kind = "", by: By = "", measure: Measure = "", as_: As = "", span: Span = "", grain: Grain = ""
) -> Response:
    """The same as a table for spreadsheets: texts that one would run as a formula begin with a ``'``."""
    told = _told(ask, kind, by, measure, as_, span, grain)
    name = f"trends-{told.asked.kind}-{told.asked.by}-{told.asked.measure}-{told.asked.span}.csv"
    headers = _headers(told, "csv") | {"Content-Disposition": f'attachment; filename="{name}"'}
    answer = Response(exports.as_csv(told), media_type="text/csv; charset=utf-8", headers=headers)
    return _kept(ask, told, "csv") or answer


def _told(ask: Ask, kind: str, by: str, measure: str, as_: str, span: str, grain: str) -> Told:
    given = {"kind": kind, "by": by, "measure": measure, "as": as_, "span": span, "grain": grain}
    return telling.tell(ask.db, rules.question(QueryParams(given)))


def _headers(told: Told, form: str) -> dict[str, str]:
    # The same for everybody, so that any cache may keep it, as long as it asks whether it is still so.
    return {"ETag": _etag(told, form), "Cache-Control": "public, no-cache"}


def _etag(told: Told, form: str) -> str:
    """Of what was counted and the day, which decide the answer together with the question."""
    said = f"{told.stamp} {told.counted_at} {told.stretches} {told.asked} {form}"
    return f'"{hashlib.blake2b(said.encode(), digest_size=12).hexdigest()}"'


def _kept(ask: Ask, told: Told, form: str) -> Response | None:
    """304 where the caller has this answer already."""
    given = [tag.strip().removeprefix("W/") for tag in ask.request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers=_headers(told, form)) if _etag(told, form) in given else None
