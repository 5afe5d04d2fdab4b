"""A bounded memory of immutable facts, shared by threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Keeps the most recently used values while their weights add up to at most ``capacity``.

    A value heavier than the whole capacity is not kept. Two threads that miss the same key both compute it: for facts
    that never change that is cheaper than making one wait for the other.
    """

    def __init__(self, capacity: int, weigh: Callable[[V], int] = lambda value: 1) -> None:
        self.capacity = capacity
        self._weigh = weigh
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V) -> V:
        """``value`` is what ``get(key)`` gives from now on, unless it is too heavy; returned for chaining."""
        weight = self._weigh(value)
        with self._lock:
            _, known = self._values.pop(key, (None, 0))
            self._weight -= known
            if weight <= self.capacity:
                self._values[key] = (value, weight)
                self._weight += weight
            while self._weight > self.capacity:
                _, (_, oldest) = self._values.popitem(last=False)
                self._weight -= oldest
        return value

    def of(self, key: K, compute: Callable[[], V]) -> V:
        """The kept value, or the computed one, kept from now on."""
        found = self.get(key)
        return found if found is not None else self.put(key, compute())

    def drop(self, matches: Callable[[K], bool]) -> None:
        """Forget every key that ``matches``."""
        with self._lock:
            for key in [key for key in self._values if matches(key)]:
                self._weight -= self._values.pop(key)[1]
