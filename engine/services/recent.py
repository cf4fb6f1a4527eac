"""A few results worth keeping in memory, for threads that share them; what was used last stays longest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """`most` is how much is kept, counted by `weight`."""

    def __init__(self, most: int, weight: Callable[[V], int] = lambda _: 1) -> None:
        self._most, self._weight, self._held = most, weight, 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: K, value: V) -> V:
        """Answers `value`."""
        with self._lock:
            if key in self._values:
                self._held -= self._weight(self._values.pop(key))
            self._values[key] = value
            self._held += self._weight(value)
            while self._held > self._most:
                self._held -= self._weight(self._values.popitem(last=False)[1])
        return value

    def __contains__(self, key: K) -> bool:
        return key in self._values
