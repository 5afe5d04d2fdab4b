"""Small plots as the numbers of their SVG paths. Pure. Source: the look, "Plots": one line, last value labelled."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Of the drawing, in its own units; the last value stands to the right of the line, the dates below it.
WIDTH, HEIGHT = 320, 84
LEFT, RIGHT, TOP, BASE = 1.0, 287.0, 10.0, 70.0
#: How much the end must differ from the start before the line is said to rise or fall.
STEADY = 0.15


@dataclass(frozen=True)
class Plot:
    """A line from zero: ``line`` and ``area`` are paths, ``x`` and ``y`` its last point.

    ``trend`` is ``up``, ``down`` or ``flat``; ``told`` is what it shows as a sentence.
    """

    line: str
    area: str
    x: float
    y: float
    value: str
    trend: str
    first: str
    last: str
    told: str


def line(values: Sequence[int], *, value: str, first: str, last: str, told: str) -> Plot | None:
    """``values``, oldest first, as a line; None where there are fewer than two. ``value`` labels the last of them."""
    if len(values) < 2:
        return None
    most = max(*values, 1)
    step = (RIGHT - LEFT) / (len(values) - 1)
    points = [(LEFT + step * at, BASE - (BASE - TOP) * number / most) for at, number in enumerate(values)]
    path = " ".join(f"{x:.1f} {y:.1f}" for x, y in points)
    x, y = points[-1]
    area = f"M{path} L{RIGHT:g} {BASE:g} L{LEFT:g} {BASE:g}Z"
    return Plot(f"M{path}", area, round(x, 1), round(y, 1), value, trend(values), first, last, told)


def trend(values: Sequence[int]) -> str:
    """Whether the last third of ``values`` lies above or below the first."""
    third = max(1, len(values) // 3)
    start, end = sum(values[:third]) / third, sum(values[-third:]) / third
    if abs(end - start) <= STEADY * max(start, end):
        return "flat"
    return "up" if end > start else "down"
