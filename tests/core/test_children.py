"""Work in a process of its own: it answers, and whatever it does wrong ends with it."""

import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.core.children import Child, ChildFailed, ChildLimits

SMALL = ChildLimits(memory_bytes=200 << 20, answer_s=5.0, answer_bytes=1 << 20)


@pytest.fixture
def child() -> Iterator[Child]:
    made = Child("tests.core.odd_child", SMALL)
    yield made
    made.close()


def test_a_child_starts_when_first_asked_and_stays(child: Child) -> None:
    assert child.pid is None
    assert child.ask(b"abc") == b"cba"
    first = child.pid
    assert first is not None and child.ask("\u00e4".encode() * 100_000)[:1] == "\u00e4".encode()[1:]
    assert child.pid == first


def test_it_knows_nothing_of_the_hub(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEHOLD_SEALING_KEY", "secret")
    assert b"FREEHOLD" not in child.ask(b"environment")


@pytest.mark.parametrize("question", [b"fill 2000000", b"fill 900000000", b"die", b"raise no"])
def test_what_goes_wrong_is_an_error_and_the_next_question_is_answered(child: Child, question: bytes) -> None:
    with pytest.raises(ChildFailed):
        child.ask(question)
    assert child.ask(b"abc") == b"cba"


def test_bytes_of_a_file_are_never_taken_for_a_question() -> None:
    """A range that memory has no room for is left in the pipe: read as questions, their answers would be others'."""
    child = Child("tests.core.odd_child", ChildLimits(memory_bytes=100 << 20, answer_s=30.0))
    forged = struct.pack(">I", 4 << 20) + b"raise ".ljust(4 << 20)
    with pytest.raises(ChildFailed):
        child.ask(b"range 1", lambda start, end: forged * 30)
    assert child.ask(b"abc") == b"cba"
    child.close()


def test_one_that_cannot_start_is_a_failure_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(ChildFailed, match="does not start"):
        Child("tests.core.odd_child", SMALL).ask(b"abc")


def test_it_writes_no_file(child: Child, tmp_path: Path) -> None:
    with pytest.raises(ChildFailed):
        child.ask(b"write " + str(tmp_path / "out").encode())
    assert not (tmp_path / "out").exists() or (tmp_path / "out").read_bytes() == b""


def test_one_that_takes_too_long_is_killed() -> None:
    child = Child("tests.core.odd_child", ChildLimits(answer_s=1.0))
    with pytest.raises(ChildFailed, match=r"no answer in 1\.0 s"):
        child.ask(b"sleep 60")
    assert child.pid is None


def test_an_idle_one_ends_by_itself_and_the_next_question_starts_another() -> None:
    child = Child("tests.core.odd_child", ChildLimits(idle_s=0.2))
    child.ask(b"abc")
    first = child.pid
    until = time.monotonic() + 10
    while child.pid is not None and time.monotonic() < until:
        time.sleep(0.05)
    assert child.pid is None
    assert child.ask(b"abc") == b"cba" and child.pid != first
    child.close()
