"""Files that grow: what is in them at the end, and what a full disk does."""

import os
from pathlib import Path

import pytest

from freehold.core import disk
from freehold.core.disk import STRETCH_BYTES, Growing


@pytest.mark.parametrize("expected", [0, 100, 5_000_000, 1 << 40])
def test_the_file_holds_what_was_appended_and_no_more(tmp_path: Path, expected: int) -> None:
    """``expected`` is only a hint: bodies may turn out shorter or longer."""
    data = os.urandom(5_000_000)
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        growing = Growing(fd, expected)
        for at in range(0, len(data), 700_001):
            growing.append(memoryview(data)[at : at + 700_001])
        assert os.fstat(fd).st_blocks * 512 <= max(expected, len(data)) + STRETCH_BYTES
        growing.finish()
    finally:
        os.close(fd)
    assert (tmp_path / "file").read_bytes() == data
    assert (tmp_path / "file").stat().st_blocks * 512 < len(data) + (1 << 20)


def test_a_tail_can_be_left_off(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        growing = Growing(fd, 10)
        growing.append(memoryview(b"0123456789"))
        growing.finish(4)
    finally:
        os.close(fd)
    assert (tmp_path / "file").read_bytes() == b"0123"


@pytest.mark.parametrize(("number", "kept"), [(95, True), (22, True), (28, False)])
def test_a_file_system_that_cannot_set_room_aside_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kept: bool
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk.os, "posix_fallocate", refuse)
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        growing = Growing(fd, 10)
        if kept:
            growing.append(memoryview(b"01234"))
            growing.append(memoryview(b"56789"))
            growing.finish()
            assert (tmp_path / "file").read_bytes() == b"0123456789"
        else:
            with pytest.raises(OSError, match="No space"):
                growing.append(memoryview(b"01234"))
    finally:
        os.close(fd)
