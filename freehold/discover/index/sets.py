"""Sets of slots: compressed bitmaps, and numbers as one such set for each bit of them.

A number's bits as sets make a range, the highest few and what comes after a page all the same: a few dozen operations
on sets, whatever else narrows the list, and a change costs a few bits. No order is kept, so none has to be kept true.
"""

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import compress, islice

from pyroaring import BitMap

from freehold.discover.index.snapshot import In, Out, moved

MAX_BITS = 63
#: Slots of one chunk: those that share a container of a bitmap; and how many of them a container lists one by one.
CHUNK, MAX_LISTED = 1 << 16, 4_096
#: By bit, what makes of each byte 1 where it has that bit, else 0.
_BIT = [bytes(byte >> bit & 1 for byte in range(256)) for bit in range(8)]
_DIGITS = bytes([*b"01", *bytes(254)])
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
        is_known = bytes([value is not None for value in values]) if None in values else b"\x01" * len(values)
        self.known |= _set(number, is_known)
        try:
            packed = array("Q", [value or 0 for value in values])
        except OverflowError:  # one is below zero, or far too large
            packed = array("Q", [bounded(value or 0) for value in values])
        highest = max(packed).bit_length()
        data = packed.tobytes()
        self._grow(highest)
        for place in range(highest):
            rank = place // 8 if sys.byteorder == "little" else 7 - place // 8
            self._bits[place] |= _set(number, data[rank::8].translate(_BIT[place % 8]))

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


def _set(chunk: int, flags: bytes) -> BitMap:
    """The slots of a chunk whose flag is 1."""
    found = flags.count(1)
    first_slot = chunk * CHUNK
    if found <= MAX_LISTED:
        return BitMap(array("I", compress(range(first_slot, first_slot + len(flags)), flags)))
    bits = int(flags[::-1].translate(_DIGITS), 2).to_bytes(CHUNK // 8, "little")
    # One container of bits, as bitmaps are written. Source: RoaringFormatSpec, "without run containers".
    return BitMap.deserialize(_HEAD.pack(12_346, 1, chunk, found - 1, _HEAD.size) + bits)
