"""Which of the links that were found are fetched: decisions alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from ingest.canonical import canonical
from ingest.state import is_wanted
from kb.models import Link
from kb.storage.items import Item, Stage

MOST_LINKS = 1_000
"""Links of one source that a run looks at, the newest: a sitemap may list an archive of decades."""

MOST_SITEMAPS = 50
"""Sitemaps below one index that a run reads."""

DEEPEST = 2
"""Sitemap indexes that may lie in one another."""


def keyed(links: Iterable[Link], since: date | None, most: int | None) -> dict[str, Link]:
    """Links by canonical URL, each once; those surely older than `since` left out; the `most` newest."""
    found: dict[str, Link] = {}
    for link in links:
        if since is None or link.published is None or link.published.day >= since:
            found.setdefault(canonical(link.url), link)
    if most is None or len(found) <= most:
        return found
    # A stable sort: links without a date keep the order of their list, after those with one.
    newest = sorted(found.items(), key=lambda pair: _age(pair[1]))
    return dict(newest[:most])


def _age(link: Link) -> float:
    return -link.published.at.timestamp() if link.published else 0.0


def wanted(
    links: Mapping[str, Link], items: Mapping[str, Item], stored: Iterable[str], now: datetime
) -> dict[str, Link]:
    """The links to fetch: not stored, not refused for now."""
    there = set(stored)
    return {key: link for key, link in links.items() if key not in there and is_wanted(items.get(key), now)}


def unsettled(links: Iterable[str], items: Mapping[str, Item]) -> bool:
    """Whether one of these may still become an article, so that validators must not be saved."""
    return any(items[key].stage is Stage.FAILED for key in links if key in items)


def sitemaps(children: Iterable[str], most: int = MOST_SITEMAPS) -> list[str]:
    """The sitemaps of an index worth reading: those that name the latest day first, others in their order."""
    return sorted(dict.fromkeys(children), key=_named_day, reverse=True)[:most]


def _named_day(url: str) -> tuple[int, ...]:
    """The date in an address (…/sitemap-2026-11.xml), or nothing."""
    found = re.search(r"((?:19|20)\d\d)[-_/]?(\d{2})?[-_/]?(\d{2})?", url.partition("://")[2])
    return tuple(int(part) for part in found.groups(default="0")) if found else ()
