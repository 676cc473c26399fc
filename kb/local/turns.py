"""Who is next at the local model: it computes one answer at a time, and a reader wants to see his place."""

from __future__ import annotations

import threading
from types import TracebackType


class Turns:
    """A queue in which each waits for those who came before. Safe for threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: list[Turn] = []

    def turn(self) -> Turn:
        """A place in the queue from `with` on, given up at its end."""
        return Turn(self._changed, self._queue)


class Turn:
    """One place in a queue."""

    def __init__(self, changed: threading.Condition, queue: list[Turn]) -> None:
        self._changed = changed
        self._queue = queue

    def __enter__(self) -> Turn:
        with self._changed:
            self._queue.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._changed:
            self._queue.remove(self)
            self._changed.notify_all()

    def wait(self, seconds: float) -> int:
        """How many are served before this one: 0 at once when it is its turn, else after a change or `seconds`."""
        with self._changed:
            before = self._queue.index(self)
            self._changed.wait_for(lambda: self._queue.index(self) < before or not before, seconds)
            return self._queue.index(self)
