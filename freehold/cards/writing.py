"""Front matter changed key by key, and to the letter as its author wrote it everywhere else. Pure.

A YAML library that writes what it read would lose comments, quotes, line breaks or the order of keys. So the lines of
one key are replaced in the text, and the result is read again: unless it says exactly what was asked, nothing is done.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from freehold.cards import frontmatter
from freehold.cards.errors import BadFrontMatter, NotByForm
from freehold.cards.frontmatter import Card


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
    wanted = {key: value for key, value in before.items() if changes.get(key, value) is not None} | {
        key: value for key, value in changes.items() if value is not None
    }
    if wanted == before:
        return block
    text = block.replace("\r\n", "\n").replace("\r", "\n")
    try:
        for key, value in changes.items():
            if before.get(key) != value:
                text = _changed(text, key, value)
        after = frontmatter.parse(text)
    except (BadFrontMatter, yaml.YAMLError, IndexError) as err:
        raise NotByForm(", ".join(changes)) from err
    if after != wanted:
        raise NotByForm(", ".join(changes))
    return text


def _changed(text: str, key: str, value: Any) -> str:
    lines = text.split("\n")
    entry = _entries(text).get(key)
    if entry is None:
        if value is None:
            return text
        while lines and not lines[-1].strip():
            lines.pop()
        return "\n".join([*lines, *_written(key, value)])
    if value is None:
        return "\n".join(lines[: entry.first] + lines[entry.last + 1 :])
    if isinstance(value, str) and entry.scalar:
        begin, end = entry.scalar
        line = lines[entry.first]
        lines[entry.first] = line[:begin] + ("" if line[begin - 1] == " " else " ") + _scalar(value) + line[end:]
        return "\n".join(lines)
    made = _kept_items(lines, entry, value) if isinstance(value, list) and entry.items else _written(key, value)
    return "\n".join(lines[: entry.first] + made + lines[entry.last + 1 :])


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


def _entries(text: str) -> dict[str, _Entry]:
    """The keys of the outermost mapping by where they stand; raises :class:`NotByForm` for a mapping in braces."""
    entries: dict[str, _Entry] = {}
    events = list(yaml.parse(text, Loader=yaml.CSafeLoader))
    starts = [at for at, event in enumerate(events) if isinstance(event, yaml.MappingStartEvent)]
    if not starts or not isinstance(events[2], yaml.MappingStartEvent):
        return entries
    if events[2].flow_style:
        raise NotByForm("a mapping in braces")
    at = 3
    lines = text.split("\n")
    while not isinstance(events[at], yaml.MappingEndEvent):
        name, value = events[at], events[at + 1]
        end = _end_of(events, at + 1)
        entries[name.value] = _Entry(
            first=name.start_mark.line,
            last=_last_line(lines, name.start_mark.line, value, events[end]),
            scalar=_place(name, value),
            items=_items(events[at + 1 : end + 1]),
        )
        at = end + 1
    return entries


def _end_of(events: list[Any], at: int) -> int:
    """The index of the event that ends the value which begins at ``at``."""
    depth = 0
    while True:
        event = events[at]
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth == 0:
            return at
        at += 1


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
    if not inner or not all(isinstance(event, yaml.ScalarEvent) and not event.anchor for event in inner):
        return None
    if any(event.start_mark.line != event.end_mark.line for event in inner):
        return None
    found = [(event.value, event.start_mark.line) for event in inner]
    return found if len({line for _, line in found}) == len(found) == len({word for word, _ in found}) else None
