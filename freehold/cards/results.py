"""Evaluation results that a model keeps in ``.eval_results/*.yaml``, and what makes a data set a benchmark. Pure.

Source: protocol/hub-api.md 13; huggingface_hub 2.4, ``_eval_results.py``. Files are their owner's word: ``verified`` is
never true here, because nothing on this hub verifies a result yet.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from freehold.cards import frontmatter
from freehold.cards.errors import BadFrontMatter

FOLDER = ".eval_results"
BENCHMARK = "eval.yaml"
MAX_FILES = 100
MAX_FILE_BYTES = 64 << 10
MAX_RESULTS = 500
MAX_ID_CHARS = 200


@dataclass(frozen=True)
class Result:
    """One score. ``data`` is the entry as it stands in the file; ``value`` is None where the score is no number."""

    filename: str
    dataset: str
    task: str
    value: float | None
    data: Mapping[str, Any]


def parse(filename: str, text: str) -> list[Result]:
    """The results of one file; entries that do not say what was measured on what are left out."""
    try:
        entries = frontmatter.parse_any(text)
    except BadFrontMatter:
        return []
    found = (_result(filename, entry) for entry in (entries if isinstance(entries, list) else []))
    return [result for result in found if result is not None][:MAX_RESULTS]


def _result(filename: str, entry: Any) -> Result | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("dataset"), dict) or entry.get("value") is None:
        return None
    dataset, task = entry["dataset"].get("id"), entry["dataset"].get("task_id")
    if not all(isinstance(name, str) and name and "\x00" not in name for name in (dataset, task)):
        return None
    value = entry["value"]
    number = float(value) if type(value) in (int, float) and abs(value) < 1e300 and math.isfinite(value) else None
    return Result(filename, dataset[:MAX_ID_CHARS], task[:MAX_ID_CHARS], number, entry)


def first_task(text: str) -> str | None:
    """The task that a benchmark's ``eval.yaml`` names first; None where it names none that can be read."""
    try:
        said = frontmatter.parse_any(text)
    except BadFrontMatter:
        return None
    tasks = said.get("tasks") if isinstance(said, dict) else None
    first = tasks[0] if isinstance(tasks, list) and tasks else None
    name = first.get("id") if isinstance(first, dict) else None
    return name[:MAX_ID_CHARS] if isinstance(name, str) and name else None
