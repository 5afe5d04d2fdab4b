"""Front matter: the YAML block at the head of a README, read with hard limits.

Cards are hostile input. PyYAML's loaders build what aliases ask for and call themselves once a level, so values are
built here from libyaml's events instead: the work is one step an event, and every budget is counted as it is spent.
Scalars are read by YAML 1.2's core schema, as the public hub does: ``no`` is the language, not False.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from freehold.cards.errors import BadFrontMatter

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
#: Values once aliases are followed: what the index, the JSON answer and the page have to carry.
MAX_VALUES = 100_000
#: A long text counts as several values, so that an alias cannot repeat it a hundred thousand times.
CHARACTERS_A_VALUE = 64

#: The block as the client finds it. Source: huggingface_hub repocard.py, REGEX_YAML_BLOCK.
_OPENING = re.compile(r"\s*---(?:\r\n|\r|\n)")
_CLOSING = re.compile(r"(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$)")


@dataclass(frozen=True)
class Card:
    """A README in two: ``block`` is the YAML (None: there is none), ``body`` the rest."""

    block: str | None
    body: str


def split(text: str) -> Card:
    """``text`` in two. A block that is opened and never closed is body."""
    text = text.removeprefix("\ufeff")
    opening = _OPENING.match(text)
    if opening is None:
        return Card(None, text)
    # An empty block closes on the line break that opened it.
    closing = _CLOSING.search(text, opening.end() - 1)
    if closing is None:
        return Card(None, text)
    return Card(text[opening.end() : max(closing.start(), opening.end())], text[closing.end() :])


def parse(block: str) -> dict[str, Any]:
    """The mapping a block holds; raises :class:`BadFrontMatter` for anything else and for anything over a limit.

    Values are JSON's: dict with text keys, list, str, int, float, bool, None. Dates stay text.
    """
    value = parse_any(block)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadFrontMatter("The metadata is not a mapping: write one `key: value` a line.")
    return value


def parse_any(block: str) -> Any:
    """What a YAML document holds, whatever it is, under the same limits; None for an empty one."""
    if len(block.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise BadFrontMatter(
            f"The metadata is over {MAX_BYTES:,} bytes. Move long tables into the text or into a file."
        )
    try:
        return _Builder(yaml.parse(block, Loader=yaml.CSafeLoader)).document()
    except yaml.YAMLError as err:
        raise BadFrontMatter(f"The metadata is not YAML: {_told(err)}") from err
    except (UnicodeEncodeError, ValueError) as err:
        raise BadFrontMatter("The metadata holds characters that are not text.") from err


def _told(err: yaml.YAMLError) -> str:
    mark = getattr(err, "problem_mark", None)
    problem = str(getattr(err, "problem", None) or "it cannot be read")[:200]
    return f"{problem}, line {mark.line + 2}" if mark is not None else problem


class _Pending:
    """A collection under construction. ``weight`` is how many values it holds with aliases followed."""

    def __init__(self, anchor: str | None, value: dict[str, Any] | list[Any]) -> None:
        self.anchor = anchor
        self.value = value
        self.weight = 1
        self.key: str | None = None
        self.merged: dict[str, Any] = {}  # what ``<<`` brought; keys of the mapping itself win over it


class _Builder:
    """Builds one document from events, counting depth and values."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._stack: list[_Pending] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._root: Any = None
        self._documents = 0
        self._weight = 0

    def document(self) -> Any:
        for event in self._events:
            self._take(event)
        return self._root

    def _take(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise BadFrontMatter("The metadata holds more than one YAML document.")
            case yaml.ScalarEvent():
                self._check_tag(event)
                self._scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check_tag(event)
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._alias(event)

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag not in _KNOWN_TAGS:
            raise BadFrontMatter(
                f"The metadata uses the YAML tag {str(event.tag)[:60]}, {_line(event)}: only plain values count."
            )

    def _scalar(self, event: Any) -> None:
        if "\x00" in event.value:  # escaped in quotes it is YAML; no column and no header can hold it
            raise BadFrontMatter(f"The metadata holds a NUL, {_line(event)}.")
        event.value.encode()
        if self._expects_key():
            self._set_key(event.value, event)
            return
        is_plain = event.implicit[0] and event.style in (None, "")
        value = _resolved(event.value) if is_plain else event.value
        weight = 1 + len(event.value) // CHARACTERS_A_VALUE
        if event.anchor:
            self._anchors[event.anchor] = (value, weight)
        self._add(value, weight, event)

    def _open(self, event: Any) -> None:
        if self._expects_key():
            raise BadFrontMatter(f"The metadata has a key that is not text, {_line(event)}.")
        if len(self._stack) >= MAX_DEPTH:
            raise BadFrontMatter(f"The metadata is nested deeper than {MAX_DEPTH} levels, {_line(event)}.")
        self._stack.append(_Pending(event.anchor, {} if isinstance(event, yaml.MappingStartEvent) else []))

    def _close(self) -> None:
        done = self._stack.pop()
        if isinstance(done.value, dict):
            for key, value in done.merged.items():
                done.value.setdefault(key, value)
        if done.anchor:
            self._anchors[done.anchor] = (done.value, done.weight)
        # The weight of what is inside was counted when it came; only the collection itself is new.
        self._add(done.value, 1, None, inside=done.weight - 1)

    def _alias(self, event: Any) -> None:
        if self._expects_key():
            raise BadFrontMatter(f"The metadata has an alias as a key, {_line(event)}.")
        if event.anchor not in self._anchors:
            raise BadFrontMatter(
                f"The metadata refers to *{str(event.anchor)[:40]}, which is not complete, {_line(event)}."
            )
        value, weight = self._anchors[event.anchor]
        self._add(value, weight, event)

    def _expects_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None

    def _set_key(self, key: str, event: Any) -> None:
        into = self._stack[-1]
        if key in into.value:
            raise BadFrontMatter(f"The metadata has the key {key[:60]!r} twice, {_line(event)}.")
        into.key = key

    def _add(self, value: Any, weight: int, event: Any, *, inside: int = 0) -> None:
        """Put a value where it belongs. ``inside`` is weight that was counted before."""
        self._weight += weight
        if self._weight > MAX_VALUES:
            where = f", {_line(event)}" if event is not None else ""
            raise BadFrontMatter(
                f"The metadata holds more than {MAX_VALUES:,} values once aliases are followed{where}."
            )
        if not self._stack:
            self._root = value
            return
        into = self._stack[-1]
        into.weight += weight + inside
        if isinstance(into.value, list):
            into.value.append(value)
            return
        key, into.key = into.key, None
        assert key is not None, "a value without its key"
        if key == "<<" and isinstance(value, dict):
            into.merged |= value
        else:
            into.value[key] = value


_KNOWN_TAGS = {"!"} | {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp")
}
_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,3})?")


def _resolved(text: str) -> Any:
    """A plain scalar by YAML 1.2's core schema. What JSON cannot say (infinity) stays text."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text


def _line(event: Any) -> str:
    """The line of the README: the block begins on its second."""
    return f"line {event.start_mark.line + 2}"
