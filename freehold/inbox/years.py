"""A year of activity as a small calendar: a column a week, a mark a day, larger where more happened. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

WEEKS = 53
#: Of the drawing, in its own units: from one day to the next, and where the names of months stand below.
PITCH, BELOW = 6, 52
#: From so many a day on, the mark has this side.
SIDES = ((10, 5), (5, 4), (2, 3), (1, 2))


@dataclass(frozen=True)
class Year:
    """``marks`` is the path of all of them, ``grid`` the days themselves; ``months`` have their place and name."""

    marks: str
    grid: str
    months: Sequence[tuple[int, str]]
    width: int
    height: int
    total: int
    days: int  #: on which something happened
    most: int
    most_on: date


def began(today: date) -> date:
    """The first day that the calendar of ``today`` shows, a Monday."""
    return today - timedelta(days=today.weekday(), weeks=WEEKS - 1)


def drawn(days: Sequence[date], today: date) -> Year | None:
    """The calendar of what happened on ``days`` (one entry each time); None where nothing did in this year."""
    first = began(today)
    counts = Counter(day for day in days if first <= day <= today)
    if not counts:
        return None
    most_on, most = max(counts.items(), key=lambda item: (item[1], item[0]))
    return Year(
        marks="".join(_mark((day - first).days, counts[day]) for day in sorted(counts)),
        grid="".join(f"M{PITCH // 2} {row * PITCH + PITCH // 2}H{WEEKS * PITCH}" for row in range(7)),
        months=_months(first),
        width=WEEKS * PITCH,
        height=BELOW + 2,
        total=counts.total(),
        days=len(counts),
        most=most,
        most_on=most_on,
    )


def _mark(at: int, count: int) -> str:
    week, weekday = divmod(at, 7)
    side = next(side for least, side in SIDES if count >= least)
    inset = (PITCH - side) / 2
    return f"M{week * PITCH + inset:g} {weekday * PITCH + inset:g}h{side}v{side}h-{side}z"


def _months(first: date) -> Sequence[tuple[int, str]]:
    """Every second month, where its first full week begins: there is room for the names of so many."""
    mondays = [first + timedelta(weeks=week) for week in range(WEEKS)]
    turns = [week for week in range(1, WEEKS - 2) if mondays[week].month != mondays[week - 1].month]
    return [(week * PITCH, f"{mondays[week]:%b}") for week in turns[::2]]
