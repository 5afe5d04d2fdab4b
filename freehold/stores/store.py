"""The interface of a store, and the choice of one by configuration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from freehold.core.settings import Settings
from freehold.stores.directory import DirectoryStore
from freehold.stores.keys import Listed

PIECE_BYTES = 1 << 20


class Store(Protocol):
    """Bytes by key. Every method blocks and may be called from any thread; ranges are end-exclusive, in bytes.

    Raises :class:`~freehold.stores.errors.MissingObject` for a key that is not there or an object shorter than asked,
    :class:`~freehold.stores.errors.StoreDown` when a remote store fails, ``OSError`` for a full or read-only disk.
    """

    def put_file(self, key: str, path: Path) -> None:
        """The finished file at ``path`` is kept under ``key``, durably; ``path`` is gone. Overwriting is harmless."""

    def put_bytes(self, key: str, data: bytes) -> None:
        """``data`` is kept under ``key``, durably."""

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes ``start`` to ``end`` (to the last one when None), all of them or an error."""

    def stream(self, key: str, start: int, end: int, piece: int = PIECE_BYTES) -> Iterator[bytes]:
        """The same bytes in pieces of at most ``piece``."""

    def size(self, key: str) -> int | None:
        """The object's size, or None when there is none."""

    def delete(self, keys: Iterable[str]) -> None:
        """None of ``keys`` is there afterwards; those that were not there already are no error."""

    def keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Every key below the folder ``prefix`` (all of them when empty) and its size, in no order."""

    def listed(self, prefix: str) -> Iterator[Listed]:
        """As :meth:`keys`, with when each object was put there last."""

    def local_path(self, key: str) -> Path | None:
        """The file itself, to read and never to change, where the store is a directory that has it."""

    def fetch(self, key: str, into: Path) -> None:
        """A copy of the object is at ``into``, whole; never a half of it."""

    def move(self, source: str, key: str) -> None:
        """What was under ``source`` is under ``key``, durably."""

    def address(
        self, key: str, expires_s: int, *, filename: str | None = None, content_range: tuple[int, int] | None = None
    ) -> str | None:
        """An address that anyone may GET the object from for ``expires_s``; None where the store has none to give.

        With ``content_range`` the address is good for that range only, asked for by exactly this ``Range`` header.
        ``filename`` makes the answer an attachment of that name.
        """

    def multipart_start(self, key: str) -> str | None:
        """The id of a new upload in parts to ``key``; None where parts cannot be sent to the store directly."""

    def multipart_addresses(self, key: str, upload_id: str, parts: int, expires_s: int) -> list[str]:
        """Addresses to PUT parts 1 to ``parts`` to; each answers with an ``ETag``."""

    def multipart_put(self, key: str, upload_id: str, number: int, path: Path) -> str:
        """The file ``path`` is part ``number``; its ETag. Raises ``BadParts`` when there is no such upload any more."""

    def multipart_parts(self, key: str, upload_id: str) -> Mapping[int, tuple[str, int]]:
        """The parts that arrived, by number: ETag and size in bytes. Raises ``BadParts`` as :meth:`multipart_put`."""

    def multipart_complete(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        """The parts, named by their ETags in order, are one object.

        Raises :class:`~freehold.stores.errors.BadParts` when they did not arrive.
        """

    def multipart_abort(self, key: str, upload_id: str) -> None:
        """The upload and its parts are gone, if they were there."""


def open_store(settings: Settings) -> Store:
    """The store that ``settings.store`` names: ``file:///PATH``, ``memory://`` or ``s3://BUCKET[/PREFIX]``."""
    address = urlsplit(settings.store)
    if address.scheme == "file":
        return DirectoryStore(Path(unquote(address.path)))
    # Imported only where asked for: the S3 libraries cost a hub on a laptop memory and start-up time for nothing.
    from freehold.stores import remote

    if address.scheme == "memory":
        return remote.memory_store()
    from freehold.stores import s3

    return s3.open_s3(address.netloc, address.path.strip("/"), settings)
