"""Quantised weights as 16-bit numbers: the same values, the same everything else, kept within bounds."""

import os
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

from freehold.engines.programs import weights
from scripts.tiny_models import language_model


@pytest.mark.parametrize("kind", ["Q4_1", "Q8_0", "F16"])
def test_the_same_model_with_its_weights_as_numbers(tmp_path: Path, kind: str) -> None:
    source = language_model(tmp_path / "tiny.gguf", kind=kind)
    made = weights.full(os.fspath(source), os.fspath(tmp_path / "made"))
    before, after = gguf.GGUFReader(source), gguf.GGUFReader(made)
    assert [one.name for one in after.tensors] == [one.name for one in before.tensors]
    for one, other in zip(before.tensors, after.tensors, strict=True):
        assert list(one.shape) == list(other.shape)
        wanted = gguf.quants.dequantize(one.data, one.tensor_type)
        assert other.tensor_type in (gguf.GGMLQuantizationType.F16, gguf.GGMLQuantizationType.F32)
        assert np.allclose(other.data.reshape(wanted.shape), wanted, atol=2e-3)
    told = {key: field.contents() for key, field in before.fields.items() if not key.startswith("GGUF.")}
    said = {key: field.contents() for key, field in after.fields.items() if not key.startswith("GGUF.")}
    assert said == told | {"general.file_type": gguf.LlamaFileType.MOSTLY_F16}


def test_it_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = os.fspath(language_model(tmp_path / "tiny.gguf", kind="Q4_1"))
    first = weights.full(source, os.fspath(tmp_path / "made"))
    monkeypatch.setattr(weights, "_make", lambda *given: pytest.fail("it is there"))
    assert weights.full(source, os.fspath(tmp_path / "made")) == first
    assert os.listdir(tmp_path / "made") == [Path(first).name]


def test_the_longest_unused_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "MAX_BYTES", 250)
    now = 2_000_000_000
    monkeypatch.setattr("time.time", lambda: now)
    for name, age_s in (("new", 10), ("used", 50), ("old", 100), ("ancient", 10 * weights.MAX_AGE_S), (".left", 9_999)):
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (now - age_s, now - age_s))
    weights.tidy(tmp_path, tmp_path / "old")
    assert sorted(os.listdir(tmp_path)) == ["new", "old", "used"], "what is in use stays, though it is the oldest"


def test_a_full_disk_is_told_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = os.fspath(language_model(tmp_path / "tiny.gguf", kind="Q4_1"))
    monkeypatch.setattr(weights, "SPARE_BYTES", 1 << 60)
    with pytest.raises(OSError, match="are free"):
        weights.full(source, os.fspath(tmp_path / "made"))
    assert os.listdir(tmp_path / "made") == []


@pytest.mark.parametrize(
    "break_it",
    [
        lambda data: b"",
        lambda data: b"hello",
        lambda data: data[:200],
        lambda data: data[:-50_000],
        lambda data: data[:8] + b"\xff" * 16 + data[24:],
        lambda data: data.replace(b"tokenizer.ggml.tokens\x09\0\0\0\x08", b"tokenizer.ggml.tokens\x09\0\0\0\x63"),
        lambda data: data.replace(b"tokenizer.ggml.tokens\x09\0\0\0\x08\0\0\0", b"tokenizer.ggml.tokens" + b"\xff" * 8),
        lambda data: data.replace(b"\x02\0\0\0\x40\0\0\0\0", b"\x02\0\0\0\x40\0\0\0\x10"),
        lambda data: data.replace(b"output.weight\x02\0\0\0", b"output.weight\x09\0\0\0"),
    ],
)
def test_a_hostile_file_is_refused_and_leaves_nothing(tmp_path: Path, break_it: Callable[[bytes], bytes]) -> None:
    source = language_model(tmp_path / "tiny.gguf", kind="Q4_1")
    source.write_bytes(break_it(source.read_bytes()))
    with pytest.raises((weights.Unreadable, ValueError)):
        weights.full(os.fspath(source), os.fspath(tmp_path / "made"))
    assert not (tmp_path / "made").exists() or os.listdir(tmp_path / "made") == []
