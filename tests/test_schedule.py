"""What follows from how a source or an address fared; which links are fetched; how lanes are served."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from ingest import plan, state
from ingest.lanes import Lanes
from ingest.politeness import HostState
from ingest.progress import Meter, Progress
from ingest.state import (
    CatalogHosts,
    after_failure,
    after_refusal,
    after_storing,
    after_success,
    interval,
    is_due,
    is_wanted,
)
from kb.errors import CollectError
from kb.models import Change, Link, Precision, Published
from kb.storage.catalog import Catalog
from kb.storage.items import Item, Stage
from kb.storage.ledger import Ledger, SourceState

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SLOW = CollectError("timeout", "too slow", retry=True)
PAID = CollectError("paywall", "paid")


@pytest.mark.parametrize(
    ("ttl", "headers", "expected"),
    [
        (None, {}, HOUR),
        (None, {"cache-control": "no-cache"}, HOUR),
        (60, {}, 15 * MINUTE),
        (7_200, {}, 2 * HOUR),
        (7_200, {"cache-control": "public, max-age=10800"}, 3 * HOUR),
        (None, {"cache-control": 'max-age="1800"'}, 30 * MINUTE),
        (None, {"expires": format_datetime(NOW + 5 * HOUR)}, 5 * HOUR),
        (None, {"expires": "0"}, HOUR),
        (None, {"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, HOUR),
        (10**7, {}, DAY),
        (None, {"cache-control": "max-age=99999999999999999999"}, DAY),
    ],
)
def test_interval_is_the_longest_wish_within_bounds(
    ttl: int | None, headers: dict[str, str], expected: timedelta
) -> None:
    assert interval(ttl, headers, NOW) == expected


def test_a_failing_source_is_asked_ever_more_rarely() -> None:
    known, pauses = SourceState("s", interval=900, failures=0), []
    for number in range(9):
        now = NOW + number * DAY
        known = after_failure(known, now, SLOW)
        assert known.next_try is not None
        pauses.append((known.next_try - now) / MINUTE)
    assert pauses == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]
    assert (known.failing_since, known.failures, known.reason, known.message) == (NOW, 9, "timeout", "too slow")


def test_success_ends_a_failure() -> None:
    known = after_success(after_failure(SourceState("s"), NOW, SLOW), NOW + HOUR, 30 * MINUTE)
    assert (known.failing_since, known.failures, known.reason, known.message) == (None, 0, None, None)
    assert (known.last_success, known.interval, known.next_try) == (NOW + HOUR, 1_800, NOW + HOUR + 30 * MINUTE)
    assert after_success(known, NOW, None).interval == 1_800


def test_due_by_time_and_by_a_clock_set_back() -> None:
    assert is_due(SourceState("s"), NOW)
    assert is_due(SourceState("s", next_try=NOW), NOW)
    assert not is_due(SourceState("s", next_try=NOW + MINUTE), NOW)
    assert is_due(SourceState("s", next_try=NOW + 2 * DAY), NOW)


def test_a_timeout_is_tried_again_soon_and_given_up_after_ten() -> None:
    known, pauses = Item("u", Stage.PENDING, NOW, NOW), []
    for number in range(1, 11):
        known = after_refusal(known, NOW, SLOW)
        assert known.next_try is not None and known.attempts == number
        pauses.append((known.next_try - NOW) / HOUR)
        assert known.stage is (Stage.FAILED if number < 10 else Stage.REFUSED)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 168, 30 * 24]


def test_a_refusal_gets_a_second_look_and_counts_from_its_first_day() -> None:
    known = after_refusal(Item("u", Stage.PENDING, NOW - DAY, NOW - DAY), NOW, PAID)
    assert (known.stage, known.since, known.next_try) == (Stage.REFUSED, NOW, NOW + DAY)
    again = after_refusal(known, NOW + DAY, PAID)
    assert (again.since, again.attempts, again.next_try) == (NOW, 2, NOW + 8 * DAY)
    stored = after_storing(again, NOW + 8 * DAY, "a")
    assert (stored.stage, stored.attempts, stored.reason, stored.next_try) == (Stage.STORED, 0, None, None)


def test_which_addresses_are_wanted() -> None:
    refused = after_refusal(Item("u", Stage.PENDING, NOW, NOW), NOW, PAID)
    failed = after_refusal(Item("u", Stage.PENDING, NOW, NOW), NOW, SLOW)
    assert is_wanted(None, NOW)
    assert is_wanted(Item("u", Stage.PENDING, NOW, NOW), NOW)
    assert not is_wanted(Item("u", Stage.STORED, NOW, NOW), NOW)
    assert not is_wanted(refused, NOW + HOUR) and is_wanted(refused, NOW + DAY)
    assert not is_wanted(failed, NOW + 59 * MINUTE) and is_wanted(failed, NOW + HOUR)


def test_another_parser_looks_at_refusals_anew() -> None:
    refused = after_refusal(Item("u", Stage.PENDING, NOW, NOW), NOW, PAID)
    assert refused.parser == state.parser_revision()
    assert is_wanted(replace(refused, parser="0;trafilatura 1"), NOW)


# ── links ─────────────────────────────────────────────────────────────────────────────────────────


def link(url: str, day: int | None = None) -> Link:
    published = Published(datetime(2026, 11, day, tzinfo=UTC), Precision.DAY, "feed") if day else None
    return Link(url, "s", None, published)


def test_links_are_keyed_by_canonical_address_once() -> None:
    found = plan.keyed([link("https://e.org/a?utm_source=x", 2), link("https://e.org/a", 3)], None, None)
    assert list(found) == ["https://e.org/a"]
    assert found["https://e.org/a"].url == "https://e.org/a?utm_source=x"


def test_links_before_since_are_left_out_and_undated_ones_kept() -> None:
    links = [link("https://e.org/1", 1), link("https://e.org/5", 5), link("https://e.org/x")]
    assert list(plan.keyed(links, date(2026, 11, 5), None)) == ["https://e.org/5", "https://e.org/x"]


def test_too_many_links_leave_the_newest() -> None:
    links = [
        link("https://e.org/x"),
        link("https://e.org/y"),
        *(link(f"https://e.org/{day}", day) for day in (3, 9, 6)),
    ]
    assert list(plan.keyed(links, None, 3)) == ["https://e.org/9", "https://e.org/6", "https://e.org/3"]
    assert list(plan.keyed(links, None, 4))[-1] == "https://e.org/x"


def test_stored_and_refused_links_are_passed_over() -> None:
    links = {name: link(f"https://e.org/{name}") for name in ("new", "stored", "refused", "failed", "article")}
    items = {
        "stored": Item("stored", Stage.STORED, NOW, NOW),
        "refused": after_refusal(Item("refused", Stage.PENDING, NOW, NOW), NOW, PAID),
        "failed": after_refusal(Item("failed", Stage.PENDING, NOW, NOW), NOW, SLOW),
    }
    assert list(plan.wanted(links, items, ["article"], NOW)) == ["new"]
    assert plan.unsettled(["stored", "failed"], items)
    assert not plan.unsettled(["stored", "refused", "new"], items)


def test_sitemaps_with_the_latest_day_go_first() -> None:
    given = [
        "https://e.org/s-2024-12.xml",
        "https://e.org/s-2026-11.xml",
        "https://e.org/a.xml",
        "https://e.org/s-2026-02.xml",
    ]
    assert plan.sitemaps(given, 2) == ["https://e.org/s-2026-11.xml", "https://e.org/s-2026-02.xml"]
    assert plan.sitemaps(["https://2024.e.org/b.xml", "https://2024.e.org/a.xml"])[0] == "https://2024.e.org/b.xml"


# ── lanes ─────────────────────────────────────────────────────────────────────────────────────────


def test_one_task_at_a_time_in_a_lane_and_in_order() -> None:
    lanes: Lanes[int] = Lanes()
    for number in range(3):
        lanes.put("a", number)
    lanes.put("a", 99, first=True)
    lanes.put("b", 7)
    assert lanes.take() == ("a", 99)
    assert lanes.take() == ("b", 7)
    lanes.done("b")
    lanes.done("a")
    assert [lanes.take(), lanes.done("a"), lanes.take()] == [("a", 0), None, ("a", 1)]


def test_a_resting_lane_does_not_keep_workers_from_others() -> None:
    rests = {"slow": 0.3}
    lanes: Lanes[str] = Lanes(lambda lane: rests.get(lane, 0.0))
    starts: dict[str, list[float]] = defaultdict(list)
    most: dict[str, int] = defaultdict(int)
    guard, left = threading.Lock(), [9]

    def serve() -> None:
        while (taken := lanes.take()) is not None:
            lane, _ = taken
            with guard:
                most[lane] += 1
                assert most[lane] == 1
                starts[lane].append(time.monotonic())
            with guard:
                most[lane] -= 1
                left[0] -= 1
                last = left[0] == 0
            lanes.done(lane)
            if last:
                lanes.close()

    for number in range(3):
        lanes.put("slow", str(number))
        lanes.put("quick", str(number))
        lanes.put("other", str(number))
    workers = [threading.Thread(target=serve) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    slow = starts["slow"]
    assert [len(times) for times in (slow, starts["quick"], starts["other"])] == [3, 3, 3]
    assert all(later - earlier >= 0.3 for earlier, later in pairwise(slow))
    assert max(*starts["quick"], *starts["other"]) < slow[1]


def test_closing_lanes_ends_those_who_wait() -> None:
    lanes: Lanes[int] = Lanes()
    seen: list[object] = ["nothing yet"]
    waiting = threading.Thread(target=lambda: seen.append(lanes.take()))
    waiting.start()
    lanes.close()
    waiting.join()
    assert seen == ["nothing yet", None]
    lanes.put("a", 1)
    assert lanes.take() is None


# ── progress and hosts ────────────────────────────────────────────────────────────────────────────


def test_progress_counts_rates_and_the_time_left() -> None:
    now, told = [100.0], list[Progress]()
    meter = Meter(told.append, lambda: now[0])
    meter.expect(6, known=2)
    for change in (Change.ADDED, Change.UPDATED, Change.UNCHANGED):
        now[0] += 2
        meter.settled(change)
    meter.settled(None, refused=True)
    meter.settled(None, failed=True)
    meter.working("An article")
    assert told[-1] == Progress(5, 6, 1, 1, 1, 1, 1, 2, 5 / 6, 1 / (5 / 6), "An article")
    assert told[0].seconds_left is None and told[0].rate == 0.0


def test_progress_never_has_more_done_than_there_is() -> None:
    meter = Meter(lambda _: None)
    meter.settled(Change.ADDED)
    assert (meter.current().done, meter.current().total) == (1, 1)


def test_a_promise_to_a_host_outlives_the_process(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    hosts = CatalogHosts(Ledger(catalog))
    assert hosts.get("e.org") == HostState("e.org")
    hosts.save(HostState("e.org", last_start=NOW, latency=0.5))
    assert CatalogHosts(Ledger(catalog)).get("e.org") == HostState("e.org")
    paused = HostState("e.org", NOW + HOUR, "rate_limited", 2, NOW, 0.5, 3.0)
    hosts.save(paused)
    assert CatalogHosts(Ledger(catalog)).get("e.org") == paused
    hosts.save(HostState("f.org", failures=1))
    hosts.flush()
    assert CatalogHosts(Ledger(catalog)).get("f.org") == HostState("f.org", failures=1)
    catalog.close()


def test_a_lane_that_is_given_back_after_the_end_is_taken_without_a_word() -> None:
    lanes: Lanes[int] = Lanes()
    lanes.put("a", 1)
    assert lanes.take() == ("a", 1)
    lanes.close()
    lanes.done("a")
    assert lanes.take() is None
