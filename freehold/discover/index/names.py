"""Names: which of them hold some letters. Each letter, and each three in a row, point to slots; for longer words those
names are looked at again.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pyroaring import BitMap

from freehold.discover.index.sets import bitmap, slots_of

#: Slots of one chunk: those that share a container of the bitmaps.
CHUNK = 1 << 16
#: Words whose slots are kept, since the words that people look for are few.
KEPT_WORDS = 32
_BETWEEN = ord("\n")


class Names:
    """The name of each slot, in small letters of ASCII, of three letters at least: ``namespace/name``."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._chunks: list[tuple[bytes, Any]] = []  # names after each other, and where each begins
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
        text, base = b"\n".join(encoded), len(self._chunks) * CHUNK
        starts = np.zeros(len(encoded) + 1, np.uint32)
        np.cumsum(np.fromiter((len(name) + 1 for name in encoded), np.uint32, len(encoded)), out=starts[1:])
        self._chunks.append((text, starts))
        letters = np.frombuffer(text, np.uint8).astype(np.uint64)
        if len(letters) < 3:
            return
        codes = letters[:-2] << np.uint64(16) | letters[1:-1] << np.uint64(8) | letters[2:]
        owners = np.repeat(np.arange(len(encoded), dtype=np.uint64), np.diff(starts))
        has = np.zeros((256, len(encoded)), bool)
        has[letters.astype(np.uint8), owners[: len(letters)]] = True
        for letter in np.flatnonzero(has.any(axis=1)):
            if letter != _BETWEEN:
                self._put(bytes([letter]), np.flatnonzero(has[letter]) + base)
        owners = owners[: len(codes)]
        inside = (letters[:-2] != _BETWEEN) & (letters[1:-1] != _BETWEEN) & (letters[2:] != _BETWEEN)
        pairs = np.sort(codes[inside] << np.uint64(16) | owners[inside])
        pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])]  # np.unique takes ten times as long
        codes, slots = pairs >> np.uint64(16), (pairs & np.uint64(0xFFFF)).astype(np.uint32) + np.uint32(base)
        ends = np.flatnonzero(np.diff(codes)) + 1
        for start, end in zip([0, *ends], [*ends, len(codes)], strict=True):
            self._put(int(codes[start]).to_bytes(3, "big"), slots[start:end])

    def _put(self, gram: bytes, slots: Any) -> None:
        found = bitmap(slots)
        if gram in self._grams:
            self._grams[gram] |= found
        else:
            self._grams[gram] = found

    def add(self, slot: int, name: str) -> None:
        """The name of a slot that comes after all that were loaded."""
        encoded = name.encode()
        self._late[slot] = encoded
        for gram in _grams(encoded) | _letters(encoded):
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
        return text[starts[place] : starts[place + 1] - 1].decode()

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
            return BitMap.union(BitMap(), *(found for gram, found in self._grams.items() if word in gram))
        grams = sorted((self._grams.get(gram, BitMap()) for gram in _grams(word)), key=len)
        candidates = BitMap.intersection(*grams) if len(grams) > 1 else grams[0]
        return candidates.copy() if len(word) == 3 else BitMap(self._really(word, candidates))

    def _really(self, word: bytes, candidates: BitMap) -> Iterator[int]:
        """Those of the candidates whose names hold the whole word."""
        slots, loaded = slots_of(candidates), sum(len(starts) - 1 for _, starts in self._chunks)
        early = slots[: np.searchsorted(slots, loaded)]
        bounds = np.searchsorted(early, np.arange(len(self._chunks) + 1, dtype=np.uint32) * CHUNK)
        for number, (text, starts) in enumerate(self._chunks):
            some = early[bounds[number] : bounds[number + 1]]
            places, find = some % CHUNK, text.find
            spans = zip(some.tolist(), starts[places].tolist(), (starts[places + 1] - 1).tolist(), strict=True)
            yield from [slot for slot, start, end in spans if find(word, start, end) >= 0]
        yield from (slot for slot in slots[len(early) :].tolist() if word in self._late[slot])


def _grams(name: bytes) -> set[bytes]:
    return {name[place : place + 3] for place in range(len(name) - 2)}


def _letters(name: bytes) -> set[bytes]:
    return {name[place : place + 1] for place in range(len(name))}
