"""Parquet: rows and columns from the footer, a Thrift message in its compact protocol at the end of the file.

Only what is shown is kept; the rest is stepped over, a few levels deep. Source: apache/parquet-format, parquet.thrift,
and the Thrift compact protocol.
"""

import struct
from collections.abc import Iterator
from typing import Any

from freehold.cards.headers.header import MAX_HEADER_BYTES, Read, Unreadable

MAX_COLUMNS = 500
MAX_STEPS = 4_000_000
MAX_DEPTH = 12
MAX_NAME_BYTES = 1_000

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTEGERS = (4, 5, 6)
_TYPES = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
#: parquet.thrift, ConvertedType, where it says more than the physical type.
_CONVERTED = {0: "text", 1: "map", 3: "list", 4: "enum", 5: "decimal", 6: "date", 9: "timestamp", 10: "timestamp"}
_CONVERTED |= {11: "uint8", 12: "uint16", 13: "uint32", 14: "uint64", 15: "int8", 16: "int16", 19: "json", 20: "bson"}


def look(read: Read, size_bytes: int) -> dict[str, Any]:
    """``rows``, ``row_groups``, ``columns`` as ``[path, type]`` with their ``total``, ``made_by``, ``header_bytes``."""
    end = read(max(0, size_bytes - 8), size_bytes)
    if size_bytes < 12 or end[4:] != b"PAR1":
        raise Unreadable("the file does not end with PAR1")
    (length,) = struct.unpack("<I", end[:4])
    if length > size_bytes - 12:
        raise Unreadable(f"its footer claims {length:,} bytes, and the file has {size_bytes:,}")
    if length > MAX_HEADER_BYTES:
        raise Unreadable(f"its footer has {length:,} bytes; up to {MAX_HEADER_BYTES:,} are read")
    walker = _Walker(read(size_bytes - 8 - length, size_bytes - 8))
    told: dict[str, Any] = {"rows": None, "row_groups": 0, "columns": [], "total": 0, "made_by": ""}
    for field, kind in walker.fields():
        if field == 2 and kind == _LIST:
            told["columns"], told["total"] = _columns(walker)
        elif field == 3 and kind in _INTEGERS:
            told["rows"] = walker.integer()
        elif field == 4 and kind == _LIST:
            inner, told["row_groups"] = walker.list_head()
            walker.skip_items(inner, told["row_groups"], 1)
        elif field == 6 and kind == _BINARY:
            told["made_by"] = walker.text()
        else:
            walker.skip(kind)
    if not isinstance(told["rows"], int) or told["rows"] < 0:
        raise Unreadable("its footer does not say how many rows it has")
    return told | {"header_bytes": length + 8}


def _columns(walker: "_Walker") -> tuple[list[list[str]], int]:
    """Leaves of the schema by their path; groups are told by the names in it."""
    inner, count = walker.list_head()
    if inner != _STRUCT:
        raise Unreadable("its schema is no list of columns")
    columns: list[list[str]] = []
    open_groups: list[list[Any]] = []  # name, children that are still to come
    total = 0
    for number in range(count):
        name, kind, children = _element(walker)
        if number == 0:
            continue  # the root, which has no name of its own
        path = ".".join([*(one[0] for one in open_groups), name])
        if children:
            open_groups.append([name, children])
            if len(open_groups) > 100:
                raise Unreadable("its columns are nested over 100 deep")
            continue
        total += 1
        if len(columns) < MAX_COLUMNS:
            columns.append([path[:500], kind])
        while open_groups:
            open_groups[-1][1] -= 1
            if open_groups[-1][1] > 0:
                break
            open_groups.pop()
    return columns, total


def _element(walker: "_Walker") -> tuple[str, str, int]:
    name, physical, converted, children = "", "", "", 0
    for field, kind in walker.fields():
        if field == 1 and kind in _INTEGERS:
            at = walker.integer()
            physical = _TYPES[at] if 0 <= at < len(_TYPES) else "?"
        elif field == 4 and kind == _BINARY:
            name = walker.text()
        elif field == 5 and kind in _INTEGERS:
            children = max(0, walker.integer())
        elif field == 6 and kind in _INTEGERS:
            converted = _CONVERTED.get(walker.integer(), "")
        else:
            walker.skip(kind)
    return name, converted or physical.lower().replace("byte_array", "bytes"), children


class _Walker:
    """Steps through a message of the compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._steps = data, 0, 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and kind of each field of a struct; whoever takes one reads or skips its value."""
        number = 0
        while True:
            head = self._byte()
            if head == 0:
                return
            kind = head & 0x0F
            number = number + (head >> 4) if head >> 4 else self.integer()
            yield number, kind

    def integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def text(self) -> str:
        length = self._varint()
        return self._take(length)[:MAX_NAME_BYTES].decode("utf-8", "replace")

    def list_head(self) -> tuple[int, int]:
        head = self._byte()
        count = head >> 4
        return head & 0x0F, self._varint() if count == 15 else count

    def skip(self, kind: int, depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            raise Unreadable("its footer is nested too deep")
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self._take(1)
        elif kind in _INTEGERS:
            self._varint()
        elif kind == _DOUBLE:
            self._take(8)
        elif kind == _BINARY:
            self._take(self._varint())
        elif kind in (_LIST, _SET):
            inner, count = self.list_head()
            self.skip_items(inner, count, depth)
        elif kind == _MAP:
            self._skip_map(depth)
        elif kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        else:
            raise Unreadable("its footer holds a kind of value that Thrift does not have")

    def skip_items(self, kind: int, count: int, depth: int) -> None:
        for _ in range(count):
            if kind in (_TRUE, _FALSE):
                self._take(1)  # in a list a truth has a byte of its own
            else:
                self.skip(kind, depth + 1)

    def _skip_map(self, depth: int) -> None:
        count = self._varint()
        if count:
            kinds = self._byte()
            for _ in range(count):
                self.skip_items(kinds >> 4, 1, depth)
                self.skip_items(kinds & 0x0F, 1, depth)

    def _varint(self) -> int:
        value = shift = 0
        while shift < 70:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise Unreadable("a number in its footer has too many bytes")

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, length: int) -> bytes:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Unreadable(f"its footer has over {MAX_STEPS:,} values")
        data = self._data[self._at : self._at + length]
        if len(data) < length:
            raise Unreadable("its footer goes on past its end")
        self._at += length
        return data
