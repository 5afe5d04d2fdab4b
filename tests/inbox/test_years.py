"""A year of activity, drawn."""

from datetime import date, timedelta

from freehold.inbox import years

TODAY = date(2026, 11, 26)  # a Thursday


def test_a_year_is_drawn_a_column_a_week() -> None:
    year = years.drawn([TODAY] * 12 + [TODAY - timedelta(days=7)] * 3 + [date(2020, 1, 1)], TODAY)
    assert year is not None
    assert (year.total, year.days, year.most, year.most_on) == (15, 2, 12, TODAY), "what is older is not shown"
    assert year.marks == "M307.5 19.5h3v3h-3zM312.5 18.5h5v5h-5z"
    assert [name for _, name in year.months][:2] == ["Dec", "Feb"]
    assert all(0 < x < year.width for x, _ in year.months)


def test_nothing_is_no_drawing() -> None:
    assert years.drawn([], TODAY) is None
    assert years.drawn([TODAY + timedelta(days=1), years.began(TODAY) - timedelta(days=1)], TODAY) is None
    assert years.began(TODAY).weekday() == 0
