"""Trends in words and figures, for pages. Pure."""

from collections.abc import Sequence
from datetime import date

from freehold.repos.heads import LABELS
from freehold.trends.rules import Change, Question, Stretches, next_stretch
from freehold.trends.telling import Word
from freehold.web.figures import GAP, UNKNOWN, short

#: What a number of a measure is called.
UNITS = {"downloads": "downloads", "new": "new", "there": "there", "likes": "likes"}
OF_ALL = {"downloads": "of downloads", "new": "of new ones", "there": "of all", "likes": "of likes"}
WAYS = {"up": "rising", "down": "falling", "flat": "steady", "unclear": "not clear"}
KINDS = {kind: LABELS[kind] for kind in ("model", "dataset", "space")}


def figure(asked: Question, word: Word) -> str:
    """How much there is now, as it was asked for."""
    return percent(word.share) if asked.is_share else short(word.now)


def value(asked: Question, one: float | None) -> str:
    """The number of one stretch, as it was asked for."""
    if one is None:
        return UNKNOWN
    return percent(one / 100) if asked.is_share else f"{one:,.0f}"


def percent(share: float | None) -> str:
    if share is None:
        return UNKNOWN
    return f"{_three(100 * share)}{GAP}%"


def difference(asked: Question, word: Word) -> str:
    """What changed: points of a share, or per cent of the number; ``new`` where nothing was before."""
    if word.change is None or word.before is None:
        return ""
    if asked.is_share:
        points = 100 * ((word.share or 0) - (word.share_before or 0))
        return "no change" if abs(points) < 0.005 else f"{_signed(points)} points"
    if word.before == 0:
        return "new" if word.now else "no change"
    return _percents(word.now / word.before - 1)


def between(change: Change | None) -> str:
    """The bounds that a change lies between, as what was is multiplied by: ``× 0.79–1.2``."""
    if change is None:
        return UNKNOWN
    low, high = change.factor(change.low), change.factor(change.high)
    return f"×{GAP}{_two(low)}–{_two(high)}"


def _two(number: float) -> str:
    return short(round(number)) if number >= 10 else f"{number:.2g}" if number >= 0.01 else "0"


def _percents(ratio: float) -> str:
    if ratio > 9:
        return f"×{GAP}{short(round(ratio + 1))}"
    return f"{_signed(100 * ratio)}{GAP}%" if abs(ratio) >= 0.0005 else f"0{GAP}%"


def _signed(number: float) -> str:
    return f"{'+' if number > 0 else '−'}{_three(abs(number))}"


def _three(number: float) -> str:
    """About three digits, and no more than two behind the point."""
    if number >= 99.95:
        return f"{number:,.0f}"
    return f"{number:.1f}".removesuffix(".0") if number >= 9.95 else f"{number:.2f}".rstrip("0").rstrip(".")


# ---- time ------------------------------------------------------------------------------------------------------


def stretch(grain: str, at: int) -> str:
    """One stretch as the head of a column or a row: ``26 Oct``, ``week of 26 Oct 2026``, ``Oct 2026``."""
    first = date.fromordinal(at)
    return f"{first:%b %Y}" if grain == "month" else day(first)


def day(one: date) -> str:
    return f"{one.day} {one:%b %Y}"


def span(grain: str, stretches: Sequence[int]) -> str:
    """From the first day to the last: ``27 Oct to 25 Nov 2026``."""
    first = date.fromordinal(stretches[0])
    last = date.fromordinal(next_stretch(grain, stretches[-1]) - 1)
    if first == last:
        return day(first)
    return f"{first.day} {first:%b}{f' {first.year}' if first.year != last.year else ''} to {day(last)}"


def compared(asked: Question, spans: Stretches) -> str:
    """What is compared with what, as a sentence."""
    if not spans.now:
        return ""
    now, before = span(asked.grain, spans.now), span(asked.grain, spans.before)
    if asked.measure == "there":
        return f"{now} is compared with what there was before."
    return f"{now} is compared with {before}."


# ---- sentences -------------------------------------------------------------------------------------------------


def told(asked: Question, word: Word, spans: Stretches) -> str:
    """What a plot shows, for who does not see it."""
    parts = [f"{word.label}: {figure(asked, word)} {(OF_ALL if asked.is_share else UNITS)[asked.measure]}"]
    if word.change is not None:
        parts.append(f"{difference(asked, word)}, {WAYS[word.way]}")
    return f"{', '.join(parts)}; by {asked.grain}, {span(asked.grain, spans.shown)}"
