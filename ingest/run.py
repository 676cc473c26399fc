"""The run: targets become articles in the catalog, or outcomes that say why not.

    targets → tasks ─ workers: fetch, keep, parse ─→ results ─ this thread: embed, commit, record ─→ outcomes

Nothing depends on what a run holds in memory: what is committed is in the catalog, what was found and not fetched
is pending there, and a feed's validators are saved only when all that it listed is stored or finally refused. So
a run that dies between any two steps is taken up by the next, with at most one page fetched twice.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from types import FrameType
from urllib.parse import unquote, urlsplit

from ingest import state
from ingest.canonical import canonical
from ingest.clerk import Clerk
from ingest.crew import Crew
from ingest.files import LINES, file_mark, files_below, leads_out, lines_in
from ingest.jobs import Jobs
from ingest.policy import FetchPolicy
from ingest.progress import Meter, Progress
from ingest.sources import Kind, Source, Sources, load_sources
from ingest.targets import FileTarget, SourceTarget, Target, UrlTarget
from ingest.warc import USUAL_PAGE, is_web_archive
from ingest.web import Validators
from ingest.work import (
    Bench,
    Ended,
    Look,
    Looked,
    Read,
    Redo,
    Refused,
    Result,
    Same,
    Take,
    Taken,
)
from kb.errors import CollectError, KBError, UsageError
from kb.knowledge import KnowledgeBase
from kb.models import Link, Outcome
from kb.storage import faults
from kb.storage.items import Stage
from kb.storage.ledger import Ledger, SourceState

RECENT = timedelta(days=14)
"""How old an article may be for `recheck` to look at it again: most corrections come within days."""

RECHECK_AFTER = timedelta(hours=6)

FILES_AT_ONCE = 500
"""Files whose state is looked up in one query."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a run may do. `since` (day of publication) and `limit` (pages and files read) hold for this run alone."""

    since: date | None = None
    limit: int | None = None
    allow_private: bool = False
    ignore_robots: bool = False
    policy: FetchPolicy | None = None

    def fetching(self) -> FetchPolicy:
        chosen = self.policy or FetchPolicy()
        return replace(
            chosen,
            allow_private=chosen.allow_private or self.allow_private,
            ignore_robots=chosen.ignore_robots or self.ignore_robots,
        )


class Interrupted(KBError):
    """A run was stopped by its user; what it had done is stored."""

    def __init__(self, progress: Progress, command: str) -> None:
        super().__init__(
            f"stopped after {progress.done} of {progress.total} items; all that was done is stored. "
            f"To go on from there: {command}"
        )
        self.progress = progress


def ingest(
    kb: KnowledgeBase,
    targets: Sequence[Target],
    options: Options | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    stop: threading.Event | None = None,
    bench: Bench | None = None,
) -> Iterator[Outcome]:
    """Collect from the targets; an outcome for each article and refusal, and for each target that lists others.

    Works while it is iterated. Setting `stop`, or Ctrl-C and SIGTERM in the main thread, ends it after the article
    at hand. `bench` serves several runs (then its policy holds); without one, one is made for this run. Raises
    HomeLocked, Interrupted, and what makes the whole run impossible (HomeError, EmbeddingError).
    """
    run = _Run(kb, options or Options(), progress, stop, bench)
    yield from run.outcomes([str(target) for target in targets], lambda: run.begin(targets))


def recheck(
    kb: KnowledgeBase,
    options: Options | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    stop: threading.Event | None = None,
    bench: Bench | None = None,
) -> Iterator[Outcome]:
    """Look at recent articles again: a changed one becomes a version, one that is gone (404, 410) is marked so."""
    run = _Run(kb, options or Options(), progress, stop, bench)
    yield from run.outcomes(["--recheck"], run.begin_recheck)


def replay(
    kb: KnowledgeBase,
    reason: str,
    options: Options | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    stop: threading.Event | None = None,
    bench: Bench | None = None,
) -> Iterator[Outcome]:
    """Read the pages that were refused for a reason again, from their snapshots, without the network.

    Raises UsageError for a reason that nothing is refused for.
    """
    known = Ledger(kb.catalog).reasons()
    if reason not in known:
        listed = ", ".join(f"{name} ({count})" for name, count in known.items()) or "none"
        raise UsageError(f"nothing is refused as {reason!r}; the reasons on record are: {listed}")
    run = _Run(kb, options or Options(), progress, stop, bench)
    yield from run.outcomes([f"--replay {reason}"], lambda: run.begin_replay(reason))


def due_targets(kb: KnowledgeBase, now: datetime | None = None) -> list[Target]:
    """The enabled sources whose time has come: what `lagebild ingest` without a TARGET asks."""
    now = now or datetime.now(UTC)
    known = Ledger(kb.catalog).sources()
    enabled = load_sources(kb.settings.home).enabled()
    return [SourceTarget(one) for one in enabled if state.is_due(known.get(one.id, SourceState(one.id)), now)]


class _Run:
    """One run. All of it happens in the thread that iterates over its outcomes."""

    def __init__(
        self,
        kb: KnowledgeBase,
        options: Options,
        report: Callable[[Progress], None],
        stop: threading.Event | None,
        bench: Bench | None,
    ) -> None:
        self._kb = kb
        self._options = options
        self._ledger = Ledger(kb.catalog)
        self._sources: Sources = load_sources(kb.settings.home)
        self._jobs = Jobs(self._ledger, options.since, options.limit)
        self._meter = Meter(report)
        self._stop = stop or threading.Event()
        self._bench = bench
        self._unsettled = 0
        self._crew: Crew
        self._clerk: Clerk

    def outcomes(self, targets: list[str], begin: Callable[[], Iterable[Outcome]]) -> Iterator[Outcome]:
        """The whole run under the writer lock, recorded from start to end."""
        with self._kb.writing(), stoppable(self._stop):
            number = self._ledger.start_run(targets, _now())
            faults.point("ingest.started")
            self._clerk = Clerk(self._kb, self._ledger, number, self._options.since)
            end = "failed"
            try:
                bench = self._bench or Bench.of(self._kb, self._options.fetching())
                with Crew(bench, close=self._bench is None) as self._crew:
                    yield from begin()
                    yield from self._follow()
                # A stop that comes after the last article stops nothing.
                end = "interrupted" if self._unsettled or self._jobs.open else "done"
            except GeneratorExit:
                end = "interrupted"
                raise
            finally:
                self._ledger.end_run(number, end, _now())
            faults.point("ingest.ended")
            if end == "interrupted":
                raise Interrupted(self._meter.current(), " ".join(["lagebild ingest", *targets]))
            self._kb.publish()

    def _follow(self) -> Iterator[Outcome]:
        """Take results as they come, until none is outstanding or someone wants to stop."""
        yield from self._conclude()
        while self._crew.busy and not self._stop.is_set():
            result = self._crew.result(timeout=0.25)
            if result is not None:
                yield from self._settle(result)
                yield from self._conclude()

    def _settle(self, result: Result) -> Iterator[Outcome]:
        if isinstance(result, Looked):
            self._looked(result)
            return
        if isinstance(result, Ended):
            self._unsettled -= 1
            self._meter.expect(result.found - result.task.size)
            told = self._clerk.ended(result)
            yield from [told] if told else ()
            return
        if isinstance(result, Refused) and isinstance(result.task, Look):
            self._jobs.unlooked(result.task, result.error, result.snapshot)
            return
        if isinstance(result, Taken):
            self._meter.working(result.article.title)
            settled = self._clerk.stored(result)
        elif isinstance(result, Same):
            settled = self._clerk.unchanged(result)
        else:
            settled = self._clerk.refused(result)
        outcome = settled.outcome
        self._meter.settled(
            outcome.change, refused=not outcome.ok and not settled.later, failed=not outcome.ok and settled.later
        )
        self._jobs.settled(settled.key, later=settled.later)
        self._unsettled -= not isinstance(result.task, Read)
        yield outcome

    def _looked(self, result: Looked) -> None:
        batch = self._jobs.looked(result, _now())
        faults.point("ingest.discovered")
        # A named address that turned out to be a list was counted as an item.
        named = isinstance(result.task, Take)
        self._unsettled -= named
        self._meter.expect(-named, known=batch.known)
        for look in batch.looks:
            self._crew.put(look)
        for take in batch.takes:
            self._hand_out(take)

    def _conclude(self) -> Iterator[Outcome]:
        for conclusion in self._jobs.concluded(_now()):
            faults.point("ingest.covered")
            if conclusion.state is not None:
                self._ledger.save_source(conclusion.state)
            faults.point("ingest.concluded")
            yield self._clerk.record(conclusion.outcome)

    # ── beginnings ────────────────────────────────────────────────────────────────────────────

    def begin(self, targets: Sequence[Target]) -> Iterator[Outcome]:
        for target in targets:
            if isinstance(target, SourceTarget):
                yield from self._begin_source(target.source)
            elif isinstance(target, UrlTarget):
                self._begin_address(target.url)
            elif isinstance(target, FileTarget):
                yield from self._begin_files([target.path], None, named=True)
            else:
                yield from self._begin_folder(target.path, None)

    def _begin_address(self, url: str) -> None:
        """An address that a person named; that of a source is read as the source, whatever was read there before."""
        source = self._sources.at(url)
        if source is not None and source.kind is not Kind.API:
            self._crew.put(replace(self._jobs.open_source(source, _now()), validators=None))
        else:
            self._take(Take(canonical(url), Link(url), named=True))

    def begin_recheck(self) -> Iterator[Outcome]:
        now = _now()
        for known in self._ledger.stored_since(now - RECENT, now - RECHECK_AFTER, now):
            if known.url.startswith("http"):
                link = known.link or Link(known.url, known.source_id)
                given = Validators(known.etag, known.last_modified)
                holds = known.parser == state.parser_revision() and given != Validators()
                self._take(Take(known.url, link, self._source(known.source_id), given if holds else None))
        yield from ()

    def begin_replay(self, reason: str) -> Iterator[Outcome]:
        for known in self._ledger.refused(reason):
            if known.url.startswith("file:"):
                yield from self._begin_files([path_of(known.url)], self._source(known.source_id), named=True)
            elif known.snapshot is None:
                message = "no snapshot was kept, as no page came; it is fetched again when it is due"
                yield self._clerk.record(Outcome(known.url, reason=reason, message=message, source_id=known.source_id))
            else:
                link = known.link or Link(known.url, known.source_id)
                self._take(Redo(known.url, link, known.snapshot, self._source(known.source_id)))

    def _source(self, id: str | None) -> Source | None:
        return self._sources.get(id) if id else None

    def _take(self, task: Take | Redo) -> None:
        if self._jobs.spend():
            self._hand_out(task)

    def _hand_out(self, task: Take | Redo | Read) -> None:
        self._unsettled += 1
        self._meter.expect(task.size if isinstance(task, Read) else 1)
        self._crew.put(task)

    def _begin_source(self, source: Source) -> Iterator[Outcome]:
        if source.kind is not Kind.FOLDER:
            self._meter.working(source.name)
            self._crew.put(self._jobs.open_source(source, _now()))
            return
        known, folder = self._ledger.source(source.id), Path(source.url)
        if folder.is_dir():
            yield from self._begin_folder(folder, source)
            self._ledger.save_source(state.after_success(known, _now(), state.FOLDER))
        else:
            error = CollectError("not_found", f"{folder} is no folder; lagebild sources remove {source.id} drops it")
            self._ledger.save_source(state.after_failure(known, _now(), error))
            yield self._clerk.record(Outcome(source.id, reason=error.reason, message=str(error), source_id=source.id))

    def _begin_folder(self, folder: Path, source: Source | None) -> Iterator[Outcome]:
        inside: list[Path] = []
        for path in files_below(folder):
            if leads_out(path, folder):
                message = f"{path} is a link that leads out of {folder}; copy the file there"
                yield self._clerk.record(Outcome(str(path), reason="outside", message=message))
            else:
                inside.append(path)
        yield from self._begin_files(inside, source)

    def _begin_files(self, paths: Iterable[Path], source: Source | None, *, named: bool = False) -> Iterator[Outcome]:
        """Hand out files; those that were read whole before and have not changed since are passed over."""
        remaining = iter(paths)
        while batch := list(islice(remaining, FILES_AT_ONCE)):
            known = self._ledger.items([path.as_uri() for path in batch])
            for path in batch:
                try:
                    mark = file_mark(path)
                    size = expected_in(path)
                except OSError as error:
                    message = f"{path} cannot be read: {error.strerror}"
                    yield self._clerk.record(Outcome(str(path), reason="unreadable", message=message))
                    continue
                before = known.get(path.as_uri())
                read = before is not None and before.stage is Stage.STORED and before.parser == state.parser_revision()
                if read and before is not None and before.etag == mark and not named:
                    self._meter.expect(0, known=size)
                elif self._jobs.spend():
                    self._hand_out(Read(path.as_uri(), path, mark, source, size))


def path_of(uri: str) -> Path:
    """The path of a file's URI."""
    return Path(unquote(urlsplit(uri).path))


def expected_in(path: Path) -> int:
    """How many articles a file may hold, so that progress has an end; of a web archive a guess. Raises OSError."""
    if path.suffix.lower() in LINES:
        return lines_in(path)
    return max(1, path.stat().st_size // USUAL_PAGE) if is_web_archive(path) else 1


@contextmanager
def stoppable(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM set `stop` instead of breaking off; a second Ctrl-C breaks off at once.

    Only in the main thread, where signals arrive; a page that runs this in a thread sets `stop` itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _now() -> datetime:
    return datetime.now(UTC)
