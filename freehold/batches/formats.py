"""Rows of data files, in whichever form they are kept, some at a time: JSON lines and lists, CSV, TSV, text, Parquet.

A text in place of a row says why that one cannot be read; the others go on.
"""

import csv
import json
import re
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.batches import parquet
from freehold.batches.errors import BadBatch

MAX_LINE_BYTES = 4 << 20
MAX_NAME = 1000
#: Read by their lines; each may be packed by gzip.
TEXTS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt")
FORMATS = (".parquet", *TEXTS)
PACKED = ".gz"
#: Packed bytes that are unpacked at a time; what comes of them is at most a thousand times as much.
UNPACKED_AT_ONCE = 16 << 10
#: Data is packed to a tenth, seldom to a fiftieth. What comes to more than this, once it is large, is there to keep
#: whoever reads it busy, and so are so many empty lines in a row.
MOST_UNPACKED_OF_ONE, MOST_UNPACKED_ANYHOW = 200, 64 << 20
MAX_EMPTY_LINES = 100_000
#: So many rows of a file are counted, and so much of what it unpacks to, where it is packed.
MAX_COUNTED_ROWS, MAX_COUNTED_PLAIN_BYTES = 500_000, 64 << 20
Row = Mapping[str, Any] | str
#: Where a JSON text may end or begin: inside a text, inside brackets, and outside both.
_BETWEEN = re.compile(rb"[ \t\r\n,\xef\xbb\xbf]*")
_IN_TEXT, _WITHIN, _BARE = re.compile(rb'["\\]'), re.compile(rb'["\[\]{}]'), re.compile(rb'["\[\]{}\s,]')

# Cells of a table may be as long as other rows. The module's own limit is 128 KiB, and one for all threads.
csv.field_size_limit(MAX_LINE_BYTES)


@dataclass(frozen=True)
class Bytes:
    """A file that is open: ``pieces(start, end)`` reads so much of it."""

    size_bytes: int
    pieces: Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True)
class File:
    """A data file by its path; ``open`` finds its bytes when they are wanted."""

    path: str
    open: Callable[[], Bytes]


def is_read(path: str) -> bool:
    """Whether rows of such a file can be read here."""
    name = path.lower()
    return name.endswith(FORMATS) or name.removesuffix(PACKED).endswith(TEXTS)


def rows(files: Sequence[File], start: int = 0) -> Generator[Row]:
    """The rows of all ``files``, one after the other, from the ``start``-th on. Of Parquet nothing before it is read.

    Raises :class:`BadBatch` where a file is not what its name says.
    """
    left = start
    for file in files:
        opened = file.open()
        if file.path.lower().endswith(".parquet"):
            reader = parquet.Reader(file.path, opened.size_bytes, opened.pieces)
            try:
                count = reader.count() if left else 0
                if left and left >= count:
                    left -= count
                    continue
                yield from reader.rows(left)
                left = 0
            finally:
                reader.close()
            continue
        for row in of_text(file.path, opened.pieces(0, opened.size_bytes)):
            if left:
                left -= 1
            else:
                yield row


def count(file: File, most_bytes: int) -> tuple[int, int]:
    """How many rows there are in about the first ``most_bytes`` of a file, and of how many bytes that is said: fewer
    where it has very many rows or unpacks to much. Of Parquet in all of it."""
    opened = file.open()
    if not file.path.lower().endswith(".parquet"):
        return _counted(file.path, opened, min(most_bytes, opened.size_bytes))
    reader = parquet.Reader(file.path, opened.size_bytes, opened.pieces)
    try:
        return reader.count(), opened.size_bytes
    finally:
        reader.close()


def _counted(path: str, opened: Bytes, most_bytes: int) -> tuple[int, int]:
    taken, unpacked, rows = 0, 0, 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for piece in opened.pieces(0, most_bytes):
            for at in range(0, len(piece), UNPACKED_AT_ONCE):
                part = piece[at : at + UNPACKED_AT_ONCE]
                taken += len(part)
                yield part

    def bounded(found: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal unpacked
        for piece in found:
            yield piece
            unpacked += len(piece)
            if rows >= MAX_COUNTED_ROWS or unpacked >= MAX_COUNTED_PLAIN_BYTES:
                return

    name = path.lower()
    plain = _unpacked(path, pieces()) if name.endswith(PACKED) else pieces()
    for _ in of_text(name.removesuffix(PACKED), bounded(plain)):
        rows += 1
    return rows, taken


def of_text(path: str, pieces: Iterable[bytes]) -> Iterator[Row]:
    """The rows of a file of text, by its ending."""
    name = path.lower()
    if name.endswith(PACKED):
        name, pieces = name.removesuffix(PACKED), _unpacked(path, pieces)
    if name.endswith((".csv", ".tsv")):
        yield from _table(lines(pieces), "\t" if name.endswith(".tsv") else ",")
    elif name.endswith(".txt"):
        for line in lines(pieces):
            if line.strip():
                yield {"text": line.decode("utf-8", "replace").rstrip("\r")}
    elif name.endswith(".json"):
        yield from _values(pieces)
    else:
        for number, line in enumerate(lines(pieces)):
            if line.strip():
                row = _object(line)
                yield row if row is not None else f"Line {number + 1} is no JSON object, or is too long."


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of a file that comes in pieces, without their ends; one that is too long is cut to just over the limit."""
    held = bytearray()
    too_long, empty = False, 0
    for piece in pieces:
        at = 0
        while (end := piece.find(b"\n", at)) >= 0:
            held += piece[at : min(end, at + MAX_LINE_BYTES + 1)]
            empty = 0 if held and not held.isspace() else empty + 1
            if empty > MAX_EMPTY_LINES:
                raise BadBatch(f"The file has over {MAX_EMPTY_LINES:,} empty lines in a row.", field="path")
            yield bytes(held)
            held.clear()
            at, too_long = end + 1, False
        if not too_long:
            held += piece[at : at + MAX_LINE_BYTES + 1]
            too_long = len(held) > MAX_LINE_BYTES
    if held:
        yield bytes(held)


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        row = json.loads(line) if len(line) <= MAX_LINE_BYTES else None
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _table(found: Iterator[bytes], delimiter: str) -> Iterator[Row]:
    taken = 0  # of one row, which quotes may take over any number of lines

    def texts() -> Iterator[str]:
        nonlocal taken
        for line in found:
            if taken > MAX_LINE_BYTES:
                raise csv.Error(f"a row is over {MAX_LINE_BYTES:,} bytes")
            taken += len(line) + 1
            yield line.decode("utf-8", "replace") + "\n"

    reader = csv.reader(texts(), delimiter=delimiter)
    try:
        head = next((cells for cells in reader if cells), None)
        if head is None:
            return
        head[0] = head[0].removeprefix("\ufeff")
        taken = 0
        for number, cells in enumerate(reader, start=2):
            taken = 0
            if not cells:
                continue
            if len(cells) == len(head):
                yield dict(zip(head, cells, strict=True))
            else:
                yield f"Row {number} has {len(cells)} cells, and the head {len(head)}."
    except csv.Error as err:
        yield f"The table cannot be read any further: {err}."


def _values(pieces: Iterable[bytes]) -> Iterator[Row]:
    """JSON values one after the other, or those of one list: whatever is called ``.json``."""
    values = _Values(pieces)
    number = 0
    while True:
        text = values.next()
        if text is None:
            return
        number += 1
        row = _object(text)
        if row is None and len(text) > MAX_LINE_BYTES:
            yield f"Value {number} is over {MAX_LINE_BYTES:,} bytes, and nothing after it is read."
            return
        yield row if row is not None else f"Value {number} is no JSON object."


class _Values:
    """The texts of values, found by their brackets alone, in bounded memory."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held, self._at = b"", 0
        self._is_list: bool | None = None

    def next(self) -> bytes | None:
        """The next one, cut to just over the limit; None: there are no more."""
        while (byte := self._byte()) is not None:
            if byte == 0x5B and self._is_list is None:  # [
                self._is_list = True
                self._at += 1
            elif byte == 0x5D and self._is_list:  # ] of the list
                self._at += 1
            elif byte in b" \t\r\n,\xef\xbb\xbf":
                self._at = _BETWEEN.match(self._held, self._at).end()  # type: ignore[union-attr]  # it always does
            else:
                self._is_list = bool(self._is_list)
                return self._value()
        return None

    def _byte(self) -> int | None:
        while self._at >= len(self._held):
            piece = next(self._pieces, None)
            if piece is None:
                return None
            self._held, self._at = piece, 0
        return self._held[self._at]

    def _value(self) -> bytes:
        told, depth, is_text = bytearray(), 0, False
        while self._byte() is not None and len(told) <= MAX_LINE_BYTES:
            pattern = _IN_TEXT if is_text else _WITHIN if depth else _BARE
            found = pattern.search(self._held, self._at)
            end = found.start() if found else len(self._held)
            told += self._held[self._at : end]
            self._at = end
            if found is None:
                continue
            byte = self._held[end]
            if not depth and not is_text and told and byte not in b'"[{':
                return bytes(told)  # a number or a word
            told.append(byte)
            self._at += 1
            if byte == 0x5C:  # and whatever it makes of the next one
                told.append(self._byte() or 0)
                self._at += 1
            elif byte == 0x22:
                is_text = not is_text
            else:
                depth += 1 if byte in b"[{" else -1
            if depth <= 0 and not is_text and byte != 0x5C:
                return bytes(told)
        return bytes(told)


def _unpacked(path: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What gzip packed, also of several parts."""
    unpacker = zlib.decompressobj(wbits=31)
    taken = given = 0
    try:
        for piece in pieces:
            for at in range(0, len(piece), UNPACKED_AT_ONCE):
                left = piece[at : at + UNPACKED_AT_ONCE]
                taken += len(left)
                while left:
                    plain = unpacker.decompress(left)
                    given += len(plain)
                    if given > MOST_UNPACKED_ANYHOW + taken * MOST_UNPACKED_OF_ONE:
                        raise BadBatch(f"{path[:200]} unpacks to far more than data does.", field="path")
                    yield plain
                    left = unpacker.unused_data
                    if unpacker.eof:
                        unpacker = zlib.decompressobj(wbits=31)
    except zlib.error as err:
        raise BadBatch(f"{path[:200]} is not packed by gzip, or is damaged.", field="path") from err
