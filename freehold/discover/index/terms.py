"""Words that many texts hold: which slots, so that the database need not tell hundreds of thousands of numbers.

Kept true: whatever changes is put in with all its words.
"""

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence

from pyroaring import BitMap

from freehold.discover.index.snapshot import In, Out
from freehold.wordkit.rules import PREFIX_CHARS, Term, asked

#: Words that are kept, and bytes of their sets: who was not asked for the longest goes first.
MOST, MOST_BYTES = 256, 44 << 20
#: A word that one text in so many holds is kept from the start, or from when it is asked for.
ONE_IN = 40


class Terms:
    """By term of one plain word, the slots of texts that hold it, dead slots among them."""

    def __init__(self) -> None:
        self._sets: OrderedDict[str, BitMap] = OrderedDict()
        self._sizes: dict[str, int] = {}

    def __contains__(self, term: Term) -> bool:
        return _key(term) in self._sets

    @property
    def has_room(self) -> bool:
        return len(self._sets) < MOST and sum(self._sizes.values()) < MOST_BYTES

    def get(self, term: Term) -> BitMap | None:
        """Not to be changed."""
        found = self._sets.get(_key(term)) if is_plain(term) else None
        if found is not None:
            self._sets.move_to_end(_key(term))
        return found

    def keep(self, term: Term, slots: BitMap) -> None:
        """These and no others hold it, and :meth:`put` keeps that true from now on. They are given away."""
        self._keep(_key(term), slots)

    def put(self, slot: int, words: Collection[str]) -> None:
        """The text of a slot has these words, and no others."""
        if not self._sets:
            return
        held = {key for word in words for key in _keys(word) if key in self._sets}
        for key, found in self._sets.items():
            if key in held:
                found.add(slot)
            else:
                found.discard(slot)

    def save(self, out: Out) -> None:
        out.value([*self._sets])
        out.sets([*self._sets.values()])

    def restore(self, kept: In) -> None:
        for key, found in zip(kept.value(), kept.sets(), strict=True):
            self._keep(key, found)

    def _keep(self, key: str, slots: BitMap) -> None:
        slots.run_optimize()
        slots.shrink_to_fit()
        self._sets[key], self._sizes[key] = slots, len(slots.serialize())
        self._sets.move_to_end(key)
        while len(self._sets) > MOST or sum(self._sizes.values()) > MOST_BYTES:
            gone, _ = self._sets.popitem(last=False)
            del self._sizes[gone]


def is_plain(term: Term) -> bool:
    """A word of letters that every way of cutting cuts alike."""
    return len(term.words) == 1 and term.words[0].isascii()


def frequent(texts: Iterable[Collection[str]]) -> Sequence[Term]:
    """What people ask for who type a word that one in :data:`ONE_IN` of these texts holds; the most frequent first."""
    held, number, words = Counter[str](), 0, set[str]()
    for text in texts:
        number += 1
        words.update(text)
        held.update({key for word in text for key in _keys(word)})
    least = max(2, number // ONE_IN)
    typed = {term for word in words if word.isascii() for term in asked(word).terms if is_plain(term)}
    some = [term for term in typed if held[_key(term)] >= least]
    return sorted(some, key=lambda term: (-held[_key(term)], term.words))[:MOST]


def _key(term: Term) -> str:
    return f"{term.words[0]}*" if term.is_open else term.words[0]


def _keys(word: str) -> Iterator[str]:
    """All that may be asked for and that a text with this word holds."""
    yield word
    for end in range(PREFIX_CHARS, len(word) + 1):
        yield f"{word[:end]}*"
