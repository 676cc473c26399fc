"""Tasks by lane: one at a time within a lane (a host), several lanes at once, each when it is ready.

A worker is never handed a task whose host may not be asked yet: few workers serve many slow hosts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Lane(Generic[T]):
    tasks: deque[T]
    ready: float = 0.0
    busy: bool = False


class Lanes(Generic[T]):
    """A queue of queues. `pause(lane)` says how many seconds a lane wants to rest after a task."""

    def __init__(self, pause: Callable[[str], float] = lambda _: 0.0) -> None:
        self._pause = pause
        self._lanes: dict[str, _Lane[T]] = {}
        self._changed = threading.Condition()
        self._closed = False

    def put(self, lane: str, task: T, *, first: bool = False) -> None:
        """Add a task at the end of its lane, or before those that wait there."""
        with self._changed:
            tasks = self._lanes.setdefault(lane, _Lane(deque())).tasks
            if first:
                tasks.appendleft(task)
            else:
                tasks.append(task)
            self._changed.notify()

    def take(self) -> tuple[str, T] | None:
        """The next task of the lane that has been ready longest, waiting for one; None once closed.

        The lane stays taken until `done`.
        """
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                free = [(lane.ready, name) for name, lane in self._lanes.items() if lane.tasks and not lane.busy]
                ready, name = min(free, default=(None, ""))
                if ready is not None and ready <= now:
                    lane = self._lanes[name]
                    lane.busy = True
                    # Whoever waits on works out anew what it waits for: this one may have kept the time for all.
                    self._changed.notify()
                    return name, lane.tasks.popleft()
                self._changed.wait(None if ready is None else ready - now)
            return None

    def done(self, lane: str) -> None:
        """Give a lane back; it is taken again after the pause it wants."""
        pause = self._pause(lane)
        with self._changed:
            held = self._lanes.get(lane)
            if held is None:
                # Closed meanwhile.
                return
            held.busy = False
            held.ready = time.monotonic() + pause
            if not held.tasks and pause <= 0:
                del self._lanes[lane]
            self._changed.notify()

    def close(self) -> None:
        """End all waiting; tasks that nobody took are dropped."""
        with self._changed:
            self._closed = True
            self._lanes.clear()
            self._changed.notify_all()
