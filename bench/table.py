"""Rows, the table they make, and the file they are kept in."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True)
class Row:
    """One figure. ``met`` is None where there is no target, or nothing could be measured (``note`` says why)."""

    what: str
    ours: str = ""
    peer: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None
    note: str = ""
    samples: dict[str, list[float]] = field(default_factory=dict)


def mib_per_s(size_bytes: int, wall_s: float) -> str:
    return f"{size_bytes / MIB / wall_s:,.0f} MiB/s"


def mib(size_bytes: float) -> str:
    return f"{size_bytes / MIB:,.1f} MiB"


def text(rows: Iterable[Row]) -> str:
    """The table as Markdown, columns aligned."""
    head = ["what", "ours", "peer", "ratio", "target", "", "note"]
    cells = [[row.what, row.ours, row.peer, row.ratio, row.target, _verdict(row), row.note] for row in rows]
    widths = [max(len(line[column]) for line in [head, *cells]) for column in range(len(head))]
    lines = [_line(head, widths), _line(["-" * width for width in widths], widths)]
    return "\n".join([*lines, *(_line(line, widths) for line in cells)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _verdict(row: Row) -> str:
    return {True: "ok", False: "MISS", None: ""}[row.met]


def keep(folder: Path, name: str, facts: dict[str, str], rows: Sequence[Row]) -> Path:
    """The table and every sample behind it, in ``folder``; returns the path of the table."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"facts": facts, "rows": [asdict(row) for row in rows]}, indent=1))
    path = folder / f"{name}.md"
    about = "\n".join(f"- {key}: {value}" for key, value in facts.items())
    path.write_text(f"# Measured {name}\n\n{about}\n\n{text(rows)}\n")
    return path
