"""Which slots hold words: the database finds them in its index of words, by the numbers of its texts, many times as
quick as it finds the repositories that these are of. Here is known which slot each number is of, and of words that many
texts hold, which slots those are (``terms``).
"""

import json
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Any

from pyroaring import BitMap
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.cards.tables import RepoText
from freehold.core.database import Database, RowQuery
from freehold.discover.index.cutting import Cutter, Said
from freehold.discover.index.engine import Engine
from freehold.discover.index.snapshot import In, Out
from freehold.discover.index.spelling import SHUT
from freehold.discover.index.terms import ONE_IN, Terms, frequent, is_plain
from freehold.wordkit.queries import numbers_held
from freehold.wordkit.rules import Asked, Term, asked

#: Texts read at a time, those by which it is known what words are frequent, and those of them that are read at a time.
STEP, SAMPLE, SOME = 50_000, 2_000, 500
#: Of one question, a quarter of a second's worth; a question that more hold is the database's. Digits of a number, at
#: most, and numbers read at a time, each of which is some forty bytes until it is placed.
MOST, READ_CHARS = 1_000_000, 400_000
#: Of words that are kept beforehand, whatever their number: read once, in the background.
EVERY = 1 << 32
#: Answers kept until any text changes; 250 kB at most, of two million.
KEPT = 24
_NONE = (1 << 32) - 1
#: A state of the texts: two looks that find the same see the same. FTS5 writes its first record with every change
#: (fts5_index.c, "structure record"); PostgreSQL knows only of all there is.
_STATE = RowQuery("SELECT block FROM repo_texts_fts_data WHERE id = 10", "SELECT CAST(pg_current_snapshot() AS text)")


class Texts:
    """Used by one thread at a time, besides :meth:`learn` and :meth:`found`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._slots = array("I")  # by number
        self._terms = Terms()
        self._knows = False  # whether what many texts hold is kept
        self._turns = 0  # how often anything was put in
        self._kept: OrderedDict[str, tuple[Hashable, BitMap]] = OrderedDict()

    # ---- what there is ----

    def learn(self, engine: Engine) -> None:
        """The texts of an engine that was just built, and nothing else."""
        self._slots, self._terms, self._knows = array("I"), Terms(), False
        after, place = "", 0
        while True:
            query = select(RepoText.repo_id, RepoText.number).where(RepoText.repo_id > after)
            with self._database.engine.connect() as connection:
                rows = connection.execute(query.order_by(RepoText.repo_id).limit(STEP)).all()
            if rows:
                self._grow(max(number for _, number in rows))
            for repo_id, number in rows:
                place = engine.places.loaded_from(place, repo_id)
                if engine.places.is_of(place, repo_id):
                    self._slots[number] = place
            if len(rows) < STEP:
                return
            after = rows[-1][0]

    def put(self, engine: Engine, repo_id: str, said: Said | None) -> None:
        """What a repository that is in the engine says now, also where only its slot is another; None: nothing."""
        slot = engine.places.slot(repo_id)
        assert slot is not None, "a text comes after what it is of"
        self._turns += 1
        if said is not None:
            self._grow(said.number)
            self._slots[said.number] = slot
        self._terms.put(slot, said.words if said is not None else ())

    def save(self, out: Out) -> None:
        out.value(self._knows)
        out.piece(self._slots)
        self._terms.save(out)

    def restore(self, kept: In) -> None:
        self._knows, self._slots = kept.value(), kept.array("I")
        self._terms.restore(kept)

    # ---- words that many hold ----

    def frequent(self) -> list[Term]:
        """What many texts hold and is to be kept, the most frequent first; nothing where that is so already."""
        if self._knows:
            return []
        with Session(self._database.engine) as db:
            most = db.scalar(select(func.max(RepoText.number))) or 0
            every = max(1, most // SAMPLE)
            cutter, found = Cutter(), list[frozenset[str]]()
            for start in range(1, most + 1, SOME * every):
                some = range(start, min(start + SOME * every, most + 1), every)
                found += [said.words for said in cutter.found(db, RepoText.number.in_(some)).values()]
        return [term for term in frequent(found) if term not in self._terms]

    def found(self, term: Term) -> BitMap:
        """The slots of a term, as they are now: for :meth:`keep`, if nothing is put in before that."""
        return BitMap.union(BitMap(), *(self._placed(some) for some in self._numbers(Asked([term]), EVERY)))

    def keep(self, term: Term, slots: BitMap, *, is_last: bool) -> None:
        """``is_last``: nothing more of what was :meth:`frequent` is to be kept."""
        if self._terms.has_room:
            self._terms.keep(term, slots)
        self._knows = is_last

    # ---- asking ----

    def holding(self, engine: Engine, text: str) -> BitMap | None:
        """Slots of what holds what ``text`` asks for; None: ask the database. Not to be changed."""
        wanted = asked(text)
        if wanted.is_nothing:
            return BitMap()
        if not wanted.terms:
            return None
        rest = self._unknown(wanted)
        state = self._turns, self._database.row(_STATE) if rest.terms or rest.without else None
        known = self._kept.get(text)
        if known is not None and known[0] == state:
            return known[1]
        found = self._holding(wanted, rest, len(engine.places.alive))
        if found is None:
            return None
        # A page that an administrator shut shows no card, so nothing is found by one.
        found -= engine.words.get(SHUT)
        self._kept[text] = state, found
        self._kept.move_to_end(text)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    def _unknown(self, wanted: Asked) -> Asked:
        return Asked(
            [term for term in wanted.terms if self._terms.get(term) is None],
            [term for term in wanted.without if self._terms.get(term) is None],
        )

    def _holding(self, wanted: Asked, rest: Asked, number: int) -> BitMap | None:
        sets = [found for term in wanted.terms if (found := self._terms.get(term)) is not None]
        without = [found for term in wanted.without if (found := self._terms.get(term)) is not None]
        if rest.terms:
            read = self._read(rest, number)
            if read is None:
                return None
            sets.append(read)
        else:  # the database finds nothing by what is not there alone
            for term in rest.without:
                read = self._read(Asked([term]), number)
                if read is None:
                    return None
                without.append(read)
        found = BitMap.intersection(*sets) if len(sets) > 1 else sets[0].copy()
        for some in without:
            found -= some
        return found

    def _read(self, wanted: Asked, number: int) -> BitMap | None:
        """As the database finds it; a plain word that many hold is kept."""
        found, read = BitMap(), 0
        for some in self._numbers(wanted, MOST + 1):
            read += len(some)
            found |= self._placed(some)
        if read > MOST:
            return None
        term, is_many = wanted.terms[0], len(found) >= max(1, number // ONE_IN)
        if is_many and len(wanted.terms) == 1 and not wanted.without and is_plain(term):
            self._terms.keep(term, found.copy())
        return found

    def _numbers(self, wanted: Asked, most: int) -> Iterator[list[int]]:
        """The numbers of the texts that hold it, some at a time."""
        query, values = numbers_held(RepoText, wanted, most=most)
        row = self._database.row(query, **values)
        told: Any = row[0] if row is not None else None
        if isinstance(told, str):
            at = 0
            while at < len(told):
                end = told.find(",", at + READ_CHARS)
                end = len(told) if end < 0 else end
                yield json.loads(f"[{told[at:end]}]")  # twice as quick as int() for each
                at = end + 1
        elif told:
            yield told

    def _placed(self, numbers: list[int]) -> BitMap:
        """The slots of these numbers. One that nobody has told of is of a moment that this index has not come to."""
        numbers.sort()
        inside = numbers[: bisect_left(numbers, len(self._slots))]
        found = BitMap(array("I", map(self._slots.__getitem__, inside)))
        found.discard(_NONE)
        return found

    def _grow(self, number: int) -> None:
        if number >= len(self._slots):
            self._slots.frombytes(b"\xff" * (number + 1 - len(self._slots)) * self._slots.itemsize)
