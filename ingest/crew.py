"""The threads of a run: some fetch, lane by lane; some have pages parsed; another thread, the run's, commits.

    lanes ─ fetchers → begun ─ readers → results ─ the run

Fetching never waits for parsing, or a slow page would cost its host's neighbours their turns; but both queues are
short, so that neither runs far ahead of embedding and memory stays flat.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from types import TracebackType
from typing import Self, TypeVar

from ingest import politeness
from ingest.addresses import is_local_name
from ingest.lanes import Lanes
from ingest.wire import target
from ingest.work import PARSERS, Bench, Look, Result, Take, Task
from kb.errors import CollectError

T = TypeVar("T")

AHEAD = 8
"""Results that may wait to be committed."""

BEGUN = 16
"""Pages that may wait to be parsed; at 15 MB each, the most a page may have, 240 MB."""

FETCHERS = 32
"""Threads that fetch. Most of them wait for their host's next turn: no more than `policy.concurrency` requests are
under way at once, which the client sees to."""

READERS = PARSERS + 2
"""Threads that keep snapshots, wait for a parser's child, and hand results over."""

DISK = "disk"
NOWHERE = "nowhere"
"""Lanes of tasks without a host: files, and addresses that cannot be read (the task will say so)."""

FLUSH_EVERY = 20
"""Tasks after which the hosts' states are written."""


class _Finished:
    """A task is done, with all its results before this."""


class _Broken:
    """A task met what makes the whole run impossible."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Crew:
    """The workers of one run at a bench. A context manager: on leaving, no task is begun any more.

    Requests that are under way when a run is stopped end by themselves and count for nothing.
    """

    def __init__(self, bench: Bench, *, close: bool) -> None:
        self._bench = bench
        self._close = close
        self._policy = bench.policy
        self._hosts = bench.hosts
        self._lanes: Lanes[Task] = Lanes(self._pause)
        self._results: queue.Queue[Result | _Finished | _Broken] = queue.Queue(AHEAD)
        self._begun: queue.Queue[Iterator[Result] | None] = queue.Queue(BEGUN)
        self._numbers = count()
        self._outstanding = 0
        self._closed = threading.Event()
        self._fetchers: list[threading.Thread] = []
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._lanes.close()
        for _ in self._readers:
            with suppress(queue.Full):
                self._begun.put_nowait(None)
        self._bench.save_hosts()
        if self.busy:
            # A request under way may take its 45 seconds; nobody should wait for that.
            threading.Thread(target=self._end, daemon=True).start()
        else:
            self._end()

    @property
    def busy(self) -> bool:
        """Whether a result may still come."""
        return self._outstanding > 0

    def put(self, task: Task) -> None:
        """Hand out a task. Lists go before the pages of their host: they bring work for other hosts."""
        self._outstanding += 1
        if isinstance(task, Look | Take):
            self._bench.warm()
        if len(self._fetchers) < FETCHERS:
            self._fetchers.append(_started(self._fetch))
        if len(self._readers) < READERS:
            self._readers.append(_started(self._read))
        self._lanes.put(self._lane(task), task, first=isinstance(task, Look) and task.depth == 0)

    def result(self, timeout: float) -> Result | None:
        """The next result; None if there is none within `timeout` seconds, or a task ended without more.

        Raises what made the run impossible (HomeError …).
        """
        try:
            found = self._results.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(found, _Broken):
            raise found.error
        if isinstance(found, _Finished):
            self._outstanding -= 1
            if self._outstanding % FLUSH_EVERY == 0:
                self._bench.save_hosts()
            return None
        return found

    def _lane(self, task: Task) -> str:
        if isinstance(task, Look | Take):
            try:
                return target(task.url if isinstance(task, Look) else task.link.url, self._policy).key
            except CollectError:
                return NOWHERE
        return f"{DISK} {next(self._numbers) % PARSERS}"

    def _pause(self, lane: str) -> float:
        """Seconds until a host may be asked again."""
        if lane.startswith(DISK) or lane == NOWHERE:
            return 0.0
        now = datetime.now(UTC)
        local = is_local_name(lane.rpartition(":")[0] if lane.rpartition(":")[2].isdigit() else lane)
        ready = politeness.ready_at(self._hosts.get(lane), now, self._policy, 0.0, local=local)
        if politeness.blocked(self._hosts.get(lane), now, self._policy):
            # The client refuses what it may not ask for long; its refusals are not to be waited for.
            return 0.0
        return (ready - now).total_seconds()

    def _fetch(self) -> None:
        while (taken := self._lanes.take()) is not None:
            lane, task = taken
            try:
                begun = self._bench.begin(task)
            except BaseException as error:  # noqa: BLE001 - a thread's error belongs to the thread that commits
                self._hand_over(_Broken(error))
                continue
            finally:
                self._lanes.done(lane)
            self._put(self._begun, begun)

    def _read(self) -> None:
        while (begun := self._begun.get()) is not None and not self._closed.is_set():
            try:
                for result in begun:
                    self._hand_over(result)
                self._hand_over(_Finished())
            except BaseException as error:  # noqa: BLE001 - as above
                self._hand_over(_Broken(error))

    def _hand_over(self, result: Result | _Finished | _Broken) -> None:
        self._put(self._results, result)

    def _put(self, place: queue.Queue[T], one: T) -> None:
        """Put one thing as soon as there is room; drop it once the run is over."""
        while not self._closed.is_set():
            try:
                return place.put(one, timeout=0.5)
            except queue.Full:
                continue

    def _end(self) -> None:
        for thread in self._fetchers + self._readers:
            thread.join()
        if self._close:
            self._bench.close()


def _started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=f"ingest-{work.__name__}", daemon=True)
    thread.start()
    return thread
