"""What a batch asks, it reads once: where it is in its files is kept from one slice to the next."""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import pytest

from freehold.batches import readers, running, sources
from freehold.batches.formats import Bytes, File
from freehold.batches.readers import Reader, Readers
from freehold.batches.rules import Line
from freehold.batches.running import Slice
from freehold.gateway import asking
from tests.batches.test_batches import WISH, begun, of, requests, rows, sent
from tests.gateway.conftest import Hub

ROWS, A_SLICE = 60, 6


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> list[Slice]:
    """Those that were begun; each is over after so many lines."""
    found: list[Slice] = []
    real, asked = Slice._begin, 0

    def begin(self: Slice) -> Reader:
        found.append(self)
        return real(self)

    async def ask(*given: Any) -> bytes:
        nonlocal asked
        asked += 1
        if asked % A_SLICE == 0:
            found[-1]._until = 0.0
        return await asking.ask(*given)

    monkeypatch.setattr(Slice, "_begin", begin)
    monkeypatch.setattr("freehold.batches.running.ask", ask)
    return found


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes were read of files that batches read, each time."""
    sizes: list[int] = []
    real = sources.opened

    def counted(found: Bytes) -> Bytes:
        def pieces(start: int, end: int) -> Iterator[bytes]:
            for piece in found.pieces(start, end):
                sizes.append(len(piece))
                yield piece

        return Bytes(found.size_bytes, pieces)

    def opened(*given: Any) -> Sequence[File]:
        return [File(one.path, lambda one=one: counted(one.open())) for one in real(*given)]  # type: ignore[misc]

    monkeypatch.setattr(sources, "opened", opened)
    return sizes


def test_a_file_of_requests_is_read_once_to_be_looked_through_and_once_in_however_many_slices(
    hub: Hub, work: Callable[[], None], slices: list[Slice], read: list[int]
) -> None:
    text = requests(*["x"] * ROWS)
    batch_id = begun(hub, sent(hub, text))
    work()
    assert of(hub, batch_id)["request_counts"] == {"total": ROWS, "completed": ROWS, "failed": 0}
    assert len(slices) > ROWS // (A_SLICE + running.WAITING + 1)
    assert sum(read) == 2 * len(text)
    assert len(hub.engine.seen) == ROWS


def test_a_table_is_read_once_to_be_asked_about_and_once_to_be_put_together(
    hub: Hub, work: Callable[[], None], slices: list[Slice], read: list[int]
) -> None:
    text = "number,text\n" + "".join(f'{at},"one\nof {at}"\n' for at in range(ROWS))
    rows(hub, text, "train.csv")
    wish = WISH | {"path": "train.csv"}
    assert hub.client.post("/api/batches", json=wish, headers=hub.cast.alice.headers).status_code == 201
    work()
    assert sorted(one["messages"][0]["content"] for one in hub.engine.seen) == sorted(
        f"Sum up: one\nof {at}" for at in range(ROWS)
    )
    assert len(slices) > ROWS // (A_SLICE + running.WAITING + 1)
    assert sum(read) == 2 * len(text)


def test_lines_that_were_put_back_come_first_and_in_order() -> None:
    reader = Reader((Line(at, str(at), {}) for at in range(3, 8)), 3)
    assert (reader.number, reader.next(), reader.has_more) == (3, None, True)
    reader.read(3)
    given = [reader.next() for _ in range(3)]
    assert [line.number for line in given if line] == [3, 4, 5]
    reader.put_back([line for line in reversed(given) if line and line.number != 4])
    reader.read(10)
    assert (reader.number, [line.number for _ in range(4) if (line := reader.next())]) == (3, [3, 5, 6, 7])
    assert reader.has_more, "that there are none left is seen by reading on"
    reader.read(10)
    assert not reader.has_more


def test_what_broke_off_is_not_taken_for_the_end() -> None:
    def found() -> Generator[Line]:
        yield Line(0, "0", {})
        raise OSError("the disk is gone")

    kept = Readers()
    reader = Reader(found(), 0)
    with pytest.raises(OSError, match="gone"):
        reader.read(5)
    kept.keep("a", reader)
    assert kept.take("a") is None


def test_few_are_kept_and_those_that_go_are_closed() -> None:
    closed = []

    def found(name: int) -> Generator[Line]:
        try:
            yield from (Line(at, "", {}) for at in range(9))
        finally:
            closed.append(name)

    kept = Readers()
    for name in range(readers.MAX_KEPT + 2):
        reader = Reader(found(name), 0)
        reader.read(1)
        kept.keep(str(name), reader)
    assert closed == [0, 1]
    assert kept.take("0") is None
    kept.drop("2")
    kept.close()
    late = Reader(found(-1), 0)
    late.read(1)
    kept.keep("late", late)
    assert closed == [0, 1, 2, *range(3, readers.MAX_KEPT + 2), -1]


def test_of_long_lines_few_are_read_ahead() -> None:
    reader = Reader((Line(at, "", {}, size=readers.READ_BYTES // 3) for at in range(9)), 0)
    reader.read(32)
    assert len([line for _ in range(9) if (line := reader.next())]) == 4
    reader.read(32)
    assert reader.number == 4
