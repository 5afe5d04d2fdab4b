"""Numbers as lines: the paths of SVGs without a script, a grid or a legend. Pure. Source: the look, "Plots"."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Of one of many plots, of one alone, and of one in a row of a table: width of the line, height, and its highest point.
MULTIPLE, LARGE, SPARK = (169.0, 55.0, 5.0), (620.0, 130.0, 10.0), (77.0, 18.0, 2.0)


@dataclass(frozen=True)
class Line:
    """A line from zero to its own highest; ``x`` and ``y`` its last point. Gaps are where nothing is known."""

    path: str
    x: str
    y: str


def line(values: Sequence[float | None], box: tuple[float, float, float]) -> Line | None:
    """``values``, oldest first, None for a gap; no line where nothing is known."""
    right, floor, top = box
    most = max((value for value in values if value is not None), default=None)
    if most is None:
        return None
    scale, step = (floor - top) / (most or 1), (right - 1) / max(1, len(values) - 1)
    drawn, last, is_open = list[str](), ("1", _short(floor)), False
    for place, value in enumerate(values):
        if value is None:
            is_open = False
            continue
        last = _short(1 + step * place if len(values) > 1 else right), _short(floor - scale * value)
        drawn.append(f"{'' if is_open else 'M'}{last[0]} {last[1]}")
        is_open = True
    return Line(" ".join(drawn), *last)


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
