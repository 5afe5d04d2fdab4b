"""What a header is, whatever the format, and the limits that all of them share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

#: ``read(start, end)`` gives these bytes of the file, fewer only where it ends.
Read = Callable[[int, int], bytes]

MAX_HEADER_BYTES = 32 << 20
MAX_TENSORS = 200_000
MAX_DIMENSIONS = 16
MAX_KEPT_TEXT = 64 << 10

#: Bits of a value, by the name of its type.
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "I4": 4, "U4": 4, "F4": 4,
}  # fmt: skip


class Unreadable(ValueError):
    """The file has no header that can be read; the message completes "This header cannot be read: ..."."""


class Tensor(NamedTuple):
    """One tensor of a header. ``size_bytes`` is None where the format does not say."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int | None

    @property
    def parameters(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Listing:
    """A list too long to keep (tokens, scores): how many values, a checksum over them, and the first few.

    ``numbers``: all of them, of a short list of numbers.
    """

    length: int
    checksum: int
    first: tuple[Any, ...] = ()
    numbers: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Header:
    """A header, whole. ``entries`` is what the file says of itself: texts, numbers and :class:`Listing`.

    ``size_bytes`` is how much of the file the header takes (0 where it is not in one place, as in ONNX); ``graph``
    holds what only one format has, as plain values.
    """

    tensors: Sequence[Tensor]
    entries: Mapping[str, Any]
    size_bytes: int
    graph: Mapping[str, Any] = field(default_factory=dict)


def bounded(shape: Sequence[int], most: int, name: str) -> None:
    """Raise :class:`Unreadable` where ``shape`` has more values than ``most``, or could not be a shape."""
    values = 1
    for size in shape:
        if size < 0:
            raise Unreadable(f"the tensor {short(name)} has a dimension below zero")
        values *= size
        if values > most:
            raise Unreadable(f"the tensor {short(name)} claims more values than the file has bits")


def short(text: str) -> str:
    """A stranger's text in one short line of a sentence."""
    kept = "".join(char if char.isprintable() else "�" for char in text[:60])
    return f"{kept}…" if len(text) > 60 else kept
