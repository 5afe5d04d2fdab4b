"""What a row of feedback says, and what a data set of them looks like. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from freehold.core.errors import BadRequest, TooLarge

Rating = Literal["up", "down"]
Better = Literal["left", "right", "both", "neither"]
MAX_MESSAGES = 200
MAX_CHARACTERS = 200_000  # of one row: messages, answers and correction together
MAX_FILE_BYTES = 4 << 20  # then the next file begins
ROLES = ("system", "user", "assistant", "tool")
#: Folder of each kind of row; the first file of ratings is ratings/0001.jsonl.
FOLDERS = {"rating": "ratings", "preference": "preferences"}


@dataclass(frozen=True)
class Said:
    """One answer of one model, as the page showed it."""

    model: str
    revision: str
    answer: str


def rating(
    messages: Any, said: Said, rated: str, corrected: str | None, parameters: Any, by: str, at: datetime
) -> dict[str, Any]:
    """A row: what was asked, what the model said, whether it was good, and what it should have said (or None)."""
    if rated not in ("up", "down"):
        raise BadRequest("A rating is up or down.", field="rating")
    row = {
        "at": at.isoformat(timespec="seconds"),
        "model": said.model,
        "revision": said.revision,
        "messages": checked_messages(messages),
        "answer": said.answer,
        "rating": rated,
        "corrected": corrected or None,
        "parameters": checked_parameters(parameters),
        "by": by,
    }
    return _bounded(row)


def preference(
    messages: Any, left: Said, right: Said, better: str, parameters: Any, by: str, at: datetime
) -> dict[str, Any]:
    """A row of two answers to the same messages. With a better one it has what trainers read: chosen and rejected."""
    if better not in ("left", "right", "both", "neither"):
        raise BadRequest("The better answer is left, right, both or neither.", field="better")
    first, second = (right, left) if better == "right" else (left, right)
    is_pair = better in ("left", "right")
    row = {
        "at": at.isoformat(timespec="seconds"),
        "prompt": checked_messages(messages),
        "chosen": [{"role": "assistant", "content": first.answer}] if is_pair else None,
        "rejected": [{"role": "assistant", "content": second.answer}] if is_pair else None,
        "answers": [left.answer, right.answer],
        "models": [left.model, right.model],
        "revisions": [left.revision, right.revision],
        "better": better,
        "parameters": checked_parameters(parameters),
        "by": by,
    }
    return _bounded(row)


def checked_messages(messages: Any) -> list[dict[str, str]]:
    """``messages`` as a list of role and content; raises :class:`BadRequest`."""
    if not isinstance(messages, list) or not messages or len(messages) > MAX_MESSAGES:
        raise BadRequest(f"Messages are a list of 1 to {MAX_MESSAGES}.", field="messages")
    kept = []
    for one in messages:
        if not isinstance(one, Mapping) or one.get("role") not in ROLES or not isinstance(one.get("content"), str):
            raise BadRequest(f"Each message has a role ({', '.join(ROLES)}) and a text as content.", field="messages")
        kept.append({"role": one["role"], "content": one["content"]})
    return kept


def checked_parameters(parameters: Any) -> dict[str, float | int | str]:
    """What the answer was asked with: short names, plain values; the rest is left out."""
    if not isinstance(parameters, Mapping):
        return {}
    return {
        str(name): value
        for name, value in list(parameters.items())[:40]
        if isinstance(value, (int, float, str)) and len(str(name)) <= 40 and len(str(value)) <= 2_000
    }


def line(row_id: str, row: Mapping[str, Any]) -> bytes:
    """``row`` as a line of JSON; its id comes first, so that a row written twice is found out."""
    return json.dumps({"id": row_id, **row}, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def ids_in(data: bytes) -> set[str]:
    """The ids of rows that stand in a file; a line that is no row of ours has none."""
    found = set()
    for one in data.splitlines():
        try:
            said = json.loads(one)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict) and isinstance(said.get("id"), str):
            found.add(said["id"])
    return found


def next_file(kind: str, names: Sequence[str], size_bytes: int) -> tuple[str, bool]:
    """The file that rows of ``kind`` go to, and whether it is there. ``size_bytes``: of the newest there is."""
    folder = FOLDERS[kind]
    numbers = [int(name[:-6]) for name in names if name.endswith(".jsonl") and name[:-6].isdigit()]
    if not numbers:
        return f"{folder}/0001.jsonl", False
    newest = max(numbers)
    if size_bytes >= MAX_FILE_BYTES:
        return f"{folder}/{newest + 1:04d}.jsonl", False
    return f"{folder}/{newest:04d}.jsonl", True


def card(title: str) -> str:
    """The card of a new data set for feedback."""
    configs = "".join(f"- config_name: {name}\n  data_files: {name}/*.jsonl\n" for name in FOLDERS.values())
    return (
        f"---\nconfigs:\n{configs}tags:\n- feedback\n---\n# {title}\n\n"
        "What people thought of answers that models of this hub gave them. Each row says what was asked, which model "
        "answered what at which revision, and whether that was good. Rows of `ratings` may have a corrected answer; "
        "rows of `preferences` compare two answers to the same messages.\n\nPeople wrote these texts for one "
        "conversation. Ask them before you give the data to others.\n"
    )


def _bounded(row: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(row, ensure_ascii=False)) > MAX_CHARACTERS:
        raise TooLarge(f"One row of feedback has up to {MAX_CHARACTERS:,} characters. Shorten the conversation.")
    return row
