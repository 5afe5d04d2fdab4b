"""Before a file of requests is asked, it is looked through: each of them has a ``custom_id`` of its own."""

import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from freehold.batches import checking
from freehold.batches.checking import Twins, checked
from freehold.batches.rules import Line
from tests.batches.test_batches import begun, of, requests, sent
from tests.gateway.conftest import Hub


def never() -> None:
    """Nobody wants it to stop."""


def lines(*ids: str) -> list[Line]:
    return [Line(at, name, {}, "no request" if name == "bad" else "") for at, name in enumerate(ids)]


def test_two_lines_of_one_custom_id_fail_the_batch_before_anything_is_asked(hub: Hub, work: Callable[[], None]) -> None:
    text = requests("one", "two", "three") + requests("four", "five")
    file_id = sent(hub, text)
    batch_id = begun(hub, file_id)
    work()
    told = of(hub, batch_id)
    assert (told["status"], told["request_counts"]["completed"]) == ("failed", 0)
    assert told["failed_at"] and not told["output_file_id"]
    (wrong,) = told["errors"]["data"]
    assert (wrong["code"], wrong["param"], wrong["line"]) == ("duplicate_custom_id", "custom_id", 4)
    assert "Lines 1 and 4 have the same custom_id 'c-0'" in wrong["message"]
    assert hub.engine.seen == []
    gone = hub.client.delete(f"/v1/files/{file_id}", headers=hub.cast.alice.headers)
    assert gone.status_code == 200, "nothing reads it any more"


def test_a_file_that_was_looked_through_says_how_many_lines_it_has(hub: Hub, work: Callable[[], None]) -> None:
    batch_id = begun(hub, sent(hub, requests("one", "two")))
    cancelled = hub.client.post(f"/v1/batches/{batch_id}/cancel", headers=hub.cast.alice.headers)
    assert cancelled.status_code == 200
    work()  # who cancelled it meanwhile is not overruled
    assert of(hub, batch_id)["status"] == "cancelled"
    other = begun(hub, sent(hub, requests("one", "two")))
    work()
    assert of(hub, other)["request_counts"] == {"total": 2, "completed": 2, "failed": 0}


def test_the_first_pair_is_named_and_lines_that_are_no_requests_are_none() -> None:
    assert checked(lambda: lines("a", "bad", "b", "bad", "c"), never) == (5, None)
    assert checked(lambda: lines("a", "b", "x", "x", "c", "b", "a"), never) == (7, Twins("x", 3, 4))


def test_what_only_looks_alike_is_not_taken_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "hash", lambda _: 7, raising=False)
    assert checked(lambda: lines("a", "b", "c"), never) == (3, None)
    assert checked(lambda: lines("a", "b", "c", "b"), never) == (4, Twins("b", 2, 4))


def test_it_is_left_when_the_hub_stops() -> None:
    looked: list[int] = []

    def stops() -> None:
        raise InterruptedError

    def read() -> Iterator[Line]:
        for line in lines("a", "b"):
            looked.append(line.number)
            yield line

    with pytest.raises(InterruptedError):
        checked(read, stops)
    assert looked == [0]


def test_of_each_line_some_bytes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "REST_S", 0)
    many = 40_000
    tracemalloc.start()
    try:
        count, twins = checked(lambda: (Line(at, f"{'x' * 300}{at}", {}) for at in range(many)), never)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (count, twins) == (many, None)
    assert peak < many * 16, "as they were written they would take 14 MB"
