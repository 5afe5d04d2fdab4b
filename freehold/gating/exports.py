"""Long lists as files: JSON or CSV, a page at a time, so that neither memory nor a transaction grows with them."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse

from freehold.core.database import Database

Format = Literal["json", "csv"]
#: Fetches the page after a row (None: the first).
Fetch = Callable[[Session, Any], Sequence[Any]]
#: What a spreadsheet would run as a formula. Source: OWASP, CSV injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def file(
    database: Database,
    fetch: Fetch,
    shape: Callable[[Any], dict[str, Any]],
    columns: Sequence[str],
    *,
    form: Format,
    name: str,
) -> StreamingResponse:
    """Everything that ``fetch`` finds, shaped, as an attachment called ``name``. The caller has checked who asks."""
    rows = (shape(row) for row in _all(database, fetch))
    pieces = _json(rows) if form == "json" else _csv(rows, columns)
    return StreamingResponse(
        pieces,
        media_type="application/json" if form == "json" else "text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.{form}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _all(database: Database, fetch: Fetch) -> Iterator[Any]:
    last = None
    while True:
        with database.read() as db:
            page = fetch(db, last)
        yield from page
        if not page:
            return
        last = page[-1]


def _json(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield "["
    for number, row in enumerate(rows):
        yield (",\n" if number else "\n") + json.dumps(row, ensure_ascii=False)
    yield "\n]\n"


def _csv(rows: Iterator[dict[str, Any]], columns: Sequence[str]) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    yield line.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False) if value else ""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
