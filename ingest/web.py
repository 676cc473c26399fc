"""The one web client: every request that ingestion sends goes through `Web.fetch`.

    URL → vetted target → robots and opt-outs → pause → exchange → (again | redirect | Page)

It decides nothing itself: `politeness` says when and whether to ask, `robots` what a site wants, `addresses`
who may be asked, `wire` asks. One request at a time per host; several hosts at once when called from threads.
"""

from __future__ import annotations

import random
import re
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ingest import politeness
from ingest.addresses import Resolver, Unresolved, is_local_name, system_resolver
from ingest.policy import FetchPolicy, NotModified, Purpose, Reason, Validators
from ingest.politeness import HostState, HostStates, MemoryHosts, Seen
from ingest.robots import ROBOTS_BYTES, Robots, header_opt_out, parse_robots, parse_tdmrep
from ingest.wire import Answer, Target, Trip, Wire, target
from kb.errors import CollectError
from kb.models import Page

if TYPE_CHECKING:
    import httpcore

__all__ = ["FEED", "PAGE", "SITEMAP", "FetchPolicy", "NotModified", "Purpose", "Reason", "Validators", "Web"]

PAGE = Purpose.PAGE
FEED = Purpose.FEED
SITEMAP = Purpose.SITEMAP

ACCEPT = {
    PAGE: "text/html,application/xhtml+xml,application/pdf;q=0.9,*/*;q=0.5",
    FEED: "application/atom+xml,application/rss+xml,application/feed+json,application/xml;q=0.9,*/*;q=0.5",
    SITEMAP: "application/xml,text/xml,*/*;q=0.5",
}
ROBOTS_FRESH = timedelta(hours=24)
ROBOTS_RETRY = timedelta(minutes=10)

NO_ROBOTS = frozenset(
    {
        Reason.NOT_FOUND,
        Reason.GONE,
        Reason.FORBIDDEN,
        Reason.UNEXPECTED_STATUS,
        Reason.TOO_MANY_REDIRECTS,
        Reason.REDIRECT_LOOP,
        Reason.BAD_REDIRECT,
    }
)
"""Failures that RFC 9309 (2.3.1.2, 2.3.1.3) calls "unavailable": the site has no rules, all is allowed."""

CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:+-]+)""", re.IGNORECASE)

STATUS = {
    401: Reason.FORBIDDEN,
    402: Reason.FORBIDDEN,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    408: Reason.TIMEOUT,
    410: Reason.GONE,
    429: Reason.RATE_LIMITED,
    451: Reason.FORBIDDEN,
    503: Reason.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class _Site:
    """What the rules of one origin are, until when that is believed, and why they could not be read, if so."""

    robots: Robots
    mining: Robots
    until: datetime
    error: CollectError | None = None


NO_RULES = Robots("")


class _Locks:
    """One lock per name."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def holding(self, name: str) -> Iterator[None]:
        with self._guard:
            lock = self._locks[name]
        with lock:
            yield


class Web:
    """A polite client that trusts no server. Use it as a context manager, or close it.

    `hosts` keeps the state of hosts across runs. `resolver`, `clock` (UTC), `sleep`, `draw` (a number in [0, 1)
    for jitter), `network` (where sockets come from) and `tls` are seams; `tls` also serves a private
    certificate authority.
    """

    def __init__(
        self,
        policy: FetchPolicy | None = None,
        *,
        hosts: HostStates | None = None,
        resolver: Resolver = system_resolver,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
        network: httpcore.NetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.policy = policy or FetchPolicy()
        self._hosts = MemoryHosts() if hosts is None else hosts
        self._clock = clock
        self._sleep = sleep
        self._draw = draw
        self._wire = Wire(self.policy, resolver, network=network, tls=tls)
        self._turns = _Locks()
        self._readings = _Locks()
        self._sites: dict[str, _Site] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()

    def fetch(self, url: str, *, validators: Validators | None = None, purpose: Purpose = PAGE) -> Page | NotModified:
        """The page at `url`, or NotModified if `validators` still hold.

        Blocks for the pauses that politeness asks for, but not for one longer than `policy.patience`.
        Raises CollectError whose reason is a `Reason`; `retry` says whether a later run may succeed.
        """
        headers = {"accept": ACCEPT[purpose], **_conditions(validators)}
        answer = self._follow(url, headers, purpose)
        now = self._clock()
        if answer.status == 304 and len(headers) > 1:
            return NotModified(url, now)
        if not 200 <= answer.status < 300 or answer.status == 206:
            raise _failure(answer)
        if self.policy.respect_optout and (words := header_opt_out(answer.headers)):
            raise CollectError(Reason.OPT_OUT, f"{url}: {words}; not kept")
        media_type, charset = _content_type(answer.headers.get("content-type", ""))
        return Page(
            url=url,
            final_url=answer.target.url,
            content=answer.content,
            media_type=media_type,
            charset=charset,
            fetched=now,
            status=answer.status,
            headers=answer.headers,
        )

    def sitemaps(self, url: str) -> tuple[str, ...]:
        """The sitemaps that the robots.txt of the site of `url` names; none if it cannot be read."""
        return self._site(target(url, self.policy)).robots.sitemaps

    def _follow(self, url: str, headers: Mapping[str, str], purpose: Purpose | None, most: int | None = None) -> Answer:
        """Ask `url` and where it redirects to. Without a purpose (for rule files) no rules are asked for."""
        trip = Trip(self.policy)
        at = target(url, self.policy)
        been: set[tuple[str, str]] = set()
        while True:
            step = (at.url, trip.cookies_held())
            if step in been:
                raise CollectError(Reason.REDIRECT_LOOP, f"{url} redirects in a circle, through {at.url}")
            if len(been) > self.policy.redirects:
                raise CollectError(
                    Reason.TOO_MANY_REDIRECTS, f"{url} redirects more than {self.policy.redirects} times"
                )
            been.add(step)
            if purpose is not None:
                self._refuse_if_paused(at)
                self._permit(at, purpose)
            answer = self._ask(trip, at, headers, most)
            if not answer.redirects:
                return answer
            at = self._next(answer)

    def _next(self, answer: Answer) -> Target:
        here = answer.target
        location = answer.headers.get("location", "")
        if not location:
            raise CollectError(Reason.BAD_REDIRECT, f"{here.url} redirects ({answer.status}) without saying where to")
        try:
            there = target(location, self.policy, base=here.url)
        except CollectError as error:
            raise CollectError(Reason.BAD_REDIRECT, f"{here.url} redirects to what is not asked: {error}") from error
        if here.scheme == "https" and there.scheme == "http" and not self.policy.allow_downgrade:
            message = f"{here.url} redirects from https to http ({there.url}); ask for that URL if you trust it"
            raise CollectError(Reason.BAD_REDIRECT, message)
        return there

    def _ask(self, trip: Trip, at: Target, headers: Mapping[str, str], most: int | None) -> Answer:
        """One URL, in its turn, with the retries that are due. Raises CollectError for 408, 429 and 5xx."""
        with self._turns.holding(at.key):
            for attempt in count(1):
                self._pause(at)
                outcome, seen = self._try(trip, at, headers, most)
                state = self._hosts.get(at.key)
                decision = politeness.decide(state, seen, attempt, self._clock(), self.policy, self._draw())
                self._hosts.save(decision.state)
                if not decision.again:
                    break
        if isinstance(outcome, CollectError):
            raise outcome
        return outcome

    def _try(
        self, trip: Trip, at: Target, headers: Mapping[str, str], most: int | None
    ) -> tuple[Answer | CollectError, Seen]:
        began = self._clock()
        try:
            answer = self._wire.exchange(trip, at, headers, most)
        except CollectError as error:
            down = error.reason in (Reason.NETWORK, Reason.TIMEOUT, Reason.TLS)
            seconds = (self._clock() - began).total_seconds()
            again = trip.seconds > 0 and error.reason != Reason.TLS and not isinstance(error, Unresolved)
            return error, Seen(None if down else 200, began, seconds, again=again)
        seen = Seen(
            answer.status,
            began + timedelta(seconds=answer.connecting),
            answer.seconds,
            answer.headers.get("retry-after"),
        )
        bad = answer.status in politeness.RETRIED or answer.status >= 500
        return (_failure(answer) if bad else answer), seen

    def _pause(self, at: Target) -> None:
        """Wait for the host's turn. Raises CollectError if that is longer than a run should wait."""
        self._refuse_if_paused(at)
        state = self._hosts.get(at.key)
        ready = politeness.ready_at(state, self._clock(), self.policy, self._draw(), local=is_local_name(at.host))
        while (wait := (ready - self._clock()).total_seconds()) > 0:
            self._sleep(wait)

    def _refuse_if_paused(self, at: Target) -> None:
        state = self._hosts.get(at.key)
        if politeness.blocked(state, self._clock(), self.policy):
            raise _paused(at, state)

    def _permit(self, at: Target, purpose: Purpose) -> None:
        """Raise CollectError (robots, opt_out) if the site does not want `at` fetched, or cannot be asked."""
        if self.policy.ignore_robots and not self.policy.respect_optout:
            return
        site = self._site(at)
        bound = purpose is not FEED
        if site.error is not None and (bound or site.error.reason != Reason.ROBOTS):
            raise CollectError(site.error.reason, str(site.error), retry=True)
        if bound and not site.robots.allows(at.url):
            message = f"the robots.txt of {at.host} does not allow {at.url}; leave it, or ask its owner"
            raise CollectError(Reason.ROBOTS, message)
        if self.policy.respect_optout:
            words = site.robots.opt_out(at.url)
            if words is None and not site.mining.allows(at.url):
                words = "tdmrep.json reserves text and data mining"
            if words is not None:
                raise CollectError(Reason.OPT_OUT, f"{at.host} does not want AI use of {at.url}: {words}")

    def _site(self, at: Target) -> _Site:
        with self._readings.holding(at.origin):
            site = self._sites.get(at.origin)
            if site is None or not site.until - ROBOTS_FRESH <= self._clock() < site.until:
                site = self._sites[at.origin] = self._read_site(at)
            return site

    def _read_site(self, at: Target) -> _Site:
        origin = at.origin
        robots = NO_RULES
        try:
            if not self.policy.ignore_robots:
                answer = self._follow(f"{origin}/robots.txt", {"accept": "text/plain,*/*;q=0.5"}, None, ROBOTS_BYTES)
                if 200 <= answer.status < 300:
                    robots = parse_robots(answer.content)
                if answer.target.host == at.host:
                    origin = answer.target.origin
        except CollectError as error:
            if error.reason in (Reason.PRIVATE_ADDRESS, Reason.BAD_URL):
                raise
            if error.reason not in NO_ROBOTS:
                return _Site(NO_RULES, NO_RULES, self._clock() + ROBOTS_RETRY, _unreadable(at, error))
        with self._turns.holding(at.key):
            self._hosts.save(replace(self._hosts.get(at.key), robots_delay=robots.delay))
        site = _Site(robots, self._read_tdmrep(origin), self._clock() + ROBOTS_FRESH)
        self._sites[origin] = site
        return site

    def _read_tdmrep(self, origin: str) -> Robots:
        if not self.policy.respect_optout:
            return NO_RULES
        try:
            answer = self._follow(
                f"{origin}/.well-known/tdmrep.json", {"accept": "application/json"}, None, ROBOTS_BYTES
            )
        except CollectError:
            return NO_RULES
        return parse_tdmrep(answer.content) if 200 <= answer.status < 300 else NO_RULES


def _conditions(validators: Validators | None) -> dict[str, str]:
    """Conditional headers; a validator that is not printable ASCII cannot be sent and is left out."""
    given = {
        "if-none-match": validators.etag if validators else None,
        "if-modified-since": validators.last_modified if validators else None,
    }
    return {name: value for name, value in given.items() if value and value.isascii() and value.isprintable()}


def _content_type(value: str) -> tuple[str, str | None]:
    media_type = value.partition(";")[0].strip().lower()
    charset = CHARSET.search(value)
    return media_type or "application/octet-stream", charset[1].lower() if charset else None


def _failure(answer: Answer) -> CollectError:
    status = answer.status
    reason = STATUS.get(status, Reason.SERVER_ERROR if status >= 500 else Reason.UNEXPECTED_STATUS)
    asked = answer.headers.get("retry-after")
    wish = f"; it asks to come back after {asked[:60]}" if asked else ""
    retry = status >= 500 or status in politeness.RETRIED
    return CollectError(reason, f"{answer.target.url} answered {status}{wish}", retry=retry)


def _unreadable(at: Target, error: CollectError) -> CollectError:
    """RFC 9309 (2.3.1.4): rules that cannot be reached forbid everything. A dead host keeps its own reason."""
    if error.reason in (Reason.NETWORK, Reason.TLS, Reason.RATE_LIMITED):
        return error
    message = f"the robots.txt of {at.host} could not be read, so nothing there is fetched now: {error}"
    return CollectError(Reason.ROBOTS, message, retry=True)


def _paused(at: Target, state: HostState) -> CollectError:
    until = state.not_before.astimezone(UTC).isoformat(timespec="seconds") if state.not_before else ""
    message = f"{at.host} is not asked before {until} ({state.reason}); a later run goes on from there"
    return CollectError(state.reason or Reason.UNAVAILABLE, message, retry=True)
