"""Where batches are in what they read, kept from one slice to the next on the node that reads.

Most files can be read from their beginning alone. If each slice did, a batch of a million rows would read its file some
hundred times; so it is read on, and anew only where another node, or a hub that was started again, goes on.
"""

import threading
from collections.abc import Generator, Iterable
from itertools import islice

from freehold.batches.rules import Line

#: So much is read ahead, however long the lines are.
READ_BYTES = 8 << 20
#: Of batches that wait for their next slice. Each holds a piece of a file, and a descriptor or a child process.
MAX_KEPT = 4


class Reader:
    """Lines of one batch in their order, each given once unless it is put back. For one slice at a time."""

    def __init__(self, found: Generator[Line], number: int) -> None:
        """``found``: from the ``number``-th on."""
        self._found, self._number = found, number
        self._held: list[Line] = []
        self._is_read = False
        self.is_broken = False  # what it would give next is not what comes next

    @property
    def number(self) -> int:
        """Of the next line."""
        return self._held[0].number if self._held else self._number

    @property
    def has_more(self) -> bool:
        """Whether a line may be left."""
        return bool(self._held) or not self._is_read

    def next(self) -> Line | None:
        """The next one of those that were read; None: more must be, if there are."""
        return self._held.pop(0) if self._held else None

    def read(self, most: int) -> None:
        """Some more are read, ``most`` and fewer where they are long. Blocks; raises what opening and reading files
        does."""
        read: list[Line] = []
        size = 0
        try:
            for line in islice(self._found, most):
                read.append(line)
                size += line.size
                if size > READ_BYTES:
                    break
        except BaseException:
            self.is_broken = True
            raise
        self._is_read = not read
        self._number = read[-1].number + 1 if read else self._number
        self._held += read

    def put_back(self, lines: Iterable[Line]) -> None:
        """They were given, and are given again."""
        self._held = sorted([*lines, *self._held], key=lambda line: line.number)

    def close(self) -> None:
        """Nothing of a file is held any more."""
        self._found.close()


class Readers:
    """Of a node. Safe to use from any thread; whoever takes one has it alone."""

    def __init__(self) -> None:
        self._is_closed = False
        self._lock = threading.Lock()
        self._kept: dict[str, Reader] = {}

    def take(self, batch_id: str) -> Reader | None:
        """The one that was kept for the batch, if there is."""
        with self._lock:
            return self._kept.pop(batch_id, None)

    def keep(self, batch_id: str, reader: Reader) -> None:
        """For its next slice; of too many the one goes that waited longest."""
        over = []
        with self._lock:
            if reader.is_broken or self._is_closed:
                over.append(reader)
            else:
                self._kept[batch_id] = reader
            while len(self._kept) > MAX_KEPT:
                over.append(self._kept.pop(next(iter(self._kept))))
        for one in over:
            one.close()

    def drop(self, batch_id: str) -> None:
        """The batch reads no more, for now."""
        reader = self.take(batch_id)
        if reader is not None:
            reader.close()

    def close(self) -> None:
        """None is kept any more."""
        with self._lock:
            self._is_closed = True
            kept, self._kept = list(self._kept.values()), {}
        for reader in kept:
            reader.close()
