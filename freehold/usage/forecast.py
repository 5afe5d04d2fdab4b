"""How a month will end. Pure.

The mean of the last 28 whole days, day of the week by day of the week: a weekday's own mean as far as it was seen
often enough, the mean of all days as far as not. The interval is as wide as days scatter around that: of months like
the last 28 days, four in five end within it. With fewer than three days nothing is said.
"""

import calendar
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

LOOKED_BACK_DAYS = 28
FEWEST_DAYS = 3
#: Two-sided, four in five of a normal distribution.
Z = 1.2816


@dataclass(frozen=True)
class Forecast:
    """What the month will have come to at its end, and between what."""

    likely: int
    low: int
    high: int


def month_end(by_day: Mapping[date, int], today: date, *, first_day: date | None) -> Forecast | None:
    """The forecast for the month of ``today``; None where too little is known.

    ``by_day``: what was used, days without anything left out; ``first_day``: since when anything was counted at all.
    """
    so_far = sum(used for day, used in by_day.items() if (day.year, day.month) == (today.year, today.month))
    start = today - timedelta(days=LOOKED_BACK_DAYS)
    start = max(start, first_day) if first_day is not None else today
    days = [start + timedelta(days=at) for at in range((today - start).days)]
    if len(days) < FEWEST_DAYS:
        return None
    seen = [by_day.get(day, 0) for day in days]
    mean = sum(seen) / len(seen)
    expected = [_of_weekday(weekday, days, seen, mean) for weekday in range(7)]
    # A weekday's own mean fits its days better than it will fit the next ones: divided by what is left free.
    free = max(1, len(days) - min(7, len(days) - 1))
    scatter = math.sqrt(sum((used - expected[day.weekday()]) ** 2 for day, used in zip(days, seen, strict=True)) / free)
    last = calendar.monthrange(today.year, today.month)[1]
    coming = [today.replace(day=day) for day in range(today.day + 1, last + 1)]
    rest_of_today = max(0.0, expected[today.weekday()] - by_day.get(today, 0))
    likely = so_far + rest_of_today + sum(expected[day.weekday()] for day in coming)
    # As far as the coming days scatter, and as far as the means may be wrong themselves.
    ahead, seen_days = Counter(day.weekday() for day in (today, *coming)), Counter(day.weekday() for day in days)
    unsure = sum(times**2 * max(1, seen_days[one]) / (seen_days[one] + 1) ** 2 for one, times in ahead.items())
    wide = Z * scatter * math.sqrt(len(coming) + 1 + unsure)
    return Forecast(round(likely), round(max(so_far, likely - wide)), round(likely + wide))


def _of_weekday(weekday: int, days: list[date], seen: list[int], mean: float) -> float:
    own = [used for day, used in zip(days, seen, strict=True) if day.weekday() == weekday]
    return (sum(own) + mean) / (len(own) + 1)
