"""How fast a host is asked, and what to do after it answered or failed: decisions alone, no waiting, no network.

A pause is an instant, `HostState.not_before`, so it outlives the process when the catalog keeps the state.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

from ingest.policy import FetchPolicy, Reason

LONGEST_RETRY_AFTER = timedelta(hours=24)
LONGEST_BACKOFF = timedelta(hours=6)
FIRST_BACKOFF = timedelta(minutes=1)
FIRST_RETRY = timedelta(seconds=2)
BREAKER = 5
"""After this many failed fetches in a row a host is left alone for a while."""

JITTER = 0.05
"""A gap is stretched by up to this share, never shortened: hosts drift apart, and a run takes 2.5 % longer."""

RETRIED = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class HostState:
    """What is remembered of a host between requests and between runs. Times in UTC, lengths in seconds.

    `host` is the name, with the port if that is not 80 or 443. `not_before` is when it may be asked again
    and `reason` why it may not be before; `failures` counts failed fetches in a row; `last_start` is when
    the last request was sent, `latency` how long it took; `robots_delay` is its Crawl-delay.
    """

    host: str
    not_before: datetime | None = None
    reason: str = ""
    failures: int = 0
    last_start: datetime | None = None
    latency: float = 0.0
    robots_delay: float = 0.0


class HostStates(Protocol):
    """Where host states are kept. Called from several threads, but for one host from one at a time."""

    def get(self, host: str) -> HostState:
        """The state of a host, or a fresh one."""

    def save(self, state: HostState) -> None:
        """Keep a state; called after every request."""


class MemoryHosts:
    """Host states for the life of the process."""

    def __init__(self) -> None:
        self._states: dict[str, HostState] = {}
        self._lock = threading.Lock()

    def get(self, host: str) -> HostState:
        with self._lock:
            return self._states.get(host) or HostState(host)

    def save(self, state: HostState) -> None:
        with self._lock:
            self._states[state.host] = state


@dataclass(frozen=True, slots=True)
class Seen:
    """How one request ended: its status, or None if the network failed.

    `again` says whether asking once more may help at all (a certificate does not heal in a minute).
    """

    status: int | None
    started: datetime
    latency: float
    retry_after: str | None = None
    again: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """The state to keep, and whether to ask the same URL again once `state.not_before` has come."""

    state: HostState
    again: bool


def gap(state: HostState, policy: FetchPolicy, *, local: bool) -> timedelta:
    """The least time between two starts: own delay, the host's Crawl-delay, twice its last latency."""
    base = policy.private_delay if local else policy.delay
    asked = min(max(state.robots_delay, 2 * state.latency), policy.longest_delay)
    return timedelta(seconds=max(base, asked))


def ready_at(state: HostState, now: datetime, policy: FetchPolicy, chance: float, *, local: bool) -> datetime:
    """When the next request to the host may start. `chance` in [0, 1) draws the jitter.

    Instants that only a clock set back can explain (a start in the future, a pause of more than 24 h) count
    from now.
    """
    ready = now
    if state.last_start is not None:
        pause = gap(state, policy, local=local) * (1 + JITTER * chance)
        ready = max(ready, min(state.last_start, now) + pause)
    if state.not_before is not None:
        ready = max(ready, min(state.not_before, now + LONGEST_RETRY_AFTER))
    return ready


def blocked(state: HostState, now: datetime, policy: FetchPolicy) -> bool:
    """Whether the host is paused for longer than a run should wait."""
    return state.not_before is not None and state.not_before - now > timedelta(seconds=policy.patience)


def decide(state: HostState, seen: Seen, attempt: int, now: datetime, policy: FetchPolicy, chance: float) -> Decision:
    """What follows from one request. `attempt` counts from 1 within a fetch; `chance` in [0, 1) draws jitter.

    408, 429, 5xx and network failures are asked again, up to `policy.tries`, if the pause is short; other
    answers prove that the host is well. 429 and 503 pause the host: for Retry-After if it came (in full, up
    to 24 h), else for a full-jitter draw of 1 min, doubled by each failure, up to 6 h.
    """
    state = replace(state, last_start=seen.started, latency=seen.latency)
    if seen.status is not None and seen.status not in RETRIED and seen.status < 500:
        return Decision(replace(state, failures=0, not_before=None, reason=""), again=False)
    last = attempt >= policy.tries or not seen.again
    failures = state.failures + 1
    if seen.status in (429, 503):
        reason = Reason.RATE_LIMITED if seen.status == 429 else Reason.UNAVAILABLE
        pause = retry_after(seen.retry_after, now)
        if pause is None:
            pause = _backoff(state.failures) * chance
        last = last or pause > timedelta(seconds=policy.patience)
    else:
        reason = Reason.UNAVAILABLE
        pause = min(FIRST_RETRY * (1 << attempt - 1) * chance, timedelta(seconds=policy.patience))
        if last and failures >= BREAKER:
            pause = _backoff(failures - BREAKER) * (1 + chance) / 2
        elif last:
            pause = timedelta(0)
    not_before = now + pause if pause else None
    state = replace(state, not_before=not_before, reason=str(reason) if not_before else "")
    return Decision(replace(state, failures=failures) if last else state, again=not last)


def _backoff(failures: int) -> timedelta:
    return min(FIRST_BACKOFF * (1 << min(failures, 12)), LONGEST_BACKOFF)


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The pause a Retry-After header asks for, as seconds or an HTTP date, up to 24 h.

    None if there is no header or it cannot be read; a date that has passed asks for no pause.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta(0)), LONGEST_RETRY_AFTER)
