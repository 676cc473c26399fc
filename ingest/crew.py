"""The threads of a run: they take tasks lane by lane and hand results to the thread that commits.

Results wait in a short queue, so that fetching never runs far ahead of embedding and memory stays flat.
"""

from __future__ import annotations

import queue
import threading
from datetime import UTC, datetime
from itertools import count
from types import TracebackType
from typing import Self

from ingest import politeness
from ingest.addresses import is_local_name
from ingest.lanes import Lanes
from ingest.wire import target
from ingest.work import PARSERS, Bench, Look, Result, Take, Task
from kb.errors import CollectError

AHEAD = 8
"""Results that may wait to be committed."""

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
        self._numbers = count()
        self._outstanding = 0
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._lanes.close()
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
        if len(self._threads) < self._policy.concurrency:
            thread = threading.Thread(target=self._serve, name=f"ingest-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
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

    def _serve(self) -> None:
        while (taken := self._lanes.take()) is not None:
            lane, task = taken
            held = [lane]

            def release(held: list[str] = held) -> None:
                while held:
                    self._lanes.done(held.pop())

            try:
                for result in self._bench.work(task, release):
                    release()
                    self._hand_over(result)
                self._hand_over(_Finished())
            except BaseException as error:  # noqa: BLE001 - a thread's error belongs to the thread that commits
                self._hand_over(_Broken(error))
            finally:
                release()

    def _hand_over(self, result: Result | _Finished | _Broken) -> None:
        while not self._closed.is_set():
            try:
                return self._results.put(result, timeout=0.5)
            except queue.Full:
                continue

    def _end(self) -> None:
        for thread in self._threads:
            thread.join()
        if self._close:
            self._bench.close()
