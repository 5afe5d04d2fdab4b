"""The engine against the plainest thing that could be right: a dictionary that is looked through."""

import random
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from freehold.discover.index import words as index_words
from freehold.discover.index.engine import Batch, Engine, Entry, Query
from freehold.discover.index.names import Names
from freehold.discover.index.sets import MAX_BITS, Numbers
from freehold.discover.index.snapshot import In, Out

pytestmark = pytest.mark.rules

IDS = [f"{n:024x}" for n in range(40)]
WORDS = ["kind=a", "kind=b", "tag=x", "tag=y", "tag=z", "tag=rare", "public", "owner=1", "owner=2"]
NAMES = ["ann/llama", "ann/llama-2", "bob/al", "bob/la.ma", "x/y", "lla/mall", "ann/ma"]
FAMILY = ("tag=",)
VALUES = st.one_of(st.none(), st.integers(0, 6), st.integers(0, 2**62))

entries = st.builds(
    Entry,
    id=st.sampled_from(IDS),
    name=st.sampled_from(NAMES),
    words=st.frozensets(st.sampled_from(WORDS), max_size=5),
    numbers=st.fixed_dictionaries({"n": VALUES, "m": VALUES}).map(
        lambda found: {name: value for name, value in found.items() if value is not None}
    ),
)
conditions = st.one_of(
    st.sampled_from(WORDS).map(lambda word: ["word", word]),
    st.tuples(VALUES, VALUES).map(lambda ends: ["range", "n", *ends]),
    st.just(["unknown", "m"]),
    st.tuples(st.sampled_from(IDS), st.sampled_from([None, ["owner=1"], []])).map(lambda one: ["id", *one]),
)
queries = st.builds(
    Query,
    groups=st.lists(st.lists(conditions, min_size=1, max_size=3), max_size=3),
    search=st.lists(st.sampled_from(["a", "ll", "lla", "llama", "ma", "n/l", "q", "x/y", "ann/llama-2"]), max_size=2),
)
steps = st.lists(st.one_of(entries, st.sampled_from(IDS)), max_size=40)


def families(word: str) -> tuple[str, ...]:
    return ("tags",) if word.startswith("tag=") and word != "tag=rare" else ()


@contextmanager
def written(engine: Engine) -> Iterator[In]:
    with tempfile.TemporaryFile() as file:
        out = Out(file)
        engine.save(out)
        out.end()
        file.seek(0)
        yield In(file)


def read_again(engine: Engine) -> Engine:
    other = Engine(["n", "m"], families)
    with written(engine) as kept:
        other.restore(kept)
        kept.end()
    return other


def loaded(known: list[Entry], frequent: list[str], secret: bytes = b"") -> Engine:
    engine = Engine(["n", "m"], families, frequent, secret)
    words: dict[str, array[int]] = {}
    for slot, entry in enumerate(known):
        for word in entry.words:
            words.setdefault(word, array("I")).append(slot)
    numbers = {name: [entry.numbers.get(name) for entry in known] for name in ("n", "m")}
    if known:
        counts = [len(entry.words) for entry in known]
        engine.load(Batch(0, [entry.id for entry in known], [entry.name for entry in known], words, counts, numbers))
    engine.seal()
    return engine


def holds(entry: Entry, query: Query) -> bool:
    return all(any(_meets(entry, one) for one in group) for group in query.groups) and all(
        word in entry.name for word in query.search
    )


def _meets(entry: Entry, condition: Any) -> bool:
    kind, name, *more = condition
    if kind == "word":
        return name in entry.words
    if kind == "unknown":
        return name not in entry.numbers
    if kind == "range":
        value = entry.numbers.get(name)
        return value is not None and (more[0] is None or value >= more[0]) and (more[1] is None or value <= more[1])
    return name == entry.id and (more[0] is None or bool(entry.words & {*more[0]}))


@settings(max_examples=150)
@given(
    first=st.lists(entries, max_size=30, unique_by=lambda entry: entry.id),
    frequent=st.lists(st.sampled_from(WORDS), unique=True),
    kept=st.lists(st.sampled_from([b"llama", b"ann/llama-2"]), unique=True),
    changes=steps,
    query=queries,
    order=st.sampled_from(["n", "m"]),
    rising=st.booleans(),
    most=st.integers(1, 9),
    halves=st.booleans(),
    written_at=st.none() | st.integers(0, 20),
)
def test_it_finds_what_a_look_at_each_finds(
    first: list[Entry],
    frequent: list[str],
    kept: list[bytes],
    changes: list[Entry | str],
    query: Query,
    order: str,
    rising: bool,
    most: int,
    halves: bool,
    written_at: int | None,
) -> None:
    """However it was filled: at once or of two halves, and written to a file and read again on the way."""
    known = {entry.id: entry for entry in sorted(first, key=lambda entry: entry.id)}
    everything = list(known.values())
    if halves and len(known) > 1:
        middle = len(known) // 2
        engine = loaded(everything[:middle], frequent)
        with written(loaded(everything[middle:], frequent, engine.words.secret)) as kept_half:
            engine.absorb(kept_half)
        engine.seal()
    else:
        engine = loaded(everything, frequent)
    engine.numbers_of(query, [["range", "n", 1, 5], ["range", "n", None, 3]])  # kept, and kept true
    for word in ("ll", "llama", "ma"):
        engine.names.holding(word, engine.places.alive)
    for word in kept:
        engine.names.keep(word)
    for number, step in enumerate(changes):
        if number == written_at:
            engine = read_again(engine)
        if isinstance(step, Entry):
            known[step.id] = step
            engine.put(step)
        else:
            known.pop(step, None)
            engine.remove(step)
    found = [entry for entry in known.values() if holds(entry, query)]
    assert engine.count(query) == len(found)
    assert engine.numbers_of(query, [["range", "n", 1, 5], ["unknown", "m"]]) == [
        sum(1 <= entry.numbers.get("n", -1) <= 5 for entry in found),
        sum("m" not in entry.numbers for entry in found),
    ]
    tags = {word: sum(word in entry.words for entry in found) for word in ("tag=x", "tag=y", "tag=z")}
    assert engine.counted(query, "tags", 9) == sorted(
        ((word, number) for word, number in tags.items() if number), key=lambda one: (-one[1], one[0])
    )
    told = [entry for entry in found if order in entry.numbers]
    told.sort(key=lambda entry: (entry.numbers[order], entry.id), reverse=not rising)
    untold = sorted((entry for entry in found if order not in entry.numbers), key=lambda entry: entry.id)
    wanted = [entry.id for entry in (*told, *(untold if rising else reversed(untold)))]
    assert _paged(engine, query, order, rising, most) == wanted


def _paged(engine: Engine, query: Query, order: str, rising: bool, most: int) -> list[str]:
    found: list[str] = []
    after: tuple[int | None, str] | None = None
    while page := engine.page(query, order, rising=rising, most=most, after=after):
        assert len(page) <= most
        found += [repo_id for repo_id, _ in page]
        after = page[-1][1], page[-1][0]
    return found


@given(
    values=st.lists(VALUES, max_size=30),
    bound=st.integers(-2, 8) | st.integers(0, 2**64),
    most=st.integers(1, 8),
)
def test_numbers_are_compared_by_their_bits(values: list[int | None], bound: int, most: int) -> None:
    numbers = Numbers()
    for slot, value in enumerate(values):
        numbers.set(slot, value)
    everything = BitMap(range(len(values)))
    known = {slot: value for slot, value in enumerate(values) if value is not None}
    lower, equal = numbers.split(everything, bound)
    assert set(lower) == {slot for slot, value in known.items() if value < bound}
    assert set(equal) == {slot for slot, value in known.items() if value == bound}
    assert [numbers.get(slot) for slot in range(len(values))] == values
    for lowest in (False, True):
        sure, rest = numbers.extreme(everything, most, lowest=lowest)
        best = sorted(known.values(), reverse=not lowest)[:most]
        assert (
            sorted([known[slot] for slot in sure] + [known[slot] for slot in rest], reverse=not lowest)[:most] == best
        )
        assert len(sure) <= most
        assert len({known[slot] for slot in rest}) <= 1 or len(sure) + len(rest) <= most


def test_many_numbers_at_once_are_those_that_were_put_in() -> None:
    """More than a container lists one by one, and more than one chunk."""
    chance, numbers = random.Random(1), Numbers()
    values = [None if chance.random() < 0.3 else chance.randrange(10 ** chance.randrange(1, 19)) for _ in range(70_000)]
    for start in range(0, len(values), 16_384):
        numbers.load(values[start : start + 16_384])
    numbers.seal()
    assert [numbers.get(slot) for slot in range(0, 70_000, 7)] == values[::7]
    bound = 10**6
    assert len(numbers.between(None, bound)) == sum(value is not None and value <= bound for value in values)


def test_names_are_found_in_many_chunks() -> None:
    names, words = Names(), ("ann/model-65", "el-7", "l-6", "a", "n/", "zz", "model", "mode", "odel-1")
    every = [f"ann/model-{number}" for number in range(70_000)]
    for start in range(0, len(every), 16_384):
        names.load(every[start : start + 16_384])
    names.seal()
    thirds, kept = BitMap(range(0, len(every), 3)), names.frequent()
    assert kept[0] == b"model"
    assert {b"n/mode", b"odel-6"} <= {*kept[1:]}, "parts across words"
    assert b"el-6" not in kept, "nearly all of those are in the longer one"
    for words_kept in ([], kept):
        for word in words_kept:
            names.keep(word)
        for word in words:
            wanted = [slot for slot, name in enumerate(every) if word in name]
            assert list(names.holding(word, thirds)) == [slot for slot in wanted if slot % 3 == 0], word
            assert list(names.holding(word, BitMap(range(len(every))))) == wanted, word
    assert [names.get(slot) for slot in (0, 65_535, 65_536, 69_999)] == [every[n] for n in (0, 65_535, 65_536, 69_999)]


def test_a_number_that_strangers_made_too_large_is_bounded() -> None:
    numbers = Numbers()
    numbers.set(0, 1 << 200)
    numbers.set(1, -5)
    assert [numbers.get(0), numbers.get(1)] == [(1 << MAX_BITS) - 1, 0]
    loaded = Numbers()
    loaded.load([1 << 200, -5, None, 7])
    loaded.seal()
    assert [loaded.get(slot) for slot in range(4)] == [(1 << MAX_BITS) - 1, 0, None, 7]


def test_a_name_without_a_word_costs_no_slot_of_its_own() -> None:
    """Numbers change in place; only other words take a fresh slot."""
    entry = Entry(IDS[0], "ann/llama", frozenset({"tag=x"}), {"n": 1})
    engine = loaded([entry], [])
    engine.put(replace(entry, numbers={"n": 5}))
    assert engine.places.late == 0
    for late, other in enumerate(({"words": frozenset({"tag=y"})}, {"words": frozenset()}, {"name": "bob/al"}), 1):
        entry = replace(entry, **other)  # type: ignore[arg-type]  # each is one of its fields
        for _ in range(2):
            engine.put(entry)
            assert (engine.places.late, len(engine.places.alive)) == (late, 1)


def test_words_of_strangers_are_found_and_bounded_where_they_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card has hundreds of tags that nobody else has, and another hundreds every minute."""
    monkeypatch.setattr(index_words, "MAX_MEMBERS", 3)
    engine = loaded([Entry(IDS[0], "ann/llama", frozenset({"tag=x"}), {})], [])
    assert engine.words.late == 0
    made = [f"tag=made-{n}" for n in range(6)]
    engine.put(Entry(IDS[0], "ann/llama", frozenset({"tag=x", *made}), {}))
    assert engine.words.late == len(made), "the process sees how many, and begins anew (process.MANY_WORDS)"
    assert len(engine.counted(Query(), "tags", 10)) == 3
    assert all(engine.count(Query([[["word", word]]])) == 1 for word in made)
