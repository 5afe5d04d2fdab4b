"""A header as its page shows it: figures in words, shares as bars, strangers' texts made visible. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any
from urllib.parse import urlencode

from freehold.cards.headers import digest
from freehold.web import figures

#: Parts of a bar that have a colour of their own; the rest is one more.
BAR_PARTS = 3
BAR_WIDTH = 1000
INBAR_WIDTH = 112
LONG_TEXT_CHARS = 160
BAR_NAME_CHARS, NAME_CHARS = 48, 110
#: Characters that show as nothing, or turn the text around them.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_UNSEEN_IN_LINE = re.compile(_UNSEEN.pattern[:-1] + "\t\n]")


@dataclass(frozen=True)
class Sum:
    """A large figure: its label, the exact one as ``title``, and words under it."""

    label: str
    value: str
    note: str = ""
    title: str = ""


@dataclass(frozen=True)
class Slice:
    """A part of a bar: its place, the letter of its colour, and its words."""

    x: float
    width: float
    colour: str
    words: str


@dataclass(frozen=True)
class Group:
    """A row of the summary by part of the model, with the address of its tensors."""

    name: str
    layers: str
    tensors: int
    parameters: int
    size_bytes: int
    width: float
    address: str


@dataclass(frozen=True)
class TensorRow:
    """A row of the table of tensors; ``part`` is the file that holds it, where there are several."""

    name: str
    title: str  #: the whole name, where it is cut
    dtype: str
    shape: str
    parameters: int
    size_bytes: int | None
    width: float
    part: str


@dataclass(frozen=True)
class Column:
    """A head of the table: where it leads, and how the table is sorted by it (``aria-sort``; empty: it is not)."""

    label: str
    address: str
    order: str
    is_number: bool


@dataclass(frozen=True)
class Tensors:
    """One page of the tensors that were asked for. Addresses of other pages are empty where there are none."""

    search: str
    sort: str
    columns: Sequence[Column]
    rows: Sequence[TensorRow]
    found: int
    of: int
    first: int
    parameters: int
    size_bytes: int
    previous: str
    next: str


@dataclass(frozen=True)
class MetadataRow:
    """What a file says under one key. ``long`` is the whole of a text whose beginning is ``value``."""

    key: str
    value: str
    long: str = ""
    note: str = ""


@dataclass(frozen=True)
class Asked:
    """Which tensors: see :func:`digest.page`."""

    search: str
    sort: str
    number: int

    def address(self, **changed: Any) -> str:
        said = {"tensor": self.search, "sort": self.sort, "page": self.number} | changed
        return "?" + urlencode({key: value for key, value in said.items() if value and (key, value) != ("page", 1)})


def asked(query: Mapping[str, str]) -> Asked:
    """What the address of the page asks for; what makes no sense is left out."""
    sort = query.get("sort", "")
    number = query.get("page", "")
    return Asked(
        search=query.get("tensor", "")[:200].strip(),
        sort=sort if sort.removeprefix("-") in digest.SORTS else "",
        number=int(number) if number.isascii() and number.isdecimal() and len(number) < 7 else 1,
    )


def visible(text: str, *, in_line: bool = True) -> str:
    """``text`` with what cannot be seen spelled out: a name that reads backwards is shown for what it is."""
    pattern = _UNSEEN_IN_LINE if in_line else _UNSEEN
    return pattern.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def short(text: str, most: int) -> str:
    """``text``, cut in its middle: names of tensors differ at both ends."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 :]}"


# ---- bars --------------------------------------------------------------------------------------------------


def bar(parts: Sequence[tuple[str, int]]) -> Sequence[Slice]:
    """Shares of a whole, the largest first: some by name, the rest together. Empty for less than two."""
    whole = sum(size for _, size in parts)
    ordered = sorted(parts, key=lambda part: -part[1])
    shown, rest = ordered[:BAR_PARTS], ordered[BAR_PARTS:]
    if len(rest) == 1:
        shown, rest = ordered, []
    if rest:
        shown = [*shown, (f"{len(rest)} others", sum(size for _, size in rest))]
    if len(parts) < 2 or not whole:
        return ()
    return list(_slices(shown, whole))


def _slices(shown: Sequence[tuple[str, int]], whole: int) -> Iterator[Slice]:
    x = 0.0
    for colour, (name, size) in zip("abcd", shown, strict=False):
        width = BAR_WIDTH * size / whole
        share = 100 * size / whole
        words = f"{short(name, BAR_NAME_CHARS)} {figures.size(size)}"
        if 1 <= share < 99.95:  # "100.0 %" beside something else would be a lie
            words += f", {share:.1f}{figures.GAP}%"
        yield Slice(round(x, 1), round(width, 1), colour, words)
        x += width


def groups(told: Mapping[str, Any], asked: Asked) -> Sequence[Group]:
    """The parts of a model that names tell, in a table; empty for one that has a single part."""
    most = max((one[4] for one in told["groups"]), default=0)
    if len(told["groups"]) < 2:
        return ()
    return [
        Group(
            name=short(visible(name), NAME_CHARS) or "others",
            layers=figures.plural(len(layers), "layer") if layers else "",
            tensors=tensors,
            parameters=parameters,
            size_bytes=size,
            width=round(INBAR_WIDTH * size / most, 1) if most else 0,
            address=asked.address(tensor=name, page=1) + "#tensors" if name else "",
        )
        for name, layers, tensors, parameters, size in told["groups"]
    ]


# ---- tensors -----------------------------------------------------------------------------------------------

_COLUMNS = (("Name", "name"), ("Type", "type"), ("Shape", "shape"), ("Parameters", "parameters"), ("Bytes", "bytes"))


def tensors(page: Mapping[str, Any], of: int, asked: Asked, parts: Sequence[str]) -> Tensors:
    """A page of :func:`digest.page` as a table. ``parts``: names of the files, where there are several."""
    rows = page["rows"]
    most = max((size or 0 for _, _, _, size, _ in rows), default=0)
    return Tensors(
        search=asked.search,
        sort=asked.sort,
        columns=[_column(label, key, asked) for label, key in _COLUMNS],
        rows=[
            TensorRow(
                name=short(visible(name), NAME_CHARS),
                title=visible(name) if len(name) > NAME_CHARS else "",
                dtype=visible(dtype),
                shape=" × ".join(f"{size:,}" if size > 99_999 else str(size) for size in shape) or "scalar",
                parameters=prod(shape),
                size_bytes=size,
                width=round(INBAR_WIDTH * (size or 0) / most, 1) if most else 0,
                part=visible(parts[number]) if number < len(parts) else "",
            )
            for name, dtype, shape, size, number in rows
        ],
        found=page["found"],
        of=of,
        first=(page["page"] - 1) * digest.PAGE_ROWS + 1,
        parameters=page["parameters"],
        size_bytes=page["bytes"],
        previous=asked.address(page=page["page"] - 1) or "?" if page["page"] > 1 else "",
        next=asked.address(page=page["page"] + 1) if page["page"] < page["last"] else "",
    )


def _column(label: str, key: str, asked: Asked) -> Column:
    is_number = key in ("shape", "parameters", "bytes")
    order = {key: "ascending", f"-{key}": "descending"}.get(asked.sort, "")
    first, second = (f"-{key}", key) if is_number else (key, f"-{key}")
    return Column(label, asked.address(sort=second if asked.sort == first else first, page=1), order, is_number)


# ---- what the file says of itself --------------------------------------------------------------------------


def metadata(told: Mapping[str, Any]) -> Sequence[MetadataRow]:
    """The entries as rows; operators of ONNX are told elsewhere, and so is a chat template."""
    return [
        _metadata(key, kind, value)
        for key, kind, value in told["entries"]
        if not key.startswith("operators.") and key != "tokenizer.chat_template"
    ]


def _metadata(key: str, kind: str, value: Any) -> MetadataRow:
    key = visible(key)
    if kind == "list":
        first = ", ".join(visible(str(one)) for one in value["first"])
        more = ", …" if value["length"] > len(value["first"]) else ""
        return MetadataRow(key, first + more, note=figures.plural(value["length"], "value"))
    if kind == "truth":
        return MetadataRow(key, "true" if value else "false")
    if kind == "number":
        return MetadataRow(key, f"{value:,}" if isinstance(value, int) and abs(value) > 9_999 else str(value))
    note = "only the beginning is kept" if kind == "cut" else ""
    if len(value) > LONG_TEXT_CHARS:
        count = note or f"{len(value):,} characters"
        first = visible(" ".join(value[: 2 * LONG_TEXT_CHARS].split()))[:LONG_TEXT_CHARS]
        return MetadataRow(key, first + "…", visible(value, in_line=False), count)
    return MetadataRow(key, visible(" ".join(value.split())), note=note)
