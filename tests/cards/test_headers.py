"""Headers of weights: what they say is believed only where the bytes agree."""

import json
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.cards.headers import gguf, onnx, safetensors
from freehold.cards.headers.header import Header, Read, Unreadable


def reader(data: bytes) -> Read:
    return lambda start, end: data[start:end]


def safetensors_file(tensors: dict[str, Any], data_bytes: int) -> bytes:
    header = json.dumps(tensors).encode()
    return struct.pack("<Q", len(header)) + header + bytes(data_bytes)


def tensor(kind: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_file(entries: dict[str, Any], tensors: list[tuple[str, list[int], int]], data_bytes: int) -> bytes:
    """A GGUF version 3 file: text, whole-number and list-of-text entries, then tensor infos, then zeros."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    for key, value in entries.items():
        out += _text(key)
        if isinstance(value, str):
            out += struct.pack("<I", 8) + _text(value)
        elif isinstance(value, int):
            out += struct.pack("<II", 4, value)
        else:
            out += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_text(item) for item in value)
    for name, shape, kind in tensors:
        out += _text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        out += struct.pack("<IQ", kind, 0)
    return out + bytes(data_bytes)


def read_safetensors(data: bytes) -> Header:
    return safetensors.parse(reader(data), len(data))


def read_gguf(data: bytes) -> Header:
    return gguf.parse(reader(data), len(data))


def by_type(header: Header) -> dict[str, int]:
    told: dict[str, int] = {}
    for one in header.tensors:
        told[one.dtype] = told.get(one.dtype, 0) + one.parameters
    return told


def test_safetensors_tell_values_by_type() -> None:
    tensors = {
        "__metadata__": {"format": "pt"},
        "a": tensor("F32", [10, 4], 0, 160),
        "b": tensor("BF16", [8], 160, 176),
        "c": tensor("F32", [], 176, 180),
    }
    found = read_safetensors(safetensors_file(tensors, 180))
    assert by_type(found) == {"F32": 41, "BF16": 8}
    assert [one.size_bytes for one in found.tensors] == [160, 16, 4]
    assert found.entries == {"format": "pt"}


@pytest.mark.parametrize(
    "wrong",
    [
        tensor("F32", [10, 4], 0, 161),  # more bytes than values
        tensor("F32", [10**6], 0, 4 * 10**6),  # past the end of the file
        tensor("F32", [10**15, 10**15], 0, 160),
        tensor("ODD", [10**9], 0, 160),
        tensor("F32", [-40], 0, 160),
        tensor("F32", [40], 160, 0),
        {"dtype": "F32", "shape": "40", "data_offsets": [0, 160]},
        {"dtype": 3},
        [],
    ],
)
def test_a_tensor_that_contradicts_its_bytes_makes_the_whole_unknown(wrong: Any) -> None:
    with pytest.raises(Unreadable):
        read_safetensors(safetensors_file({"a": wrong}, 160))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        struct.pack("<Q", 1 << 60) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 8) + b"not json",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
    ],
)
def test_what_is_no_safetensors_file_tells_nothing(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_safetensors(data)


def test_gguf_tells_architecture_context_and_values() -> None:
    entries = {
        "general.architecture": "llama",
        "llama.context_length": 8192,
        "tokenizer.ggml.tokens": ["a", "bc", "déf"] * 50_000,
        "tokenizer.chat_template": "{{ messages }}",
    }
    found = read_gguf(gguf_file(entries, [("w", [576, 100], 3), ("b", [576], 0)], 60_000))
    assert by_type(found) == {"Q4_1": 57_600, "F32": 576}
    told = {"architecture": "llama", "context_length": 8192, "chat_template": "{{ messages }}", "tokens": 150_000}
    assert gguf.facts(found.entries) == told
    assert gguf.quantisation(found) == "Q4_1"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GGUF",
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + _text("k") + struct.pack("<IIQ", 9, 8, 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + _text("k") + struct.pack("<IIQ", 9, 9, 1),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + _text("k") + struct.pack("<I", 99),
        gguf_file({}, [("w", [1 << 40, 1 << 40], 0)], 100),
        gguf_file({}, [("w", [100], 0)], 0)[:-4],
    ],
)
def test_what_is_no_gguf_file_tells_nothing(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_gguf(data)


@given(st.binary(max_size=300), st.sampled_from([b"", b"GGUF\x03\0\0\0", b"\x40\0\0\0\0\0\0\0{"]))
def test_no_bytes_make_it_crash(data: bytes, start: bytes) -> None:
    for parse in (safetensors.parse, gguf.parse, onnx.parse):
        with suppress(Unreadable):
            parse(reader(start + data), len(start + data))
