"""Ending a question from another thread: what waits for a provider is hung up at once, and nothing more is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Halt:
    """Set once, from any thread. What is under way says how it is ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self._set = threading.Event()

    def __bool__(self) -> bool:
        return self._set.is_set()

    def set(self) -> None:
        """End what is under way, and all that would follow. Harmless when it is over."""
        self._set.set()
        with self._lock:
            ends = list(self._ends)
        for end in ends:
            end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """While this goes on, `set` calls `end`; at once if it was set before."""
        with self._lock:
            self._ends.append(end)
        try:
            if self:
                end()
            yield
        finally:
            with self._lock:
                self._ends.remove(end)
