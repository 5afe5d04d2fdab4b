"""Names: which of them hold some letters. Each letter, and each three in a row, point to slots; for longer words those
names are looked at again, half a microsecond each: so only among those that are asked for, and not at all for words
that many have, whose slots are kept.
"""

import re
from array import array
from bisect import bisect_left
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from pyroaring import BitMap

from freehold.discover.index.sets import CHUNK
from freehold.discover.index.snapshot import In, Out, moved

#: Words whose slots are kept, since the words that people look for are few.
KEPT_WORDS = 32
#: A word that one name in so many has is kept from the start, so that nobody is the first to ask for it; at most so
#: many of them. Looked for in one chunk of names of so many.
ONE_IN, MAX_FREQUENT, SAMPLED = 200, 250, 8
_WORD, _BETWEEN = re.compile(rb"[a-z0-9]{4,}"), re.compile(rb"[^a-z0-9]")
#: Likewise of parts that lie across words (``n-1``, ``llama-``), of so many letters: their lengths, how many names have
#: one, how many there are at most, and names that are looked through for them.
LENGTHS, PART_ONE_IN, MAX_PARTS, LOOKED_AT = range(4, 7), 32, 128, 8_192


class Names:
    """The name of each slot, in small letters of ASCII, of three letters at least: ``namespace/name``."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._chunks: list[tuple[bytes, array[int]]] = []  # names after each other, and where each begins
        self._late: dict[int, bytes] = {}
        self._grams: dict[bytes, BitMap] = {}
        self._words: OrderedDict[bytes, BitMap] = OrderedDict()
        self._frequent: dict[bytes, BitMap] = {}

    def load(self, names: Sequence[str]) -> None:
        """The names of the next slots. End with :meth:`seal`."""
        self._waiting += [name.encode() for name in names]
        while len(self._waiting) >= CHUNK:
            self._chunk(self._waiting[:CHUNK])
            del self._waiting[:CHUNK]

    def _flush(self) -> None:
        if self._waiting:
            self._chunk(self._waiting)
            self._waiting = []

    def seal(self) -> None:
        self._flush()
        self._grams |= _letters(self._grams)
        for found in self._grams.values():
            found.shrink_to_fit()

    def _chunk(self, encoded: Sequence[bytes]) -> None:
        slot = len(self._chunks) * CHUNK
        starts = array("I", accumulate((len(name) for name in encoded), initial=0))
        self._chunks.append((b"".join(encoded), starts))
        found: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
        for name in encoded:
            for gram in zip(name, name[1:], name[2:], strict=False):  # four times as quick as cutting them out
                found[gram].append(slot)
            slot += 1
        for gram, slots in found.items():
            self._grams.setdefault(bytes(gram), BitMap()).update(slots)

    def absorb(self, kept: In, base: int) -> None:
        """The names of another engine come after these, from slot ``base`` on, where a chunk begins."""
        self._flush()
        other = Names()
        other.restore(kept)
        assert len(self._chunks) == base // CHUNK, "engines do not follow each other"
        self._chunks += other._chunks
        for gram, slots in other._grams.items():
            self._grams.setdefault(gram, BitMap()).update(moved(slots, base))

    def save(self, out: Out) -> None:
        out.value(len(self._chunks))
        for text, starts in self._chunks:
            out.piece(text)
            out.piece(starts)
        out.value([[slot, name.decode()] for slot, name in self._late.items()])
        for sets in (self._grams, self._frequent):
            out.value([letters.decode("latin-1") for letters in sets])
            out.sets([*sets.values()])

    def restore(self, kept: In) -> None:
        self._chunks = [(kept.piece(), kept.array("I")) for _ in range(kept.value())]
        self._late = {slot: name.encode() for slot, name in kept.value()}
        for sets in (self._grams, self._frequent):
            keys = [letters.encode("latin-1") for letters in kept.value()]
            sets.update(zip(keys, kept.sets(), strict=True))

    def add(self, slot: int, name: str) -> None:
        """The name of a slot that comes after all that were loaded."""
        encoded = name.encode()
        self._late[slot] = encoded
        for gram in _grams(encoded):
            self._grams.setdefault(gram, BitMap()).add(slot)
        for kept in (self._words, self._frequent):
            for word, found in kept.items():
                if word in encoded:
                    found.add(slot)

    def get(self, slot: int) -> str:
        late = self._late.get(slot)
        if late is not None:
            return late.decode()
        text, starts = self._chunks[slot // CHUNK]
        place = slot % CHUNK
        return text[starts[place] : starts[place + 1]].decode()

    def frequent(self) -> list[bytes]:
        """The words that many names have, and that :meth:`keep` should be told (and was not yet)."""
        sample = self._chunks[::SAMPLED]
        found = Counter(word for text, _ in sample for word in _WORD.findall(text))
        number = sum(len(starts) - 1 for _, starts in sample)
        words = [word for word, times in found.most_common(MAX_FREQUENT) if times >= max(number // ONE_IN, 1)]
        every = -(-number // LOOKED_AT) or 1
        names = [
            text[starts[at] : starts[at + 1]] for text, starts in sample for at in range(0, len(starts) - 1, every)
        ]
        return [word for word in (*words, *_parts(names)) if word not in self._frequent]

    def keep(self, word: bytes) -> None:
        """The slots of a word are known from now on, and true whatever comes."""
        self._frequent[word] = found = self._found(word, self._candidates(word))
        found.shrink_to_fit()

    def holding(self, word: str, among: BitMap) -> BitMap:
        """The slots of these whose names hold the word. Not to be changed."""
        encoded = word.lower().encode("utf-8", "replace")
        kept = self._frequent.get(encoded)
        if kept is None and (kept := self._words.get(encoded)) is not None:
            self._words.move_to_end(encoded)
        if kept is not None:
            return among & kept
        candidates = self._candidates(encoded)
        some = candidates & among
        if 2 * len(some) < len(candidates):
            return self._found(encoded, some)
        found = self._words[encoded] = self._found(encoded, candidates)
        if len(self._words) > KEPT_WORDS:
            self._words.popitem(last=False)
        return among & found

    def _candidates(self, word: bytes) -> BitMap:
        """Slots among which all are whose names hold the word; of three letters and fewer, these and no others."""
        if len(word) == 1:
            return self._grams.get(word, BitMap())
        if len(word) == 2:  # every name is long enough for each two of its letters to be in three
            return BitMap.union(
                BitMap(), *(found for gram, found in self._grams.items() if len(gram) == 3 and word in gram)
            )
        sets = [self._grams.get(word[place : place + 3], BitMap()) for place in range(len(word) - 2)]
        grams = sorted((*sets, *(found for part, found in self._frequent.items() if part in word)), key=len)
        return BitMap.intersection(*grams) if len(grams) > 1 else grams[0]

    def _found(self, word: bytes, candidates: BitMap) -> BitMap:
        """Those of the candidates whose names hold the whole word."""
        if len(word) <= 3:
            return candidates.copy()
        sure = [found & candidates for longer, found in self._frequent.items() if word in longer]
        known = BitMap.union(BitMap(), *sure) if sure else BitMap()
        known.update(self._really(word, candidates - known))
        return known

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


def _parts(names: Sequence[bytes]) -> list[bytes]:
    """Parts across words that many of these names have, without those that nearly always are in a longer one."""
    found = Counter[bytes]()
    for name in names:
        places = [
            (max(0, at.start() - size + 1), at.start(), size) for at in _BETWEEN.finditer(name) for size in LENGTHS
        ]
        found.update(
            {name[at : at + size] for low, high, size in places for at in range(low, min(high, len(name) - size) + 1)}
        )
    least = max(len(names) // PART_ONE_IN, 2)
    many = {part: times for part, times in found.items() if times >= least}
    longest = [
        part
        for part, times in many.items()
        if not any(len(part) < len(other) and part in other and more > 0.95 * times for other, more in many.items())
    ]
    return sorted(longest, key=lambda part: (-many[part], part))[:MAX_PARTS]


def _grams(name: bytes) -> set[bytes]:
    """Each letter, and each three in a row."""
    return {name[place : place + 3] for place in range(len(name) - 2)} | {bytes((letter,)) for letter in {*name}}


def _letters(grams: Mapping[bytes, BitMap]) -> dict[bytes, BitMap]:
    """Each letter's slots: every name is long enough for each of its letters to be in three."""
    sets: defaultdict[int, list[BitMap]] = defaultdict(list)
    for gram, found in grams.items():
        for letter in {*gram}:
            sets[letter].append(found)
    return {bytes((letter,)): BitMap.union(BitMap(), *some) for letter, some in sets.items()}
