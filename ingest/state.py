"""What follows for a source or an address from how it fared: decisions on frozen states, and the hosts' memory.

Every time is an instant in UTC; a clock that jumps can make a wait too short or too long once, not for good:
no wait reaches further than `LONGEST` from now.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ingest.politeness import HostState
from kb.errors import CollectError
from kb.storage.items import Item, Stage
from kb.storage.ledger import Ledger, SourceState

REVISION = 2
"""Raised when extraction or discovery here changes what it reads; `parser_revision` adds the libraries'."""

SHORTEST = timedelta(minutes=15)
LONGEST = timedelta(hours=24)
USUAL = timedelta(hours=1)
"""How often a source is asked that does not say (a feed's ttl, Cache-Control, Expires)."""

FOLDER = timedelta(minutes=1)
"""How often a watched folder is looked at: nobody is asked for anything."""

FIRST_BACKOFF = timedelta(minutes=15)
"""A failing source is asked again after this, then twice as long each time, up to `LONGEST`."""

ITEM_BACKOFF = timedelta(hours=1)
ITEM_LONGEST = timedelta(days=7)
MOST_FAILURES = 10
"""After so many failures in a row (about ten days) an address is given up."""

SECOND_LOOK = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""When a refused address that is still listed is looked at again: a paywall opens, a draft is finished."""

FARTHEST = SECOND_LOOK[-1]
"""No address waits longer; a next try beyond it was set by a clock that was wrong."""


@cache
def parser_revision() -> str:
    """What reads pages and feeds here: validators and refusals hold only as long as this is the same."""
    return ";".join([str(REVISION), *(f"{name} {_installed(name)}" for name in ("trafilatura", "feedparser"))])


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


# ── sources ───────────────────────────────────────────────────────────────────────────────────────


def is_due(state: SourceState, now: datetime) -> bool:
    """Whether the schedule asks a source now. A next try that only a clock set back can explain is due."""
    return state.next_try is None or state.next_try <= now or state.next_try > now + LONGEST


def interval(ttl: int | None, headers: Mapping[str, str], now: datetime) -> timedelta:
    """How long a source wants to be left alone: the longest of feed ttl, max-age and Expires, 15 min to 24 h."""
    asked = [timedelta(seconds=ttl)] if ttl else []
    for directive in headers.get("cache-control", "").lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name == "max-age" and value.strip('"').isdigit():
            asked.append(timedelta(seconds=min(int(value.strip('"')[:9]), 10**8)))
    if (expires := headers.get("expires")) and (at := _http_date(expires)):
        asked.append(at - now)
    wanted = max(asked, default=timedelta(0))
    return min(max(wanted, SHORTEST), LONGEST) if wanted > timedelta(0) else USUAL


def _http_date(value: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def after_success(state: SourceState, now: datetime, every: timedelta | None) -> SourceState:
    """A source that answered. `every` is its new interval; None keeps the old (a 304 may not say)."""
    seconds = int(every.total_seconds()) if every else state.interval or int(USUAL.total_seconds())
    return replace(
        state,
        last_success=now,
        last_attempt=now,
        failing_since=None,
        failures=0,
        reason=None,
        message=None,
        interval=seconds,
        next_try=now + timedelta(seconds=seconds),
    )


def after_failure(state: SourceState, now: datetime, error: CollectError) -> SourceState:
    """A source that gave nothing: it fails since the first time, and is asked ever more rarely."""
    pause = max(_doubling(FIRST_BACKOFF, state.failures, LONGEST), timedelta(seconds=state.interval or 0))
    return replace(
        state,
        last_attempt=now,
        failing_since=state.failing_since or now,
        failures=state.failures + 1,
        reason=error.reason,
        message=str(error),
        next_try=now + min(pause, LONGEST),
    )


def with_validators(state: SourceState, now: datetime, etag: str | None, last_modified: str | None) -> SourceState:
    """The validators of an answer, once all that it covers is stored or finally refused."""
    return replace(state, etag=etag, last_modified=last_modified, parser=reading(now))


def without_validators(state: SourceState) -> SourceState:
    return replace(state, etag=None, last_modified=None, parser=None)


def reading(now: datetime) -> str:
    """What a source's validators hold for: what reads it here, and the day.

    Each day a source is read whole once, so that a server whose "not modified" is wrong hides no article for good.
    """
    return f"{parser_revision()};{now:%Y-%m-%d}"


# ── items ─────────────────────────────────────────────────────────────────────────────────────────


def is_wanted(item: Item | None, now: datetime) -> bool:
    """Whether an address that a source lists should be fetched: new, or failed or refused and due again.

    A next try that only a clock set back can explain is due.
    """
    if item is None or item.stage is Stage.PENDING:
        return True
    if item.stage is Stage.STORED:
        return False
    if item.stage is Stage.REFUSED and item.parser != parser_revision():
        return True
    return item.next_try is not None and not now < item.next_try <= now + FARTHEST


def after_refusal(item: Item, now: datetime, error: CollectError) -> Item:
    """An address that gave no article: to be tried again soon (a time-out) or rarely (a paywall)."""
    same = item.stage in (Stage.FAILED, Stage.REFUSED)
    attempts = item.attempts + 1 if same else 1
    final = not error.retry or attempts >= MOST_FAILURES
    if final:
        pause = SECOND_LOOK[min(attempts, len(SECOND_LOOK)) - 1]
    else:
        pause = _doubling(ITEM_BACKOFF, attempts - 1, ITEM_LONGEST)
    return replace(
        item,
        stage=Stage.REFUSED if final else Stage.FAILED,
        since=item.since if same else now,
        last=now,
        attempts=attempts,
        reason=error.reason,
        message=str(error),
        next_try=now + pause,
        parser=parser_revision(),
    )


def after_storing(item: Item, now: datetime, article_id: str) -> Item:
    return replace(
        item,
        stage=Stage.STORED,
        last=now,
        article_id=article_id,
        attempts=0,
        reason=None,
        message=None,
        next_try=None,
        parser=parser_revision(),
    )


def _doubling(first: timedelta, times: int, longest: timedelta) -> timedelta:
    return min(first * (1 << min(times, 16)), longest)


# ── hosts ─────────────────────────────────────────────────────────────────────────────────────────


class CatalogHosts:
    """Host states in the catalog. A pause is written at once, so that a kill cannot break a promise to a host; the
    rest when `flush` is called. Each is a row of its own, written whole: this needs no writer lock."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._states = {host: _to_host(host, row) for host, row in ledger.hosts().items()}
        self._changed: dict[str, HostState] = {}

    def get(self, host: str) -> HostState:
        with self._lock:
            return self._states.get(host) or HostState(host)

    def save(self, state: HostState) -> None:
        with self._lock:
            before = self._states.get(state.host)
            self._states[state.host] = self._changed[state.host] = state
        if state.not_before is not None and (before is None or before.not_before != state.not_before):
            self.flush()

    def flush(self) -> None:
        """Write what changed since the last time, in one transaction."""
        with self._lock:
            changed, self._changed = self._changed, {}
            self._ledger.save_hosts({host: _host_row(state) for host, state in changed.items()})


def _host_row(state: HostState) -> dict[str, Any]:
    values = {name: value for name, value in asdict(state).items() if name != "host"}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _to_host(host: str, row: Mapping[str, Any]) -> HostState:
    """A state as it was saved; fields of other versions are left out."""
    known = {item.name for item in fields(HostState)} - {"host"}
    values = {name: value for name, value in row.items() if name in known}
    for name in ("not_before", "last_start"):
        if values.get(name):
            values[name] = datetime.fromisoformat(values[name])
    return HostState(host, **values)
