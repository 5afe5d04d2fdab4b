"""Papers over JSON: this hub keeps none, so lists are empty and every id is unknown. Source: protocol/hub-api.md 9.

What was asked is checked all the same: a mistyped date is told, not answered with an empty list.
"""

import re
from datetime import date as calendar_date
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from freehold.core.errors import BadRequest
from freehold.core.http import PUBLIC, Ask, door
from freehold.core.routes import Router
from freehold.discover.errors import PaperNotFound

router = Router(tags=["papers"])
SORTS = ("publishedAt", "trending")
Text = Annotated[str, Query(max_length=200)]


@router.get("/api/papers/search")
@door(PUBLIC)
def search(ask: Ask, q: Text = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Any]:
    return []


@router.get("/api/papers")
@door(PUBLIC)
def papers(ask: Ask) -> list[Any]:
    return []


@router.get("/api/daily_papers")
@door(PUBLIC)
def daily(
    ask: Ask,
    date: Text = "",
    week: Text = "",
    month: Text = "",
    sort: Text = "publishedAt",
    submitter: Text = "",
    p: Annotated[int, Query(ge=0, le=1 << 31)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> list[Any]:
    """The papers of a day, week or month. Raises 400 for one that is not in the calendar."""
    check_period(date, week, month)
    if sort not in SORTS:
        raise BadRequest(f"{sort[:40]!r} is not a sort order; use {' or '.join(SORTS)}.")
    return []


@router.get("/api/papers/{paper_id}")
@router.get("/papers/{paper_id}.md", include_in_schema=False)
@door(PUBLIC)
def paper(ask: Ask, paper_id: str) -> Response:
    raise PaperNotFound(paper_id)


def check_period(date: str, week: str, month: str) -> None:
    """Raises :class:`BadRequest` for a day, ISO week or month that is not in the calendar."""
    try:
        if date:
            _whole(r"\d{4}-\d\d-\d\d", date)
            calendar_date.fromisoformat(date)
        if week:
            year, number = _whole(r"(\d{4})-W(\d\d)", week)
            calendar_date.fromisocalendar(int(year), int(number), 1)
        if month:
            year, number = _whole(r"(\d{4})-(\d\d?)", month)
            calendar_date(int(year), int(number), 1)
    except ValueError as err:
        raise BadRequest("date takes YYYY-MM-DD, week YYYY-Www and month YYYY-MM, each in the calendar.") from err


def _whole(pattern: str, text: str) -> tuple[str, ...]:
    found = re.fullmatch(pattern, text, re.ASCII)
    if found is None:
        raise ValueError(text)
    return found.groups()
