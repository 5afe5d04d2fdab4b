"""The pack and index formats, judged by git's own readers."""

import os
import subprocess
from pathlib import Path

import pytest

from freehold.gitkit.packs import PackWriter, _Place, index_bytes, object_id


def test_git_accepts_pack_and_index(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(os.urandom((1 << 20) + 17))
    with PackWriter(tmp_path) as writer:
        small = [writer.add("blob", os.urandom(size)) for size in (0, 1, 15, 16, 17, 2047, 2048, 2049, 300_000)]
        large = writer.add_file(big)
        assert writer.add_file(big) == large
        pack = writer.finish()
    assert pack.objects == 10
    assert pack.size_bytes == pack.pack_path.stat().st_size
    seen = subprocess.run(
        ["git", "verify-pack", "-v", str(pack.idx_path)], capture_output=True, text=True, check=True
    ).stdout
    assert all(oid in seen for oid in (*small, large))
    ours = pack.idx_path.read_bytes()
    pack.idx_path.unlink()
    subprocess.run(["git", "index-pack", "--strict", str(pack.pack_path)], check=True, capture_output=True)
    assert pack.idx_path.read_bytes() == ours


def test_offsets_past_two_gib(tmp_path: Path) -> None:
    places = [
        _Place(bytes([n]) * 20, n, offset) for n, offset in ((3, 12), (1, 5 << 30), (2, (1 << 31) - 1), (9, 1 << 31))
    ]
    shown = subprocess.run(
        ["git", "show-index"], input=index_bytes(places, b"\0" * 20), capture_output=True, check=True
    ).stdout.decode()
    assert [line.split()[0] for line in shown.splitlines()] == [str(5 << 30), str((1 << 31) - 1), "12", str(1 << 31)]


def test_object_ids_are_gits() -> None:
    assert object_id("blob", b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    with PackWriter(tmp_path) as writer, pytest.raises(AssertionError):
        writer.add_stream(10, [b"only nine"])
