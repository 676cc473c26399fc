"""Targets that list others: what of a list is to be fetched, and when all that it covers is settled.

Decisions on what the ledger holds; the run carries them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from ingest import plan, state
from ingest.sources import Source
from ingest.web import Validators
from ingest.work import Look, Looked, Take
from kb.errors import CollectError
from kb.models import Link, Outcome
from kb.storage import faults
from kb.storage.ledger import Ledger, SourceState


@dataclass(slots=True)
class _Job:
    """A list and what it covers. `blocked`: something of it may still come, so its validators must not be saved;
    `cut`: the run's limit left some of it for the next."""

    target: str
    source: Source | None
    state: SourceState | None
    looks: int = 1
    open: set[str] = field(default_factory=set)
    sitemaps: set[str] = field(default_factory=set)
    blocked: bool = False
    cut: bool = False
    unmodified: bool = False
    listed: int = 0
    known: int = 0
    left_out: int = 0
    validators: Validators | None = None
    every: timedelta | None = None
    error: CollectError | None = None
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that follow from a list, and how many of its links are passed over because they are known."""

    looks: tuple[Look, ...]
    takes: tuple[Take, ...]
    known: int


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The end of a list: its outcome, and the state to keep if it is a source."""

    outcome: Outcome
    state: SourceState | None


class Jobs:
    """The lists of one run. `limit` is how many pages the run may still fetch; None for no limit."""

    def __init__(self, ledger: Ledger, since: date | None, limit: int | None) -> None:
        self._ledger = ledger
        self._since = since
        self._left = limit
        self._jobs: dict[int, _Job] = {}
        self._covering: dict[str, list[int]] = {}
        self._opened = 0

    @property
    def open(self) -> bool:
        """Whether a list is not concluded yet."""
        return bool(self._jobs)

    def spend(self) -> bool:
        """Use up one page of the limit; False if none is left."""
        if self._left == 0:
            return False
        if self._left is not None:
            self._left -= 1
        return True

    def open_source(self, source: Source, now: datetime) -> Look:
        """The first look at a source, with the validators that still hold."""
        known = self._ledger.source(source.id)
        if known.parser != state.reading(now):
            known = state.without_validators(known)
        number = self._open(_Job(source.id, source, known))
        given = Validators(known.etag, known.last_modified)
        return Look(number, source.url, source, given if given != Validators() else None)

    def _open(self, job: _Job) -> int:
        self._opened += 1
        self._jobs[self._opened] = job
        return self._opened

    def looked(self, result: Looked, now: datetime) -> Batch:
        """What follows from a list that was read: sitemaps below it, pages to fetch."""
        task, found, page = result.task, result.discovery, result.page
        if isinstance(task, Take):
            # What a person named turned out to be a list.
            number, depth = self._open(_Job(task.link.url, None, None)), 0
        else:
            number, depth = task.job, task.depth
        job = self._jobs[number]
        job.looks -= 1
        if found is None or page is None:
            job.unmodified = True
            return self._enlisted(number, (), (), now)
        if depth == 0:
            # An index may stay the same while the sitemaps below it change.
            job.validators = None if found.children else Validators.of(page)
            job.every = state.interval(found.ttl, page.headers, now)
        most = plan.MOST_SITEMAPS if job.source else len(found.children)
        below = plan.sitemaps(found.children, most) if depth < plan.DEEPEST else []
        fresh = [url for url in below if url not in job.sitemaps]
        job.sitemaps.update(fresh)
        job.looks += len(fresh)
        looks = tuple(Look(number, url, job.source, depth=depth + 1) for url in fresh)
        return self._enlisted(number, found.links, looks, now)

    def _enlisted(self, number: int, links: Iterable[Link], looks: tuple[Look, ...], now: datetime) -> Batch:
        job = self._jobs[number]
        all_links = plan.keyed(links, None, None)
        listed = plan.keyed(links, self._since, None if job.source is None or self._since else plan.MOST_LINKS)
        items = self._ledger.items(listed)
        wanted = plan.wanted(listed, items, self._ledger.articles_at(listed.keys() - items.keys()), now)
        known = len(listed) - len(wanted)
        job.listed += len(listed)
        job.known += known
        job.left_out += len(all_links) - len(listed)
        passed = listed.keys() - wanted.keys()
        job.blocked |= (self._since is not None and job.left_out > 0) or plan.unsettled(passed, items)
        if job.source is not None:
            for late in self._ledger.waiting(job.source.id, now, now + state.FARTHEST):
                wanted.setdefault(late.url, late.link or Link(late.url, job.source.id))
            self._ledger.expect(wanted, now, self._named(job.source.id, listed))
            faults.point("ingest.expected")
        return Batch(looks, tuple(self._takes(number, wanted)), known)

    def _named(self, source_id: str, listed: Mapping[str, Link]) -> dict[tuple[str, str], str]:
        """The guids of a list that were not seen before, and where they lead."""
        urls = {link.guid: key for key, link in listed.items() if link.guid}
        known = self._ledger.named(source_id, urls)
        return {(source_id, guid): url for guid, url in urls.items() if guid not in known}

    def _takes(self, number: int, wanted: dict[str, Link]) -> Iterator[Take]:
        job = self._jobs[number]
        for key, link in wanted.items():
            if key in self._covering:
                # Another list of this run has it already; this one waits for it, too.
                if key not in job.open:
                    self._covering[key].append(number)
                    job.open.add(key)
            elif self.spend():
                self._covering[key] = [number]
                job.open.add(key)
                yield Take(key, link, job.source)
            else:
                job.blocked = job.cut = True

    def unlooked(self, task: Look, error: CollectError, snapshot: str | None) -> None:
        """A list that could not be read."""
        job = self._jobs[task.job]
        job.looks -= 1
        job.blocked = True
        if task.depth == 0 or job.error is None:
            job.error, job.snapshot = error, snapshot

    def settled(self, key: str, *, later: bool) -> None:
        """An address is done with; `later` if it may still succeed."""
        for number in self._covering.pop(key, ()):
            job = self._jobs[number]
            job.open.discard(key)
            job.blocked |= later

    def concluded(self, now: datetime) -> Iterator[Conclusion]:
        """The lists of which nothing is outstanding any more, each once."""
        for number in [number for number, job in self._jobs.items() if not job.looks and not job.open]:
            yield _conclusion(self._jobs.pop(number), now)


def _conclusion(job: _Job, now: datetime) -> Conclusion:
    source_id = job.source.id if job.source else None
    failed = job.error is not None and not job.listed
    if failed and job.error is not None:
        kept = state.after_failure(job.state, now, job.error) if job.state else None
        outcome = Outcome(
            job.target, reason=job.error.reason, message=str(job.error), source_id=source_id, snapshot=job.snapshot
        )
        return Conclusion(outcome, kept)
    outcome = Outcome(job.target, message=_told(job), source_id=source_id)
    if job.state is None:
        return Conclusion(outcome, None)
    kept = state.after_success(job.state, now, job.every)
    if job.validators is not None and not job.blocked:
        kept = state.with_validators(kept, now, job.validators.etag, job.validators.last_modified)
    if job.cut:
        kept = replace(kept, next_try=now)
    return Conclusion(outcome, kept)


def _told(job: _Job) -> str:
    if job.unmodified:
        return "not modified since the last time"
    left_out = f", {job.left_out} older left out" if job.left_out else ""
    troubled = f"; of its sitemaps one could not be read: {job.error}" if job.error else ""
    return f"{job.listed} listed, {job.known} known{left_out}{troubled}"
