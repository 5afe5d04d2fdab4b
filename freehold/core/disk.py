"""Files written from front to back, at the least cost for the processor and with the disk at work from the start."""

import ctypes
import errno
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

#: Room that is set aside at once: a third less work per byte than room found block by block.
STRETCH_BYTES = 64 << 20
#: The disk is sent to work on this much at a time, so that making the file durable at the end finds little left.
WRITEBACK_BYTES = 16 << 20
_SYNC_FILE_RANGE_WRITE = 2


class Growing:
    """Appends to an open file from offset 0 on. ``expected_bytes`` bounds the room set aside ahead.

    :meth:`finish` gives back the room that was not needed. A full disk shows as ``OSError``, often before the bytes.
    """

    def __init__(self, fd: int, expected_bytes: int) -> None:
        self._fd = fd
        self._expected_bytes = expected_bytes
        self._reserved = self._flushed = 0
        self.size_bytes = 0

    def append(self, piece: memoryview) -> None:
        end = self.size_bytes + len(piece)
        if end > self._reserved:
            self._reserve(end)
        while piece:
            written = os.pwrite(self._fd, piece, self.size_bytes)  # a disk that fills up writes a part first
            self.size_bytes += written
            piece = piece[written:]
        if self.size_bytes - self._flushed >= WRITEBACK_BYTES:
            _start_writeback(self._fd, self._flushed, self.size_bytes - self._flushed)
            self._flushed = self.size_bytes

    def finish(self, size_bytes: int | None = None) -> None:
        """The file has exactly ``size_bytes``: everything appended unless said otherwise."""
        os.ftruncate(self._fd, self.size_bytes if size_bytes is None else size_bytes)

    def _reserve(self, end: int) -> None:
        until = max(end, min(self._reserved + STRETCH_BYTES, self._expected_bytes))
        try:
            os.posix_fallocate(self._fd, self._reserved, until - self._reserved)
        except OSError as err:
            if err.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
            until = sys.maxsize  # a file system that cannot; it is written all the same
        self._reserved = until


def _libc_sync_file_range() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is None:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    found: Callable[[int, int, int, int], int] = function
    return found


_sync_file_range = _libc_sync_file_range()


def _start_writeback(fd: int, start: int, count: int) -> None:
    """The disk begins to write these bytes; nobody waits for it. A hint: that it fails is found out by the sync."""
    if _sync_file_range is not None:
        _sync_file_range(fd, start, count, _SYNC_FILE_RANGE_WRITE)


def sweep(tmp: Path, *, older_than_s: int) -> None:
    """What a killed process left half-written is nobody's any more, once no upload can still be running."""
    for left in tmp.iterdir():
        if time.time() - left.stat().st_mtime > older_than_s:
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
