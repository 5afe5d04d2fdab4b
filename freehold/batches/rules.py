"""Lines of requests and rows of data sets, and what a batch goes through. Pure."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

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
#: Of a prompt with the values of a row in it: a template may name one column twenty thousand times.
MAX_PROMPT_CHARS = 8 << 20
MAX_PARAMETERS_CHARS = 100_000
#: Lists and objects of one request, each of which takes many times its bytes.
MAX_CONTAINERS = 20_000
MAX_CUSTOM_ID_CHARS = 512
#: Of an answer that is kept.
MAX_ANSWER_CHARS = 4 << 20
#: Columns that are told where one is missing.
MAX_TOLD = 12
#: Kinds of reasons that are told apart; the rest are told together. And of the words of each.
MAX_REASONS, MAX_REASON_CHARS = 8, 400
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
    size: int = 0  # of what it asks, about, in bytes


def file_key(file_id: str) -> str:
    """Where a file's bytes lie in the store."""
    return f"batches/{file_id[-2:]}/{file_id}"


def request_of(number: int, text: bytes, path: str) -> Line:
    """One line of a file of requests. Source: OpenAI API reference, request input object."""
    try:
        if text.count(b"[") + text.count(b"{") > MAX_CONTAINERS:
            raise ValueError(f"it has over {MAX_CONTAINERS:,} lists and objects")
        given = json.loads(text)
        custom_id, body = given["custom_id"], given["body"]
        if given.get("method", "POST") != "POST" or given.get("url") != f"/v1/{path}":
            raise ValueError(f"url must be /v1/{path}, and method POST")
        if not isinstance(custom_id, str) or not isinstance(body, dict) or len(custom_id) > MAX_CUSTOM_ID_CHARS:
            raise ValueError("custom_id must be a text of 512 characters at most, and body an object")
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        why = f"{err.args[0]!r} is missing" if isinstance(err, KeyError) else str(err)
        return Line(number, f"line-{number + 1}", {}, f"Line {number + 1} is no request: {why}"[:500])
    asked = {name: value for name, value in body.items() if name != "stream"}
    return Line(number, plain(custom_id), asked, size=len(text))


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
    try:
        texts = [filled(prompt.system, row), filled(prompt.template, row)]
    except TooLong:
        return Line(number, custom_id, {}, f"Row {number + 1} makes a prompt of over {MAX_PROMPT_CHARS:,} characters.")
    said = [{"role": role, "content": text} for role, text in zip(("system", "user"), texts, strict=True)]
    messages = said if prompt.system else said[1:]
    body = {**prompt.parameters, "model": prompt.served_name, "messages": messages}
    return Line(number, custom_id, body, size=sum(map(len, texts)))


def columns(template: str) -> list[str]:
    """The columns that a template names, each once."""
    return list(dict.fromkeys(_COLUMN.findall(template)))


class TooLong(Exception):
    """A row makes a longer prompt than there may be."""


def filled(template: str, row: Mapping[str, Any]) -> str:
    """``template`` with the row's values; what a value says is never read as a template again.

    Raises :class:`TooLong`, before it is put together.
    """
    left = MAX_PROMPT_CHARS

    def value(match: re.Match[str]) -> str:
        nonlocal left
        found = row.get(match[1], "")
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        left -= len(text)
        if left < 0:
            raise TooLong
        return text

    return _COLUMN.sub(value, template)


def checked_prompt(template: str, system: str, parameters: object) -> None:
    """Raises :class:`BadBatch` for what no row can be put into."""
    if not template.strip() or len(template) + len(system) > MAX_TEMPLATE_CHARS:
        raise BadBatch(f"A prompt has 1 to {MAX_TEMPLATE_CHARS:,} characters.", field="template")
    if not columns(template + system):
        raise BadBatch("The prompt names no column: write {{text}} where the value of a row belongs.", field="template")
    if not isinstance(parameters, dict) or {"model", "messages", "stream"} & set(parameters):
        raise BadBatch('Parameters are an object such as {"max_tokens": 64}.', field="parameters")
    if len(json.dumps(parameters)) > MAX_PARAMETERS_CHARS:
        raise BadBatch(f"Parameters have at most {MAX_PARAMETERS_CHARS:,} characters.", field="parameters")


def checked_rows(rows: int | None) -> None:
    """Raises :class:`BadBatch` for what is no number of rows."""
    if rows is not None and not 1 <= rows <= MAX_ROWS:
        raise BadBatch(f"Rows are a number from 1 to {MAX_ROWS:,}; leave it empty for all.", field="rows")


class Reason(TypedDict):
    """Why so many ``lines`` failed, in the words that the one called ``first`` got; '' of what was one too many."""

    why: str
    first: str
    lines: int


def with_reasons(known: Sequence[Reason], failed: Iterable[tuple[str, str]]) -> list[Reason]:
    """``known`` and those of lines that ``failed``: the id and the answer of each. Words that differ in their numbers
    alone, as those of two rows do, are one reason."""
    found: dict[str, Reason] = {_kind(one["why"]): Reason(**one) for one in known}
    for custom_id, answer in failed:
        why = _message(answer)
        kind = _kind(why)
        if kind not in found and len(found) >= MAX_REASONS:
            why, kind, custom_id = "", "", ""
        one = found.setdefault(kind, Reason(why=why, first=custom_id, lines=0))
        one["lines"] += 1
    return list(found.values())


def _kind(why: str) -> str:
    return re.sub(r"\d[\d,.]*", "0", why)


def _message(answer: str) -> str:
    try:
        said = json.loads(answer)["message"]
    except (ValueError, RecursionError, KeyError, TypeError):
        said = ""
    return plain(str(said))[:MAX_REASON_CHARS] or "It was not told why."


def plain(text: str) -> str:
    """``text`` as every database takes it: without halves of characters, and without zeros."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def answer_text(body: Mapping[str, Any]) -> str:
    """The words of an answer of chat or completions; '' where there are none."""
    try:
        choice = body["choices"][0]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
    except (KeyError, IndexError, TypeError):
        return ""
    return text if isinstance(text, str) else ""
