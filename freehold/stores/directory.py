"""A store in a local directory: one file per object, visible only once it is whole and on the disk."""

import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from errno import EXDEV
from pathlib import Path

from freehold.stores.errors import MissingObject
from freehold.stores.keys import Listed, checked, folder

#: Half-written files wait here; no key can begin with a dot.
STAGING = ".staging"
STALE_S = 24 * 3600


class DirectoryStore:
    """Objects as files below ``root``.

    Written as databases do: the file is synced before it gets its name, the folder after, so that a name never points
    at bytes that a power cut could take away.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.staging = root / STAGING
        self.staging.mkdir(parents=True, exist_ok=True)
        # The private mode of temporary files would lock out a front server that sends our files (nginx_accel).
        self._mode = 0o666 & ~_umask()
        self._sweep_staging()

    def put_file(self, key: str, path: Path) -> None:
        target = self._path(key)
        os.chmod(path, self._mode)
        os.utime(path)  # put here now, however long ago it was written
        _sync_file(path)
        self._make_folder(target.parent)
        try:
            os.replace(path, target)
        except OSError as err:
            if err.errno != EXDEV:
                raise
            self._copy_in(path, target)
            path.unlink()
        _sync_folder(target.parent)

    def put_bytes(self, key: str, data: bytes) -> None:
        staged = self._staged()
        try:
            staged.write_bytes(data)
            self.put_file(key, staged)
        finally:
            staged.unlink(missing_ok=True)

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        try:
            with open(self._path(key), "rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                end = size if end is None else end
                if not 0 <= start <= end <= size:
                    raise MissingObject(key)
                return _read_all(file.fileno(), start, end - start)
        except FileNotFoundError as err:
            raise MissingObject(key) from err

    def stream(self, key: str, start: int, end: int, piece: int = 1 << 20) -> Iterator[bytes]:
        try:
            with open(self._path(key), "rb", buffering=0) as file:
                while start < end:
                    data = os.pread(file.fileno(), min(piece, end - start), start)
                    if not data:
                        raise MissingObject(key)
                    yield data
                    start += len(data)
        except FileNotFoundError as err:
            raise MissingObject(key) from err

    def size(self, key: str) -> int | None:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return None

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._path(key).unlink(missing_ok=True)

    def keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        return ((item.key, item.size_bytes) for item in self.listed(prefix))

    def listed(self, prefix: str) -> Iterator[Listed]:
        todo = [folder(prefix)]
        while todo:
            inside = todo.pop()
            try:
                entries = sorted(os.scandir(self.root / inside), key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
            for entry in entries:
                name = f"{inside}/{entry.name}".lstrip("/")
                if entry.is_dir(follow_symlinks=False):
                    todo += [] if name == STAGING else [name]
                else:
                    with suppress(FileNotFoundError):  # deleted while we walk
                        facts = entry.stat(follow_symlinks=False)
                        yield Listed(name, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))

    def local_path(self, key: str) -> Path | None:
        path = self._path(key)
        return path if path.is_file() else None

    def fetch(self, key: str, into: Path) -> None:
        half = into.with_name(f"{into.name}.{secrets.token_hex(4)}.half")
        try:
            shutil.copyfile(self._path(key), half)
            os.replace(half, into)
        except FileNotFoundError as err:
            raise MissingObject(key) from err
        finally:
            half.unlink(missing_ok=True)

    def move(self, source: str, key: str) -> None:
        path = self._path(source)
        if not path.exists():
            raise MissingObject(source)
        self.put_file(key, path)

    def address(
        self, key: str, expires_s: int, *, filename: str | None = None, content_range: tuple[int, int] | None = None
    ) -> str | None:
        return None

    def multipart_start(self, key: str) -> str | None:
        return None

    def multipart_addresses(self, key: str, upload_id: str, parts: int, expires_s: int) -> list[str]:
        raise AssertionError("a directory takes no parts")

    def multipart_put(self, key: str, upload_id: str, number: int, path: Path) -> str:
        raise AssertionError("a directory takes no parts")

    def multipart_parts(self, key: str, upload_id: str) -> Mapping[int, tuple[str, int]]:
        raise AssertionError("a directory takes no parts")

    def multipart_complete(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        raise AssertionError("a directory takes no parts")

    def multipart_abort(self, key: str, upload_id: str) -> None:
        raise AssertionError("a directory takes no parts")

    def _path(self, key: str) -> Path:
        return self.root / checked(key)

    def _staged(self) -> Path:
        return self.staging / secrets.token_hex(16)

    def _copy_in(self, path: Path, target: Path) -> None:
        """``path`` lies on another file system: a copy takes its name only when it is whole and synced."""
        staged = self._staged()
        try:
            shutil.copyfile(path, staged)
            os.chmod(staged, self._mode)
            _sync_file(staged)
            os.replace(staged, target)
        finally:
            staged.unlink(missing_ok=True)

    def _make_folder(self, path: Path) -> None:
        """``path`` is there and would survive a power cut: each new folder is synced into the one above it."""
        if path.is_dir():
            return
        self._make_folder(path.parent)
        path.mkdir(exist_ok=True)
        _sync_folder(path.parent)

    def _sweep_staging(self) -> None:
        """What a killed process left half-written goes away once nobody can still be writing it."""
        for entry in os.scandir(self.staging):
            with suppress(OSError):
                if entry.stat().st_mtime < time.time() - STALE_S:
                    os.unlink(entry.path)


def _read_all(descriptor: int, start: int, count: int) -> bytes:
    """``count`` bytes; one call reads at most 2 GiB."""
    data = os.pread(descriptor, count, start)
    while len(data) < count:
        more = os.pread(descriptor, count - len(data), start + len(data))
        assert more, "the file is as long as it said"
        data += more
    return data


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_sync_folder = _sync_file


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
