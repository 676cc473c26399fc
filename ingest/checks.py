"""`lagebild sources check`: how a source stands today. Nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from ingest import plan
from ingest.files import files_below
from ingest.policy import FetchPolicy
from ingest.politeness import MemoryHosts
from ingest.sources import Kind, Source
from ingest.work import Bench, Look, Looked, Refused, Result, Take, Taken
from kb.errors import CollectError
from kb.models import Link

DEAD_AFTER = 180
"""Days without a new item after which a source that answers is called dead. The slowest live one known in the
registry had an item of six weeks; the dead ones stopped years ago."""

AHEAD = timedelta(days=2)
"""How far an item may be dated ahead, by zones and clocks."""

SAMPLE = 3
"""Pages of a source that are fetched to see whether they hold full texts."""


class Verdict(StrEnum):
    """How a source stands."""

    ALIVE = "alive"
    EMPTY = "empty"
    """It answers, and lists nothing now."""
    CLOSED = "closed"
    """It lists items, but no full text came of those that were tried."""
    DEAD = "dead"
    """It answers with old items, with another thing than it should be, or that it is gone."""
    UNREACHABLE = "unreachable"
    """It did not answer, or not for us; another time it may."""
    NOT_READ = "not read"


@dataclass(frozen=True, slots=True)
class Check:
    """What was seen of a source. `newest` is its latest item, `age` that in days; `full_text` the share of
    `sampled` pages that gave an article. None: not known."""

    id: str
    verdict: Verdict
    message: str
    reachable: bool = False
    kind: str | None = None
    items: int = 0
    newest: datetime | None = None
    age: float | None = None
    sampled: int = 0
    full_text: float | None = None

    @property
    def well(self) -> bool:
        """Whether it brings articles, or may at any time."""
        return self.verdict in (Verdict.ALIVE, Verdict.EMPTY, Verdict.NOT_READ)


def check_sources(sources: Sequence[Source], policy: FetchPolicy, now: datetime | None = None) -> Iterator[Check]:
    """Look at several sources side by side, one request at a time per host; each is given when it is done."""
    now = now or datetime.now(UTC)
    bench = Bench(policy, MemoryHosts())
    try:
        with ThreadPoolExecutor(policy.concurrency) as pool:
            pending = [pool.submit(check, source, bench, now) for source in sources]
            try:
                for done in as_completed(pending):
                    yield done.result()
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        bench.close()


def check(source: Source, bench: Bench, now: datetime) -> Check:
    """Look at one source and at the pages of its newest items."""
    if source.kind is Kind.API:
        return Check(source.id, Verdict.NOT_READ, source.note or "an api is not read")
    if source.kind is Kind.FOLDER:
        return _folder(source, now)
    seen = _first(bench, Look(0, source.url, source))
    if isinstance(seen, Refused):
        return _unlooked(source, seen.error)
    if not isinstance(seen, Looked) or seen.discovery is None:
        return Check(source.id, Verdict.UNREACHABLE, "it gave nothing that can be read")
    found = seen.discovery
    links = list(found.links)
    for below in plan.sitemaps(found.children, 1):
        child = _first(bench, Look(0, below, source, depth=1))
        links += child.discovery.links if isinstance(child, Looked) and child.discovery else ()
    present = [link for link in plan.keyed(links, None, None).values() if not _is_ahead(link, now)]
    newest = sorted(present, key=_age)[:SAMPLE]
    taken = [_first(bench, Take(link.url, link, source)) for link in newest]
    return _judged(Check(source.id, Verdict.ALIVE, "", True, found.kind, len(links)), newest, taken, now)


def _judged(seen: Check, newest: Iterable[Link], taken: Sequence[Result], now: datetime) -> Check:
    articles = [result.article for result in taken if isinstance(result, Taken)]
    told_of = [*(link.published for link in newest), *(article.published for article in articles)]
    # An announcement of next year's conference says nothing of whether news come.
    dates = [one.at for one in told_of if one is not None and one.at <= now + AHEAD]
    seen = replace(seen, sampled=len(taken), full_text=len(articles) / len(taken) if taken else None)
    if dates:
        age = max(0.0, (now - max(dates)).total_seconds() / 86_400)
        seen = replace(seen, newest=max(dates), age=age)
        if age > DEAD_AFTER:
            message = f"answers, but its newest item is {age:.0f} days old; disable it, or look for its new address"
            return replace(seen, verdict=Verdict.DEAD, message=message)
    if not taken:
        return replace(seen, verdict=Verdict.EMPTY, message="answers, and lists nothing now")
    refusals = sorted({result.error.reason for result in taken if isinstance(result, Refused)})
    if not articles:
        message = f"none of {len(taken)} pages tried gave a full text ({', '.join(refusals)})"
        return replace(seen, verdict=Verdict.CLOSED, message=message)
    told = f"; others: {', '.join(refusals)}" if refusals else ""
    return replace(seen, message=f"{len(articles)} of {len(taken)} pages tried gave a full text{told}")


def _unlooked(source: Source, error: CollectError) -> Check:
    if error.reason == "no_links" and source.kind is not Kind.PAGE:
        return Check(source.id, Verdict.EMPTY, str(error), reachable=True)
    dead = error.reason in ("not_a_feed", "not_found", "gone", "no_links")
    verdict = Verdict.DEAD if dead else Verdict.UNREACHABLE
    return Check(source.id, verdict, f"{error.reason}: {error}", reachable=error.reason in ("not_a_feed", "no_links"))


def _folder(source: Source, now: datetime) -> Check:
    folder = Path(source.url)
    if not folder.is_dir():
        return Check(source.id, Verdict.UNREACHABLE, f"{folder} is no folder")
    times = [path.stat().st_mtime for path in files_below(folder)]
    seen = Check(source.id, Verdict.ALIVE, f"{len(times)} files that can be read", True, "folder", len(times))
    if not times:
        return replace(seen, verdict=Verdict.EMPTY)
    newest = datetime.fromtimestamp(max(times), UTC)
    return replace(seen, newest=newest, age=max(0.0, (now - newest).total_seconds() / 86_400))


def _first(bench: Bench, task: Look | Take) -> Result:
    return next(bench.begin(task))


def _age(link: Link) -> float:
    return -link.published.at.timestamp() if link.published else 0.0


def _is_ahead(link: Link, now: datetime) -> bool:
    return link.published is not None and link.published.at > now + AHEAD
