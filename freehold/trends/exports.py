"""Trends as files: the words of a question with all their numbers, as JSON or CSV. Pure."""

import csv
import io
from datetime import date
from typing import Any

from freehold.core import clock
from freehold.trends import dimensions, leaders
from freehold.trends.telling import Told, Word
from freehold.web.sheets import safe_cell

_COLUMNS = ("word", "label", "repositories", "now", "before", "share", "shareBefore", "ratio", "low", "high", "reading")
#: What a change is called on the wire.
_READINGS = {"up": "rising", "down": "falling", "flat": "steady", "unclear": "unclear"}


def as_json(told: Told, base_url: str) -> dict[str, Any]:
    """All of an answer, as ``GET /api/trends`` tells it."""
    asked, spans = told.asked, told.stretches
    return {
        "kind": asked.kind,
        "by": asked.by,
        "measure": asked.measure,
        "as": "share" if asked.is_share else "number",
        "span": asked.span,
        "grain": asked.grain,
        "stretches": _days(spans.shown),
        "now": _days(spans.now),
        "before": _days(spans.before),
        "isSoFar": spans.is_so_far,
        "severalWords": dimensions.of(asked.kind)[asked.by].many,
        "countedAt": clock.wire(told.counted_at) if told.counted_at else None,
        "all": _word(told.all) | {"numbers": list(told.all.numbers)},
        "words": [
            _word(word) | {"list": _list(told, word, base_url), "numbers": list(word.numbers)} for word in told.words
        ],
        "moreWords": told.others,
    }


def as_csv(told: Told) -> str:
    """A line a word, a column a stretch, named by its first day. A text that a spreadsheet would run gets a ``'``."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow([*_COLUMNS, *_days(told.stretches.shown)])
    for word in told.words:
        values = _word(word)
        writer.writerow([*(_cell(values[name]) for name in _COLUMNS), *word.numbers])
    return lines.getvalue()


def _word(word: Word) -> dict[str, Any]:
    change = word.change
    return {
        "word": word.word,
        "label": word.label,
        "repositories": word.repositories,
        "now": word.now,
        "before": word.before,
        "share": _rounded(word.share),
        "shareBefore": _rounded(word.share_before),
        "ratio": _rounded(change.factor(change.ratio)) if change else None,
        "low": _rounded(change.factor(change.low)) if change else None,
        "high": _rounded(change.factor(change.high)) if change else None,
        "reading": _READINGS[word.way] if change else None,
    }


def _list(told: Told, word: Word, base_url: str) -> str | None:
    address = leaders.list_address(told.asked.kind, told.asked.by, word.word)
    return f"{base_url}{address}" if address else None


def _days(stretches: Any) -> list[str]:
    return [date.fromordinal(at).isoformat() for at in stretches]


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 6)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value[:1] in (" ", "'") else safe_cell(value)
    return "" if value is None else value
