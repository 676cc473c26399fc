"""The ledger: what ingestion remembers comes back as it was."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kb.models import Change, Link, Outcome, Precision, Published
from kb.settings import ROOT
from kb.storage.catalog import Catalog
from kb.storage.items import Item, Stage
from kb.storage.ledger import Ledger, SourceState

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    yield Ledger(catalog)
    catalog.close()


def test_a_source_that_was_never_asked_has_a_fresh_state(ledger: Ledger) -> None:
    assert ledger.source("x") == SourceState("x")
    assert ledger.sources() == {}


def test_source_states_come_back(ledger: Ledger) -> None:
    state = SourceState("x", '"e"', "Tue", NOW, NOW, NOW - HOUR, 3, "timeout", "slow", NOW + HOUR, 900, "1")
    ledger.save_source(SourceState("x"))
    ledger.save_source(state)
    ledger.save_source(SourceState("y"))
    assert ledger.source("x") == state
    assert state.failing and not ledger.source("y").failing
    assert set(ledger.sources()) == {"x", "y"} and set(ledger.sources(["y", "z"])) == {"y"}


def test_host_states_come_back(ledger: Ledger) -> None:
    ledger.save_hosts({"a": {"failures": 1}, "b": {}})
    ledger.save_hosts({"a": {"failures": 2}})
    ledger.save_hosts({})
    assert ledger.hosts() == {"a": {"failures": 2}, "b": {}}


def item(url: str, stage: Stage = Stage.STORED, **values: object) -> Item:
    return replace(Item(url, stage, NOW, NOW), **values)  # type: ignore[arg-type]


def test_expected_links_are_pending_and_known_ones_stay(ledger: Ledger) -> None:
    published = Published(NOW, Precision.DAY, "feed")
    link = Link("https://e.org/a?utm_source=x", "s", "Title", published)
    ledger.save_item(item("https://e.org/b", article_id="b"))
    ledger.expect({"https://e.org/a": link, "https://e.org/b": Link("https://e.org/b", "s")}, NOW)
    ledger.expect({}, NOW)
    found = ledger.items(["https://e.org/a", "https://e.org/b", "https://e.org/c"])
    assert set(found) == {"https://e.org/a", "https://e.org/b"}
    assert found["https://e.org/a"] == item("https://e.org/a", Stage.PENDING, source_id="s", link=link)
    assert found["https://e.org/b"].stage is Stage.STORED


def test_items_come_back_whole(ledger: Ledger) -> None:
    known = Item(
        "u",
        Stage.REFUSED,
        NOW - HOUR,
        NOW,
        "s",
        Link("u", "s", "t"),
        "a",
        "paywall",
        "m",
        "snap",
        3,
        NOW + HOUR,
        '"e"',
        "Tue",
        "1",
    )
    ledger.save_item(known)
    assert ledger.items(["u"]) == {"u": known}


def test_many_addresses_are_asked_for_at_once(ledger: Ledger) -> None:
    links = {f"u{number}": Link(f"u{number}", "s") for number in range(2_000)}
    ledger.expect(links, NOW)
    assert len(ledger.items(links)) == 2_000
    assert ledger.articles_at(links) == {}


def test_waiting_is_pending_and_failed_that_are_due(ledger: Ledger) -> None:
    ledger.expect({"new": Link("new", "s"), "other": Link("other", "t")}, NOW)
    ledger.save_item(item("due", Stage.FAILED, source_id="s", next_try=NOW))
    ledger.save_item(item("later", Stage.FAILED, source_id="s", next_try=NOW + HOUR))
    ledger.save_item(item("no", Stage.REFUSED, source_id="s", next_try=NOW - HOUR))
    ledger.save_item(item("mistaken", Stage.FAILED, source_id="s", next_try=NOW + 1_000 * HOUR))
    assert {known.url for known in ledger.waiting("s", NOW, NOW + 100 * HOUR)} == {"new", "due", "mistaken"}


def test_refusals_are_listed_by_reason(ledger: Ledger) -> None:
    for number, reason in enumerate(["paywall", "paywall", "timeout"]):
        stage = Stage.FAILED if reason == "timeout" else Stage.REFUSED
        ledger.save_item(item(f"u{number}", stage, reason=reason, last=NOW + HOUR * number))
    ledger.save_item(item("stored"))
    assert [known.url for known in ledger.refused()] == ["u2", "u1", "u0"]
    assert [known.url for known in ledger.refused("paywall")] == ["u1", "u0"]
    assert ledger.reasons() == {"paywall": 2, "timeout": 1}


def test_a_run_is_recorded_from_start_to_end(ledger: Ledger) -> None:
    number = ledger.start_run(["de-heise"], NOW)
    assert ledger.run(number).state == "running"  # type: ignore[union-attr]
    stored = Outcome("u1", Change.ADDED, "a1", "Title", source_id="s", snapshot="x")
    refused = Outcome("u2", reason="paywall", message="paid", source_id="s")
    ledger.settle(number, stored, NOW, item("u1", article_id="a1"))
    ledger.settle(number, refused, NOW)
    ledger.settle(number, Outcome("de-heise", message="2 listed"), NOW)
    ledger.end_run(number, "done", NOW + HOUR)
    run = ledger.run(number)
    assert run is not None
    assert (run.started, run.finished, run.targets, run.state) == (NOW, NOW + HOUR, ("de-heise",), "done")
    assert run.counts == {"added": 1, "paywall": 1}
    assert list(ledger.outcomes(number)) == [stored, refused, Outcome("de-heise", message="2 listed")]
    assert list(ledger.outcomes(number, failed=True)) == [refused]
    assert list(ledger.outcomes(number, reason="timeout")) == []
    assert ledger.items(["u1"])["u1"].article_id == "a1"
    assert ledger.run(number + 1) is None


def test_a_run_whose_process_died_is_marked_by_the_next(ledger: Ledger) -> None:
    dead = ledger.start_run(["a"], NOW)
    alive = ledger.start_run(["b"], NOW)
    assert [(run.id, run.state) for run in ledger.runs()] == [(alive, "running"), (dead, "broken off")]
    assert [run.id for run in ledger.runs(limit=1)] == [alive]


CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from kb.storage.catalog import Catalog
from kb.storage.ledger import Ledger
from kb.storage.items import Item, Stage
from kb.models import Outcome
ledger = Ledger(Catalog(Path(sys.argv[1])))
run = ledger.start_run(["x"], datetime.now(UTC))
for number in range(10**6):
    now = datetime.now(UTC)
    ledger.settle(run, Outcome(f"u{number}"), now, Item(f"u{number}", Stage.STORED, now, now))
    print(number, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    command = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        while int(child.stdout.readline()) < 25:
            pass
        child.send_signal(signal.SIGKILL)
    catalog = Catalog(path)
    ledger = Ledger(catalog)
    outcomes = [outcome.target for outcome in ledger.outcomes(1)]
    assert outcomes[:26] == [f"u{number}" for number in range(26)]
    # An outcome and what is known of its address are there both, or neither.
    assert set(ledger.items(f"u{number}" for number in range(100))) == set(outcomes)
    assert catalog.check() == []
    catalog.close()
