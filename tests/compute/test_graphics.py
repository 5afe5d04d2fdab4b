"""Which graphics cards a machine has, and which of them a job is given."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.compute import graphics, seating, service
from freehold.compute.graphics import MB, GraphicsCard
from freehold.compute.rules import CardNeed, Given, Job

GB = 10**9
UNCOUNTED = seating.UNCOUNTED_BYTES
TOLD = "0, NVIDIA L4, 23034, GPU-aa11\n1, NVIDIA L4, 23034, GPU-bb22\n2, NVIDIA T4, [N/A], GPU-cc33\n"
SMALL, LARGE = GraphicsCard(0, "small", 10 * GB), GraphicsCard(1, "large", 80 * GB)


@pytest.fixture
def nvidia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In place of the driver's program; what it does is written there."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\n" + f"cat <<'END'\n{TOLD}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    graphics.cards.cache_clear()
    yield program
    graphics.cards.cache_clear()


def test_the_driver_tells_which_cards_there_are(nvidia: Path) -> None:
    l4 = 23_034 * MB
    assert list(graphics.cards()) == [
        GraphicsCard(0, "NVIDIA L4", l4, "GPU-aa11"),
        GraphicsCard(1, "NVIDIA L4", l4, "GPU-bb22"),
    ]
    nvidia.unlink()
    assert len(graphics.cards()) == 2, "it is asked once"


@pytest.mark.parametrize(
    ("said", "indices"), [("1", [1]), ("GPU-bb, 0", [1, 0]), ("1,7,0", [1]), ("", []), ("-1", []), ("1,1", [1])]
)
def test_of_a_machine_that_is_shared_only_what_was_lent_counts(
    nvidia: Path, monkeypatch: pytest.MonkeyPatch, said: str, indices: list[int]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", said)
    assert [one.index for one in graphics.cards()] == indices


@pytest.mark.parametrize("does", ["exit 9", "exec sleep 60", "echo; echo 'x, y'; echo 0,,"])
def test_a_driver_that_does_not_answer_is_no_card(nvidia: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    nvidia.write_text(f"#!/bin/sh\n{does}\n")
    monkeypatch.setattr(graphics, "ASK_S", 0.2)
    assert list(graphics.cards()) == []


def test_the_kernel_tells_of_amds_cards(tmp_path: Path) -> None:
    for place, name, maker, memory in (("b", "card0", "0x1002", "17163091968"), ("a", "card1", "0x1002", "8589934592"),
                                       ("c", "card2", "0x8086", "1")):  # fmt: skip
        device = tmp_path / "places" / place
        device.mkdir(parents=True)
        (device / "vendor").write_text(f"{maker}\n")
        (device / "mem_info_vram_total").write_text(f"{memory}\n")
        (tmp_path / "drm" / name).mkdir(parents=True)
        (tmp_path / "drm" / name / "device").symlink_to(device)
    found = graphics._of_amd(tmp_path / "drm")
    assert [(one.index, one.memory_bytes) for one in found] == [(0, 8_589_934_592), (1, 17_163_091_968)]


def test_the_fewest_cards_that_do_and_the_fullest_of_them() -> None:
    needs = [CardNeed(1, 12 * GB), CardNeed(2, 7 * GB)]
    assert seating.seat([SMALL, LARGE], needs, {}) == Given((1,), 12 * GB, (12 * GB - UNCOUNTED) / (80 * GB))
    assert seating.seat([SMALL, LARGE], needs, {1: 61 * GB}) is None, "two unlike ones do not work together"
    twins = [GraphicsCard(index, "small", 10 * GB) for index in range(4)]
    seat = seating.seat(twins, needs, {0: 3 * GB, 2: 1 * GB})
    assert seat is not None
    assert seat.indices == (1, 2), "the one that is used already, and one that is not"
    assert seating.seat(twins[:1], [CardNeed(1, 9 * GB)], {}) == Given((0,), 9 * GB, (9 * GB - UNCOUNTED) / (10 * GB))
    assert seating.seat(twins[:1], [CardNeed(1, 9 * GB + 1)], {}) is None


def test_what_may_take_more_than_is_known_has_a_card_for_itself() -> None:
    need = [CardNeed(1, 2 * GB, is_whole=True)]
    assert seating.seat([SMALL], need, {}) == Given((0,), 9 * GB, 0.9)
    assert seating.seat([SMALL], need, {0: 1}) is None


@pytest.mark.parametrize(("given", "seen"), [(Given((0, 3), GB, 0.25), "0,3 2 0.2500 /driver"), (None, "-1 - - -")])
def test_a_job_sees_the_cards_that_it_was_given_and_no_other(
    given: Given | None, seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/driver")
    code = (
        "import json,os,sys; e=os.environ.get; sys.stderr.write(' '.join(e(n,'-') for n in"
        " ('CUDA_VISIBLE_DEVICES','FREEHOLD_CARDS','FREEHOLD_CARD_SHARE','LD_LIBRARY_PATH')));"
        "print(json.dumps({'port': 9}), flush=True); sys.stdin.read()"
    )
    running = service.start(Job("a test", [sys.executable, "-I", "-S", "-c", code], {}, given=given))
    running.stop()
    assert running.log() == seen
