"""When a failed call is tried again, and when a provider is left alone for a while.

The retries are ours alone: the client library's own are switched off, since they multiply (12 requests were
measured on one permanent 429).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from kb.providers.outcomes import Failure, Outcome

RETRIES: dict[Outcome, int] = {
    Outcome.RATE_LIMITED: 2,
    Outcome.OVERLOADED: 2,
    Outcome.SERVER_ERROR: 2,
    Outcome.TIMEOUT: 2,
    Outcome.NETWORK: 2,
    Outcome.BAD_RESPONSE: 1,
    Outcome.EMPTY: 1,
}
"""How often a call is repeated after each outcome; everything else is final, also when its status is 429."""

STANDING = frozenset({Outcome.AUTH_INVALID, Outcome.BALANCE_EXHAUSTED, Outcome.QUOTA_EXHAUSTED, Outcome.REGION_BLOCKED})
"""Outcomes that hold until something is changed by a person, so that asking again is useless."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `first_word` is the wall clock from the question to the first word, over all attempts.

    `read` is the longest silence inside a stream, `total` the longest wait for a reply that is not streamed.
    """

    connect: float = 10.0
    read: float = 60.0
    first_word: float = 60.0
    total: float = 300.0
    backoff: float = 0.5
    backoff_most: float = 8.0
    retry_after_most: float = 20.0


LOCAL_TIMING = Timing(connect=5.0, read=600.0, first_word=600.0, total=1800.0)
"""A small model on a slow processor reads for minutes before its first word."""


@dataclass(slots=True)
class Budget:
    """HTTP requests that one question may still make, over all its providers."""

    requests: int
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self) -> bool:
        """True, and one fewer, if a request is left."""
        with self.lock:
            if self.requests < 1:
                return False
            self.requests -= 1
            return True


def delay_before_retry(failure: Failure, retries: int, left: float, timing: Timing) -> float | None:
    """Seconds to wait before trying again, or None to stop.

    `retries` were made so far; `left` seconds remain until the first word is due. The provider's Retry-After
    is obeyed up to `timing.retry_after_most`; one that asks for more ends the trying.
    """
    if retries >= RETRIES.get(failure.outcome, 0):
        return None
    delay = min(timing.backoff * 2**retries, timing.backoff_most) * random.uniform(0.5, 1.0)
    if failure.retry_after is not None:
        if failure.retry_after > timing.retry_after_most:
            return None
        delay = max(delay, failure.retry_after)
    return delay if delay < left else None


def read_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds of a Retry-After header: a number, or an HTTP date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


class Breaker:
    """Remembers who failed for a standing reason, and answers for them for `pause` seconds.

    An entry is bound to the key's fingerprint, so that a new key is tried at once. Safe to share by threads.
    """

    def __init__(self, pause: float = 600.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str, str], tuple[float, Failure]] = {}

    def note(self, failure: Failure, key: str) -> None:
        if failure.outcome in STANDING:
            with self._lock:
                self._open[failure.provider, failure.endpoint, key] = (self._clock() + self._pause, failure)

    def standing(self, provider: str, endpoint: str, key: str) -> Failure | None:
        """The failure that still stands for this provider, endpoint and key, or None."""
        with self._lock:
            until, failure = self._open.get((provider, endpoint, key), (0.0, None))
            return failure if failure is not None and self._clock() < until else None

    def reset(self) -> None:
        """Forgets everything: the settings have changed."""
        with self._lock:
            self._open.clear()
