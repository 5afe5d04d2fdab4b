"""Lines of requests and rows of data sets, and what a batch goes through. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from freehold.batches.errors import BadBatch

State = Literal["running", "paused", "finishing", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
#: As OpenAI calls them. Source: OpenAI API reference, batch object.
STATUS = {
    "running": "in_progress", "paused": "in_progress", "finishing": "finalizing", "done": "completed",
    "failed": "failed", "cancelled": "cancelled",
}  # fmt: skip
PATHS = ("chat/completions", "completions", "embeddings")
MAX_FILE_BYTES = 2 << 30
MAX_ROWS = 10_000_000
MAX_TEMPLATE_CHARS = 100_000
MAX_CUSTOM_ID_CHARS = 512
#: Of an answer that is kept.
MAX_ANSWER_CHARS = 4 << 20
#: Columns that are told where one is missing.
MAX_TOLD = 12
MAX_BATCHES = 100  # of one person, that have not ended
#: So many lines in a row that are not even let in: somebody has to look.
PAUSE_AFTER = 20
#: And so many that cannot be read, or have not the columns of the prompt.
PAUSE_AFTER_UNREAD = 1000
ATTEMPTS = 3
_COLUMN = re.compile(r"\{\{\s*([^{}]{1,200}?)\s*\}\}")


@dataclass(frozen=True)
class Line:
    """One request. ``error`` says why it cannot be asked; '' it can."""

    number: int
    custom_id: str
    body: Mapping[str, Any]
    error: str = ""


def file_key(file_id: str) -> str:
    """Where a file's bytes lie in the store."""
    return f"batches/{file_id[-2:]}/{file_id}"


def request_of(number: int, text: bytes, path: str) -> Line:
    """One line of a file of requests. Source: OpenAI API reference, request input object."""
    try:
        given = json.loads(text)
        custom_id, body = given["custom_id"], given["body"]
        if given.get("method", "POST") != "POST" or given.get("url") != f"/v1/{path}":
            raise ValueError(f"url must be /v1/{path}, and method POST")
        if not isinstance(custom_id, str) or not isinstance(body, dict) or len(custom_id) > MAX_CUSTOM_ID_CHARS:
            raise ValueError("custom_id must be a text of 512 characters at most, and body an object")
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        why = f"{err.args[0]!r} is missing" if isinstance(err, KeyError) else str(err)
        return Line(number, f"line-{number + 1}", {}, f"Line {number + 1} is no request: {why}"[:500])
    return Line(number, custom_id.replace("\0", ""), {name: value for name, value in body.items() if name != "stream"})


@dataclass(frozen=True)
class Prompt:
    """What is asked of each row: ``{{column}}`` stands for the row's value."""

    served_name: str
    template: str
    system: str
    parameters: Mapping[str, Any]


def row_of(number: int, row: Mapping[str, Any] | str, prompt: Prompt) -> Line:
    """The request that a row makes; ``row`` a text: why it could not be read."""
    custom_id = f"row-{number}"
    if isinstance(row, str):
        return Line(number, custom_id, {}, row)
    missing = [name for name in columns(prompt.template + prompt.system) if name not in row]
    if missing:
        there = ", ".join(str(name)[:40] for name in list(row)[:MAX_TOLD]) or "none"
        return Line(number, custom_id, {}, f"Row {number + 1} has no column {missing[0]!r}. Its columns: {there}.")
    messages = [{"role": "user", "content": filled(prompt.template, row)}]
    if prompt.system:
        messages.insert(0, {"role": "system", "content": filled(prompt.system, row)})
    return Line(number, custom_id, {**prompt.parameters, "model": prompt.served_name, "messages": messages})


def columns(template: str) -> list[str]:
    """The columns that a template names, each once."""
    return list(dict.fromkeys(_COLUMN.findall(template)))


def filled(template: str, row: Mapping[str, Any]) -> str:
    """``template`` with the row's values; what a value says is never read as a template again."""

    def value(match: re.Match[str]) -> str:
        found = row.get(match[1], "")
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)

    return _COLUMN.sub(value, template)


def checked_prompt(template: str, system: str, parameters: object) -> None:
    """Raises :class:`BadBatch` for what no row can be put into."""
    if not template.strip() or len(template) + len(system) > MAX_TEMPLATE_CHARS:
        raise BadBatch(f"A prompt has 1 to {MAX_TEMPLATE_CHARS:,} characters.", field="template")
    if not columns(template + system):
        raise BadBatch("The prompt names no column: write {{text}} where the value of a row belongs.", field="template")
    if not isinstance(parameters, dict) or {"model", "messages", "stream"} & set(parameters):
        raise BadBatch('Parameters are an object such as {"max_tokens": 64}.', field="parameters")


def answer_text(body: Mapping[str, Any]) -> str:
    """The words of an answer of chat or completions; '' where there are none."""
    try:
        choice = body["choices"][0]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
    except (KeyError, IndexError, TypeError):
        return ""
    return text if isinstance(text, str) else ""
