"""Which slot is whose: ids by slot, slots by id, and slots in the order of ids.

Loaded slots stand in the order of their ids. A *late* one came afterwards: a new repository, or one whose words
changed, whose earlier slot is dead then. Late ones are few, and kept in order apart.
"""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence

from pyroaring import BitMap

from freehold.discover.index.sets import last
from freehold.discover.index.snapshot import In, Out, moved

#: Bytes of an id.
SIZE = 12
_ID, _START = re.compile("[0-9a-f]{24}"), re.compile("[0-9a-f]{0,24}")


class Places:
    """Ids are 24 hexadecimal digits, in small letters (``core.ids``), kept as their twelve bytes: the same order."""

    def __init__(self) -> None:
        self.alive = BitMap()
        self._ids = bytearray()
        self._late_ids: list[bytes] = []  # by slot, less the number of those that were loaded
        self._late: dict[bytes, int] = {}  # only who is alive
        self._ordered: list[bytes] = []  # the keys of it

    @property
    def size(self) -> int:
        """Slots, dead ones too."""
        return self._loaded + len(self._late_ids)

    @property
    def _loaded(self) -> int:
        return len(self._ids) // SIZE

    @property
    def late(self) -> int:
        """Slots that came late: with many of them it is time to load everything anew."""
        return len(self._late_ids)

    def load(self, ids: list[str]) -> None:
        """The next slots. Ids must rise, from call to call too."""
        before = self._loaded
        self._ids += bytes.fromhex("".join(ids))
        self.alive.add_range(before, self._loaded)

    def absorb(self, kept: In, base: int) -> None:
        """The slots of another engine, whose ids are all higher, from ``base`` on. What lies between is nobody's."""
        other = Places()
        other.restore(kept)
        assert self.late + other.late == 0, "engines are joined before anything comes late"
        self._ids += self._ids[-SIZE:] * (base - self._loaded) + other._ids
        self.alive |= moved(other.alive, base)

    def save(self, out: Out) -> None:
        out.piece(self._ids)
        out.piece(b"".join(self._late_ids))
        out.sets([self.alive])

    def restore(self, kept: In) -> None:
        self._ids, late = bytearray(kept.piece()), kept.piece()
        (self.alive,) = kept.sets()
        self._late_ids = [late[at : at + SIZE] for at in range(0, len(late), SIZE)]
        slots = enumerate(self._late_ids, self._loaded)
        self._late = {key: slot for slot, key in slots if slot in self.alive}
        self._ordered = sorted(self._late)

    def add(self, repo_id: str) -> int:
        """A fresh slot. The one that it had is dead."""
        self.remove(repo_id)
        key, slot = bytes.fromhex(repo_id), self.size
        self._late_ids.append(key)
        self._late[key] = slot
        insort(self._ordered, key)
        self.alive.add(slot)
        return slot

    def remove(self, repo_id: str) -> None:
        slot = self.slot(repo_id)
        if slot is None:
            return
        self.alive.discard(slot)
        key = bytes.fromhex(repo_id)
        if self._late.pop(key, None) is not None:
            del self._ordered[bisect_left(self._ordered, key)]

    def slot(self, repo_id: str) -> int | None:
        """None: there is none that is alive."""
        if not _ID.fullmatch(repo_id):
            return None
        key = bytes.fromhex(repo_id)
        late = self._late.get(key)
        if late is not None:
            return late
        place = bisect_left(range(self._loaded), key, key=self._key)
        is_there = place < self._loaded and self._key(place) == key and place in self.alive
        return place if is_there else None

    def loaded_from(self, place: int, repo_id: str) -> int:
        """The first loaded slot from ``place`` on whose id is not lower: for ids that come rising, a step or two."""
        key = bytes.fromhex(repo_id)
        while place < self._loaded and self._key(place) < key:
            place += 1
        return place

    def is_of(self, slot: int, repo_id: str) -> bool:
        """Whether the slot, alive or dead, is or was that of the id."""
        return slot < self.size and self.id(slot) == repo_id

    def id(self, slot: int) -> str:
        return self._key(slot).hex()

    def _key(self, slot: int) -> bytes:
        if slot < self._loaded:
            return bytes(self._ids[slot * SIZE : (slot + 1) * SIZE])
        return self._late_ids[slot - self._loaded]

    def last(self, these: BitMap, most: int, *, first: bool = False) -> list[int]:
        """The slots of these (who must be alive) with the highest ids, or the lowest, in that order."""
        border = self._loaded
        early = these.rank(border - 1) if border else 0
        found: Sequence[int]
        if first:
            found = [these[place] for place in range(min(most, early))]
        else:
            found = (
                last(these, most) if early == len(these) else [these[early - 1 - n] for n in range(min(most, early))]
            )
        if early == len(these):
            return list(found)
        late = (self._late[key] for key in (self._ordered if first else reversed(self._ordered)))
        more: list[int] = []
        for slot in late:
            if slot in these:
                more.append(slot)
                if len(more) == most:
                    break
        return sorted((*found, *more), key=self._key, reverse=not first)[:most]

    def beyond(self, these: BitMap, repo_id: str, *, rising: bool) -> BitMap:
        """Those of these (who must be alive) whose ids are higher, when ``rising``, or lower."""
        # A cursor may say anything, and is followed as far as it could be an id.
        key = bytes.fromhex((_START.match(repo_id) or [""])[0].ljust(24, "0"))
        border = (bisect_right if rising else bisect_left)(range(self._loaded), key, key=self._key)
        found = these.copy()
        if rising:
            found.remove_range(0, border)
        else:
            found.remove_range(border, self._loaded)
        late = these - BitMap(range(self._loaded))
        for slot in late:
            if not (self._key(slot) > key if rising else self._key(slot) < key):
                found.discard(slot)
        return found
