"""Figures as the look wants them."""

from datetime import UTC, datetime, timedelta

import pytest

from freehold.web import figures

GAP = "\u00a0"


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (612, "612 B"),
        (1_500, "1.5 kB"),
        (10_600, "10.6 kB"),
        (466_247, "466 kB"),
        (999_600, "1 MB"),
        (90_868_376, "90.9 MB"),
        (253_000_000, "253 MB"),
        (1 << 40, "1.1 TB"),
        (None, "—"),
    ],
)
def test_sizes(size_bytes: int | None, shown: str) -> None:
    assert figures.size(size_bytes).replace(GAP, " ") == shown


@pytest.mark.parametrize(("number", "shown"), [(950, "950"), (9_999, "9,999"), (134_515_008, "134.5 M"), (None, "—")])
def test_short_counts(number: int | None, shown: str) -> None:
    assert figures.short(number).replace(GAP, " ") == shown


@pytest.mark.parametrize(
    ("before", "short", "long"),
    [
        (timedelta(seconds=20), "now", "just now"),
        (timedelta(minutes=5), "5 min", "5 minutes ago"),
        (timedelta(hours=1), "1 h", "1 hour ago"),
        (timedelta(days=9), "9 d", "9 days ago"),
        (timedelta(days=160), "5 mo", "5 months ago"),
        (timedelta(days=800), "2 y", "2 years ago"),
        (timedelta(seconds=-5), "now", "just now"),
    ],
)
def test_how_long_ago(before: timedelta, short: str, long: str) -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert figures.ago(now - before, now).replace(GAP, " ") == short
    assert figures.long_ago(now - before, now) == long


def test_a_moment_is_told_in_utc() -> None:
    assert figures.exact(datetime(2026, 11, 11, 9, 14, tzinfo=UTC)) == "11 November 2026, 09:14 UTC"
