"""How a month will end: pure."""

import random
from datetime import date, timedelta

import pytest

from freehold.usage.forecast import Z, month_end

pytestmark = pytest.mark.rules
TODAY = date(2026, 11, 16)
MONTH = [date(2026, 11, day) for day in range(1, 31)]


def test_too_few_days_tell_nothing() -> None:
    assert month_end({}, TODAY, first_day=None) is None
    two = {TODAY - timedelta(days=back): 5 for back in range(3)}
    assert month_end(two, TODAY, first_day=TODAY - timedelta(days=2)) is None
    assert month_end(two, TODAY, first_day=TODAY - timedelta(days=3)) is not None


def test_a_steady_month_ends_as_it_went() -> None:
    steady = {TODAY - timedelta(days=back): 100 for back in range(1, 29)}
    told = month_end(steady, TODAY, first_day=min(steady))
    assert told is not None
    assert (told.low, told.likely, told.high) == (3000, 3000, 3000)


def test_weekends_are_told_from_workdays() -> None:
    def used(day: date) -> int:
        return 0 if day.weekday() >= 5 else 100

    past = {day: used(day) for back in range(1, 29) if (day := TODAY - timedelta(days=back))}
    told = month_end(past, TODAY, first_day=min(past))
    assert told is not None
    assert abs(told.likely - sum(map(used, MONTH))) < 100, "nearer than a plain mean would be on most days"
    assert told.low <= sum(map(used, MONTH)) <= told.high


def test_what_was_used_is_never_taken_back() -> None:
    odd = {TODAY: 10_000} | {TODAY - timedelta(days=back): 1 for back in range(1, 29)}
    told = month_end(odd, TODAY, first_day=min(odd))
    assert told is not None
    assert told.low >= 10_000


def test_four_months_of_five_end_within_the_interval() -> None:
    rng, within, tries = random.Random(7), 0, 400
    for _ in range(tries):

        def day_use(day: date) -> int:
            return max(0, round(rng.gauss(200 if day.weekday() < 5 else 50, 60)))

        use = {TODAY + timedelta(days=at): day_use(TODAY + timedelta(days=at)) for at in range(-28, 15)}
        use[TODAY] = 0
        known = {day: n for day, n in use.items() if day <= TODAY}
        told = month_end(known, TODAY, first_day=min(known))
        assert told is not None
        ended = sum(n for day, n in use.items() if day.month == 11) + day_use(TODAY)
        within += told.low <= ended <= told.high
    assert pytest.approx(1.28, abs=0.01) == Z
    assert 0.74 < within / tries < 0.92
