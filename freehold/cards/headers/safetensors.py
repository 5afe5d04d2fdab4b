"""Safetensors: eight bytes of length, then JSON. Source: github.com/huggingface/safetensors, "Format"."""

import json
import struct
from itertools import pairwise
from math import prod
from typing import Any, TypeGuard

from freehold.cards.headers.header import (
    BITS,
    MAX_DIMENSIONS,
    MAX_HEADER_BYTES,
    MAX_TENSORS,
    Header,
    Read,
    Tensor,
    Unreadable,
    bounded,
    short,
)

METADATA = "__metadata__"
MAX_PARTS = 400


def parse(read: Read, size_bytes: int) -> Header:
    """The header of a safetensors file of ``size_bytes``. Raises :class:`Unreadable`."""
    length = _length(read, size_bytes)
    said = _loaded(read(8, 8 + length))
    return Header(checked(said, size_bytes - 8 - length), _entries(said), 8 + length)


def raw(read: Read, size_bytes: int) -> bytes:
    """The header as it stands, checked like :func:`parse`."""
    length = _length(read, size_bytes)
    data = read(8, 8 + length)
    checked(_loaded(data), size_bytes - 8 - length)
    return data


def parts(data: bytes) -> dict[str, Any]:
    """What an index (``model.safetensors.index.json``) says: ``parts`` by name in order, ``tensors``, ``metadata``."""
    said = _loaded(data)
    places = said.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(part, str) for part in places.values()):
        raise Unreadable("it has no weight_map that names a file for each tensor")
    names = sorted(set(places.values()))
    if not 1 <= len(names) <= MAX_PARTS:
        raise Unreadable(f"it names {len(names):,} parts; indexes of 1 to {MAX_PARTS} are read")
    if len(places) > MAX_TENSORS:
        raise Unreadable(f"it names {len(places):,} tensors; up to {MAX_TENSORS:,} are read")
    metadata = said.get("metadata")
    return {"parts": names, "tensors": len(places), "metadata": metadata if isinstance(metadata, dict) else {}}


def _length(read: Read, size_bytes: int) -> int:
    start = read(0, 8)
    if len(start) < 8:
        raise Unreadable("the file ends within its first 8 bytes")
    length: int = struct.unpack("<Q", start)[0]
    if length > size_bytes - 8:
        raise Unreadable(f"it claims {length:,} bytes, and the file has {max(0, size_bytes - 8):,} after its length")
    if length > MAX_HEADER_BYTES:
        raise Unreadable(f"it has {length:,} bytes; up to {MAX_HEADER_BYTES:,} are read")
    if length < 2:
        raise Unreadable("it is empty")
    return length


def _loaded(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data, object_pairs_hook=_once)
    except Unreadable:
        raise
    except (ValueError, RecursionError) as err:
        raise Unreadable("it is no JSON") from err
    if not isinstance(said, dict):
        raise Unreadable("it is JSON, but no object")
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):  # the format forbids it, and readers differ in which of the two they take
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Unreadable(f"it names {short(twice)} twice")
    return said


def _entries(said: dict[str, Any]) -> dict[str, Any]:
    entries = said.get(METADATA, {})
    return entries if isinstance(entries, dict) else {}


def checked(said: dict[str, Any], data_bytes: int) -> list[Tensor]:
    """The tensors, each held against the file, and all of them against each other. Raises :class:`Unreadable`."""
    if len(said) > MAX_TENSORS + 1:
        raise Unreadable(f"it names {len(said):,} tensors; up to {MAX_TENSORS:,} are read")
    found, places = [], []
    for name, told in said.items():
        if name != METADATA:
            tensor, start, end = _tensor(name, told, data_bytes)
            found.append(tensor)
            places.append((start, end, name))
    places.sort()
    for (_, before, one), (after, _, other) in pairwise(places):
        if after < before:
            raise Unreadable(f"the tensors {short(one)} and {short(other)} share bytes")
    return found


def _tensor(name: str, told: Any, data_bytes: int) -> tuple[Tensor, int, int]:
    if not isinstance(told, dict):
        raise Unreadable(f"the tensor {short(name)} is no object")
    kind, shape, offsets = told.get("dtype"), told.get("shape"), told.get("data_offsets")
    if not (isinstance(kind, str) and _are_counts(shape) and _are_counts(offsets) and len(offsets) == 2):
        raise Unreadable(f"the tensor {short(name)} lacks a type, a shape or a place")
    start, end = offsets
    if not start <= end <= data_bytes:
        raise Unreadable(f"the tensor {short(name)} lies outside the file")
    bounded(shape, 8 * data_bytes, name)
    if kind in BITS and prod(shape) * BITS[kind] != 8 * (end - start):
        raise Unreadable(f"the tensor {short(name)} has other bytes than its type and shape need")
    return Tensor(name, kind[:20], tuple(shape), end - start), start, end


def _are_counts(value: Any) -> TypeGuard[list[int]]:
    return (
        isinstance(value, list)
        and len(value) <= MAX_DIMENSIONS
        and all(type(item) is int and 0 <= item < 1 << 62 for item in value)
    )
