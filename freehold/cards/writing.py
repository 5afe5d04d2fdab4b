"""Front matter changed key by key, and to the letter as its author wrote it everywhere else. Pure.

A YAML library that writes what it read would lose comments, quotes, line breaks or the order of keys. So the lines of
one key are replaced in the text, and the result is read again: unless it says exactly what was asked, nothing is done.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from freehold.cards import frontmatter
from freehold.cards.errors import BadFrontMatter, NotByForm
from freehold.cards.frontmatter import Card

#: A list of more words is written anew when it changes.
MAX_ITEMS = 1_000


@dataclass(frozen=True)
class _Entry:
    """A key of the outermost mapping. Lines are counted from 0; ``last`` is the last that is part of the value."""

    first: int
    last: int
    #: Of a scalar on the key's own line: where it begins and ends there; None for anything else.
    scalar: tuple[int, int] | None
    #: Of a block list of plain words: the line of each.
    items: Sequence[tuple[str, int]] | None


def joined(original: Card, text: str, block: str | None, body: str) -> str:
    """The README ``text`` (which is ``original``) with another block and another body."""
    if (block, body) == (original.block, original.body):
        return text
    if block is None or (original.block is None and not block.strip()):
        return body
    end = "" if not block or block.endswith("\n") else "\n"
    gap = "\n" if original.block is None and body and not body.startswith("\n") else ""
    return f"---\n{block}{end}---\n{gap}{body}"


def rewritten(block: str, changes: Mapping[str, Any]) -> str:
    """``block`` with its outermost keys as ``changes`` says: text, a list of texts, or None for no such key.

    Raises :class:`BadFrontMatter` when the block cannot be read, and :class:`NotByForm` when it is written in a way
    that cannot be changed without changing more.
    """
    before = frontmatter.parse(block)
    wanted = {key: value for key, value in (before | dict(changes)).items() if value is not None or key not in changes}
    if wanted == before:
        return block
    text = block.replace("\r\n", "\n").replace("\r", "\n")
    asked = {key: value for key, value in changes.items() if before.get(key) != value}
    try:
        text = _changed(text, asked)
        after = frontmatter.parse(text)
    except (BadFrontMatter, yaml.YAMLError, IndexError) as err:
        raise NotByForm(", ".join(asked)) from err
    if after != wanted:
        raise NotByForm(", ".join(asked))
    return text


def _changed(text: str, changes: Mapping[str, Any]) -> str:
    """From the last key to the first, so that lines keep their numbers; what is new stands at the end."""
    lines, entries = text.split("\n"), _entries(text, changes)
    for key, entry in reversed(entries.items()):
        lines[entry.first : entry.last + 1] = _replaced(lines, entry, key, changes[key])
    new = [
        line
        for key in changes
        if key not in entries and changes[key] is not None
        for line in _written(key, changes[key])
    ]
    while new and lines and not lines[-1].strip():
        lines.pop()
    return "\n".join([*lines, *new])


def _replaced(lines: list[str], entry: _Entry, key: str, value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str) and entry.scalar:
        begin, end = entry.scalar
        line = lines[entry.first]
        return [line[:begin] + ("" if line[begin - 1] == " " else " ") + _scalar(value) + line[end:]]
    return _kept_items(lines, entry, value) if isinstance(value, list) and entry.items else _written(key, value)


def _kept_items(lines: list[str], entry: _Entry, wanted: list[str]) -> list[str]:
    """The lines of a list whose items stay keep what stands before and behind them."""
    assert entry.items, "a list of words"
    pieces: dict[str, list[str]] = {}
    begin = entry.first + 1
    for word, line in entry.items:
        pieces[word] = lines[begin : line + 1]
        begin = line + 1
    indent = re.match(r"\s*", lines[entry.items[0][1]])
    new = f"{indent[0] if indent else ''}- "
    made = [line for word in wanted for line in pieces.get(word) or [new + _scalar(word)]]
    return [lines[entry.first], *made]


def _written(key: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return [f"{_scalar(key)}: {_scalar(value)}"]
    return [f"{_scalar(key)}:", *(f"- {_scalar(item)}" for item in value)] if value else [f"{_scalar(key)}: []"]


_PLAIN = re.compile(r"[A-Za-z0-9_./@][\w./@+ -]*(?<! )", re.ASCII)
#: Readers of YAML 1.1 take these for something else.
_OTHERWISE = re.compile(
    r"(?i:y|n|yes|no|on|off|true|false|null|~)|[0-9_.:+-]+(?:e[0-9+-]+)?|0[xo][0-9a-fA-F_]+|\.(inf|nan)"
)


def _scalar(word: str) -> str:
    """``word`` as YAML on one line, plain where every reader takes it for the same text."""
    if _PLAIN.fullmatch(word) and not _OTHERWISE.fullmatch(word):
        return word
    return json.dumps(word, ensure_ascii=False)


def _entries(text: str, keys: Collection[str]) -> dict[str, _Entry]:
    """Those of ``keys`` that the outermost mapping has, by where they stand and in their order.

    Raises :class:`NotByForm` for a mapping in braces.
    """
    entries: dict[str, _Entry] = {}
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    outermost = next((event for event in events if isinstance(event, yaml.NodeEvent)), None)
    if not isinstance(outermost, yaml.MappingStartEvent):
        return entries
    if outermost.flow_style:
        raise NotByForm("a mapping in braces")
    lines = text.split("\n")
    # A card may hold a hundred thousand values, so only those of one key are kept at a time, and few of them.
    while not isinstance(name := next(events), yaml.MappingEndEvent):
        value = _value(events)
        if name.value in keys:
            entries[name.value] = _Entry(
                first=name.start_mark.line,
                last=_last_line(lines, name.start_mark.line, value[0], value[-1]),
                scalar=_place(name, value[0]),
                items=_items(value),
            )
    return entries


def _value(events: Iterator[Any]) -> list[Any]:
    """The events of one value; of a long one the first and the last, with too many between to be looked at."""
    kept: list[Any] = []
    depth = 0
    while True:
        event = next(events)
        if len(kept) > MAX_ITEMS:
            kept.pop()
        kept.append(event)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth == 0:
            return kept


def _last_line(lines: list[str], first: int, value: Any, end: Any) -> int:
    """Block collections and texts over lines end where the next thing begins; comments before that are its own."""
    last = int(end.end_mark.line)
    if last > first and end.end_mark.column == 0:
        last -= 1
    is_text = isinstance(value, yaml.ScalarEvent) and value.style in ("|", ">")
    while last > first and (not lines[last].strip() or (not is_text and lines[last].lstrip().startswith("#"))):
        last -= 1
    return last


def _place(name: Any, value: Any) -> tuple[int, int] | None:
    if not isinstance(value, yaml.ScalarEvent) or value.anchor or value.tag:
        return None
    begin, end = value.start_mark, value.end_mark
    is_here = begin.line == end.line == name.start_mark.line and end.column >= begin.column > name.end_mark.column
    return (begin.column, end.column) if is_here and value.style not in ("|", ">") else None


def _items(events: list[Any]) -> Sequence[tuple[str, int]] | None:
    """Of a block list whose items are words on lines of their own."""
    first, *inner, last = events if len(events) > 1 else [*events, None]
    if not isinstance(first, yaml.SequenceStartEvent) or first.flow_style or first.anchor or last is None:
        return None
    if (
        not inner
        or len(inner) >= MAX_ITEMS - 1
        or not all(isinstance(event, yaml.ScalarEvent) and not event.anchor for event in inner)
    ):
        return None
    if any(event.start_mark.line != event.end_mark.line for event in inner):
        return None
    found = [(event.value, event.start_mark.line) for event in inner]
    return found if len({line for _, line in found}) == len(found) == len({word for word, _ in found}) else None
