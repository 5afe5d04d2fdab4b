"""Plans and rebuilding: any range of any recipe gives the bytes of the file, and no address opens more than it must."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.xetkit import hashes, recipes, xorbs
from freehold.xetkit.errors import InvalidXet
from freehold.xetkit.recipes import Fetch, Term
from tests.xetkit.builders import stream, xorb

pytestmark = pytest.mark.rules


class Shelf:
    """Three xorbs of small chunks in memory, and the bytes of any run of them."""

    def __init__(self) -> None:
        self.bodies: dict[bytes, bytes] = {}
        self.indexes: dict[bytes, xorbs.Index] = {}
        self.chunks: dict[bytes, list[bytes]] = {}
        data = stream(6000)
        for at, count in enumerate((1, 7, 20)):
            pieces = [data[at * 2000 + n * 90 : at * 2000 + n * 90 + 10 + 4 * n] for n in range(count)]
            body, name = xorb([(piece, n % 3) for n, piece in enumerate(pieces)])
            self.bodies[name], self.indexes[name], self.chunks[name] = body, xorbs.validate(body, name), pieces
        self.names = list(self.bodies)

    def index_of(self, name: bytes) -> xorbs.Index:
        return self.indexes[name]

    def read(self, name: bytes, start: int, end: int) -> bytes:
        return self.bodies[name][start:end]

    def term(self, name: bytes, start: int, end: int) -> Term:
        return Term(name, start, end, self.indexes[name].raw_length(start, end))

    def bytes_of(self, terms: list[Term]) -> bytes:
        return b"".join(piece for t in terms for piece in self.chunks[t.xorb_hash][t.start : t.end])


SHELF = Shelf()


@st.composite
def recipes_of_shelf(draw: st.DrawFn) -> list[Term]:
    terms = []
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(SHELF.names))
        start = draw(st.integers(0, len(SHELF.indexes[name]) - 1))
        terms.append(SHELF.term(name, start, draw(st.integers(start + 1, len(SHELF.indexes[name])))))
    return terms


@given(recipes_of_shelf(), st.data())
def test_any_range_is_rebuilt(terms: list[Term], data: st.DataObject) -> None:
    whole = SHELF.bytes_of(terms)
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start + 1, len(whole) + 100))
    assert b"".join(recipes.rebuild(terms, start, end, SHELF.index_of, SHELF.read)) == whole[start:end]
    buffers = recipes.rebuild_buffers(terms, start, end, SHELF.index_of, SHELF.read)
    assert b"".join(bytes(buffer) for buffer in buffers) == whole[start:end]


@given(recipes_of_shelf(), st.data())
def test_a_client_can_follow_the_plan(terms: list[Term], data: st.DataObject) -> None:
    """What hf-xet does: fetch the addresses, expand the chunks, pick each term's, skip and cut."""
    whole = SHELF.bytes_of(terms)
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start + 1, len(whole)))
    made = recipes.plan(terms, start, end, SHELF.index_of)
    answer = recipes.as_v2(made, lambda name, fetch: f"{hashes.text(name)}/{fetch.byte_start}/{fetch.byte_end}")
    out = []
    for term in answer["terms"]:  # type: ignore[attr-defined]
        name, first, last = hashes.parse(term["hash"]), term["range"]["start"], term["range"]["end"]
        (entry,) = [
            e
            for e in answer["xorbs"][term["hash"]]  # type: ignore[index]
            if e["ranges"][0]["chunks"]["start"] <= first and last <= e["ranges"][0]["chunks"]["end"]
        ]
        (ranges,) = entry["ranges"]
        held = SHELF.bodies[name][ranges["bytes"]["start"] : ranges["bytes"]["end"] + 1]
        chunks = list(xorbs.chunks(held, ranges["chunks"]["end"] - ranges["chunks"]["start"]))
        picked = b"".join(chunks[first - ranges["chunks"]["start"] : last - ranges["chunks"]["start"]])
        assert len(picked) == term["unpacked_length"]
        out.append(picked)
    skip = answer["offset_into_first_range"]
    assert isinstance(skip, int)
    assert b"".join(out)[skip : skip + end - start] == whole[start:end]


@given(recipes_of_shelf(), st.data())
def test_a_plan_opens_no_more_than_it_needs(terms: list[Term], data: st.DataObject) -> None:
    size = sum(term.raw_bytes for term in terms)
    start = data.draw(st.integers(0, size - 1))
    made = recipes.plan(terms, start, start + 1, SHELF.index_of)
    assert len(made.terms) == 1 and made.terms[0].end - made.terms[0].start == 1
    assert [(f.start, f.end) for f in made.fetches[made.terms[0].xorb_hash]] == [
        (made.terms[0].start, made.terms[0].end)
    ]


def test_touching_and_overlapping_ranges_are_merged() -> None:
    name = SHELF.names[2]
    terms = [SHELF.term(name, *ends) for ends in ((8, 10), (0, 2), (2, 4), (9, 12), (15, 16), (15, 16))]
    made = recipes.plan(terms, 0, 1 << 30, SHELF.index_of)
    assert [(f.start, f.end) for f in made.fetches[name]] == [(0, 4), (8, 12), (15, 16)]
    index = SHELF.indexes[name]
    assert made.fetches[name][1] == Fetch(8, 12, index.stored_ends[7], index.stored_ends[11])


def test_shapes_on_the_wire() -> None:
    name = SHELF.names[1]
    made = recipes.plan([SHELF.term(name, 0, 7)], 12, 40, SHELF.index_of)  # chunks of 10, 14, 18, ... bytes
    x, ends = hashes.text(name), SHELF.indexes[name].stored_ends
    terms = [{"hash": x, "unpacked_length": 32, "range": {"start": 1, "end": 3}}]
    chunks, stored = {"start": 1, "end": 3}, {"start": ends[0], "end": ends[2] - 1}
    assert recipes.as_v2(made, lambda *_: "U") == {
        "offset_into_first_range": 2,
        "terms": terms,
        "xorbs": {x: [{"url": "U", "ranges": [{"chunks": chunks, "bytes": stored}]}]},
    }
    assert recipes.as_v1(made, lambda *_: "U") == {
        "offset_into_first_range": 2,
        "terms": terms,
        "fetch_info": {x: [{"range": chunks, "url": "U", "url_range": stored}]},
    }


def test_an_empty_file_has_an_empty_plan() -> None:
    assert recipes.plan([], 0, 1, SHELF.index_of) == recipes.Plan(0, (), {})
    assert list(recipes.rebuild([], 0, 0, SHELF.index_of, SHELF.read)) == []


@given(recipes_of_shelf())
def test_terms_round_trip(terms: list[Term]) -> None:
    assert recipes.unpack(recipes.pack(terms)) == terms


@given(st.binary(max_size=200))
def test_noise_is_no_recipe(noise: bytes) -> None:
    try:
        terms = recipes.unpack(noise)
    except InvalidXet:
        return
    assert recipes.pack(terms) == noise


def test_damage_is_noticed() -> None:
    name = SHELF.names[0]
    with pytest.raises(InvalidXet):
        list(recipes.rebuild([SHELF.term(name, 0, 1)], 0, 10, SHELF.index_of, lambda *_: b"\0" * 8))
    index = replace(SHELF.indexes[name], raw_ends=SHELF.indexes[SHELF.names[1]].raw_ends[1:2])
    with pytest.raises(InvalidXet, match="agree"):
        list(recipes.rebuild([Term(name, 0, 1, 24)], 0, 24, lambda _: index, SHELF.read))


def test_large_terms_come_in_pieces() -> None:
    chunk = stream(131072)
    body, name = xorb([(chunk, 0)] * 40)
    index = xorbs.validate(body, name)
    reads = []

    def read(_: bytes, start: int, end: int) -> bytes:
        reads.append(end - start)
        return body[start:end]

    pieces = list(recipes.rebuild([Term(name, 0, 40, 40 * 131072)], 0, 40 * 131072, lambda _: index, read))
    assert b"".join(pieces) == chunk * 40
    assert max(reads) <= recipes.PIECE_BYTES and max(map(len, pieces)) < 2 * recipes.PIECE_BYTES
    assert len(pieces) <= 6
