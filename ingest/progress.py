"""How far a run has come, for people (a bar) and for programs (numbers)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from kb.models import Change

WINDOW = 120.0
"""Seconds over which the rate is taken, so that a change of pace shows."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A run at one moment. `total` grows while feeds and sitemaps are read.

    `known` counts addresses that were passed over because their article is stored; they are not in `total`.
    `refused` is what is no article or not for us, `failed` what may succeed later. `rate` is items a second,
    `seconds_left` None while it cannot be told. `now` is what is being worked on.
    """

    done: int = 0
    total: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    failed: int = 0
    known: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    now: str = ""


class Meter:
    """Counts a run and tells `report` at each change."""

    def __init__(self, report: Callable[[Progress], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._report = report
        self._clock = clock
        self._counts = {"added": 0, "updated": 0, "unchanged": 0, "refused": 0, "failed": 0, "known": 0}
        self._total = self._done = 0
        self._ended: deque[float] = deque([clock()])
        self._now = ""

    def expect(self, count: int, known: int = 0) -> None:
        """`count` more items are to be done, `known` more are passed over."""
        self._total += count
        self._counts["known"] += known
        self._tell()

    def working(self, now: str) -> None:
        self._now = now
        self._tell()

    def settled(self, change: Change | None, *, refused: bool = False, failed: bool = False) -> None:
        """One item is done, with a change, a refusal, a failure, or nothing to count."""
        self._done += 1
        self._total = max(self._total, self._done)
        kind = "refused" if refused else "failed" if failed else str(change) if change else None
        if kind:
            self._counts[kind] += 1
        now = self._clock()
        self._ended.append(now)
        while len(self._ended) > 2 and self._ended[0] < now - WINDOW:
            self._ended.popleft()
        self._tell()

    def current(self) -> Progress:
        span = self._ended[-1] - self._ended[0]
        rate = (len(self._ended) - 1) / span if span > 0 else 0.0
        left = self._total - self._done
        return Progress(
            done=self._done,
            total=self._total,
            rate=rate,
            seconds_left=left / rate if rate else None,
            now=self._now,
            **self._counts,
        )

    def _tell(self) -> None:
        self._report(self.current())
