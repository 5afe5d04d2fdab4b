"""Words of repositories, and who has each: tags, owners, answers to questions.

Frequent words, and those of families (whose every word is counted on pages), have a set each. Of the rest, which are
most, only a number made of the word is kept beside each slot that has it.
"""

import secrets
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b

from pyroaring import BitMap

from freehold.discover.index.snapshot import In, Out, moved

#: Words that have a set from the start, and slots of one batch from which on a word gets one too.
MAX_FREQUENT, MANY = 20_000, 64
#: Of one family: what is beyond finds, and is not counted, so that strangers' words do not make counting slow.
MAX_MEMBERS = 20_000
#: Rare words lie in so many drawers; one is looked through for a word.
DRAWERS = 1_024
#: Changes of the words there are, before those of a family are put in order again.
REORDERED = 64
#: The families that a word belongs to, by name.
Families = Callable[[str], Collection[str]]


class Words:
    """By word, the set of slots that have it. ``frequent``: words that get a set before anything is loaded.

    ``secret``: 16 bytes from which numbers of words are made, so that nobody outside can make two words meet; another
    one than a new one only to read what was written with it.
    """

    def __init__(self, families: Families, frequent: Collection[str], secret: bytes = b"") -> None:
        self._families = families
        self.secret = secret or secrets.token_bytes(16)
        self._sets: dict[str, BitMap] = {}
        self._members: dict[str, list[str]] = {}
        self._changes = 0
        self._sealed = 0
        self._ordered_at: dict[str, int] = {}
        self._born: list[str] = []  # words that were rare in the batches before
        self._rare = [(array("Q"), array("I")) for _ in range(DRAWERS)]
        for word in frequent:
            self._new(word)

    def load(self, slots_by_word: Mapping[str, "array[int]"]) -> None:
        """Put in slots, each list rising (typecode I). End with :meth:`seal`."""
        for word, some in slots_by_word.items():
            found = self._sets.get(word)
            if found is not None:
                found |= BitMap(some)
            elif len(some) >= MANY or self._is_shown(word):
                self._new(word).update(some)
                self._born.append(word)
            else:
                number = self._number(word)
                numbers, slots = self._rare[number % DRAWERS]
                numbers.extend([number] * len(some))
                slots.extend(some)

    def seal(self) -> None:
        for word in self._born:
            self._sets[word].update(self._rarely(word))
        self._born = []
        for found in self._sets.values():
            found.run_optimize()
            found.shrink_to_fit()
        self._ordered_at.clear()
        self._sealed = len(self._sets)

    @property
    def late(self) -> int:
        """Words that came late, each with a set of its own: with many it is time to load everything anew."""
        return len(self._sets) - self._sealed

    def add(self, slot: int, words: Collection[str]) -> None:
        for word in words:
            found = self._sets.get(word)
            if found is None:
                found = self._new(word)
                found |= self._rarely(word)
            found.add(slot)
        self._changes += 1

    def get(self, word: str) -> BitMap:
        """Who has the word, dead slots among them. Not to be changed."""
        found = self._sets.get(word)
        return found if found is not None else self._rarely(word)

    def counted(self, family: str, these: BitMap, most: int) -> Sequence[tuple[str, int]]:
        """How many of these have each word of the family: the most frequent first, then by word."""
        found: list[tuple[int, str]] = []
        floor = 1
        for word in self._in_order(family):
            everybody = self._sets[word]
            if len(everybody) < floor:
                continue
            number = these.intersection_cardinality(everybody)
            if number >= floor:
                found.append((-number, word))
                if len(found) >= 2 * most:
                    found = sorted(found)[:most]
                    floor = -found[-1][0]
        return [(word, -number) for number, word in sorted(found)[:most]]

    def __len__(self) -> int:
        return len(self._sets)

    def has(self, word: str, slot: int) -> bool:
        found = self._sets.get(word)
        return slot in (found if found is not None else self._rarely(word))

    def absorb(self, kept: In, base: int) -> None:
        """The words of another engine of the same secret, from slot ``base`` on."""
        other = Words(self._families, ())
        other.restore(kept)
        assert self.secret == other.secret, "parts have one secret"
        alone = self._sets.keys() ^ other._sets.keys()
        for word, theirs in other._sets.items():
            mine = self._sets.get(word)
            if mine is None:
                mine = self._new(word)
            mine |= moved(theirs, base)
        for (numbers, slots), (other_numbers, other_slots) in zip(self._rare, other._rare, strict=True):
            numbers.extend(other_numbers)
            slots.extend(array("I", [slot + base for slot in other_slots]))
        for word in alone:  # it is rare in one of the two
            self._sets[word].update(self._rarely(word))

    def save(self, out: Out) -> None:
        out.value([self.secret.hex(), self._sealed, [*self._sets]])
        out.sets([*self._sets.values()])
        for numbers, slots in self._rare:
            out.piece(numbers)
            out.piece(slots)

    def restore(self, kept: In) -> None:
        secret, sealed, words = kept.value()
        self.secret = bytes.fromhex(secret)
        self._sets, self._members = {}, {}
        for word, found in zip(words, kept.sets(), strict=True):
            self._new(word)
            self._sets[word] = found
        self._sealed = sealed
        self._rare = [(kept.array("Q"), kept.array("I")) for _ in range(DRAWERS)]

    def _in_order(self, family: str) -> Sequence[str]:
        """The words of a family, those that most have first, as it was a moment ago."""
        members = self._members.get(family, [])
        if self._changes - self._ordered_at.get(family, -REORDERED) >= REORDERED:
            members.sort(key=lambda word: len(self._sets[word]), reverse=True)
            self._ordered_at[family] = self._changes
        return members

    def _new(self, word: str) -> BitMap:
        found = self._sets[word] = BitMap()
        for name in self._families(word):
            members = self._members.setdefault(name, [])
            if len(members) < MAX_MEMBERS:
                members.append(word)
        return found

    def _is_shown(self, word: str) -> bool:
        return bool(self._families(word)) and len(self._sets) < 2 * MAX_FREQUENT

    def _number(self, word: str) -> int:
        """64 bits that stand for a word."""
        return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8, salt=self.secret).digest())

    def _rarely(self, word: str) -> BitMap:
        number = self._number(word)
        numbers, slots = self._rare[number % DRAWERS]
        if not numbers:
            return BitMap()
        data, wanted = numbers.tobytes(), array("Q", [number]).tobytes()
        found, at = BitMap(), data.find(wanted)
        while at >= 0:
            if at % 8 == 0:
                found.add(slots[at // 8])
            at = data.find(wanted, at + 1)
        return found
