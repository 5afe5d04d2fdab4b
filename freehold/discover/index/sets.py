"""Sets of slots: compressed bitmaps, and numbers as one such set for each bit of them.

A number's bits as sets make a range, the highest few and what comes after a page all the same: a few dozen operations
on sets, whatever else narrows the list, and a change costs a few bits. No order is kept, so none has to be kept true.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
from pyroaring import BitMap

MAX_BITS = 63


def bitmap(slots: Any) -> BitMap:
    """The set of a numpy array of slots."""
    return BitMap(array("I", slots.astype(np.uint32, copy=False).tobytes()))


def slots_of(these: BitMap) -> Any:
    """A set as a sorted numpy array."""
    return np.frombuffer(these.to_array(), dtype=np.uint32)


class Numbers:
    """One number of each slot, none below zero, or none at all: unknown."""

    def __init__(self) -> None:
        self.known = BitMap()
        self._bits: list[BitMap] = []

    def load(self, slots: Any, values: Any) -> None:
        """Put in many that had no number yet. Numpy arrays: of slots, and of as many whole numbers."""
        self.known |= bitmap(slots)
        values = np.maximum(values, 0).astype(np.uint64, copy=False)
        highest = int(values.max()).bit_length() if len(values) else 0
        self._grow(highest)
        for place in range(highest):
            self._bits[place] |= bitmap(slots[(values >> np.uint64(place)) & np.uint64(1) == 1])

    def seal(self) -> None:
        """Take less memory; call it when much was put in."""
        for bits in (self.known, *self._bits):
            bits.run_optimize()
            bits.shrink_to_fit()

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
