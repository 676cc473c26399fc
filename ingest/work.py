"""What workers do with a task: fetch or read, keep a snapshot, have it parsed in a child. Nothing is stored here.

    Look → Looked          a feed, sitemap or listing page, and the links on it
    Take → Taken | Same    a page, and the article on it
    Read → Taken …, Ended  a file, and the articles in it
    Redo → Taken           a snapshot, read once more

What fails becomes `Refused`; only what makes the whole run impossible (a full disk) is raised.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from ingest.archives import Unread
from ingest.canonical import canonical
from ingest.children import Parser
from ingest.discover import Discovery
from ingest.documents import read_file
from ingest.kinds import FEED_KINDS, kind_of
from ingest.pages import article_on
from ingest.policy import FetchPolicy, Purpose
from ingest.politeness import HostStates
from ingest.sources import Kind, Source
from ingest.state import CatalogHosts, parser_revision
from ingest.warc import Passed, captured, is_web_archive
from ingest.web import NotModified, Validators, Web
from kb.errors import CollectError
from kb.knowledge import KnowledgeBase
from kb.models import Article, Link, Page
from kb.storage import faults
from kb.storage.backup import SNAPSHOTS
from kb.storage.ledger import Ledger
from kb.storage.snapshots import Snapshots

PARSERS = 2
"""Children that parse. Embedding is what takes time; two keep ahead of it."""

LISTS = (*FEED_KINDS, "sitemap")

NO_ARTICLE = frozenset({"index_page", "no_text", "too_short", "soft_404"})
"""Refusals after which a page that a person named may still be a page with links."""

_FEED_ADDRESS = re.compile(r"(?:^|[/._?=-])(?:feeds?|rss|atom|rdf)(?:$|[/._?&=-])", re.IGNORECASE)
_SITEMAP_ADDRESS = re.compile(r"sitemap", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Look:
    """Read a feed, sitemap or page with links. `depth` counts the sitemaps that led here."""

    job: int
    url: str
    source: Source | None = None
    validators: Validators | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Take:
    """Fetch a page and read the article on it. `named`: a person asked for this address, it may be a list too."""

    key: str
    link: Link
    source: Source | None = None
    validators: Validators | None = None
    named: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """Read a file. `size` counts the articles it is expected to hold."""

    key: str
    path: Path
    mark: str
    source: Source | None = None
    size: int = 1


@dataclass(frozen=True, slots=True)
class Redo:
    """Read a refused page again from its snapshot."""

    key: str
    link: Link
    snapshot: str
    source: Source | None = None


Task = Look | Take | Read | Redo


@dataclass(frozen=True, slots=True)
class Looked:
    """The links of a list; without a discovery the server says that nothing changed."""

    task: Look | Take
    discovery: Discovery | None
    page: Page | None


@dataclass(frozen=True, slots=True)
class Taken:
    """An article. `captured` is the address in a web archive that it was read from, at a time that may be long past."""

    task: Take | Read | Redo
    article: Article
    validators: Validators | None = None
    captured: str | None = None


@dataclass(frozen=True, slots=True)
class Same:
    """A page that has not changed since it was stored."""

    task: Take


@dataclass(frozen=True, slots=True)
class Refused:
    """No article, and why. `at` names the line of a file, where that says more than the task."""

    task: Task
    error: CollectError
    snapshot: str | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A file was read to its end, and gave `found` articles and refusals; `whole` if none of these was a refusal.
    `article_id` is that of a file with one article; `passed` counts what was passed over in it, by kind."""

    task: Read
    found: int
    whole: bool
    article_id: str | None
    passed: Mapping[str, int] = field(default_factory=dict)


Result = Looked | Taken | Same | Refused | Ended


class Bench:
    """The parts that workers share: web clients, the parser's children, snapshots. Safe from any thread.

    One bench may serve several runs, one after another: rules of sites stay read, and children stay started. Without
    `snapshots` no page is kept. `parser` is closed with the bench only if it is its own.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        hosts: HostStates,
        snapshots: Snapshots | None = None,
        parser: Parser | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.policy = policy
        self.hosts = hosts
        self._snapshots = snapshots
        self._ledger = ledger
        self._web = Web(policy, hosts=self.hosts)
        # What a user takes knowingly, against the site's wish, is fetched by a client of its own.
        self._bold = Web(replace(policy, respect_optout=False), hosts=self.hosts)
        self._parser = parser or Parser(PARSERS)
        self._own = parser is None

    @classmethod
    def of(cls, kb: KnowledgeBase, policy: FetchPolicy, parser: Parser | None = None) -> Self:
        """A bench whose hosts and snapshots are those of a knowledge base."""
        ledger = Ledger(kb.catalog)
        return cls(policy, CatalogHosts(ledger), Snapshots(kb.settings.home / SNAPSHOTS), parser, ledger)

    def save_hosts(self) -> None:
        """Keep what is known of hosts now."""
        if isinstance(self.hosts, CatalogHosts):
            self.hosts.flush()

    def warm(self) -> None:
        """Let the parser's children load what they need while the first pages are fetched."""
        self._parser.warm()

    def close(self) -> None:
        """Close what it opened; to be called when no task is under way."""
        self._web.close()
        self._bold.close()
        if self._own:
            self._parser.close()

    def begin(self, task: Task) -> Iterator[Result]:
        """Do what occupies the task's host. What is left to do is done as the results are taken, by any thread."""
        if isinstance(task, Read):
            return self._read(task)
        if isinstance(task, Redo):
            return self._redo(task)
        try:
            page = self._fetch(task)
        except CollectError as error:
            return iter([Refused(task, error)])
        return self._parsed(task, page)

    def fetch(self, url: str, purpose: Purpose) -> Page | NotModified:
        """One page, for itself. Raises CollectError."""
        return self._web.fetch(url, purpose=purpose)

    def feeds_on(self, page: Page) -> tuple[str, ...]:
        """The feeds that an HTML page names. Raises CollectError."""
        return self._parser.feeds_on(page)

    def _fetch(self, task: Look | Take) -> Page | NotModified:
        web = self._bold if task.source is not None and task.source.ignore_optout else self._web
        if isinstance(task, Take):
            url, purpose = task.link.url, purpose_of(task.link.url, None) if task.named else Purpose.PAGE
        else:
            url, purpose = task.url, purpose_of(task.url, task.source) if task.depth == 0 else Purpose.SITEMAP
        page = web.fetch(url, validators=task.validators, purpose=purpose)
        faults.point("ingest.fetched")
        return page

    def _parsed(self, task: Look | Take, page: Page | NotModified) -> Iterator[Result]:
        kept: list[str] = []
        try:
            yield self._look(task, page, kept) if isinstance(task, Look) else self._take(task, page, kept)
        except CollectError as error:
            yield Refused(task, error, kept[-1] if kept else None)

    def _keep(self, page: Page, kept: list[str]) -> str | None:
        if self._snapshots is None:
            return None
        kept.append(self._snapshots.put(page))
        faults.point("ingest.snapshot")
        return kept[-1]

    def _look(self, task: Look, page: Page | NotModified, kept: list[str]) -> Looked:
        if isinstance(page, NotModified):
            return Looked(task, None, None)
        try:
            found = discover_on(page, task.source, self._parser, sitemap=task.depth > 0)
        except CollectError:
            self._keep(page, kept)
            raise
        return Looked(task, found, replace(page, content=b""))

    def _take(self, task: Take, page: Page | NotModified, kept: list[str]) -> Result:
        if isinstance(page, NotModified):
            return Same(task)
        if task.named and kind_of(page) in (*LISTS, "text"):
            return Looked(task, discover_on(page, None, self._parser), replace(page, content=b""))
        snapshot = self._keep(page, kept)
        try:
            article = article_on(page, task.link, task.source, self._parser)
        except CollectError as error:
            if not task.named or error.reason not in NO_ARTICLE:
                raise
            try:
                return Looked(task, self._parser.discover(page), replace(page, content=b""))
            except CollectError:
                raise error from None
        return Taken(task, replace(article, snapshot=snapshot), Validators.of(page))

    def _read(self, task: Read) -> Iterator[Result]:
        passed: Counter[str] = Counter()
        articles, refusals, first = 0, 0, ""
        results = self._captured(task, passed) if is_web_archive(task.path) else self._documents(task)
        for result in results:
            if isinstance(result, Taken):
                articles, first = articles + 1, first or result.article.id
            else:
                refusals += 1
            yield result
        yield Ended(task, articles + refusals, refusals == 0, first if articles == 1 else None, passed)

    def _documents(self, task: Read) -> Iterator[Taken | Refused]:
        source = task.source
        for found in read_file(task.path, self._parser, datetime.now(UTC)):
            if isinstance(found, Unread):
                yield Refused(task, CollectError(found.reason, found.message), at=found.target)
            elif source is not None:
                yield Taken(task, replace(found, source_id=source.id, side=found.side or source.side or None))
            else:
                yield Taken(task, found)

    def _captured(self, task: Read, passed: Counter[str]) -> Iterator[Taken | Refused]:
        """The pages of a web archive, kept and read as if they were fetched when they were captured."""
        for found in captured(task.path):
            if isinstance(found, Passed):
                passed[found.kind] += 1
            elif isinstance(found, Unread):
                yield Refused(task, CollectError(found.reason, found.message), at=found.target)
            else:
                kept: list[str] = []
                snapshot = self._keep(found, kept)
                if self._is_read(found, snapshot):
                    passed["read before"] += 1
                    continue
                try:
                    # Who has an archive of pages is not bound by what their publishers ask of robots.
                    article = article_on(found, Link(found.url), task.source, self._parser, ignore_optout=True)
                except CollectError as error:
                    yield Refused(task, error, snapshot, at=found.url)
                else:
                    yield Taken(task, replace(article, snapshot=snapshot), captured=found.url)

    def _is_read(self, page: Page, snapshot: str | None) -> bool:
        """Whether exactly this page was read by what reads pages now: an import that was stopped goes on behind it."""
        key = canonical(page.url)
        known = self._ledger.items([key]).get(key) if self._ledger is not None else None
        return known is not None and known.snapshot == snapshot and known.parser == parser_revision()

    def _redo(self, task: Redo) -> Iterator[Result]:
        assert self._snapshots is not None
        page = self._snapshots.get(task.snapshot)
        try:
            article = article_on(page, task.link, task.source, self._parser)
        except CollectError as error:
            yield Refused(task, error, task.snapshot)
        else:
            yield Taken(task, replace(article, snapshot=task.snapshot))


def purpose_of(url: str, source: Source | None) -> Purpose:
    """What an address is fetched for: the source says it, else its wording does."""
    if source is not None:
        return {Kind.FEED: Purpose.FEED, Kind.SITEMAP: Purpose.SITEMAP}.get(source.kind, Purpose.PAGE)
    if _SITEMAP_ADDRESS.search(url):
        return Purpose.SITEMAP
    return Purpose.FEED if _FEED_ADDRESS.search(url.partition("://")[2].partition("/")[2]) else Purpose.PAGE


def discover_on(page: Page, source: Source | None, parser: Parser, *, sitemap: bool = False) -> Discovery:
    """The links of a page that should be a list. Raises CollectError (not_a_feed) for what is another thing."""
    kind = kind_of(page)
    if source is not None:
        wanted = "sitemap" if sitemap or source.kind is Kind.SITEMAP else str(source.kind)
        right = {"feed": FEED_KINDS, "sitemap": ("sitemap", "text")}.get(wanted)
        if right is not None and kind not in right:
            message = f"{page.final_url} should be a {wanted} and is {kind}; see: lagebild sources check {source.id}"
            raise CollectError("not_a_feed", message)
    return parser.discover(page, source.id if source else None, source.timezone if source else None)
