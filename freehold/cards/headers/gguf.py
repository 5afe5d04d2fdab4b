"""GGUF: counts, entries, then tensors. Source: the GGUF specification (ggml, docs/gguf.md)."""

import struct
from collections import Counter
from collections.abc import Mapping
from math import prod
from typing import Any
from zlib import crc32

from freehold.cards.headers.header import (
    MAX_HEADER_BYTES,
    MAX_TENSORS,
    Header,
    Listing,
    Read,
    Tensor,
    Unreadable,
    bounded,
    short,
)

MAX_ENTRIES = 10_000
MAX_TEXT_BYTES = 1 << 20
PIECE_BYTES = 256 << 10
#: Of a list that is stepped over, so many values are kept to show.
FIRST = 12
FIRST_CHARS = 60
#: Lists of numbers up to this long are kept whole: some keys have one for each layer.
MAX_NUMBERS = 1_024

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _ARRAY = 8, 9
#: ggml's tensor types by number: name, values of a block, bytes of a block. Source: ggml.h, gguf-py constants.py.
_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip
#: What ``general.file_type`` means. Source: llama.h, enum llama_ftype.
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip
#: Of a model's keys, those that say how much memory it takes. Source: gguf-py, constants.py, class Keys.
_DIMENSIONS = (
    "block_count", "embedding_length", "feed_forward_length", "vocab_size", "attention.head_count",
    "attention.head_count_kv", "attention.key_length", "attention.value_length", "attention.sliding_window",
    "attention.sliding_window_pattern", "attention.kv_lora_rank", "attention.causal", "attention.shared_kv_layers",
    "pooling_type",
)  # fmt: skip


def parse(read: Read, size_bytes: int) -> Header:
    """The header of a GGUF file of ``size_bytes``. Raises :class:`Unreadable`."""
    source = _Source(read, min(size_bytes, MAX_HEADER_BYTES))
    if source.take(4) != b"GGUF":
        raise Unreadable("the file does not begin with GGUF")
    version = source.number("<I")
    if version not in (2, 3):
        raise Unreadable(f"it is of version {version:,}; 2 and 3 are read")
    tensors, entries = source.number("<Q"), source.number("<Q")
    if tensors > MAX_TENSORS:
        raise Unreadable(f"it claims {tensors:,} tensors; up to {MAX_TENSORS:,} are read")
    if entries > MAX_ENTRIES:
        raise Unreadable(f"it claims {entries:,} entries; up to {MAX_ENTRIES:,} are read")
    said: dict[str, Any] = {}
    for _ in range(entries):
        key, value = source.entry()
        if key in said:
            raise Unreadable(f"it names {short(key)} twice")
        said[key] = value
    found = [source.tensor(8 * size_bytes) for _ in range(tensors)]
    if len({tensor.name for tensor in found}) != len(found):
        raise Unreadable("it names a tensor twice")
    return Header(found, said, source.at, {"version": version})


def quantisation(header: Header) -> str:
    """How the weights are kept: as the file says, where one of its tensors bears that out; else what most bytes are.

    Small models keep tensors whose rows do not fill a block in other types, so the name is of the recipe, not of all.
    """
    by_type: Counter[str] = Counter()
    for tensor in header.tensors:
        by_type[tensor.dtype] += tensor.size_bytes or tensor.parameters
    said = _FILE_TYPES.get(header.entries.get("general.file_type", -1), "")
    if said and any(said == kind or said.startswith(f"{kind}_") for kind in by_type):
        return said
    return by_type.most_common(1)[0][0] if by_type else ""


def facts(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The few entries that clients and pages read, where they have the shape they should."""
    told: dict[str, Any] = {}
    architecture = entries.get("general.architecture")
    if isinstance(architecture, str) and architecture:
        told["architecture"] = architecture[:100]
        for key, most in (("context_length", 10**9), ("expert_count", 10**5), ("expert_used_count", 10**5)):
            value = entries.get(f"{architecture}.{key}")
            if type(value) is int and 0 < value < most:
                told[key] = value
    template = entries.get("tokenizer.chat_template")
    if isinstance(template, str) and template:
        told["chat_template"] = template
    for key, name in (("general.name", "name"), ("general.license", "licence"), ("tokenizer.ggml.model", "tokenizer")):
        value = entries.get(key)
        if isinstance(value, str) and value:
            told[name] = value[:200]
    tokens = entries.get("tokenizer.ggml.tokens")
    if isinstance(tokens, Listing):
        told["tokens"] = tokens.length
    return told


def dimensions(entries: Mapping[str, Any]) -> dict[str, Any]:
    """How the model is built, by the keys that engines read, without their prefix: numbers, or one for each layer.

    A key that is absent, or has another shape than it should, is absent. ``merges`` counts those of the vocabulary,
    ``type`` is ``adapter`` for one.
    """
    architecture = entries.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        return {}
    told: dict[str, Any] = {}
    for key in _DIMENSIONS:
        value = entries.get(f"{architecture}.{key}")
        if isinstance(value, Listing):
            value = list(value.numbers) or None
        if _is_dimension(value) or (isinstance(value, list) and all(map(_is_dimension, value))):
            told[key] = value
    if any(isinstance(key, str) and key.startswith(f"{architecture}.ssm.") for key in entries):
        told["ssm"] = True
    for key, name in (("tokenizer.ggml.tokens", "tokens"), ("tokenizer.ggml.merges", "merges")):
        if isinstance(listed := entries.get(key), Listing):
            told[name] = listed.length
    if entries.get("general.type") == "adapter":
        told["type"] = "adapter"
    return told


def _is_dimension(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, int) and 0 <= value < 10**9)


class _Source:
    """Reads a header from front to back, a piece at a time, never past ``limit``."""

    def __init__(self, read: Read, limit: int) -> None:
        self._read = read
        self._limit = limit
        self._buffer = b""
        self._at = 0  # in the buffer
        self._end = 0  # of the buffer, in the file

    @property
    def at(self) -> int:
        """How much was taken so far."""
        return self._end - len(self._buffer) + self._at

    def take(self, length: int) -> bytes:
        if length > len(self._buffer) - self._at:
            self._fill(length)
        piece = self._buffer[self._at : self._at + length]
        self._at += length
        return piece

    def _fill(self, length: int) -> None:
        rest = self._buffer[self._at :]
        end = min(self._end + max(PIECE_BYTES, length - len(rest)), self._limit)
        self._buffer, self._at = rest + (self._read(self._end, end) if end > self._end else b""), 0
        self._end = end
        if len(self._buffer) < length:
            why = f"it has over {MAX_HEADER_BYTES:,} bytes" if end == MAX_HEADER_BYTES else "the file ends within it"
            raise Unreadable(why)

    def number(self, form: str) -> int:
        value: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def text(self) -> str:
        length = self.number("<Q")
        if length > MAX_TEXT_BYTES:
            raise Unreadable(f"a text in it claims {length:,} bytes; up to {MAX_TEXT_BYTES:,} are read")
        return self.take(length).decode("utf-8", "replace")

    def entry(self) -> tuple[str, Any]:
        key = self.text()
        return key[:200], self.value(self.number("<I"))

    def value(self, kind: int) -> Any:
        """A value; arrays (tokens, scores) are stepped over with a checksum, and their first values kept."""
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY:
            return self.number(_form(kind))
        inner, length = self.number("<I"), self.number("<Q")
        if length > MAX_HEADER_BYTES:
            raise Unreadable(f"a list in it claims {length:,} values")
        return self._texts(length) if inner == _TEXT else self._numbers(length, _form(inner))

    def _texts(self, length: int) -> Listing:
        checksum, first = 0, []
        for number in range(length):
            size = self.number("<Q")
            if size > MAX_HEADER_BYTES:
                raise Unreadable(f"a text in it claims {size:,} bytes")
            data = self.take(size)
            checksum = crc32(data, checksum ^ size)
            if number < FIRST:
                first.append(data[: 4 * FIRST_CHARS].decode("utf-8", "replace")[:FIRST_CHARS])
        return Listing(length, checksum, tuple(first))

    def _numbers(self, length: int, form: str) -> Listing:
        size = struct.calcsize(form)
        if length * size > MAX_HEADER_BYTES:
            raise Unreadable(f"a list in it claims {length:,} values")
        data = self.take(length * size)
        kept = min(length, FIRST)
        first = struct.unpack(f"<{kept}{form[1]}", data[: kept * size])
        numbers = struct.unpack(f"<{length}{form[1]}", data) if length <= MAX_NUMBERS else ()
        return Listing(length, crc32(data, len(data)), first, numbers)

    def tensor(self, most: int) -> Tensor:
        """The next tensor. ``most``: values that the file could hold."""
        name = self.text()
        dimensions = self.number("<I")
        if dimensions > 8:
            raise Unreadable(f"the tensor {short(name)} claims {dimensions:,} dimensions")
        shape = tuple(self.number("<Q") for _ in range(dimensions))
        kind = self.number("<I")
        self.number("<Q")  # where its data lies
        bounded(shape, most, name)
        dtype, values, size = _TYPES.get(kind, (f"type {kind}", 0, 0))
        return Tensor(name, dtype, shape, -(-prod(shape) // values) * size if values else None)


def _form(kind: int) -> str:
    if kind not in _SCALARS:
        raise Unreadable(f"a value in it is of kind {kind:,}, which no GGUF has")
    return _SCALARS[kind]
