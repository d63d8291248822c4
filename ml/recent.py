"""What a process keeps of what it has computed: the few values used last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps at most `limit` values, those used last; safe for threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()
        self._making: dict[K, threading.Lock] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Give the value of `key`, made once however many threads ask for it.

        Other keys are not held up while it is made.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:  # another thread made it while this one waited
                    return self._values[key]
            try:
                value = make()
            except BaseException:
                with self._lock:
                    self._making.pop(key, None)
                raise
            self.put(key, value)
        return value

    def find(self, key: K) -> V | None:
        """Give the value of `key` if it is kept."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: K, value: V) -> None:
        """Keep a value, in place of the one used longest ago where there are too many."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            self._making.pop(key, None)
            while len(self._values) > self._limit:
                self._values.popitem(last=False)

    def take(self, key: K) -> V | None:
        """Give the value of `key` and keep it no longer: nobody else can get it meanwhile."""
        with self._lock:
            return self._values.pop(key, None)

    def __contains__(self, key: K) -> bool:
        with self._lock:
            return key in self._values

    def clear(self) -> None:
        """Let go of all (tests, and a host short of memory)."""
        with self._lock:
            self._values.clear()
