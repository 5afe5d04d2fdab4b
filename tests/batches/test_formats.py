"""Rows of files in every form, and which files are meant: pure, but for the process that reads Parquet."""

import gzip
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from freehold.batches import formats, parts
from freehold.batches.errors import BadBatch
from freehold.batches.formats import Bytes, File

pytestmark = pytest.mark.rules


def file(path: str, data: bytes, reads: list[int] | None = None) -> File:
    def pieces(start: int, end: int) -> Iterator[bytes]:
        if reads is not None:
            reads.append(end - start)
        yield data[start:end]

    return File(path, lambda: Bytes(len(data), pieces))


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def parquet(rows: Sequence[Any], group: int = 50) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), out, row_group_size=group)
    return out.getvalue()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_rows_come_out_of_pieces_of_any_size(size: int) -> None:
    def rows(path: str, data: bytes) -> list[Any]:
        return list(formats.of_text(path, cut(data, size)))

    assert rows("x.jsonl", b'{"a": 1}\n\n[2]\n{}\n{"a": 3}') == [
        {"a": 1}, "Line 3 is no JSON object, or is too long.", {}, {"a": 3}
    ]  # fmt: skip
    table = '\ufeffa,b\n1,"x\ny"\n2\n3,ü\n'.encode()
    assert rows("x.csv", table) == [
        {"a": "1", "b": "x\ny"}, "Row 3 has 1 cells, and the head 2.", {"a": "3", "b": "ü"}
    ]  # fmt: skip
    assert rows("X.TSV", b"a\tb\n1\t2\n") == [{"a": "1", "b": "2"}]
    assert rows("x.txt", "one\r\n\nzwei ü\n".encode()) == [{"text": "one"}, {"text": "zwei ü"}]
    three = [{"a": '}"\\', "b": [[1], {}]}, {"a": "ü,]"}, {}]
    for said in (
        json.dumps(three, indent=1), json.dumps(three, ensure_ascii=False),
        "\ufeff [" + ",".join(map(json.dumps, three)) + "]",
        "\n".join(map(json.dumps, three)), "\n".join(json.dumps(one, indent=2) for one in three),
    ):  # fmt: skip
        assert rows("x.json", said.encode()) == three, said
    assert rows("x.json", b'[1, "a", {"b": 2}, nonsense]') == [
        "Value 1 is no JSON object.", "Value 2 is no JSON object.", {"b": 2}, "Value 4 is no JSON object."
    ]  # fmt: skip
    assert rows("x.json", b'[{"a": 1}, {"b": ') == [{"a": 1}, "Value 2 is no JSON object."]
    packed = gzip.compress(b'{"a": 1}\n') + gzip.compress(b'{"a": 2}\n')
    assert rows("x.jsonl.gz", packed) == [{"a": 1}, {"a": 2}]
    with pytest.raises(BadBatch):
        rows("x.csv.gz", b"no gzip")


def test_what_has_no_end_is_cut_and_not_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_LINE_BYTES", 10)
    found = list(formats.lines([b"x" * 8] * 1000 + [b"\nshort\n"]))
    assert found[1] == b"short" and len(found[0]) < 40
    assert list(formats.of_text("x.json", [b'[{"a": 1}, {"b": "', *[b"x" * 8] * 1000])) == [
        {"a": 1}, "Value 2 is over 10 bytes, and nothing after it is read."
    ]  # fmt: skip


def test_parquet_is_read_in_another_process_from_any_row_on() -> None:
    rows = [
        {"n": at, "text": f"row {at} ü", "at": datetime(2026, 1, 1, tzinfo=UTC), "of": {"list": [1.5, None]},
         "raw": b"\xff"}
        for at in range(230)
    ]  # fmt: skip
    reads: list[int] = []
    files = [
        file("data/a.parquet", parquet(rows), reads),
        file("b.csv", b"n\n230\n"),
        file("c.parquet", parquet(rows[:3])),
    ]
    found = list(formats.rows(files))
    assert [one["n"] for one in found] == [*range(230), "230", 0, 1, 2]  # type: ignore[index]
    assert found[7] == {
        "n": 7, "text": "row 7 ü", "at": "2026-01-01T00:00:00+00:00", "of": {"list": [1.5, None]}, "raw": "/w=="
    }  # fmt: skip
    assert [one["n"] for one in formats.rows(files, 228)] == [228, 229, "230", 0, 1, 2]  # type: ignore[index]
    assert [one["n"] for one in formats.rows(files, 232)] == [1, 2]  # type: ignore[index]
    assert [formats.count(one, 10**6)[0] for one in files] == [230, 1, 3]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"x" * 100 + b"PAR1", parquet([{"a": 1}])[:-9] + b"\xff" * 9])
def test_what_is_no_parquet_says_so(data: bytes) -> None:
    with pytest.raises(BadBatch, match="cannot be read as Parquet"):
        list(formats.rows([file("x.parquet", data)]))


FILES = [
    "README.md", "de/train.jsonl", "de/test.jsonl", "data/train-0-of-2.parquet", "data/train-1-of-2.parquet",
    "data/test-0.parquet", "notes.txt", "model.bin",
]  # fmt: skip
CARD = {
    "configs": [
        {"config_name": "en", "data_files": [
            {"split": "train", "path": "data/train-*"}, {"split": "test", "path": ["data/test-*", "notes.txt"]}]},
        {"config_name": "de", "data_dir": "de", "data_files": "*.jsonl"},
        {"config_name": "bad", "data_files": [1, {"split": 2}]}, 7,
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "card", "found"),
    [
        ("de/train.jsonl", CARD, ["de/train.jsonl"]),
        ("", CARD, FILES[3:5]), ("train", CARD, FILES[3:5]), ("en/train", CARD, FILES[3:5]), ("en", CARD, FILES[3:5]),
        ("test", CARD, ["data/test-0.parquet", "notes.txt"]), ("/en/test/", CARD, ["data/test-0.parquet", "notes.txt"]),
        ("de/train", CARD, ["de/train.jsonl", "de/test.jsonl"]), ("de", CARD, ["de/train.jsonl", "de/test.jsonl"]),
        ("data/*.parquet", CARD, FILES[3:6]), ("**/*.jsonl", CARD, FILES[1:3]), ("*.txt", CARD, ["notes.txt"]),
        ("train", {}, ["de/train.jsonl", *FILES[3:5]]), ("test", {}, ["de/test.jsonl", "data/test-0.parquet"]),
        ("", {"configs": "nonsense"}, ["de/train.jsonl", *FILES[3:5]]),
        ("default/train", {"configs": [{"data_files": {"train": "notes.txt"}}]}, ["notes.txt"]),
    ],
)  # fmt: skip
def test_files_are_meant_by_name_pattern_subset_and_split(said: str, card: Any, found: list[str]) -> None:
    assert parts.chosen(said, card, FILES) == found


@pytest.mark.parametrize("said", ["validation", "fr/train", "no.jsonl", "*.zip", "model.bin", "README.md", "*" * 600])
def test_what_means_no_file_says_what_is_known(said: str) -> None:
    with pytest.raises(BadBatch) as refused:
        parts.chosen(said, CARD, FILES)
    assert (
        "end with" in refused.value.message
        or "ends with" in refused.value.message
        or "too long" in refused.value.message
    )
    assert parts.names(CARD, FILES) == ["en/train", "en/test", "de/train"]


def test_patterns_of_strangers_take_no_time() -> None:
    paths = [f"{'a' * 400}/{at}.jsonl" for at in range(200)]
    with pytest.raises(BadBatch):
        parts.chosen("*a" * 100 + "b", {}, paths)


@pytest.mark.parametrize(
    ("path", "line"), [("x.jsonl.gz", b"\n"), ("x.csv.gz", b"\n"), ("x.txt.gz", b"\r\n"), ("x.jsonl.gz", b" ")]
)
def test_what_is_there_to_keep_its_reader_busy_is_not_read_to_its_end(path: str, line: bytes) -> None:
    packed = gzip.compress(line * (80 << 20 >> (len(line) - 1)), 9)
    with pytest.raises(BadBatch, match=r"empty lines|far more than data"):
        list(formats.rows([file(path, packed)]))


def test_of_very_many_rows_some_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_COUNTED_ROWS", 1000)
    data = b"a\n" * (1 << 20)
    rows, of_bytes = formats.count(file("x.txt", data), len(data))
    assert 1000 <= rows < 20_000
    assert rows * len(data) // of_bytes == pytest.approx(1 << 20, rel=0.01)


def test_a_table_may_begin_with_empty_lines() -> None:
    assert list(formats.of_text("x.csv", [b"\n\na,b\n1,2\n"])) == [{"a": "1", "b": "2"}]


def test_a_row_that_quotes_take_over_all_lines_ends_the_table_and_is_not_gathered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(formats, "MAX_LINE_BYTES", 1000)
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        yield b'a,b\n1,2\n"x'
        for _ in range(1000):
            taken += 1
            yield b'\n","'

    told = list(formats.of_text("x.csv", pieces()))
    assert told[0] == {"a": "1", "b": "2"}
    assert told[1:] == ["The table cannot be read any further: a row is over 1,000 bytes."]
    assert taken < 400
