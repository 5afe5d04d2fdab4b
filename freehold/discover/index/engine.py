"""The engine: slots with words, numbers and a name, and questions about those that some conditions leave.

It knows nothing of repositories: what a word or a number means is its caller's. One thread at a time may use it.
"""

import json
from array import array
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyroaring import BitMap

from freehold.discover.index.names import Names
from freehold.discover.index.places import Places
from freehold.discover.index.sets import CHUNK, Numbers, bounded
from freehold.discover.index.snapshot import In, Out
from freehold.discover.index.words import Families, Words

#: Answers kept until something changes, and ranges that are kept true.
KEPT_ANSWERS, KEPT_RANGES, KEPT_GIVEN = 32, 64, 8
#: As many words are told apart as fit two bytes.
_MOST_WORDS = (1 << 16) - 1

#: A condition that some meet: ["word", W], ["range", N, at least or None, at most or None], ["unknown", N],
#: ["id", I, words of which one must be there too, or None], ["also", W, ids of which it holds besides], ["given", name
#: of a set (:meth:`Engine.give`)].
Condition = Sequence[Any]


@dataclass(frozen=True)
class Query:
    """What must hold of a slot: of each group one condition, and its name holds every one of ``search``."""

    groups: Sequence[Sequence[Condition]] = ()
    search: Sequence[str] = ()

    @property
    def key(self) -> str:
        return json.dumps([self.groups, self.search])


@dataclass
class Batch:
    """The next slots to be loaded, from ``first`` on, their ids rising.

    ``words``: by word, the slots that have it, rising. ``counts``: how many words each slot has. ``numbers``: of each
    slot, None where unknown.
    """

    first: int = 0
    ids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    words: Mapping[str, "array[int]"] = field(default_factory=dict)
    counts: Sequence[int] = ()
    numbers: Mapping[str, Sequence[int | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """What is known of one id now. ``numbers`` that are missing are unknown."""

    id: str
    name: str
    words: frozenset[str]
    numbers: Mapping[str, int]


class Engine:
    """See above. ``numbers``: their names; ``frequent``: words that many have, if that is known before; ``secret``:
    that of the words (:class:`Words`), for parts that are joined."""

    def __init__(
        self, numbers: Collection[str], families: Families, frequent: Collection[str] = (), secret: bytes = b""
    ) -> None:
        self.places, self.names = Places(), Names()
        self.words = Words(families, frequent, secret)
        self.numbers = {name: Numbers() for name in numbers}
        self._counts = array("H")  # of words, by slot
        self._answers: OrderedDict[str, BitMap] = OrderedDict()
        self._given: OrderedDict[str, BitMap] = OrderedDict()
        self._numbered = 0
        self._ranges: OrderedDict[tuple[str, int | None, int | None], BitMap] = OrderedDict()

    # ---- filling ----

    def load(self, batch: Batch) -> None:
        """The next slots. End with :meth:`seal`."""
        self._counts.extend([min(number, _MOST_WORDS) for number in batch.counts])
        self.places.load(batch.ids)
        self.names.load(batch.names)
        self.words.load(batch.words)
        for name, values in batch.numbers.items():
            self.numbers[name].load(values)

    def seal(self) -> None:
        self.names.seal()
        self.words.seal()
        for column in self.numbers.values():
            column.seal()

    def absorb(self, kept: In) -> None:
        """The slots of another engine, as it was saved, come after those that were loaded here; all its ids are higher.
        It was made with the same secret, and neither has had anything put in. End with :meth:`seal`."""
        base = -(-self.places.size // CHUNK) * CHUNK  # sets move by whole containers
        self._counts.extend([0] * (base - len(self._counts)))
        self._counts += kept.array("H")
        for part in self._parts():  # one after another, so that never much is here twice
            part.absorb(kept, base)

    def save(self, out: Out) -> None:
        """All of it, for an engine of the same numbers and families to :meth:`restore`."""
        out.piece(self._counts)
        for part in self._parts():
            part.save(out)

    def restore(self, kept: In) -> None:
        self._counts = kept.array("H")
        for part in self._parts():
            part.restore(kept)

    def put(self, entry: Entry) -> None:
        """It is so from now on. A slot whose words are others gives way to a fresh one: none has to be taken out."""
        self._answers.clear()
        slot = self.places.slot(entry.id)
        if slot is None or not self._is_same(slot, entry):
            slot = self.places.add(entry.id)
            self._counts.append(min(len(entry.words), _MOST_WORDS))
            self.names.add(slot, entry.name)
            self.words.add(slot, entry.words)
        for name, column in self.numbers.items():
            value = entry.numbers.get(name)
            column.set(slot, value)
            self._keep_ranges(name, slot, None if value is None else bounded(value))

    def remove(self, repo_id: str) -> None:
        self._answers.clear()
        self.places.remove(repo_id)

    def give(self, these: BitMap) -> str:
        """Slots that somebody else found: the name by which conditions mean them, until the next ones come."""
        name = next((name for name, known in self._given.items() if known is these), "")
        if not name:
            self._numbered += 1
            name = str(self._numbered)
        self._given[name] = these
        self._given.move_to_end(name)
        if len(self._given) > KEPT_GIVEN:
            self._given.popitem(last=False)
        return name

    # ---- asking ----

    def count(self, query: Query) -> int:
        return len(self.these(query))

    def page(
        self, query: Query, order: str, *, rising: bool, most: int, after: tuple[int | None, str] | None = None
    ) -> list[tuple[str, int | None]]:
        """Ids and numbers by which they are in order, then by id; those of unknown number come last, both ways.

        ``after``: number and id of the last one of the page before.
        """
        these, column = self.these(query), self.numbers[order]
        unknown = these - column.known
        if after is not None:
            these, unknown = self._beyond(these, unknown, column, after, rising=rising)
        sure, equal = column.extreme(these, most, lowest=rising)
        slots = [*sure, *self.places.last(equal, most - len(sure), first=rising)] if equal else [*sure]
        if len(slots) < most and unknown:
            rest = self.places.last(unknown, most - len(slots), first=rising)
        else:
            rest = []
        found = [(column.get(slot) or 0, self.places.id(slot)) for slot in slots]
        found.sort(reverse=not rising)
        known: list[tuple[str, int | None]] = [(repo_id, number) for number, repo_id in found]
        return known + [(self.places.id(slot), None) for slot in rest]

    def counted(self, query: Query, family: str, most: int) -> Sequence[tuple[str, int]]:
        """How many have each word of a family, the most frequent first."""
        return self.words.counted(family, self.these(query), most)

    def numbers_of(self, query: Query, conditions: Sequence[Condition]) -> list[int]:
        """How many also meet each of these conditions."""
        these = self.these(query)
        return [these.intersection_cardinality(self._meeting(condition)) for condition in conditions]

    def these(self, query: Query) -> BitMap:
        """The slots that are left. Not to be changed."""
        found = self._answers.get(query.key)
        if found is not None:
            self._answers.move_to_end(query.key)
            return found
        found = self.places.alive
        for some in sorted((self._of_group(group) for group in query.groups), key=len):
            found = found & some
        for word in sorted(query.search, key=len, reverse=True):  # the longest leave the fewest to look at
            found = self.names.holding(word, found)
        self._answers[query.key] = found
        if len(self._answers) > KEPT_ANSWERS:
            self._answers.popitem(last=False)
        return found

    # ---- inside ----

    def _beyond(
        self, these: BitMap, unknown: BitMap, column: Numbers, after: tuple[int | None, str], *, rising: bool
    ) -> tuple[BitMap, BitMap]:
        number, repo_id = after
        if number is None:
            return BitMap(), self.places.beyond(unknown, repo_id, rising=rising)
        lower, equal = column.split(these, number)
        further = (these & column.known) - lower - equal if rising else lower
        return further | self.places.beyond(equal, repo_id, rising=rising), unknown

    def _of_group(self, group: Sequence[Condition]) -> BitMap:
        sets = [self._meeting(condition) for condition in group]
        return sets[0] if len(sets) == 1 else BitMap.union(BitMap(), *sets)

    def _meeting(self, condition: Condition) -> BitMap:
        kind, name, *more = condition
        if kind == "word":
            return self.words.get(name)
        if kind == "range":
            return self._range(name, more[0], more[1])
        if kind == "unknown":
            return self.places.alive - self.numbers[name].known
        if kind == "also":
            slots = (self.places.slot(one) for one in more[0])
            return self.words.get(name) | BitMap([slot for slot in slots if slot is not None])
        if kind == "given":
            return self._given[name]
        assert kind == "id", f"no condition is called {kind!r}"
        slot = self.places.slot(name)
        if slot is None or (more[0] is not None and not any(slot in self.words.get(word) for word in more[0])):
            return BitMap()
        return BitMap([slot])

    def _range(self, name: str, at_least: int | None, at_most: int | None) -> BitMap:
        key = (name, at_least, at_most)
        found = self._ranges.get(key)
        if found is None:
            found = self._ranges[key] = self.numbers[name].between(at_least, at_most)
            if len(self._ranges) > KEPT_RANGES:
                self._ranges.popitem(last=False)
        else:
            self._ranges.move_to_end(key)
        return found

    def _keep_ranges(self, name: str, slot: int, value: int | None) -> None:
        for (column, at_least, at_most), found in self._ranges.items():
            if column == name:
                if (
                    value is not None
                    and (at_least is None or value >= at_least)
                    and (at_most is None or value <= at_most)
                ):
                    found.add(slot)
                else:
                    found.discard(slot)

    def _is_same(self, slot: int, entry: Entry) -> bool:
        """Its name and all its words are those of the slot."""
        return (
            self._counts[slot] == min(len(entry.words), _MOST_WORDS)
            and self.names.get(slot) == entry.name
            and all(self.words.has(word, slot) for word in entry.words)
        )

    def _parts(self) -> Sequence[Places | Names | Words | Numbers]:
        return [self.places, self.names, self.words, *self.numbers.values()]
