"""The structure of an ONNX file: its initializers by name, type and shape, and what the model says of itself.

A protobuf message is walked by its lengths; the values of tensors, most of the file, are stepped over unread. Hostile
input like every header: whatever claims to go past its end, or needs too many steps, tells nothing.
Source: github.com/onnx/onnx, onnx.proto3, and the protobuf encoding.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from freehold.cards.headers import MAX_KEPT_TEXT, MAX_TENSORS, Contradiction, Layout, Read

#: Reads of a window each: a walk jumps over every large tensor.
MAX_WINDOWS = 600
WINDOW_BYTES = 64 << 10
MAX_FIELDS = 200_000
MAX_OPERATORS = 300

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_TYPES = {1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 9: "BOOL", 10: "F16", 11: "F64"}
_TYPES |= {12: "U32", 13: "U64", 16: "BF16", 17: "F8_E4M3", 19: "F8_E5M2", 21: "U4", 22: "I4"}


def layout(read: Read, size_bytes: int) -> Layout | None:
    """The initializers and entries of an ONNX model; None when it is none, is over a limit or contradicts itself."""
    walker = _Walker(read, size_bytes)
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    entries: dict[str, Any] = {}
    operators: Counter[str] = Counter()
    try:
        for field, kind, start, end in walker.fields(0, size_bytes):
            if field == 7 and kind == _LENGTH:
                _graph(walker, start, end, tensors, operators)
            elif field == 14 and kind == _LENGTH:
                key, value = _pair(walker, start, end)
                entries[f"metadata.{key}"] = value
            elif field in _MODEL and kind == _LENGTH:
                entries[_MODEL[field]] = walker.text(start, end)
            elif field in _MODEL_NUMBERS and kind == _VARINT:
                entries[_MODEL_NUMBERS[field]] = start
    except (ValueError, IndexError):
        return None
    if not tensors and not operators:
        return None
    entries |= {f"operators.{name}": number for name, number in operators.most_common(MAX_OPERATORS)}
    return Layout(tensors, entries)


_MODEL = {2: "producer_name", 3: "producer_version", 4: "domain"}
_MODEL_NUMBERS = {1: "ir_version", 5: "model_version"}


def _graph(
    walker: "_Walker",
    start: int,
    end: int,
    tensors: dict[str, tuple[str, tuple[int, ...]]],
    operators: Counter[str],
) -> None:
    for field, kind, at, until in walker.fields(start, end):
        if kind != _LENGTH:
            continue
        if field == 5:
            name, told = _tensor(walker, at, until)
            tensors[name] = told
            if len(tensors) > MAX_TENSORS:
                raise Contradiction("more tensors than a model has")
        elif field == 1:
            names = [
                walker.text(a, b) for inner, form, a, b in walker.fields(at, until) if (inner, form) == (4, _LENGTH)
            ]
            operators[names[-1] if names else "?"] += 1


def _tensor(walker: "_Walker", start: int, end: int) -> tuple[str, tuple[str, tuple[int, ...]]]:
    dims: list[int] = []
    kind, name = 0, ""
    for field, form, at, until in walker.fields(start, end):
        if field == 1 and form == _VARINT:
            dims.append(at)
        elif field == 1 and form == _LENGTH:
            dims += walker.numbers(at, until)
        elif field == 2 and form == _VARINT:
            kind = at
        elif field == 8 and form == _LENGTH:
            name = walker.text(at, until)
        if len(dims) > 16:
            raise Contradiction("a tensor of too many dimensions")
    return name, (_TYPES.get(kind, f"type {kind}"), tuple(dims))


def _pair(walker: "_Walker", start: int, end: int) -> tuple[str, str]:
    said = {field: walker.text(a, b) for field, form, a, b in walker.fields(start, end) if form == _LENGTH}
    return said.get(1, ""), said.get(2, "")


class _Walker:
    """Reads a file by windows, wherever the walk leads."""

    def __init__(self, read: Read, size_bytes: int) -> None:
        self._read = read
        self._size_bytes = size_bytes
        self._window = b""
        self._start = 0
        self._windows = self._fields = 0

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Number, wire type and place of each field between two offsets; of a varint its value in place of a start."""
        at = start
        while at < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise Contradiction("more fields than a model has")
            key, at = self._varint(at)
            field, kind = key >> 3, key & 7
            if kind == _VARINT:
                value, at = self._varint(at)
                yield field, kind, value, at
            elif kind == _LENGTH:
                length, at = self._varint(at)
                if at + length > end:
                    raise Contradiction("a field goes on past its message")
                yield field, kind, at, at + length
                at += length
            elif kind in (_FIXED32, _FIXED64):
                at += 4 if kind == _FIXED32 else 8
            else:
                raise Contradiction("a field of no known kind")
        if at != end:
            raise Contradiction("a field goes on past its message")

    def text(self, start: int, end: int) -> str:
        return self._bytes(start, min(end, start + MAX_KEPT_TEXT)).decode("utf-8", "replace")

    def numbers(self, start: int, end: int) -> list[int]:
        """Packed varints, a few."""
        found: list[int] = []
        while start < end and len(found) <= 16:
            value, start = self._varint(start)
            found.append(value)
        return found

    def _varint(self, at: int) -> tuple[int, int]:
        value = shift = 0
        while shift < 70:
            byte = self._bytes(at, at + 1)[0]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
            shift += 7
        raise Contradiction("a number of too many bytes")

    def _bytes(self, start: int, end: int) -> bytes:
        if end > self._size_bytes:
            raise Contradiction("the file ends before its message does")
        if not (self._start <= start and end <= self._start + len(self._window)):
            self._windows += 1
            if self._windows > MAX_WINDOWS:
                raise Contradiction("too many jumps")
            self._start = start
            self._window = self._read(start, min(self._size_bytes, max(end, start + WINDOW_BYTES)))
        return self._window[start - self._start : end - self._start]
