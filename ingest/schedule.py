"""`lagebild ingest --watch`: the sources that are due, again and again, until it is stopped."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from ingest.progress import Progress
from ingest.run import RECHECK_AFTER, Interrupted, Options, due_targets, ingest, recheck, stoppable
from ingest.sources import load_sources
from ingest.work import Bench
from kb.errors import CatalogDamaged, HomeError, SettingsError
from kb.knowledge import KnowledgeBase
from kb.models import Outcome
from kb.storage.ledger import Ledger

LONGEST_NAP = timedelta(minutes=1)
"""How soon a source that was added meanwhile is noticed, and whether another process still writes."""


def watch(
    kb: KnowledgeBase,
    options: Options | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
    see: Callable[[Outcome], None] = lambda _: None,
) -> None:
    """Collect from sources as they come due, and look at recent articles again every six hours.

    Returns when `stop` is set, or on Ctrl-C or SIGTERM. Between runs the writer lock is free; while another process
    holds it, or the disk is full, or sources.toml cannot be read, this one waits. `see` gets every outcome, `say` a
    line for each run.
    """
    options, stop = options or Options(), stop or threading.Event()
    bench = Bench.of(kb, options.fetching())
    rechecked = datetime.now(UTC)
    try:
        with stoppable(stop):
            while not stop.is_set():
                now = datetime.now(UTC)
                try:
                    if targets := due_targets(kb, now):
                        say(f"sources due: {len(targets)}")
                        say(_told(ingest(kb, targets, options, progress, stop, bench), see))
                    elif not timedelta(0) <= now - rechecked < RECHECK_AFTER:
                        rechecked = now
                        say("looking at recent articles again")
                        say(_told(recheck(kb, options, progress, stop, bench), see))
                    else:
                        stop.wait(_nap(kb, now).total_seconds())
                except CatalogDamaged:
                    raise
                except (HomeError, SettingsError) as error:
                    # Another process writes, the disk is full, a file is being edited: all of it passes.
                    say(f"waiting: {error}")
                    stop.wait(LONGEST_NAP.total_seconds())
    finally:
        bench.close()


def _told(outcomes: Iterator[Outcome], see: Callable[[Outcome], None]) -> str:
    """A run, to its end or its interruption, in one line."""
    counts: Counter[str] = Counter()
    try:
        for outcome in outcomes:
            counts[str(outcome.change or outcome.reason or "")] += 1
            see(outcome)
    except Interrupted as stopped:
        return str(stopped)
    return ", ".join(f"{count} {kind}" for kind, count in counts.most_common() if kind) or "nothing new"


def _nap(kb: KnowledgeBase, now: datetime) -> timedelta:
    """How long no source is due."""
    states = Ledger(kb.catalog).sources(source.id for source in load_sources(kb.settings.home).enabled())
    waits = [state.next_try - now for state in states.values() if state.next_try is not None]
    return max(timedelta(seconds=1), min([LONGEST_NAP, *waits]))
