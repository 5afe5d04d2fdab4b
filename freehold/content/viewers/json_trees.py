"""JSON as a tree to fold and unfold."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAX_NODES = 3_000
MAX_DEPTH = 30
MAX_CHILDREN = 200
MAX_VALUE_CHARACTERS = 500


@dataclass(frozen=True)
class Node:
    """A value, with its key or place. ``children`` are those of an object or a list; ``left_out`` more are not shown.

    ``kind``: ``object``, ``list``, ``string``, ``number`` or ``word`` (true, false, null).
    """

    key: str
    kind: str
    value: str
    count: int = 0
    children: Sequence["Node"] = ()
    left_out: int = 0


class NoTree(Exception):
    """The text is not JSON that can be shown as a tree; the message says why."""


class _Number(str):
    """As it is written: a million digits are no integer of ours."""


def tree(text: str) -> Node:
    """The value that ``text`` is. Raises :class:`NoTree`."""
    try:
        value = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
    except json.JSONDecodeError as err:
        raise NoTree(f"It is not JSON: line {err.lineno:,}, column {err.colno:,}: {err.msg}.") from err
    except RecursionError as err:
        raise NoTree("It is nested too deep for a tree.") from err
    return _Grower().node("", value, 0)


class _Grower:
    def __init__(self) -> None:
        self._left = MAX_NODES

    def node(self, key: str, value: Any, depth: int) -> Node:
        self._left -= 1
        if isinstance(value, dict | list):
            items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
            kind = "object" if isinstance(value, dict) else "list"
            children = self._children(items, depth) if depth < MAX_DEPTH else []
            return Node(_cut(key), kind, "", len(items), children, len(items) - len(children))
        if isinstance(value, _Number):
            return Node(_cut(key), "number", _cut(value))
        if isinstance(value, str):
            return Node(_cut(key), "string", _cut(json.dumps(value, ensure_ascii=False)))
        return Node(_cut(key), "word", json.dumps(value))

    def _children(self, items: Sequence[tuple[Any, Any]], depth: int) -> list[Node]:
        shown = []
        for key, value in items[:MAX_CHILDREN]:
            if self._left <= 0:
                break
            shown.append(self.node(str(key), value, depth + 1))
        return shown


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[: MAX_VALUE_CHARACTERS - 1] + "…"
