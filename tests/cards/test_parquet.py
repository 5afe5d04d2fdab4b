"""The footer of a Parquet file: rows and columns, read from its end; what lies there is held against the file."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.cards import queries
from freehold.cards.headers import parquet
from freehold.cards.headers.header import Unreadable
from freehold.repos.tables import Repo
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def text(data: bytes) -> bytes:
    return varint(len(data)) + data


def element(name: bytes, *, kind: int | None = None, children: int = 0, converted: int | None = None) -> bytes:
    """A SchemaElement: type (field 1), name (4), children (5), meaning (6), each by its distance to the one before."""
    out, last = b"", 0
    for number, value in ((1, kind), (4, name), (5, children or None), (6, converted)):
        if value is None:
            continue
        wire = 8 if isinstance(value, bytes) else 5
        out += bytes([(number - last) << 4 | wire])
        out += text(value) if isinstance(value, bytes) else varint(value << 1)
        last = number
    return out + b"\x00"


def footer(rows: int, elements: list[bytes], made_by: bytes = b"by hand") -> bytes:
    """Version, schema, rows, no row groups, and who made it."""
    out = b"\x15" + varint(2)
    out += b"\x19" + bytes([len(elements) << 4 | 12]) + b"".join(elements)
    out += b"\x16" + varint(rows << 1)
    out += b"\x19\x0c"
    return out + b"\x28" + text(made_by) + b"\x00"


def file(data: bytes) -> bytes:
    return b"PAR1" + data + struct.pack("<I", len(data)) + b"PAR1"


def simple(rows: int) -> bytes:
    columns = [element(b"label", kind=1), element(b"text", kind=6, converted=0)]
    return file(footer(rows, [element(b"schema", children=2), *columns]))


def look(data: bytes) -> dict[str, Any]:
    return parquet.look(lambda start, end: data[start:end], len(data))


def test_rows_and_columns_are_told() -> None:
    told = look(simple(33_530))
    assert (told["rows"], told["columns"], told["made_by"]) == (
        33_530,
        [["label", "int32"], ["text", "text"]],
        "by hand",
    )


def test_columns_in_groups_are_told_by_their_path() -> None:
    elements = [
        element(b"schema", children=2),
        element(b"a", children=2),
        element(b"x", kind=2),
        element(b"b", children=1),
        element(b"y", kind=5),
        element(b"z", kind=0),
    ]
    assert look(file(footer(1, elements)))["columns"] == [["a.x", "int64"], ["a.b.y", "double"], ["z", "boolean"]]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "PAR1"),
        (simple(5)[:-1], "PAR1"),
        (file(b"")[:-8] + struct.pack("<I", 1 << 31) + b"PAR1", "claims"),
        (file(b"\x00"), "how many rows"),
        (file(b"\x19\xfc" + varint(10**9)), "past its end"),  # a schema of a billion columns
        (file(b"\x1c" * 100), "too deep"),
        (file(b"\x19" + b"\x19" * 100), "too deep"),
        (file(b"\x29\x15\x00\x00"), "no list of columns"),
        (file(b"\x4d"), "does not have"),
        (file(b"\x16" + b"\xff" * 12), "too many bytes"),
    ],
)
def test_a_footer_that_lies_is_refused_in_words(data: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        look(data)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_crash(data: bytes) -> None:
    try:
        look(file(data))
    except Unreadable:
        pass


def test_a_data_set_knows_its_rows(client: TestClient, app: Starlette, cast: Cast, publish: Publish) -> None:
    data = {"data/a.parquet": simple(100), "data/b.parquet": simple(23)}
    publish(cast.alice.actor, "alice/d", data, kind="dataset")
    publish(cast.alice.actor, "alice/mixed", data | {"c.csv": "a,b\n1,2\n"}, kind="dataset")
    app.state.worker.drain()
    with app.state.database.read() as db:
        found = {repo.name: queries.facts_of(db, [repo.id])[repo.id] for repo in db.query(Repo)}
    assert (found["d"].rows, found["d"].details["columns"][1]) == (123, ["text", "text"])
    assert found["mixed"].rows is None  # nobody counted the lines
    page = client.get("/datasets/alice/d/blob/main/data/a.parquet", headers={"accept": "text/html"}).text
    assert 'title="123"' in client.get("/datasets/alice/d").text
    assert "not counted" in client.get("/datasets/alice/mixed").text
    for said in ("100 rows", "label", "by hand", "read by range"):
        assert said in page, said
