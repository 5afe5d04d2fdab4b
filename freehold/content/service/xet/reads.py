"""Reading what is kept as recipes: plans for Xet clients, bytes for everybody else, addresses for pieces of xorbs."""

import mmap
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from freehold.content.keys import xorb_key
from freehold.content.kit import Kit
from freehold.content.service.xet import xorbs
from freehold.content.service.xet.errors import BadDataAddress, NoSuchFile, NoSuchXorb
from freehold.content.service.xet.tokens import Caller
from freehold.content.tables import Content, Recipe, RepoContent, RepoRecipe, RepoXorb, Xorb
from freehold.core import clock
from freehold.core.errors import RangeUnsatisfiable
from freehold.core.signing import Signer
from freehold.stores.store import Store
from freehold.xetkit import hashes, recipes
from freehold.xetkit.hashes import Buffer
from freehold.xetkit.recipes import Fetch, Plan, Term

DATA_PURPOSE = "xet data"
#: Where the doors of ``content/api/xet.py`` stand below the hub's own address.
PREFIX = "/xet"

_range = re.compile(r"bytes=(\d{1,19})-(\d{0,19})")


@dataclass(frozen=True)
class File:
    """A file that the caller may rebuild."""

    size_bytes: int
    terms: list[Term]


def find(db: Session, caller: Caller, file_hash: str) -> File:
    """The file, if it is within the token's repository: a file's hash alone opens nothing. Source: xet.md 11.

    Raises :class:`NoSuchFile` for absent and foreign ones alike.
    """
    hashes.parse(file_hash)
    registered = select(RepoRecipe.file_hash).where(
        RepoRecipe.repo_id == caller.repo.id, RepoRecipe.file_hash == Recipe.file_hash
    )
    used = (
        select(RepoContent.sha256)
        .join(Content, Content.sha256 == RepoContent.sha256)
        .where(RepoContent.repo_id == caller.repo.id, Content.file_hash == Recipe.file_hash)
    )
    recipe = db.scalar(select(Recipe).where(Recipe.file_hash == file_hash, or_(registered.exists(), used.exists())))
    if recipe is None:
        raise NoSuchFile
    return File(recipe.size_bytes, recipes.unpack(recipe.terms))


def xorb_size(db: Session, caller: Caller, name: str) -> int:
    """Serialised bytes of a xorb that the token's repository was given or makes a file of."""
    hashes.parse(name)
    held = select(RepoXorb.repo_id).where(RepoXorb.repo_id == caller.repo.id, RepoXorb.xorb_hash == Xorb.xorb_hash)
    size = db.scalar(select(Xorb.stored_bytes).where(Xorb.xorb_hash == name, held.exists()))
    if size is None:
        raise NoSuchXorb
    return size


def planned(store: Store, file: File, range_header: str | None) -> Plan:
    """How to rebuild the range that the client asks for; without one, the whole file.

    An end past the file is cut back; a start past it raises :class:`RangeUnsatisfiable`. Source: xet.md 8.4.
    """
    start, end = asked(range_header, file.size_bytes)
    return recipes.plan(file.terms, start, end, partial(xorbs.index_of, store))


def asked(range_header: str | None, size_bytes: int) -> tuple[int, int]:
    """``[start, end)`` of a single ``bytes=a-b``; anything else counts as no range, as HTTP allows."""
    found = _range.fullmatch(range_header or "")
    if not found:
        return 0, size_bytes
    start = int(found[1])
    end = min(int(found[2]) + 1, size_bytes) if found[2] else size_bytes
    if start >= size_bytes:
        raise RangeUnsatisfiable(size_bytes)
    return (start, end) if end > start else (0, size_bytes)


# ---- addresses of pieces -----------------------------------------------------------------------------------


def addresses(kit: Kit, base_url: str) -> Callable[[bytes, Fetch], str]:
    """Addresses that open exactly one range of one xorb until they expire: at the store where it signs, else here."""
    life_s = kit.settings.xet_token_s
    expires_at = clock.epoch_s() + life_s

    def address(xorb_hash: bytes, fetch: Fetch) -> str:
        name = hashes.text(xorb_hash)
        if kit.settings.presign:
            presigned = kit.store.address(xorb_key(name), life_s, content_range=(fetch.byte_start, fetch.byte_end))
            if presigned is not None:
                return presigned
        signature = kit.signer.sign(DATA_PURPOSE, _payload(name, fetch.byte_start, fetch.byte_end, expires_at))
        query = urlencode({"from": fetch.byte_start, "to": fetch.byte_end, "until": expires_at, "sig": signature})
        return f"{base_url}{PREFIX}/data/{name}?{query}"

    return address


def opened(signer: Signer, name: str, query: Any, range_header: str | None) -> tuple[int, int]:
    """``[start, end)`` that a signed address opens, narrowed to the range asked for.

    Raises :class:`BadDataAddress` when it is forged or expired, or when more is asked than was signed: a whole xorb
    would show its neighbours' chunks. Source: xet.md 11.
    """
    try:
        start, end, until = int(query["from"]), int(query["to"]), int(query["until"])
    except (KeyError, ValueError) as err:
        raise BadDataAddress from err
    if not signer.check(DATA_PURPOSE, _payload(name, start, end, until), query.get("sig", "")):
        raise BadDataAddress
    if until <= clock.epoch_s():
        raise BadDataAddress
    found = _range.fullmatch(range_header or "")
    if not found:
        return start, end
    first, last = int(found[1]), int(found[2]) + 1 if found[2] else end
    if not start <= first < last <= end:
        raise BadDataAddress
    return first, last


def _payload(name: str, start: int, end: int, until: int) -> str:
    return f"{name} {start} {end} {until}"


# ---- bytes -------------------------------------------------------------------------------------------------


def rebuild(store: Store, packed_terms: bytes, start: int, end: int) -> Iterator[bytes]:
    """Bytes ``[start, end)`` of the file that ``packed_terms`` (``Recipe.terms``) describe, about 1 MiB at a time.

    For everybody who does not speak Xet. Touches at most one chunk too many at each end. Raises ``InvalidXet`` or
    ``MissingObject`` when the store has lost or damaged bytes.
    """
    reader = Reader(store)
    return recipes.rebuild(recipes.unpack(packed_terms), start, end, partial(xorbs.index_of, store), reader.read)


class Reader:
    """Serialised bytes of xorbs: from a memory map where the store is a directory, which copies nothing.

    For one thread. Maps are let go with the last buffer that looks into them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._name = b""
        self._map: mmap.mmap | None = None

    def read(self, xorb_hash: bytes, start: int, end: int) -> Buffer:
        if xorb_hash != self._name:
            self._name, self._map = xorb_hash, self._mapped(xorb_hash)
        if self._map is None:
            return self._store.get(xorb_key(hashes.text(xorb_hash)), start, end)
        # Pages read before no longer count as this process's memory; a buffer still in use finds them again.
        self._map.madvise(mmap.MADV_DONTNEED)
        return memoryview(self._map)[start:end]

    def _mapped(self, xorb_hash: bytes) -> mmap.mmap | None:
        path = self._store.local_path(xorb_key(hashes.text(xorb_hash)))
        if path is None:
            return None
        with suppress(FileNotFoundError, ValueError), open(path, "rb", buffering=0) as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return None
