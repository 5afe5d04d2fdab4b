"""The first rows of a table that is kept as text: CSV, TSV, lines of JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

MAX_ROWS = 200
MAX_COLUMNS = 50
MAX_CELL_CHARACTERS = 300


@dataclass(frozen=True)
class Table:
    """Rows as text, each as long as ``columns``. ``figures``: which columns hold numbers only."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: Sequence[bool]
    more_columns: int
    has_more_rows: bool


class NoTable(Exception):
    """The text is no table of this sort; the message says where it stops being one."""


def separated(text: str, delimiter: str, *, is_whole: bool) -> Table:
    """A table of CSV or TSV, its first row the head. Raises :class:`NoTable`."""
    if not is_whole:
        text = text[: text.rfind("\n") + 1] or text  # the last line goes on
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        found = list(islice((row for row in reader if row), MAX_ROWS + 2))
    except csv.Error as err:
        raise NoTable(f"Line {reader.line_num:,} cannot be read as a row: {err}.") from err
    if not found:
        raise NoTable("It has no row.")
    head, *rows = found
    width = max(map(len, found))
    names = head[:MAX_COLUMNS] + [""] * (min(width, MAX_COLUMNS) - len(head))
    return _table(names, [row[:MAX_COLUMNS] for row in rows], width, has_more_rows=not is_whole)


def json_lines(text: str, *, is_whole: bool) -> Table:
    """A table of one JSON object a line: a column for each key, in the order they come. Raises :class:`NoTable`."""
    lines = text.split("\n")
    if not is_whole and len(lines) > 1:
        lines.pop()
    objects: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if len(objects) > MAX_ROWS:
            break
        objects.append(_object(line, number))
        columns |= dict.fromkeys(objects[-1])
    if not columns:
        raise NoTable("It has no row.")
    names = list(columns)[:MAX_COLUMNS]
    rows = [[_words(item.get(name)) for name in names] for item in objects]
    return _table(names, rows, len(columns), has_more_rows=not is_whole)


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        # Numbers stay as they are written: a million digits are no integer of ours.
        found = json.loads(line, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as err:
        raise NoTable(f"Line {number:,} is not JSON.") from err
    if not isinstance(found, dict):
        raise NoTable(f"Line {number:,} is not a JSON object.")
    return found


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "…"


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, has_more_rows: bool) -> Table:
    shown = [[_cell(row[at]) if at < len(row) else "" for at in range(len(names))] for row in rows[:MAX_ROWS]]
    figures = [_is_figures([row[at] for row in shown]) for at in range(len(names))]
    more = has_more_rows or len(rows) > MAX_ROWS
    return Table([_cell(name) for name in names], shown, figures, max(0, width - len(names)), more)


def _cell(text: str) -> str:
    return text if len(text) <= MAX_CELL_CHARACTERS else text[: MAX_CELL_CHARACTERS - 1] + "…"


def _is_figures(cells: Sequence[str]) -> bool:
    given = [cell for cell in cells if cell]
    return bool(given) and all(_is_number(cell) for cell in given)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return len(cell) <= 40
