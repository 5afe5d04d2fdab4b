"""Rows of Parquet files, read by a child process with limits: what is in them comes from strangers.

The child reads nothing itself: it asks for ranges of the file. It ends with its reader, or when nothing is asked.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from freehold.batches.errors import BadBatch
from freehold.core.children import Child, ChildFailed, ChildLimits

MODULE = "freehold.batches.programs.parquet"
#: ``memory_bytes`` is address space, of which the library takes half a gigabyte by being there.
LIMITS = ChildLimits(memory_bytes=3 << 30, answer_s=60.0, answer_bytes=32 << 20, idle_s=120.0)
ROWS_AT_ONCE = 200


class Reader:
    """One file. ``pieces(start, end)`` reads so much of it."""

    def __init__(self, path: str, size_bytes: int, pieces: Callable[[int, int], Iterator[bytes]]) -> None:
        self._path, self._size_bytes, self._pieces = path, size_bytes, pieces
        self._child = Child(MODULE, LIMITS)

    def count(self) -> int:
        """How many rows it has. Raises :class:`BadBatch` where it cannot be read."""
        return int(self._ask(0, 0)[0]["rows"])

    def rows(self, start: int = 0) -> Iterator[Mapping[str, Any] | str]:
        """Its rows from the ``start``-th on. Raises :class:`BadBatch` where it cannot be read."""
        while True:
            told, *found = self._ask(start, ROWS_AT_ONCE)
            yield from found
            start += len(found)
            if not found or start >= told["rows"]:
                return

    def close(self) -> None:
        self._child.close()

    def _ask(self, start: int, most: int) -> list[Any]:
        question = json.dumps({"size_bytes": self._size_bytes, "start": start, "most": most}).encode()
        try:
            answer = self._child.ask(question, self._read)
        except ChildFailed as err:
            raise BadBatch(
                f"{self._path[:200]} cannot be read as Parquet: it takes more time or memory than a file is given.",
                field="path",
            ) from err
        told = [json.loads(line) for line in answer.split(b"\n")]
        if told[0].get("problem"):
            raise BadBatch(f"{self._path[:200]} cannot be read as Parquet: {told[0]['problem']}"[:900], field="path")
        return told

    def _read(self, start: int, end: int) -> bytes:
        end = min(end, self._size_bytes)
        return b"".join(self._pieces(start, end)) if start < end else b""
