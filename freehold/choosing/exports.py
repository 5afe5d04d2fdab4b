"""A comparison as a file: JSON for programs, CSV for spreadsheets, Markdown for what one writes. Pure."""

import csv
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from freehold.choosing.cells import Cell
from freehold.choosing.comparing import Comparison
from freehold.web.sheets import safe_cell

#: What Markdown would read as more than text; ends of lines would end the table.
_MARKS = re.compile(r"([\\`*_\[\]<>|~])")


def plain(found: Comparison) -> dict[str, Any]:
    """As JSON. Columns of which there is nothing to say come last, each with why; groups have cells for the others."""
    return {
        "kind": found.asked.kind,
        "fit": {"machine": found.wish.machine, "users": found.wish.users, "tokens": found.wish.tokens},
        "columns": [{"asked": column.name.path, "path": column.path, "note": column.note} for column in found.shown],
        "absent": [{"asked": column.name.path, "problem": column.problem} for column in found.absent],
        "groups": [
            {
                "label": group.label,
                "note": group.note,
                "rows": [
                    {"label": line.label, "differs": line.differs, "cells": [_cell(cell) for cell in line.cells]}
                    for line in group.lines
                ],
            }
            for group in found.groups
        ],
        "alike": list(found.alike),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    said = {
        "value": cell.words,
        "evidence": cell.evidence,
        "exact": cell.title,
        "why": cell.why,
        "mark": cell.mark,
        "best": cell.best,
    }
    return {key: value for key, value in said.items() if value or key == "value"}


def sheet(found: Comparison) -> str:
    """As CSV: of each column what is said and where it comes from. No cell is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    heads = [word for column in found.shown for word in (column.path, f"{column.path}: evidence")]
    writer.writerow([safe_cell(word) for word in ("group", "row", *heads)])
    for group in found.groups:
        for line in group.lines:
            said = [word for cell in line.cells for word in (_words(cell), cell.evidence)]
            writer.writerow([safe_cell(word) for word in (group.label, line.label, *said)])
    return out.getvalue()


def markdown(found: Comparison) -> str:
    """As a table of Markdown, the evidence beside what it stands for where it was not computed."""
    heads = ["", *(column.path for column in found.shown)]
    lines = [_row(heads), _row(["---"] * len(heads), escape=False)]
    for group in found.groups:
        lines.append(_row([f"**{_escaped(group.label)}**", *[""] * len(found.shown)], escape=False))
        lines += [_row([line.label, *map(_with_evidence, line.cells)]) for line in group.lines]
    return "\n".join(lines) + "\n"


def _words(cell: Cell) -> str:
    return f"{cell.words} ({cell.why})" if cell.why else cell.words


def _with_evidence(cell: Cell) -> str:
    return f"{_words(cell)} ({cell.evidence})" if cell.evidence in ("declared", "contradiction") else _words(cell)


def _row(words: list[str], *, escape: bool = True) -> str:
    return f"| {' | '.join(_escaped(word) if escape else word for word in words)} |"


def _escaped(text: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


#: Forms by the word of the address: the type of the answer, the ending of the file, what writes it.
FORMS: Mapping[str, tuple[str, str, Callable[[Comparison], str]]] = {
    "csv": ("text/csv; charset=utf-8", "csv", sheet),
    "markdown": ("text/markdown; charset=utf-8", "md", markdown),
}
