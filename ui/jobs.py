"""Work that goes on while the page is drawn again and again: an answer being written, a run, a download."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from kb.errors import KBError

E = TypeVar("E")


class Job(Generic[E]):
    """An iterator that runs in a thread of its own. What it gave so far can be read at any time.

    `error` is what ended it, if that was an error of ours; `broken` says that something else did (it is in
    the server's log). A stopped job gives nothing more, though its last step may still be ending.
    """

    def __init__(self, events: Callable[[], Iterator[E]], on_stop: Callable[[], None] = lambda: None) -> None:
        """`on_stop` hangs up whatever the iterator waits for."""
        self.error: KBError | None = None
        self.broken = False
        self.stopped = False
        self.started = time.monotonic()
        self._events: list[E] = []
        self._ended = False
        self._on_stop = on_stop
        self._changed = threading.Condition()
        threading.Thread(target=self._run, args=(events,), daemon=True).start()

    @property
    def running(self) -> bool:
        return not (self._ended or self.stopped)

    @property
    def events(self) -> tuple[E, ...]:
        with self._changed:
            return tuple(self._events)

    def stop(self) -> None:
        """Take nothing more from the iterator, and close it as soon as it lets go."""
        with self._changed:
            self.stopped = self.stopped or not self._ended
            self._changed.notify_all()
        self._on_stop()

    def wait(self, count: int, seconds: float) -> None:
        """Return once there are `count` events, or the job has ended, or so many seconds are over."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._events) >= count or not self.running, seconds)

    def _run(self, events: Callable[[], Iterator[E]]) -> None:
        whole = False
        try:
            iterator = events()
            for event in iterator:
                with self._changed:
                    if self.stopped:
                        break
                    self._events.append(event)
                    self._changed.notify_all()
            if close := getattr(iterator, "close", None):
                close()
            whole = True
        except KBError as error:
            self.error = error
            whole = True
        finally:
            with self._changed:
                self.broken = not whole
                self._ended = True
                self._changed.notify_all()


class Stopped(KBError):
    """The reader left; what reports its steps is to end."""


def steps(work: Callable[[Callable[[E], None]], None]) -> Iterator[E]:
    """The steps that `work` reports to the function it is given, from whichever thread, as they come.

    Leaving them off makes its next report raise Stopped.
    """
    taken: list[E] = []
    changed, left = threading.Condition(), threading.Event()

    def note(step: E) -> None:
        if left.is_set():
            raise Stopped("stopped; what has arrived is kept")
        with changed:
            taken.append(step)
            changed.notify()

    def whole() -> Iterator[E]:
        work(note)
        yield from ()

    job: Job[E] = Job(whole)
    try:
        while job.running or taken:
            with changed:
                changed.wait_for(lambda: taken or not job.running, 0.5)
                found, taken[:] = list(taken), []
            yield from found
    finally:
        left.set()
    if job.error is not None:
        raise job.error
    if job.broken:
        raise Stopped("something unexpected happened; the server's log has the particulars")
