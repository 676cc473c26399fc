"""feedparser's own test cases: each gives its items or a reason, quickly, and what feedparser reads is kept.

    LAGEBILD_BENCH=FOLDER python -m tests.bench.feeds

`FOLDER/feeds/feedparser_cases.zip` holds them. Each is read in a child, as in a run, with the headers that the case
names. Where feedparser itself finds a first entry with a link, ours is held against it: link, title, date.
"""

from __future__ import annotations

import argparse
import html
import os
import re
import sys
import time
import zipfile
from calendar import timegm
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import feedparser

from ingest.children import Parser
from ingest.discover import Discovery
from kb.errors import CollectError
from kb.models import Page

SLOW = 10.0
"""Seconds that no case may take."""

REASONS = ("not_a_feed", "no_links", "hostile")
ADDRESS = "http://127.0.0.1:8097/feed.xml"
HEADER = re.compile(rb"^\s*Header:\s*Content-type:\s*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """A feed file, and the page that a server makes of it."""

    name: str
    page: Page


@dataclass(frozen=True, slots=True)
class Read:
    """What became of a case: a discovery, or a reason; an exception by its name is a failure."""

    case: Case
    found: Discovery | None
    reason: str
    seconds: float


def cases(folder: Path) -> Iterator[Case]:
    with zipfile.ZipFile(folder / "feeds" / "feedparser_cases.zip") as archive:
        for name in archive.namelist():
            content = archive.read(name)
            header = HEADER.search(content[:2_000])
            said = header[1].decode("latin-1").strip() if header else "application/xml"
            charset = re.search(r"charset=([\w-]+)", said)
            media_type = said.partition(";")[0].strip()
            page = Page(ADDRESS, ADDRESS, content, media_type, charset and charset[1], datetime.now(UTC))
            yield Case(name, page)


def read(case: Case, discover: Callable[[Page], Discovery]) -> Read:
    began, found, reason = time.monotonic(), None, ""
    try:
        found = discover(case.page)
    except CollectError as error:
        reason = error.reason
    except Exception as error:  # noqa: BLE001  that none comes through is what is measured
        reason = f"raised {type(error).__name__}: {error}"
    return Read(case, found, reason, time.monotonic() - began)


def plain(text: str) -> str:
    """A title without markup, entities and doubled blanks."""
    once = html.unescape(re.sub(r"<[^>]*>", "", html.unescape(text)))
    return " ".join(once.split())


def compared(one: Read) -> dict[str, bool]:
    """Whether ours has what feedparser reads of a first entry with a web address: link, title, date, letters."""
    page = one.case.page
    charset = f"; charset={page.charset}" if page.charset else ""
    headers = {"content-location": ADDRESS, "content-type": f"{page.media_type}{charset}"}
    try:
        theirs = feedparser.parse(page.content, response_headers=headers)
    except Exception:  # noqa: BLE001  where it raises there is nothing to compare with
        return {}
    entry = next(iter(theirs.entries), None)
    link = str(entry.get("link", "")) if entry is not None else ""
    if entry is None or not re.match(r"https?://[^/]", link, re.IGNORECASE):
        return {}
    ours = one.found.links[0] if one.found is not None and one.found.links else None
    seen = {"link": ours is not None and ours.url.rstrip("/") == link.partition("#")[0].strip().rstrip("/")}
    if title := plain(str(entry.get("title", ""))):
        seen["title"] = ours is not None and plain(ours.title or "") == title
        if not title.isascii():
            letters = Counter(letter for letter in title if not letter.isascii())
            seen["letters beyond ASCII"] = ours is not None and not letters - Counter(ours.title or "")
    if parsed := next((value for key in ("published", "updated") if (value := entry.get(f"{key}_parsed"))), None):
        right = ours is not None and ours.published is not None
        seen["date"] = right and abs(ours.published.at.timestamp() - timegm(parsed)) < 86_400  # type: ignore[union-attr]
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only each so many-th case")
    given = parser.parse_args()
    folder = os.environ.get("LAGEBILD_BENCH")
    if not folder:
        sys.exit("LAGEBILD_BENCH names no folder with the public sets")
    chosen = list(cases(Path(folder)))[:: given.every]
    with Parser(2) as children, ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: read(chosen[0], children.discover), range(2)))
        results = list(pool.map(lambda case: read(case, children.discover), chosen))
    reasons = Counter(result.reason for result in results if result.reason)
    bad = [result for result in results if result.reason and result.reason not in REASONS]
    slowest = max(result.seconds for result in results)
    right: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for result in results:
        seen = compared(result)
        for key, value in seen.items():
            of[key] += 1
            right[key] += value
            if not value:
                print(f"    {result.case.name}: {key} differs ({result.reason or 'read'})")
    for result in bad:
        print(f"    {result.case.name}: {result.reason}")
    items = sum(result.found is not None for result in results)
    told = ", ".join(f"{key} {right[key]}/{of[key]} ({right[key] / of[key]:.1%})" for key in sorted(of))
    print(
        f"feeds: {len(results)} cases, {items} read, {sum(reasons.values())} refused ({dict(reasons)}), "
        f"{len(bad)} without a clear reason, the slowest {slowest:.1f} s; as feedparser reads them: {told}"
    )
    sys.exit(bool(bad) or slowest > SLOW)


if __name__ == "__main__":
    main()
