"""Rows 23 and 27 of the fault matrix: no host is asked too early, too often or by two at once."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from ingest.policy import FetchPolicy, Reason
from ingest.politeness import JITTER, HostState, MemoryHosts, Seen, decide, gap, ready_at, retry_after
from ingest.web import Web
from kb.errors import CollectError
from tests.faultserver import FaultServer, page, reply
from tests.webclient import LOCAL, START, Clock, after, client, fetched, refused


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[FaultServer]:
    with FaultServer(clock=clock.stamp) as running:
        yield running


@pytest.fixture
def web(clock: Clock) -> Iterator[Web]:
    with client(clock) as client_:
        yield client_


# --- row 23: asked to come back later ----------------------------------------------------------------------------


def http_date(seconds: float) -> str:
    return format_datetime(START + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3600", 3_600), ("86400", 86_400), ("9999999999999999999", 86_400), ("DATE", 7_200), ("FAR", 86_400)],
)
def test_a_long_retry_after_is_kept_not_slept(status: int, value: str, seconds: int, server: FaultServer) -> None:
    clock, hosts = Clock(), MemoryHosts()
    asked = {"DATE": http_date(7_200), "FAR": http_date(10**8)}.get(value, value)
    server.on("/a", reply(status=status, retry_after=asked), page("back"))
    with client(clock, hosts=hosts) as web:
        error = refused(web, server.url("/a"))
        assert error.reason == (Reason.RATE_LIMITED if status == 429 else Reason.UNAVAILABLE)
        assert error.retry
    before = hosts.get(f"127.0.0.1:{server.port}").not_before
    assert before is not None
    assert abs((before - START).total_seconds() - seconds) <= 1
    assert sum(clock.slept) < 1

    # Another run with the same states: nothing at all is asked until the time has come, then the page is.
    with client(clock, hosts=hosts) as web:
        count = len(server.asked)
        clock.now = before - timedelta(seconds=LOCAL.patience + 1)
        assert refused(web, server.url("/a")).reason == error.reason
        assert len(server.asked) == count
        clock.now = before
        assert fetched(web, server.url("/a")).content == b"back"
    assert hosts.get(f"127.0.0.1:{server.port}").not_before is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["7", " 7 ", "DATE"])
def test_a_short_retry_after_is_waited_for(status: int, value: str, server: FaultServer, clock: Clock) -> None:
    asked = http_date(7) if value == "DATE" else value
    server.on("/a", reply(status=status, retry_after=asked), page("back"))
    with client(clock) as web:
        assert fetched(web, server.url("/a")).content == b"back"
    first, second = server.times("/a")
    assert second - (first if value != "DATE" else 0) >= 7


def test_no_request_comes_before_its_time(server: FaultServer, clock: Clock) -> None:
    """Many cycles on one clock: in none is the host asked between the answer and the end of the pause."""
    hosts = MemoryHosts()
    pauses = [1, 2, 9, 10, 11, 60, 3_600, 90_000] * 8
    key = f"127.0.0.1:{server.port}"
    pairs = [(reply(status=429, retry_after=str(pause)), page()) for pause in pauses]
    server.on("/a", *itertools.chain.from_iterable(pairs))
    with client(clock, hosts=hosts) as web:
        for _ in range(2_000):
            try:
                fetched(web, server.url("/a"))
            except CollectError as error:
                assert error.reason == Reason.RATE_LIMITED
                until = hosts.get(key).not_before or clock.now
                clock.now += timedelta(seconds=1) + (until - clock.now) / 5
            if len(server.times("/a")) >= 2 * len(pauses):
                break
    times = server.times("/a")
    assert len(times) >= 2 * len(pauses)
    early = [
        pause for pause, asked, again in zip(pauses, times[::2], times[1::2], strict=False)
        if round(again - asked, 6) < min(pause, 86_400)
    ]  # fmt: skip
    assert early == []


@pytest.mark.parametrize("value", [None, "soon", "", "-5", "1.5", "Thu, 99 Foo 2026", "\x00", "٣"])
def test_without_a_readable_retry_after_it_backs_off(value: str | None, clock: Clock) -> None:
    assert retry_after(value, START) is None
    hosts = [HostState("h")]
    for _ in range(12):
        seen = Seen(429, START, 0.1, value)
        hosts.append(decide(hosts[-1], seen, LOCAL.tries, START, LOCAL, 0.999_999).state)
    waits = [round((state.not_before - START).total_seconds()) for state in hosts[1:] if state.not_before]
    assert waits[:6] == [60, 120, 240, 480, 960, 1920]
    assert waits[-1] == 6 * 3_600
    assert decide(hosts[0], Seen(429, START, 0.1, value), 1, START, LOCAL, 0.0).state.not_before is None


def test_retry_after_in_the_past_asks_no_pause() -> None:
    assert retry_after(http_date(-500), START) == timedelta(0)
    assert retry_after("0", START) == timedelta(0)


@pytest.mark.parametrize(("status", "tries"), [(408, 3), (429, 3), (500, 3), (502, 3), (503, 3), (504, 3), (507, 3)])
def test_temporary_failures_are_tried_three_times(status: int, tries: int, server: FaultServer, clock: Clock) -> None:
    server.on("/a", reply(status=status, retry_after="1"))
    with client(clock) as web:
        assert refused(web, server.url("/a")).retry
    assert server.pages() == ["/a"] * tries


# --- row 27: politeness ------------------------------------------------------------------------------------------


class Diary(MemoryHosts):
    """Remembers when each host was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: dict[str, list[datetime]] = defaultdict(list)

    def save(self, state: HostState) -> None:
        super().save(state)
        if state.last_start is not None and state.last_start not in self.starts[state.host][-1:]:
            self.starts[state.host].append(state.last_start)


def test_hosts_are_asked_at_once_but_each_one_after_another() -> None:
    """Real time, 8 hosts, 24 threads. The servers count what is in flight; the starts are the client's own."""
    pages_each, delay = 12, timedelta(seconds=0.03)
    policy = FetchPolicy(allow_private=True, private_delay=delay.total_seconds(), respect_optout=False)
    diary = Diary()
    with ExitStack() as stack:
        servers = [stack.enter_context(FaultServer()) for _ in range(8)]
        for server in servers:
            for number in range(pages_each):
                server.on(f"/{number}", after(0.005, page()))
        urls = [server.url(f"/{number}") for number in range(pages_each) for server in servers]
        with Web(policy, hosts=diary) as web, ThreadPoolExecutor(24) as pool:
            assert [found.url for found in pool.map(web.fetch, urls)] == urls
        assert [server.most_in_flight for server in servers] == [1] * len(servers)
        assert [len(server.asked) for server in servers] == [pages_each + 1] * len(servers)
    gaps = [late - early for starts in diary.starts.values() for early, late in itertools.pairwise(starts)]
    assert len(gaps) == len(servers) * pages_each
    assert [gap for gap in gaps if gap < delay] == []
    spans = [(starts[0], starts[-1]) for starts in diary.starts.values()]
    assert max(start for start, _ in spans) < min(end for _, end in spans)


def test_the_gap_is_the_longest_of_what_is_asked_for() -> None:
    policy = FetchPolicy()
    state = HostState("h")
    assert gap(state, policy, local=False) == timedelta(seconds=2)
    assert gap(state, policy, local=True) == timedelta(seconds=0.05)
    assert gap(HostState("h", robots_delay=7), policy, local=True) == timedelta(seconds=7)
    assert gap(HostState("h", robots_delay=900), policy, local=False) == timedelta(seconds=60)
    assert gap(HostState("h", latency=5), policy, local=False) == timedelta(seconds=10)
    assert gap(HostState("h", latency=45), policy, local=False) == timedelta(seconds=60)


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_jitter_only_stretches(chance: float) -> None:
    state = HostState("h", last_start=START)
    wait = (ready_at(state, START, FetchPolicy(), chance, local=False) - START).total_seconds()
    assert wait == pytest.approx(2 * (1 + JITTER * chance))


def test_a_clock_set_back_does_not_stop_a_host() -> None:
    state = HostState("h", last_start=START, not_before=START + timedelta(hours=1))
    yesterday = START - timedelta(days=1000)
    assert ready_at(state, yesterday, FetchPolicy(), 0.0, local=False) <= yesterday + timedelta(hours=24)
    assert ready_at(HostState("h", last_start=START), yesterday, FetchPolicy(), 0.0, local=False) == (
        yesterday + timedelta(seconds=2)
    )


def test_crawl_delay_is_kept(server: FaultServer, clock: Clock) -> None:
    hosts = MemoryHosts()
    server.on("/robots.txt", reply(b"User-agent: *\nCrawl-delay: 5\n")).on("/a", page()).on("/b", page())
    with client(clock, hosts=hosts) as web:
        fetched(web, server.url("/a"))
        fetched(web, server.url("/b"))
    assert server.times("/b")[0] - server.times("/a")[0] >= 5
    assert hosts.get(f"127.0.0.1:{server.port}").robots_delay == 5


def test_the_breaker_opens_after_five_failed_fetches_and_closes_again(server: FaultServer) -> None:
    clock, hosts = Clock(), MemoryHosts()
    policy = FetchPolicy(allow_private=True, private_delay=0.001, tries=1)
    server.on("/bad", reply(status=500)).on("/good", page("well"))
    key = f"127.0.0.1:{server.port}"
    with client(clock, policy, hosts) as web:
        for count in range(1, 6):
            assert refused(web, server.url("/bad")).reason == Reason.SERVER_ERROR
            assert hosts.get(key).failures == count
        asked = len(server.asked)
        error = refused(web, server.url("/good"))
        assert (error.reason, error.retry, len(server.asked)) == (Reason.UNAVAILABLE, True, asked)
        clock.now += timedelta(minutes=1)
        assert refused(web, server.url("/bad")).reason == Reason.SERVER_ERROR
        assert refused(web, server.url("/good")).reason == Reason.UNAVAILABLE
        clock.now += timedelta(minutes=2)
        assert fetched(web, server.url("/good")).content == b"well"
    assert hosts.get(key).failures == 0
    assert hosts.get(key).not_before is None


def test_not_found_is_no_failure_of_the_host(server: FaultServer, clock: Clock) -> None:
    hosts = MemoryHosts()
    with client(clock, hosts=hosts) as web:
        for _ in range(6):
            assert refused(web, server.url("/missing")).reason == Reason.NOT_FOUND
    assert hosts.get(f"127.0.0.1:{server.port}").failures == 0
    assert server.pages() == ["/missing"] * 6
