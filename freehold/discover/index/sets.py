"""Sets of slots: compressed bitmaps, and numbers as one such set for each bit of them.

A number's bits as sets make a range, the highest few and what comes after a page all the same: a few dozen operations
on sets, whatever else narrows the list, and a change costs a few bits. No order is kept, so none has to be kept true.
"""

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import islice

from pyroaring import BitMap

from freehold.discover.index.snapshot import In, Out, moved

MAX_BITS = 63
#: Slots of one chunk: those that share a container of a bitmap; and how many of them a container lists one by one.
CHUNK, MAX_LISTED = 1 << 16, 4_096
#: By bit, what makes of each byte the digit 1 where it has that bit, else 0.
_BIT = [bytes(b"01"[byte >> bit & 1] for byte in range(256)) for bit in range(8)]
#: All of a chunk, as such a number.
_EVERY = (1 << CHUNK) - 1
_HEAD = struct.Struct("<IIHHI")


class Numbers:
    """One number of each slot, none below zero, or none at all: unknown."""

    def __init__(self) -> None:
        self.known = BitMap()
        self._bits: list[BitMap] = []
        self._waiting: list[int | None] = []
        self._chunks = 0

    def load(self, values: Sequence[int | None]) -> None:
        """The numbers of the next slots; None: unknown. End with :meth:`seal`."""
        self._waiting += values
        while len(self._waiting) >= CHUNK:
            self._chunk(self._waiting[:CHUNK])
            del self._waiting[:CHUNK]

    def _flush(self) -> None:
        if self._waiting:
            self._chunk(self._waiting)
            self._waiting = []

    def seal(self) -> None:
        """Take less memory, too."""
        self._flush()
        for bits in (self.known, *self._bits):
            bits.run_optimize()
            bits.shrink_to_fit()

    def _chunk(self, values: Sequence[int | None]) -> None:
        """Bits of many numbers at once: the bytes of one rank lie side by side, and each bit of them is read as one
        long number in base two. Thirty times as quick as a look at each."""
        number = self._chunks
        self._chunks += 1
        self.known |= _set(number, bytes([b"01"[value is not None] for value in values]))
        try:
            packed = array("Q", [value or 0 for value in values])
        except OverflowError:  # one is below zero, or far too large
            packed = array("Q", [bounded(value or 0) for value in values])
        data, nothing = packed.tobytes(), bytes(len(values))
        for rank in range(8):
            piece = data[rank if sys.byteorder == "little" else 7 - rank :: 8]
            if piece == nothing:
                continue
            for bit in range(8):
                found = _set(number, piece.translate(_BIT[bit]))
                if found:
                    self._grow(8 * rank + bit + 1)
                    self._bits[8 * rank + bit] |= found

    def absorb(self, kept: In, base: int) -> None:
        """The numbers of another engine, from slot ``base`` on."""
        self._flush()
        other = Numbers()
        other.restore(kept)
        self._grow(len(other._bits))
        for mine, theirs in zip((self.known, *self._bits), (other.known, *other._bits), strict=False):
            mine |= moved(theirs, base)

    def save(self, out: Out) -> None:
        out.sets([self.known, *self._bits])

    def restore(self, kept: In) -> None:
        self.known, *self._bits = kept.sets()

    def set(self, slot: int, value: int | None) -> None:
        if value is None:
            self.known.discard(slot)
            value = 0
        else:
            self.known.add(slot)
            value = bounded(value)
        self._grow(value.bit_length())
        for place, bits in enumerate(self._bits):
            if value >> place & 1:
                bits.add(slot)
            else:
                bits.discard(slot)

    def get(self, slot: int) -> int | None:
        if slot not in self.known:
            return None
        return sum(1 << place for place, bits in enumerate(self._bits) if slot in bits)

    def split(self, these: BitMap, value: int) -> tuple[BitMap, BitMap]:
        """Those whose number is lower, and those whose number it is."""
        equal = these & self.known
        if value < 0:
            return BitMap(), BitMap()
        if value.bit_length() > len(self._bits):
            return equal, BitMap()
        lower = BitMap()
        for place in range(len(self._bits) - 1, -1, -1):
            if value >> place & 1:
                lower |= equal - self._bits[place]
                equal &= self._bits[place]
            else:
                equal -= self._bits[place]
        return lower, equal

    def between(self, at_least: int | None, at_most: int | None) -> BitMap:
        """Those within the bounds, both included; None: no bound."""
        if at_most is None:
            found = self.known.copy()
        else:
            lower, equal = self.split(self.known, at_most)
            found = lower | equal
        if at_least is not None:
            found -= self.split(found, at_least)[0]
        return found

    def extreme(self, these: BitMap, most: int, *, lowest: bool = False) -> tuple[BitMap, BitMap]:
        """The highest ``most`` of these, or the lowest: those that are surely among them, and equals for the rest.

        The second set may hold more than there is room for: all of one number, or all that are left.
        """
        sure, equal = BitMap(), these & self.known
        for place in range(len(self._bits) - 1, -1, -1):
            if len(equal) + len(sure) <= most:
                break
            bits = self._bits[place]
            better = equal - bits if lowest else equal & bits
            if len(sure) + len(better) > most:
                equal = better
            else:
                sure |= better
                equal = equal & bits if lowest else equal - bits
        return sure, equal

    def _grow(self, bits: int) -> None:
        while len(self._bits) < bits:
            self._bits.append(BitMap())


def bounded(value: int) -> int:
    """A number as :class:`Numbers` keeps it: strangers' files may say anything."""
    return min(max(value, 0), (1 << MAX_BITS) - 1)


def last(these: BitMap, most: int) -> Sequence[int]:
    """The highest slots of a set, the highest first."""
    size = len(these)
    return [these[size - 1 - place] for place in range(min(most, size))]


def first(these: Iterable[int], most: int) -> Sequence[int]:
    """The lowest slots of a set."""
    return list(islice(these, most))


def _set(chunk: int, digits: bytes) -> BitMap:
    """The slots of a chunk whose digit is 1, not 0; read as one long number in base two."""
    number = int(digits[::-1], 2)
    found = number.bit_count()
    # One container of bits, as bitmaps are written. Source: RoaringFormatSpec, "without run containers". One that has
    # few is written as those that it has not.
    if found > MAX_LISTED:
        return _container(chunk, found, number)
    return _everything(chunk) - _container(chunk, CHUNK - found, number ^ _EVERY) if found else BitMap()


def _container(chunk: int, found: int, number: int) -> BitMap:
    bits = number.to_bytes(CHUNK // 8, "little")
    return BitMap.deserialize(_HEAD.pack(12_346, 1, chunk, found - 1, _HEAD.size) + bits)


def _everything(chunk: int) -> BitMap:
    return BitMap(range(chunk * CHUNK, (chunk + 1) * CHUNK))
