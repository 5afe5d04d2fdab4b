"""Files rebuilt from recipes, kept whole on the local disk so that the next reader gets a file: a disposable cache."""

import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

from freehold.content.kit import Kit

#: A file larger than this share of the cache would only push out everything else.
LARGEST_SHARE = 2
#: Not evicted sooner after its last use: a server may be about to open it.
IN_USE_S = 60

_growing: set[Path] = set()
_lock = threading.Lock()


class RebuiltFiles:
    """Whole files by digest, the least recently used dropped first. With what engines read from the node's cache they
    are at most ``limit_bytes``, as far as nobody uses them."""

    def __init__(self, kit: Kit) -> None:
        self.folder = kit.rebuilt_files
        self.limit_bytes = kit.settings.cache_bytes
        self._beside = (kit.model_files, kit.made_weights)

    def find(self, sha256: str) -> Path | None:
        """The file, marked as used now: many disks are mounted so that reading alone would leave no trace."""
        path = self._path(sha256)
        try:
            os.utime(path)
        except OSError:
            return None
        return path

    def teed(self, sha256: str, size_bytes: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """``pieces`` of the whole file as they come; once the last one went by, the file is in the cache.

        One reader at a time does it; a reader that leaves early, or a full disk, leaves nothing behind.
        """
        path = self._path(sha256)
        with _lock:
            mine = path not in _growing and size_bytes * LARGEST_SHARE <= self.limit_bytes
            if mine:
                _growing.add(path)
        if not mine:
            yield from pieces
            return
        try:
            yield from self._grow(path, size_bytes, pieces)
        finally:
            with _lock:
                _growing.discard(path)

    def _grow(self, path: Path, size_bytes: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
        half = path.with_name(f"{path.name}.{secrets.token_hex(4)}.half")
        file = self._started(half, size_bytes)
        try:
            for piece in pieces:
                file = _written(file, piece)
                yield piece
            # A file that came to its end here is whole: its pieces were checked against their recipe's lengths.
            if file is not None and file.tell() == size_bytes:
                with suppress(OSError):
                    os.replace(half, path)
        finally:
            if file is not None:
                file.close()
            with suppress(OSError):
                half.unlink(missing_ok=True)

    def _started(self, half: Path, size_bytes: int) -> FileIO | None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(size_bytes)
            return FileIO(half, "x")
        except OSError:
            return None

    def _make_room(self, size_bytes: int) -> None:
        """The cache holds at most its limit with ``size_bytes`` more."""
        files = []
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError):
                facts = entry.stat()
                files.append((max(facts.st_atime, facts.st_mtime), facts.st_size, entry.path))
        total_bytes = sum(size for _, size, _ in files) + size_bytes + kept_bytes(self._beside)
        for used_at, size, path in sorted(files):
            if total_bytes <= self.limit_bytes:
                return
            if used_at < time.time() - IN_USE_S:
                with suppress(FileNotFoundError):
                    os.unlink(path)
                total_bytes -= size

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256


def kept_bytes(folders: Iterable[Path]) -> int:
    """What would be free if these folders went: another name of a file that stays elsewhere takes nothing."""
    total = 0
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                with suppress(OSError):
                    facts = os.lstat(os.path.join(root, name))
                    total += facts.st_size if facts.st_nlink == 1 else 0
    return total


def _written(file: FileIO | None, piece: bytes) -> FileIO | None:
    """``file`` with ``piece`` at its end; None once it cannot be written, which is no reason to fail the reader."""
    if file is None:
        return None
    try:
        if file.write(piece) == len(piece):
            return file
    except OSError:
        pass
    file.close()
    with suppress(OSError):
        os.unlink(file.name)
    return None
