"""What a question is answered with: words with their numbers now and before, and what is made of the difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from freehold.core import clock
from freehold.core.lru import Lru
from freehold.trends import dimensions, queries, rules
from freehold.trends.queries import Part
from freehold.trends.rules import Change, Question, Stretches

#: Words of one dimension that are looked at, those that have most of what is asked for; a hub may have thousands.
MAX_WORDS = 200


@dataclass(frozen=True)
class Word:
    """One word: its numbers over the span, over the same before (None: not known), and by stretch.

    ``repositories``: how many there are. ``change`` None: nothing to compare with.
    """

    word: str
    label: str
    repositories: int
    now: int
    before: int | None
    share: float | None  #: of all; None where all is nothing
    share_before: float | None
    change: Change | None
    numbers: Sequence[int]

    @property
    def way(self) -> str:
        return self.change.way if self.change else "unclear"


@dataclass(frozen=True)
class Told:
    """The answer to a question. ``words`` are those with most first; ``others`` how many more words there are."""

    asked: Question
    stretches: Stretches
    words: Sequence[Word]
    others: int
    all: Word  #: of the whole kind
    days_since: date | None  #: before that day, downloads are known by month alone
    counted_at: datetime | None  #: the last whole round; None: the first is under way
    stamp: int

    @property
    def rising(self) -> Sequence[Word]:
        """Surest first: by what the cautious reading still says."""
        found = [word for word in self.words if word.change and word.way == "up"]
        return sorted(found, key=lambda word: -word.change.low if word.change else 0)

    @property
    def falling(self) -> Sequence[Word]:
        found = [word for word in self.words if word.change and word.way == "down"]
        return sorted(found, key=lambda word: word.change.high if word.change else 0)

    def values(self, word: Word) -> Sequence[float | None]:
        """The word by stretch as it was asked for: numbers, or per cent of all (None where all is nothing)."""
        if not self.asked.is_share:
            return list(word.numbers)
        pairs = zip(word.numbers, self.all.numbers, strict=True)
        return [100 * number / whole if whole else None for number, whole in pairs]


#: A few hundred bytes a word.
_told: Lru[tuple[object, ...], Told] = Lru(2_000, lambda told: 1 + len(told.words))


def tell(db: Session, asked: Question) -> Told:
    """The answer, kept until something else is counted or the day ends."""
    found, today, plain = queries.round_(db), clock.now().astimezone(UTC).date(), asked.but(word=None)
    state = (found.stamp, found.finished_at) if found else ()
    return _told.of((str(db.get_bind().engine.url), *state, today, plain), lambda: _tell(db, plain, today))


def _tell(db: Session, asked: Question, today: date) -> Told:
    found = queries.round_(db)
    everything = Part(asked.kind, "", asked.grain, asked.measure)
    part = replace(everything, dimension=asked.by)
    first = queries.first_day(db, everything)
    known_from = first
    if found and first is not None and asked.measure == "downloads" and asked.grain != "month":
        known_from = max(first, found.days_since.toordinal())
    spans = rules.stretches(asked, today, known_from, first)
    candidates = queries.candidates(db, part, MAX_WORDS)
    whole = _readings(db, everything, [""], spans)[""]
    words = [
        _word(asked, spans, word, reading, whole) for word, reading in _readings(db, part, candidates, spans).items()
    ]
    return Told(
        asked=asked,
        stretches=spans,
        words=sorted(words, key=lambda word: (-word.now, -word.repositories, word.label)),
        others=max(0, queries.number_of_words(db, part) - len(words)),
        all=_word(asked.but(is_share=False), spans, "", whole, whole),
        days_since=found.days_since if found else None,
        counted_at=found.finished_at if found else None,
        stamp=found.stamp if found else 0,
    )


@dataclass(frozen=True)
class _Reading:
    """Of one word: what there is now and was before, how much came since; by stretch, and in the halves compared."""

    now: int
    before: int
    came: int
    numbers: Sequence[int]
    halves: Sequence[Sequence[int]]
    repositories: int


def _readings(db: Session, part: Part, words: Sequence[str], spans: Stretches) -> dict[str, _Reading]:
    is_stock = part.measure == "there"
    there = queries.repositories(db, part, words)
    # How many there were is how many there are, without those that came since.
    end = None if is_stock else rules.next_stretch(part.grain, spans.shown[-1])
    start = min(spans.shown[0], *spans.before[:1]) if spans.before else spans.shown[0]
    series = queries.series(db, part, words, start=start, end=end)
    return {word: _reading(series.get(word, {}), spans, there.get(word, 0), is_stock=is_stock) for word in words}


def _reading(of: Mapping[int, int], spans: Stretches, there: int, *, is_stock: bool) -> _Reading:
    numbers = _by_stretch(of, spans.shown, there if is_stock else None)
    halves = [[of.get(at, 0) for at in half] for half in (spans.now, spans.before)]
    came = sum(halves[0])
    now = numbers[-1] if is_stock else came if spans.now else sum(numbers)
    return _Reading(now, now - came if is_stock else sum(halves[1]), came, numbers, halves, there)


def _by_stretch(of: Mapping[int, int], shown: Sequence[int], there: int | None) -> Sequence[int]:
    """What was counted in each stretch; with ``there``, how many there are now, how many there were at its end."""
    if there is None:
        return [of.get(at, 0) for at in shown]
    found, left, later = list[int](), there, sorted(of)
    for at in reversed(shown):
        while later and later[-1] > at:
            left -= of[later.pop()]
        found.append(left)
    return found[::-1]


def _word(asked: Question, spans: Stretches, word: str, own: _Reading, whole: _Reading) -> Word:
    is_known, change = bool(spans.now), None
    if is_known:
        spread = rules.spread(own.halves, whole.halves if asked.is_share else None)
        if asked.measure == "there":
            of = (whole.came, whole.before) if asked.is_share else None
            change = rules.change_of_stock(own.came, own.before, of=of, spread=spread)
        else:
            of = (whole.now, whole.before) if asked.is_share else None
            change = rules.change(own.now, own.before, of=of, spread=spread)
    return Word(
        word=word,
        label=label(asked.kind, asked.by, word),
        repositories=own.repositories,
        now=own.now,
        before=own.before if is_known else None,
        share=own.now / whole.now if whole.now else None,
        share_before=own.before / whole.before if is_known and whole.before else None,
        change=change,
        numbers=own.numbers,
    )


def label(kind: str, by: str, word: str) -> str:
    """A word as people read it."""
    dimension = dimensions.of(kind)[by]
    return dimension.label_of(kind, word) if word else dimension.unknown
