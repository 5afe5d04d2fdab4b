"""Names: which of them hold some letters. Each letter, and each three in a row, point to slots; for longer words those
names are looked at again.
"""

from array import array
from bisect import bisect_left
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from pyroaring import BitMap

from freehold.discover.index.sets import CHUNK

#: Words whose slots are kept, since the words that people look for are few.
KEPT_WORDS = 32


class Names:
    """The name of each slot, in small letters of ASCII, of three letters at least: ``namespace/name``."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._chunks: list[tuple[bytes, array[int]]] = []  # names after each other, and where each begins
        self._late: dict[int, bytes] = {}
        self._grams: dict[bytes, BitMap] = {}
        self._words: OrderedDict[bytes, BitMap] = OrderedDict()

    def load(self, names: Sequence[str]) -> None:
        """The names of the next slots. End with :meth:`seal`."""
        self._waiting += [name.encode() for name in names]
        while len(self._waiting) >= CHUNK:
            self._chunk(self._waiting[:CHUNK])
            del self._waiting[:CHUNK]

    def seal(self) -> None:
        if self._waiting:
            self._chunk(self._waiting)
            self._waiting = []
        for found in self._grams.values():
            found.shrink_to_fit()

    def _chunk(self, encoded: Sequence[bytes]) -> None:
        slot = len(self._chunks) * CHUNK
        starts = array("I", accumulate((len(name) for name in encoded), initial=0))
        self._chunks.append((b"".join(encoded), starts))
        found: defaultdict[bytes, array[int]] = defaultdict(lambda: array("I"))
        for name in encoded:
            for gram in _grams(name):
                found[gram].append(slot)
            slot += 1
        for gram, slots in found.items():
            self._grams.setdefault(gram, BitMap()).update(slots)

    def add(self, slot: int, name: str) -> None:
        """The name of a slot that comes after all that were loaded."""
        encoded = name.encode()
        self._late[slot] = encoded
        for gram in _grams(encoded):
            self._grams.setdefault(gram, BitMap()).add(slot)
        for word, found in self._words.items():
            if word in encoded:
                found.add(slot)

    def get(self, slot: int) -> str:
        late = self._late.get(slot)
        if late is not None:
            return late.decode()
        text, starts = self._chunks[slot // CHUNK]
        place = slot % CHUNK
        return text[starts[place] : starts[place + 1]].decode()

    def holding(self, word: str) -> BitMap:
        """The slots whose names hold the word. Not to be changed."""
        encoded = word.lower().encode("utf-8", "replace")
        found = self._words.get(encoded)
        if found is None:
            found = self._words[encoded] = self._found(encoded)
            if len(self._words) > KEPT_WORDS:
                self._words.popitem(last=False)
        else:
            self._words.move_to_end(encoded)
        return found

    def _found(self, word: bytes) -> BitMap:
        if len(word) == 1:
            return self._grams.get(word, BitMap()).copy()
        if len(word) == 2:  # every name is long enough for each two of its letters to be in three
            return BitMap.union(
                BitMap(), *(found for gram, found in self._grams.items() if len(gram) == 3 and word in gram)
            )
        grams = sorted((self._grams.get(gram, BitMap()) for gram in _grams(word)), key=len)
        candidates = BitMap.intersection(*grams) if len(grams) > 1 else grams[0]
        return candidates.copy() if len(word) == 3 else BitMap(self._really(word, candidates))

    def _really(self, word: bytes, candidates: BitMap) -> Iterator[int]:
        """Those of the candidates whose names hold the whole word."""
        slots = candidates.to_array()
        for number, (text, starts) in enumerate(self._chunks):
            base, find = number * CHUNK, text.find
            low, high = bisect_left(slots, base), bisect_left(slots, base + len(starts) - 1)
            yield from [
                slot for slot in slots[low:high] if find(word, starts[slot - base], starts[slot - base + 1]) >= 0
            ]
        yield from (slot for slot in slots if slot in self._late and word in self._late[slot])


def _grams(name: bytes) -> set[bytes]:
    """Each letter, and each three in a row."""
    return {name[place : place + 3] for place in range(len(name) - 2)} | {bytes((letter,)) for letter in {*name}}
