"""A store behind obstore: memory as it is, S3 with what ``s3`` adds."""

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import obstore
from obstore.exceptions import BaseError
from obstore.store import MemoryStore, S3Store

from freehold.stores.errors import MissingObject, StoreDown
from freehold.stores.keys import Listed, checked, folder

#: Asked for at once while streaming. A body held open would run into the service's time limits when the reader is
#: slow; separate ranges can also be repeated one by one after an error.
WINDOW_BYTES = 8 << 20
PART_BYTES = 16 << 20
PARTS_AT_ONCE = 4
Handle: TypeAlias = MemoryStore | S3Store


class RemoteStore:
    """Objects behind one obstore handle (which is thread-safe and keeps its own connections)."""

    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def put_file(self, key: str, path: Path) -> None:
        with _named("keep", key):
            obstore.put(self.handle, checked(key), path, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
        path.unlink(missing_ok=True)

    def put_bytes(self, key: str, data: bytes) -> None:
        with _named("keep", key):
            obstore.put(self.handle, checked(key), data)

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        with _named("read", key):
            if end is None and start == 0:
                return bytes(obstore.get(self.handle, checked(key)).bytes())
            if end is None:
                end = obstore.head(self.handle, checked(key))["size"]
            assert 0 <= start <= end, "a range runs forwards"
            if start == end:
                return b""
            data = bytes(obstore.get_range(self.handle, checked(key), start=start, end=end))
        if len(data) != end - start:
            raise MissingObject(key)
        return data

    def stream(self, key: str, start: int, end: int, piece: int = 1 << 20) -> Iterator[bytes]:
        for window in range(start, end, WINDOW_BYTES):
            data = memoryview(self.get(key, window, min(end, window + WINDOW_BYTES)))
            for at in range(0, len(data), piece):
                yield bytes(data[at : at + piece])

    def size(self, key: str) -> int | None:
        try:
            with _named("look for", key):
                return obstore.head(self.handle, checked(key))["size"]
        except MissingObject:
            return None

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            try:
                with _named("delete", key):
                    obstore.delete(self.handle, checked(key))
            except MissingObject:
                continue

    def keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        return ((item.key, item.size_bytes) for item in self.listed(prefix))

    def listed(self, prefix: str) -> Iterator[Listed]:
        with _named("list", prefix):
            for page in obstore.list(self.handle, folder(prefix) or None, chunk_size=1000):
                for found in page:
                    yield Listed(found["path"], found["size"], found["last_modified"])

    def local_path(self, key: str) -> Path | None:
        return None

    def fetch(self, key: str, into: Path) -> None:
        size = self.size(key)
        if size is None:
            raise MissingObject(key)
        half = into.with_name(f"{into.name}.{secrets.token_hex(4)}.half")
        try:
            with open(half, "wb") as file:
                for piece in self.stream(key, 0, size, WINDOW_BYTES):
                    file.write(piece)
            os.replace(half, into)
        finally:
            half.unlink(missing_ok=True)

    def move(self, source: str, key: str) -> None:
        with _named("move", source):
            obstore.copy(self.handle, checked(source), checked(key))
        self.delete([source])

    def address(
        self, key: str, expires_s: int, *, filename: str | None = None, content_range: tuple[int, int] | None = None
    ) -> str | None:
        return None

    def multipart_start(self, key: str) -> str | None:
        return None

    def multipart_addresses(self, key: str, upload_id: str, parts: int, expires_s: int) -> list[str]:
        raise AssertionError("this store takes no parts")

    def multipart_put(self, key: str, upload_id: str, number: int, path: Path) -> str:
        raise AssertionError("this store takes no parts")

    def multipart_parts(self, key: str, upload_id: str) -> Mapping[int, tuple[str, int]]:
        raise AssertionError("this store takes no parts")

    def multipart_complete(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        raise AssertionError("this store takes no parts")

    def multipart_abort(self, key: str, upload_id: str) -> None:
        raise AssertionError("this store takes no parts")


def memory_store() -> RemoteStore:
    """A store that forgets everything when the process ends."""
    return RemoteStore(MemoryStore())


@contextmanager
def _named(doing: str, key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as err:
        raise MissingObject(key) from err
    except BaseError as err:
        raise StoreDown(f"{doing} {key}", str(err).splitlines()[0][:300]) from err
