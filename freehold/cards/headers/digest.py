"""A header in two parts: a summary of a few kilobytes, and its tensors packed, to be searched and sorted. Pure.

Both are plain values: they leave the child process, and are kept (:class:`freehold.cards.tables.FileHeader`).
"""

import json
import math
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from freehold.cards.headers import gguf
from freehold.cards.headers.header import MAX_KEPT_TEXT, Header, Listing, Tensor

#: Raised when what is told of a file changes: kept summaries of an older version are made anew.
VERSION = 3
MAX_NAME_CHARS = 500
MAX_ENTRIES = 2_000
#: All texts of a summary together.
MAX_TEXTS_CHARS = 512 << 10
MAX_GROUPS = 24
MAX_LAYERS = 2_000
PAGE_ROWS = 50

#: Names of tensors of experts, not of those that all inputs meet (``shared_experts``). Source: transformers, llama.cpp.
_OF_EXPERTS = re.compile(r"(?<![a-z_])experts?[._]|_exps\b")
#: A tensor packed: name, type, shape, bytes (None: not told).
Row = list[Any]


def summary(form: str, header: Header) -> dict[str, Any]:
    """What ``header`` comes to.

    ``tensors`` (how many), ``parameters``, ``size_bytes`` and ``counts`` by type, ``groups`` as ``[name, [layers],
    tensors, parameters, bytes]`` by bytes, ``entries`` as ``[key, kind, value]`` and how many were ``left_out``,
    ``header_bytes``, ``graph``, ``experts`` (parameters that only some inputs meet), and for GGUF ``facts``,
    ``dimensions`` and ``quantisation``.
    """
    by_type: dict[str, list[int]] = {}
    for tensor in header.tensors:
        one = by_type.setdefault(tensor.dtype, [0, 0, 0])
        one[0] += tensor.parameters
        one[1] += tensor.size_bytes or 0
        one[2] += 1
    told: dict[str, Any] = {
        "tensors": len(header.tensors),
        "parameters": {kind: one[0] for kind, one in by_type.items()},
        "size_bytes": {kind: one[1] for kind, one in by_type.items()},
        "counts": {kind: one[2] for kind, one in by_type.items()},
        "groups": groups(header.tensors),
        "header_bytes": header.size_bytes,
        "graph": _clean(dict(header.graph)),
        "experts": sum(one.parameters for one in header.tensors if _OF_EXPERTS.search(one.name)),
    }
    told["entries"], told["left_out"] = _entries(header)
    if form == "gguf":
        told["facts"] = _clean(gguf.facts(header.entries))
        told["dimensions"] = gguf.dimensions(header.entries)
        told["quantisation"] = gguf.quantisation(header)
    return told


def packed(tensors: Sequence[Tensor]) -> bytes:
    rows = [[plain(one.name[:MAX_NAME_CHARS]), one.dtype, one.shape, one.size_bytes] for one in tensors]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 6)


def unpacked(body: bytes) -> list[Row]:
    rows: list[Row] = json.loads(zlib.decompress(body))
    return rows


# ---- groups ------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?<![^./_:])\d+(?![^./_:])")


def groups(tensors: Sequence[Tensor]) -> list[list[Any]]:
    """Tensors by the part of the model that their names say: layers together, the rest by prefix; largest first."""
    found: dict[str, list[Any]] = {}
    for tensor in tensors:
        key, layer = _group(tensor.name)
        one = found.setdefault(key, [key, set(), 0, 0, 0])
        if layer is not None and len(one[1]) < MAX_LAYERS:
            one[1].add(layer)
        one[2] += 1
        one[3] += tensor.parameters
        one[4] += tensor.size_bytes or 0
    return joined([[key, sorted(layers), *rest] for key, layers, *rest in found.values()])


def joined(found: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Groups of one or several files as one list, those of a name together, and the smallest as ``""``."""
    by_name: dict[str, list[Any]] = {}
    for name, layers, *numbers in found:
        one = by_name.setdefault(name, [name, set(), 0, 0, 0])
        one[1].update(layers)
        one[2:] = [before + more for before, more in zip(one[2:], numbers, strict=True)]
    ordered = sorted(by_name.values(), key=lambda one: (one[0] == "", -one[4], -one[3], one[0]))
    kept, rest = ordered[:MAX_GROUPS], ordered[MAX_GROUPS:]
    if rest:
        kept.append(["", set(), *(sum(one[at] for one in rest) for at in (2, 3, 4))])
    return [[name, sorted(layers)[:MAX_LAYERS], *numbers] for name, layers, *numbers in kept]


def _group(name: str) -> tuple[str, int | None]:
    """The part that a tensor belongs to, and the number of its layer where it has one."""
    name = name[:MAX_NAME_CHARS]
    number = _NUMBER.search(name)
    if number is not None and number.start() > 0:
        return plain(name[: number.start()].rstrip("./_:")), int(number[0][:9])
    breaks = [found.start() for found in re.finditer(r"[./]", name)]
    cut = name[: breaks[min(len(breaks), 2) - 1]] if breaks else ""
    return plain(cut or name), None


# ---- entries -----------------------------------------------------------------------------------------------


def _entries(header: Header) -> tuple[list[list[Any]], int]:
    told: list[list[Any]] = []
    left = MAX_TEXTS_CHARS
    for key, value in header.entries.items():
        if len(told) >= MAX_ENTRIES or left <= 0:
            break
        kind, shown = _entry(value, left)
        left -= len(str(shown))
        told.append([plain(str(key)[:200]), kind, shown])
    return told, len(header.entries) - len(told)


def _entry(value: Any, left: int) -> tuple[str, Any]:
    """Kind (text, number, truth, list, cut) and value; ``cut`` is a text whose end is missing."""
    if isinstance(value, Listing):
        first = [plain(one) if isinstance(one, str) else _number(one) for one in value.first]
        return "list", {"length": value.length, "checksum": value.checksum, "first": first}
    if isinstance(value, bool):
        return "truth", value
    if isinstance(value, int | float):
        return "number", _number(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    kept = min(MAX_KEPT_TEXT, left)
    return ("text" if len(text) <= kept else "cut"), plain(text[:kept])


def _number(value: Any) -> Any:
    """A number that JSON and a database can hold, else its text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def plain(text: str) -> str:
    """``text`` with what no database and no page can hold replaced: NUL, half characters."""
    return text.replace("\x00", "�").encode("utf-8", "replace").decode()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {_clean(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return _number(value)


# ---- looking into the tensors ------------------------------------------------------------------------------

#: What may be sorted by; a minus before it turns the order.
SORTS = ("name", "type", "shape", "parameters", "bytes")


def page(bodies: Sequence[bytes], search: str, sort: str, number: int) -> dict[str, Any]:
    """One page of the tensors of several files, file after file: ``rows`` as ``[name, type, shape, bytes, file]``.

    ``search``: texts that a name or type holds one after the other, parted by ``*`` or blanks. ``sort``: see
    :data:`SORTS`; else the file's own order. ``found`` counts all rows, ``page`` says which this is.
    """
    wanted = [part for part in re.split(r"[*\s]+", search.lower()) if part]
    rows = [row for row in _rows(bodies) if not wanted or _holds(f"{row[0]} {row[1]}".lower(), wanted)]
    key = _KEYS.get(sort.lstrip("-"))
    if key is not None:
        rows.sort(key=key, reverse=sort.startswith("-"))
    last = max(1, -(-len(rows) // PAGE_ROWS))
    number = min(max(1, number), last)
    first = (number - 1) * PAGE_ROWS
    shown, total = rows[first : first + PAGE_ROWS], [0, 0]
    for row in rows:
        total[0] += math.prod(row[2])
        total[1] += row[3] or 0
    return {"rows": shown, "found": len(rows), "page": number, "last": last, "parameters": total[0], "bytes": total[1]}


def _rows(bodies: Sequence[bytes]) -> Iterator[Row]:
    for number, body in enumerate(bodies):
        for row in unpacked(body):
            yield [*row, number]


def _holds(text: str, wanted: Sequence[str]) -> bool:
    at = 0
    for part in wanted:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def _by_number(text: str) -> list[Any]:
    """Layer 10 after layer 9."""
    return [(1, int(part[:30]), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d+)", text)]


_KEYS = {
    "name": lambda row: _by_number(row[0]),
    "type": lambda row: row[1],
    "shape": lambda row: (len(row[2]), row[2]),
    "parameters": lambda row: math.prod(row[2]),
    "bytes": lambda row: row[3] or 0,
}


# ---- several files as one ----------------------------------------------------------------------------------


def combined(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The summaries of a model's parts as that of one file; of what the parts say of themselves, the first's."""
    whole: dict[str, Any] = dict(told[0]) if told else {"entries": [], "left_out": 0, "graph": {}}
    for key in ("parameters", "size_bytes", "counts"):
        whole[key] = {}
        for one in told:
            for kind, number in one[key].items():
                whole[key][kind] = whole[key].get(kind, 0) + number
    for key in ("tensors", "header_bytes", "experts"):
        whole[key] = sum(one[key] for one in told)
    whole["groups"] = joined([group for one in told for group in one["groups"]])
    return whole
