"""Headers of model files: what the weights themselves say. Pure: given a way to read ranges, values out.

Files are hostile input: every length is checked against a limit before it is believed, nothing is executed, and a file
that contradicts itself tells nothing. Sources: the safetensors format (github.com/huggingface/safetensors) and the GGUF
specification (ggml, docs/gguf.md).
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, TypeGuard
from zlib import crc32

Read = Callable[[int, int], bytes]

MAX_HEADER_BYTES = 32 << 20
MAX_TENSORS = 200_000
MAX_ENTRIES = 10_000
MAX_TEXT_BYTES = 1 << 20
MAX_KEPT_TEXT = 64 << 10
PIECE_BYTES = 256 << 10

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
}  # fmt: skip


@dataclass(frozen=True)
class Weights:
    """What a weights file holds: values by type, and what it says of its model (GGUF only)."""

    parameters: dict[str, int]
    facts: dict[str, Any]

    @property
    def total(self) -> int:
        return sum(self.parameters.values())


@dataclass(frozen=True)
class Layout:
    """A header name by name: ``tensors`` as type and shape, ``entries`` as what the file says of itself.

    A long list stands in ``entries`` as :class:`Listing`.
    """

    tensors: dict[str, tuple[str, tuple[int, ...]]]
    entries: dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """A list too long to keep (tokens, scores): how many values, and a checksum over them."""

    length: int
    checksum: int


class Contradiction(ValueError):
    """The header is not what its format says."""


def safetensors(read: Read, size_bytes: int) -> Weights | None:
    """The header of a safetensors file; None when it is none, is over a limit or contradicts itself."""
    found = safetensors_layout(read, size_bytes)
    if found is None or not found.tensors:
        return None
    parameters: dict[str, int] = {}
    for kind, shape in found.tensors.values():
        parameters[kind] = parameters.get(kind, 0) + prod(shape)
    return Weights(parameters, {})


def safetensors_layout(read: Read, size_bytes: int) -> Layout | None:
    """As :func:`safetensors`, name by name."""
    header = safetensors_header(read, size_bytes)
    if header is None:
        return None
    entries = header.pop("__metadata__", {})
    tensors = {name: (tensor["dtype"][:20], tuple(tensor["shape"])) for name, tensor in header.items()}
    return Layout(tensors, entries if isinstance(entries, dict) else {})


def safetensors_header(read: Read, size_bytes: int) -> dict[str, Any] | None:
    """The header of a safetensors file as it stands, each tensor held against the file; None as above."""
    try:
        (length,) = struct.unpack("<Q", read(0, 8))
        if not 2 <= length <= min(MAX_HEADER_BYTES, size_bytes - 8):
            return None
        header = json.loads(read(8, 8 + length))
        if not isinstance(header, dict) or len(header) > MAX_TENSORS:
            return None
        for name, tensor in header.items():
            if name != "__metadata__":
                _check_tensor(tensor, size_bytes - 8 - length)
    except (ValueError, struct.error, RecursionError):
        return None
    return header


def _check_tensor(tensor: Any, data_bytes: int) -> None:
    """Raise :class:`Contradiction` where a tensor's type, shape and place do not fit each other or the file."""
    if not isinstance(tensor, dict):
        raise Contradiction
    kind, shape, offsets = tensor.get("dtype"), tensor.get("shape"), tensor.get("data_offsets")
    if not (isinstance(kind, str) and _are_counts(shape) and _are_counts(offsets) and len(offsets) == 2):
        raise Contradiction
    values = prod(shape)
    if not offsets[0] <= offsets[1] <= data_bytes or values > 8 * data_bytes:
        raise Contradiction
    if kind in _BITS and values * _BITS[kind] != 8 * (offsets[1] - offsets[0]):
        raise Contradiction


def _are_counts(value: Any) -> TypeGuard[list[int]]:
    return (
        isinstance(value, list)
        and len(value) <= 16
        and all(type(item) is int and 0 <= item < 1 << 62 for item in value)
    )


# ---- GGUF ---------------------------------------------------------------------------------------------------

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _ARRAY = 8, 9
#: ggml's tensor types by number, as their files name them.
_TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K"}
_TYPES |= {13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 30: "BF16"}


def gguf(read: Read, size_bytes: int) -> Weights | None:
    """The header of a GGUF file; None when it is none, is over a limit or contradicts itself."""
    found = gguf_layout(read, size_bytes)
    if found is None or not found.tensors:
        return None
    parameters: dict[str, int] = {}
    for kind, shape in found.tensors.values():
        parameters[kind] = parameters.get(kind, 0) + prod(shape)
    return Weights(parameters, _told(found.entries))


def gguf_layout(read: Read, size_bytes: int) -> Layout | None:
    """As :func:`gguf`, name by name."""
    source = _Source(read, min(size_bytes, MAX_HEADER_BYTES))
    try:
        if source.take(4) != b"GGUF" or source.number("<I") not in (2, 3):
            return None
        tensors, entries = source.number("<Q"), source.number("<Q")
        if tensors > MAX_TENSORS or entries > MAX_ENTRIES:
            return None
        said = dict(source.entry() for _ in range(entries))
        named = dict(source.tensor(8 * size_bytes) for _ in range(tensors))
    except (ValueError, struct.error):
        return None
    return Layout(named, said)


def _told(said: dict[str, Any]) -> dict[str, Any]:
    """The few entries that clients and pages read."""
    facts: dict[str, Any] = {}
    architecture = said.get("general.architecture")
    if isinstance(architecture, str) and architecture:
        facts["architecture"] = architecture[:100]
        context = said.get(f"{architecture}.context_length")
        if type(context) is int and 0 < context < 10**9:
            facts["context_length"] = context
    template = said.get("tokenizer.chat_template")
    if isinstance(template, str) and len(template) <= MAX_KEPT_TEXT:
        facts["chat_template"] = template
    return facts


class _Source:
    """Reads a header from front to back, a piece at a time, never past ``limit``."""

    def __init__(self, read: Read, limit: int) -> None:
        self._read = read
        self._limit = limit
        self._buffer = b""
        self._at = 0  # in the buffer
        self._end = 0  # of the buffer, in the file

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
            raise Contradiction("the header goes on past its end")

    def number(self, form: str) -> int:
        value: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def text(self) -> str:
        length = self.number("<Q")
        if length > MAX_TEXT_BYTES:
            raise Contradiction("a text over the limit")
        return self.take(length).decode("utf-8", "replace")

    def entry(self) -> tuple[str, Any]:
        key = self.text()
        return key[:200], self.value(self.number("<I"))

    def value(self, kind: int) -> Any:
        """A value; arrays (tokens, scores) are stepped over with a checksum, nobody asks for what is in them."""
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY:
            return self.number(_form(kind))
        inner, length = self.number("<I"), self.number("<Q")
        if length > MAX_HEADER_BYTES:
            raise Contradiction("an array over the limit")
        checksum = 0
        if inner == _TEXT:
            for _ in range(length):
                checksum = self.skip(self.number("<Q"), checksum)
        else:
            checksum = self.skip(length * struct.calcsize(_form(inner)), checksum)
        return Listing(length, checksum)

    def skip(self, length: int, checksum: int) -> int:
        """Step over ``length`` bytes; ``checksum`` with them and their length in it."""
        if length > MAX_HEADER_BYTES:
            raise Contradiction("a value over the limit")
        return crc32(self.take(length), checksum ^ length)

    def tensor(self, most: int) -> tuple[str, tuple[str, tuple[int, ...]]]:
        """Name, type and shape of the next tensor."""
        name = self.text()
        dimensions = self.number("<I")
        if dimensions > 8:
            raise Contradiction("a tensor of too many dimensions")
        shape = tuple(self.number("<Q") for _ in range(dimensions))
        kind = self.number("<I")
        self.number("<Q")  # where its data lies
        if prod(shape) > most:
            raise Contradiction("more values than the file has bits")
        return name, (_TYPES.get(kind, f"type {kind}"), shape)


def _form(kind: int) -> str:
    if kind not in _SCALARS:
        raise Contradiction("a value of no known kind")
    return _SCALARS[kind]
