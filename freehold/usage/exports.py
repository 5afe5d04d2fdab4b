"""Usage for spreadsheets and programs: a line a day and whatever tells calls apart."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from freehold.usage.tables import UsageDay

COLUMNS = (
    "day", "account", "person", "token", "served_name", "model", "kind", "outcome", "is_batch", "calls",
    "prompt_tokens", "cached_tokens", "completion_tokens", "estimated_tokens", "seconds", "queue_seconds",
    "processor_seconds", "energy_joules_estimated", "peak_memory_bytes", "cost_micros", "currency",
)  # fmt: skip
#: What a spreadsheet would run.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(
    rows: Sequence[UsageDay],
    *,
    people: Mapping[str, str],
    tokens: Mapping[str, tuple[str, str]],
    known: frozenset[str],
    hidden: str,
    currency: str,
) -> list[dict[str, Any]]:
    """``rows`` with names for ids; served names that are not ``known`` to the reader, and their models, are hidden."""
    return [
        {
            "day": row.day.isoformat(),
            "account": people.get(row.payer_id, ""),
            "person": people.get(row.user_id, ""),
            "token": tokens.get(row.token_id, ("", ""))[1],
            "served_name": row.served_name if row.served_name in known else hidden,
            "model": row.model if row.served_name in known else hidden,
            "kind": row.kind,
            "outcome": row.outcome,
            "is_batch": row.is_batch,
            "calls": row.calls,
            "prompt_tokens": row.prompt_tokens,
            "cached_tokens": row.cached_tokens,
            "completion_tokens": row.completion_tokens,
            "estimated_tokens": row.estimated_tokens,
            "seconds": row.seconds_ms / 1000,
            "queue_seconds": row.queue_ms / 1000,
            "processor_seconds": row.processor_ms / 1000,
            "energy_joules_estimated": row.energy_mj / 1000,
            "peak_memory_bytes": row.peak_memory_bytes,
            "cost_micros": row.cost_micros,
            "currency": currency,
        }
        for row in rows
    ]


def as_csv(told: Sequence[Mapping[str, Any]]) -> str:
    """A table for spreadsheets; texts that one would run as a formula begin with a ``'``."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(line[name]) for name in COLUMNS] for line in told)
    return out.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
