"""The process in which Parquet files are read (``batches.parquet`` asks it): it sees the ranges that it asks for."""

import base64
import json
import math
import os
from collections import OrderedDict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import RawIOBase
from typing import Any

from freehold.core.children import serve, wanted

os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # others set aside more than the process may have

BLOCK_BYTES, BLOCKS = 1 << 20, 32
ROWS_AT_ONCE = 64
MAX_ANSWER_BYTES = 8 << 20
MAX_ROW_BYTES = 4 << 20
#: What pandas writes beside the columns.
INDEX = "__index_level_0__"


class Ranges(RawIOBase):
    """The file as the library reads one, block by block."""

    def __init__(self, size_bytes: int) -> None:
        self._size, self._at = size_bytes, 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._size, self._at + size)
        said: list[bytes] = []
        while self._at < end:
            number, inside = divmod(self._at, BLOCK_BYTES)
            part = self._block(number)[inside : inside + end - self._at]
            if not part:
                break
            said.append(part)
            self._at += len(part)
        return b"".join(said)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._blocks[number] = wanted(number * BLOCK_BYTES, min((number + 1) * BLOCK_BYTES, self._size))
            if len(self._blocks) > BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]


class Opened:
    """A file on its way through: rows come in order, and what comes next is known."""

    def __init__(self, size_bytes: int) -> None:
        from pyarrow import parquet

        self.size_bytes = size_bytes
        # Page by page: a column of a group of rows may be larger than all memory.
        self._file = parquet.ParquetFile(Ranges(size_bytes), buffer_size=BLOCK_BYTES, pre_buffer=False)
        self.count = int(self._file.metadata.num_rows)
        self._next = -1
        self._rows: Iterator[dict[str, Any]] = iter(())

    def rows(self, start: int) -> Iterator[dict[str, Any]]:
        """Rows from the ``start``-th on; what is taken of them comes off."""
        if start != self._next:
            self._next, self._rows = start, self._from(start)
        for row in self._rows:
            self._next += 1
            yield row

    def _from(self, start: int) -> Iterator[dict[str, Any]]:
        groups = self._file.metadata.num_row_groups
        first = 0
        while first < groups and start >= (size := self._file.metadata.row_group(first).num_rows):
            start -= size
            first += 1
        columns = [name for name in self._file.schema_arrow.names if name != INDEX]
        batches = self._file.iter_batches(
            batch_size=ROWS_AT_ONCE, row_groups=list(range(first, groups)), columns=columns, use_threads=False
        )
        for batch in batches:
            if start >= batch.num_rows:
                start -= batch.num_rows
                continue
            yield from batch.slice(start).to_pylist()
            start = 0


_opened: Opened | None = None


def work(question: bytes) -> bytes:
    """``question``: JSON of ``size_bytes``, ``start`` and ``most``. The answer: JSON of ``rows``, then a line a row."""
    global _opened
    asked = json.loads(question)
    try:
        if _opened is None or _opened.size_bytes != asked["size_bytes"]:
            _opened = Opened(asked["size_bytes"])
        lines, size = [json.dumps({"rows": _opened.count})], 0
        for _, row in zip(range(asked["most"]), _opened.rows(asked["start"]), strict=False):
            line = json.dumps(plain(row), ensure_ascii=True)
            if len(line) > MAX_ROW_BYTES:
                line = json.dumps(f"A row is over {MAX_ROW_BYTES:,} bytes.")
            lines.append(line)
            size += len(line)
            if size > MAX_ANSWER_BYTES:
                break
    except ModuleNotFoundError:
        lines = [json.dumps({"problem": "pyarrow is not installed here, which freehold[serve] brings."})]
    except Exception as err:  # whatever the library says of a file that is none
        _opened = None
        lines = [json.dumps({"problem": f"{type(err).__name__}: {err}"[:400]})]
    return "\n".join(lines).encode()


def plain(value: Any) -> Any:
    """``value`` as JSON has it: moments as text, bytes as text where they are some, else as base64."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value.total_seconds() if isinstance(value, timedelta) else str(value)


if __name__ == "__main__":
    serve(work)
