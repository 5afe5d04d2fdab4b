"""Which slots hold words: the database finds them in its index of words, by the numbers of its texts, many times as
quick as it finds the repositories that these are of. Here is known which slot each number is of.
"""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from itertools import compress

from pyroaring import BitMap
from sqlalchemy import select

from freehold.cards.tables import RepoText
from freehold.core.database import Database, RowQuery
from freehold.discover.index.engine import Engine
from freehold.discover.index.spelling import SHUT
from freehold.wordkit.queries import numbers_held
from freehold.wordkit.rules import asked

#: Texts read at a time while nobody has to wait; numbers that are looked up by one statement.
STEP, SOME = 50_000, 500
#: Of one question, a quarter of a second's worth; a question that more hold is the database's.
MOST = 1_000_000
#: Answers kept until any text changes, or a repository gets another slot; 250 kB at most, of two million.
KEPT = 24
_NONE = (1 << 32) - 1
#: A state of the texts: two looks that find the same see the same. FTS5 writes its first record with every change
#: (fts5_index.c, "structure record"); PostgreSQL knows only of all there is.
_STATE = RowQuery("SELECT block FROM repo_texts_fts_data WHERE id = 10", "SELECT CAST(pg_current_snapshot() AS text)")


class Texts:
    """Used by one thread at a time, besides :meth:`learn`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._slots = array("I")  # by number, the slot that it was loaded to
        self._late: dict[int, str] = {}  # numbers that came later, and ids
        self._after, self._place = "", 0
        self._kept: OrderedDict[str, tuple[Hashable, BitMap]] = OrderedDict()
        self.is_ready = False

    def learn(self, engine: Engine) -> None:
        """The next texts, in the order of loaded slots; :attr:`is_ready` after the last."""
        query = select(RepoText.repo_id, RepoText.number).where(RepoText.repo_id > self._after)
        with self._database.engine.connect() as connection:
            rows = connection.execute(query.order_by(RepoText.repo_id).limit(STEP)).all()
        if rows:
            self._grow(max(number for _, number in rows))
            for repo_id, number in rows:
                place = self._place = engine.places.loaded_from(self._place, repo_id)
                if engine.places.is_of(place, repo_id):
                    self._slots[number] = place
            self._after = rows[-1][0]
        self.is_ready = len(rows) < STEP

    def holding(self, engine: Engine, text: str) -> BitMap | None:
        """Slots of what holds what ``text`` asks for; None: ask the database. Not to be changed."""
        wanted = asked(text)
        if wanted.is_nothing:
            return BitMap()
        if not wanted.terms or not self.is_ready:
            return None
        state = self._database.row(_STATE), engine.places.size
        known = self._kept.get(text)
        if known is not None and known[0] == state:
            return known[1]
        query, values = numbers_held(RepoText, wanted, most=MOST + 1)
        numbers = self._database.column(query, **values)
        if len(numbers) > MOST:
            return None
        # A page that an administrator shut shows no card, so nothing is found by one.
        found: BitMap = self._placed(engine, numbers) - engine.words.get(SHUT)
        self._kept[text] = state, found
        self._kept.move_to_end(text)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    def _placed(self, engine: Engine, numbers: list[int]) -> BitMap:
        """The slots that are alive of these numbers."""
        numbers.sort()
        inside = numbers[: bisect_left(numbers, len(self._slots))]
        slots = array("I", map(self._slots.__getitem__, inside))
        late = numbers[len(inside) :]
        if slots.count(_NONE):
            late += [number for number, slot in zip(inside, slots, strict=True) if slot == _NONE]
        found = BitMap(slots)
        found.discard(_NONE)
        dead = found - engine.places.alive
        if dead:
            moved, gone = self._moved(engine, dead)
            found = (found - dead) | moved
            late += compress(inside, [slot in gone for slot in slots]) if gone else ()
        return found | self._arrived(engine, late)

    def _moved(self, engine: Engine, dead: BitMap) -> tuple[BitMap, BitMap]:
        """Where those are now that gave way to a fresh slot; and those whose repository is gone."""
        moved, gone = BitMap(), BitMap()
        for slot in dead:
            now = engine.places.slot(engine.places.id(slot))
            if now is None:
                gone.add(slot)  # its number may be another's by now
            else:
                moved.add(now)
        return moved, gone

    def _arrived(self, engine: Engine, numbers: Sequence[int]) -> BitMap:
        found: dict[int, int | None] = {}
        for number in numbers:
            repo_id = self._late.get(number)
            found[number] = engine.places.slot(repo_id) if repo_id is not None else None
        unknown = [number for number, slot in found.items() if slot is None]
        with self._database.engine.connect() as connection:
            for start in range(0, len(unknown), SOME):
                some = unknown[start : start + SOME]
                query = select(RepoText.number, RepoText.repo_id).where(RepoText.number.in_(some))
                for number, repo_id in connection.execute(query):
                    self._late[number] = repo_id
                    found[number] = engine.places.slot(repo_id)
        return BitMap([slot for slot in found.values() if slot is not None])

    def _grow(self, number: int) -> None:
        if number >= len(self._slots):
            self._slots.frombytes(b"\xff" * (number + 1 - len(self._slots)) * self._slots.itemsize)
