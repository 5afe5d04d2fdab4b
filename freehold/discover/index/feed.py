"""From the database into the engine: everything once, then whatever the log of changes tells."""

import functools
import json
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from hashlib import sha256
from itertools import compress
from operator import add
from typing import Any

from sqlalchemy import BigInteger, Select, Text, cast, event, extract, func, select, text, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from freehold import __version__
from freehold.cards.tables import RepoCard, RepoTag
from freehold.core.database import Database, RowQuery
from freehold.core.instance import InstanceValue
from freehold.discover import changes, conditions, questions
from freehold.discover.changes import Position, Trace
from freehold.discover.index import spelling
from freehold.discover.index.cutting import Cutter, Said
from freehold.discover.index.engine import Batch, Engine, Entry
from freehold.discover.index.sets import CHUNK
from freehold.discover.index.spelling import word
from freehold.discover.index.words import MAX_FREQUENT
from freehold.discover.questions import Tags, Words
from freehold.repos.tables import Repo

#: Repositories read by one statement when all are; changes taken in at a time, and repositories read for them.
BATCH, MOST, SOME = 16_384, 2_000, 500
#: Changes that are taken in quickly however few repositories there are; beyond, such a part of all at most. One that
#: changed takes as long as five that are loaded, and two load at a time.
FEW, MANY_PART = 10_000, 10
#: Between tags that the database joins; one that holds it is told as two, and stands for no other repository.
_BETWEEN = "\x1f\x1e\x1f"
_NEWEST = RowQuery("SELECT MAX(seq) FROM list_changes")
_PLAIN = (Repo.id, Repo.path_key, Repo.kind, Repo.owner_id, Repo.visibility, Repo.is_disabled, RepoCard.pipeline_tag)


#: Is handed what is so now, ids of what is gone, and what the texts of the former say, by id.
Take = Callable[[Sequence[Entry], Sequence[str], Mapping[str, Said]], object]


@dataclass(frozen=True)
class Plan:
    """What there is to load: how many, the last id of the first half, and the words that most have."""

    number: int
    middle: str
    frequent: Sequence[str]


class Feed:
    """Reads what lists know of repositories. Never writes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url, pool_size=2)
        self._is_postgres = not self.database.is_sqlite
        if self.database.is_sqlite:
            event.listen(self.database.engine, "connect", _only_reads)
        self.position = Position(0)
        self._numbers = spelling.columns_of_numbers()
        self._questions = spelling.questions_of_words()
        self._select = self._columns()
        self._cutter = Cutter()

    def begin(self) -> Plan:
        """Whatever changes from now on is told by :meth:`news`. What is there has to be loaded, into an engine or more
        (:meth:`engine`)."""
        with self.moment() as db:
            self.position = changes.position(db)
            number = self.number(db)
            # Whole chunks, so that no slots are left between; the first half is the larger, as it begins sooner.
            middle = -(-number // (2 * CHUNK)) * CHUNK
            middle = middle if middle < number else number // 2
            last = db.scalar(select(Repo.id).order_by(Repo.id).offset(middle - 1).limit(1)) if middle else None
            return Plan(number, last or "", self._frequent(db))

    def build(self) -> Engine:
        """Everything there is, in one go."""
        engine = self.engine(self.begin().frequent)
        self.load(engine)
        engine.seal()
        return engine

    def engine(self, frequent: Sequence[str] = (), secret: bytes = b"") -> Engine:
        """An empty one, for what is read here."""
        return Engine(self._numbers, spelling.families, frequent, secret)

    def load(self, engine: Engine, after: str = "", until: str = "") -> None:
        """The repositories whose ids come after one, up to another, if one is given. End with ``engine.seal``."""
        slot = engine.places.size
        bounds = (Repo.id <= until,) if until else ()
        while True:
            # A transaction each: a long one would keep the database from forgetting what it wrote since.
            with self.moment() as db:
                query = self._select.where(Repo.id > after, *bounds).order_by(Repo.id).limit(BATCH)
                rows = db.connection().execute(query).all()  # plain rows, without the mapper's part
                if rows:
                    tags = self._tags(db, RepoTag.repo_id > after, RepoTag.repo_id <= rows[-1].id)
            if rows:
                engine.load(self._batch(rows, tags, slot))
                after, slot = rows[-1].id, slot + len(rows)
            if len(rows) < BATCH:
                break

    def proof(self) -> dict[str, Any]:
        """By which :meth:`resume` knows what was loaded here and followed up to now."""
        with self.moment() as db:
            seen = [astuple(one) for one in changes.traces(db, self.position)]
            return {"of": self._of(db), "at": self.position.at, "seen": sorted(self.position.seen), "traces": seen}

    def resume(self, proof: Mapping[str, Any]) -> bool:
        """:meth:`news` goes on from where it was when this was proven; False: that was another database, or another
        reading of it, or too long ago: until taking in what changed takes longer than building."""
        position = Position(proof["at"], frozenset(proof["seen"]))
        with self.moment() as db:
            if proof["of"] != self._of(db):
                return False
            try:
                if not changes.goes_on_from(db, position, [Trace(*one) for one in proof["traces"]]):
                    return False
                most = max(FEW, self.number(db) // MANY_PART)
                if changes.number_since(db, position, most + 1) > most:
                    return False
            except changes.FellBehind:
                return False
        self.position = position
        return True

    def news(self, take: Take) -> tuple[int, bool]:
        """What changed is handed to ``take``. Returns how many changed, and whether that is all there was. Raises
        :class:`changes.FellBehind`.
        """
        with self.moment() as db:
            told = changes.since(db, self.position, MOST)
            for start in range(0, len(told.repo_ids), SOME):
                some = told.repo_ids[start : start + SOME]
                found = self._entries(db, some)
                gone = sorted({*some} - {entry.id for entry in found})
                take(found, gone, self._cutter.cut(db, some))
        self.position = told.position
        return len(told.repo_ids), self._is_postgres or len(told.repo_ids) < MOST

    def is_of_all(self, number: int) -> bool:
        """Whether there are so many repositories, if nothing changed since :meth:`news`: what was written beside the
        triggers, by hand, is told by nothing else."""
        with self.moment() as db:
            told = changes.since(db, self.position, 1)
            return bool(told.repo_ids) or self.number(db) == number

    def number(self, db: Session) -> int:
        return db.scalar(select(func.count(Repo.id))) or 0

    def newest(self) -> int:
        """The number of the newest change there is to see: two looks that find the same have nothing between them."""
        row = self.database.row(_NEWEST)
        return int(row[0] or 0) if row is not None else 0

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def moment(self) -> Iterator[Session]:
        """What is read within is of one moment."""
        with self.database.engine.connect() as connection:
            if self._is_postgres:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with Session(connection) as db:
                yield db

    # ---- rows ----

    def _columns(self) -> Select[Any]:
        numbers = [self._number(column).label(f"n{n}") for n, (_, column) in enumerate(self._numbers.values())]
        words = [self._word(one.value).label(f"w{n}") for n, one in enumerate(self._questions)]
        tables = {table for table, _ in self._numbers.values()} | {one.kept.table for one in self._questions}
        query = select(*_PLAIN, *numbers, *words).select_from(Repo)
        return conditions.joined(query, tables | {RepoCard})

    def _number(self, column: Any) -> Any:
        """A moment as microseconds: told by the database, many times as quick as here."""
        if not spelling.is_moment(column):
            return type_coerce(column, NullType())
        if self._is_postgres:
            return cast(extract("epoch", column) * 1_000_000, BigInteger)
        written = type_coerce(column, Text)
        seconds = cast(func.strftime("%s", func.substr(written, 1, 19)), BigInteger)
        return seconds * 1_000_000 + cast(func.substr(written, 21, 6), BigInteger)

    def _word(self, value: Any) -> Any:
        return cast(value.column, Text) if value.is_list else type_coerce(value.column, NullType())

    def _tags(self, db: Session, *which: Any) -> Mapping[str, Sequence[str]]:
        joined = func.aggregate_strings(RepoTag.tag, _BETWEEN)
        query = select(RepoTag.repo_id, joined).where(*which).group_by(RepoTag.repo_id)
        return {repo_id: tags.split(_BETWEEN) for repo_id, tags in db.connection().execute(query)}

    def _of(self, db: Session) -> str:
        """The installation, its schema, this release, and how it is read here."""
        secret = db.scalar(select(InstanceValue.value).where(InstanceValue.name == "signing_secret"))
        revision = db.scalar(text("SELECT version_num FROM alembic_version"))
        tags = [one.value for one in questions.QUESTIONS if isinstance(one.value, Tags)]
        spelt = [(sorted(one.words), one.prefix) for one in tags] + [
            (one.name, one.kept.unknown, isinstance(one.kept, Words) and (one.kept.is_list, not one.kept.names))
            for one in self._questions
        ]
        read = self._select.compile(self.database.engine, compile_kwargs={"literal_binds": True})
        return sha256(repr((secret, revision, __version__, spelt, [*self._numbers], str(read))).encode()).hexdigest()

    def _frequent(self, db: Session) -> Sequence[str]:
        number = func.count()
        query = select(RepoTag.tag).group_by(RepoTag.tag).order_by(number.desc()).limit(MAX_FREQUENT)
        return [word("tag", tag) for tag in db.scalars(query)]

    def _batch(self, rows: Sequence[Any], tags: Mapping[str, Sequence[str]], first: int) -> Batch:
        ids, names, kinds, owners, visibilities, are_shut, tasks, *more = zip(*rows, strict=True)
        words = _Words(first, len(rows))
        for name, column in (("kind", kinds), ("owner", owners), ("pipeline_tag", tasks)):
            words.sort_in(name, column)
        words.put(spelling.PUBLIC, [visibility == "public" for visibility in visibilities])
        words.put(spelling.SHUT, [bool(is_shut) for is_shut in are_shut])
        number = len(self._numbers)
        for question, column in zip(self._questions, more[number:], strict=True):
            value = question.kept
            is_list = isinstance(value, Words) and value.is_list
            words.sort_in(question.name, column, is_list=is_list, tells_unknown=bool(value.unknown))
        words.tag([tags.get(repo_id, ()) for repo_id in ids])
        numbers = dict(zip(self._numbers, more[:number], strict=True))
        return Batch(first, list(ids), list(names), words.slots, words.counts, numbers)

    def _entries(self, db: Session, repo_ids: Sequence[str]) -> list[Entry]:
        rows = db.execute(self._select.where(Repo.id.in_(repo_ids))).all()
        tags = self._tags(db, RepoTag.repo_id.in_(repo_ids))
        found = []
        for row in rows:
            batch = self._batch([row], {row.id: tags.get(row.id, ())}, 0)
            numbers = {name: values[0] for name, values in batch.numbers.items() if values[0] is not None}
            found.append(Entry(row.id, row.path_key, frozenset(batch.words), numbers))
        return found


def _only_reads(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA mmap_size=0")  # pages of the file would count as this process's memory


class _Words:
    """Words of a batch: the slots that have each, from ``first`` on, and how many words each slot has."""

    def __init__(self, first: int, number: int) -> None:
        self.slots: dict[str, array[int]] = {}
        self._counts, self._each = [0] * number, 0
        self._first = first

    @property
    def counts(self) -> Sequence[int]:
        return [number + self._each for number in self._counts]

    def sort_in(self, name: str, column: Sequence[Any], *, is_list: bool = False, tells_unknown: bool = False) -> None:
        """Every slot under the word, or the words, of its value."""
        sorted_in: defaultdict[Any, array[int]] = defaultdict(_slots)
        for slot, value in enumerate(column, self._first):
            sorted_in[value].append(slot)
        for value, slots in sorted_in.items():
            if value is None:
                if tells_unknown:
                    self.slots[spelling.no_word(name)] = slots
            elif is_list:
                for one in _listed(value):
                    self.slots.setdefault(word(name, one), _slots()).extend(slots)
            else:
                self.slots[word(name, value)] = slots
        if is_list:
            lengths = {value: len(_listed(value)) for value in sorted_in if value is not None} | {None: tells_unknown}
            self._count(map(lengths.__getitem__, column))
        elif tells_unknown or None not in sorted_in:
            self._each += 1
        else:
            self._count([value is not None for value in column])

    def put(self, spelt: str, flags: Sequence[bool]) -> None:
        """A word for some, or for none."""
        if any(flags):
            self.slots[spelt] = array("I", compress(range(self._first, self._first + len(flags)), flags))
        self._count(flags)

    def tag(self, tags: Sequence[Sequence[str]]) -> None:
        found: defaultdict[str, array[int]] = defaultdict(_slots)
        for slot, some in enumerate(tags, self._first):
            for tag in some:
                found[tag].append(slot)
        self.slots.update((word("tag", tag), slots) for tag, slots in found.items())
        self._count(map(len, tags))

    def _count(self, numbers: Iterable[int]) -> None:
        self._counts = [*map(add, self._counts, numbers)]


def _slots() -> "array[int]":
    return array("I")


@functools.lru_cache(maxsize=4_096)
def _listed(text: str) -> Sequence[str]:
    return sorted({str(one) for one in json.loads(text) or ()})
