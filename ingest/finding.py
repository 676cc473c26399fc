"""What lies at an address that a person wants to add as a source: a feed, a sitemap, or a page that names its feeds."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.kinds import FEED_KINDS, kind_of
from ingest.sources import Kind
from ingest.web import NotModified
from ingest.work import Bench, purpose_of
from kb.errors import CollectError


@dataclass(frozen=True, slots=True)
class Found:
    """Where to collect from. `named` are all feeds of a page that was looked at, the best first."""

    url: str
    kind: Kind
    named: tuple[str, ...] = ()


def found_at(url: str, bench: Bench) -> Found:
    """Look at an address once. Raises CollectError for what cannot be reached or collected from."""
    page = bench.fetch(url, purpose_of(url, None))
    assert not isinstance(page, NotModified), "nothing was asked conditionally"
    kind = kind_of(page)
    if kind in FEED_KINDS:
        return Found(page.final_url, Kind.FEED)
    if kind == "sitemap":
        return Found(page.final_url, Kind.SITEMAP)
    if kind != "html":
        raise CollectError("not_a_feed", f"{url} is {kind}; a source is a feed, a sitemap or a page with links")
    # The feed of comments is named beside that of articles on many sites, and after it on nearly all.
    feeds = tuple(sorted(bench.feeds_on(page), key=lambda feed: "comment" in feed.lower()))
    return Found(feeds[0], Kind.FEED, feeds) if feeds else Found(page.final_url, Kind.PAGE)
