"""A page that was fetched or captured → the article on it, whether it is HTML or a PDF."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from ingest import dates
from ingest.canonical import canonical
from ingest.children import Parser
from ingest.kinds import kind_of
from ingest.pdf import PdfText
from ingest.sources import Source
from kb.models import Article, Link, Page, Precision, Published
from kb.text.language import detect


def article_on(
    page: Page, link: Link, source: Source | None, parser: Parser, *, ignore_optout: bool = False
) -> Article:
    """The article of a page or PDF, with what its source knows of it. Raises CollectError.

    `ignore_optout` takes what its publisher has reserved, whatever the source says: for pages that a person gave us.
    """
    if kind_of(page) == "pdf":
        return _pdf_article(page, link, source, parser)
    known: dict[str, Any] = {"ignore_optout": ignore_optout}
    if source is not None:
        known = {"outlet": source.outlet, "source_id": source.id, "side": source.side or None}
        known |= {"timezone": source.timezone, "ignore_optout": ignore_optout or source.ignore_optout}
    return parser.extract(page, link, **known)


def _pdf_article(page: Page, link: Link, source: Source | None, parser: Parser) -> Article:
    found = parser.pdf(page.content, page.final_url)
    said = stated(found)
    witnesses = [one for one in (link.published, said) if one is not None]
    host = page.final_url.partition("://")[2].partition("/")[0]
    return Article(
        url=canonical(page.final_url),
        title=found.title or link.title or page.final_url.rpartition("/")[2],
        text=found.text,
        language=detect(found.text),
        source=source.outlet if source else host.removeprefix("www."),
        fetched=page.fetched,
        published=dates.choose((dates.Said(one, one.day) for one in witnesses), page.fetched).published,
        authors=found.authors,
        source_id=source.id if source else None,
        side=source.side or None if source else None,
    )


def stated(found: PdfText) -> Published | None:
    """When a PDF says that it was made; without a zone only the day of that is known."""
    if found.created is None:
        return None
    exact = found.created.tzinfo is not None
    at = found.created if exact else found.created.replace(tzinfo=UTC)
    return Published(at.astimezone(UTC), Precision.TIME if exact else Precision.DAY, "file")
