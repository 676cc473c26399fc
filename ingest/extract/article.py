"""A page into the article on it, or into the reason why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lxml.etree import _Element

from ingest import dates, refusals
from ingest.canonical import canonical, trusted_canonical
from ingest.cleaning import one_line
from ingest.decode import decode
from ingest.extract.body import body_of, drop_hidden, parse
from ingest.extract.claims import PUBLISHED_METAS, Claims, itemprops, read
from ingest.extract.names import authors_of, title_of
from ingest.extract.trimming import trimmed
from kb.errors import CollectError
from kb.models import Article, Link, Page
from kb.text.language import detect

REFERENCES = 30
"""Addresses of primary sources kept with an article."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What was read off a page, before it is judged and before its address is known."""

    title: str
    text: str
    found: str
    language: str
    authors: tuple[str, ...]
    dated: dates.Dated
    claims: Claims
    tree: _Element


def extract(
    page: Page,
    link: Link | None = None,
    *,
    outlet: str | None = None,
    source_id: str | None = None,
    side: str | None = None,
    timezone: str | None = None,
    ignore_optout: bool = False,
) -> Article:
    """The article on `page`. `link` is what a feed or sitemap said of it, `outlet` the name its source goes by.

    `timezone` is the source's (IANA); `ignore_optout` takes pages that ask not to be kept.

    Raises CollectError with the reason why the page is no article (see `ingest.refusals`).
    """
    parts = read_parts(page, link, timezone)
    refusals.judge(
        page,
        parts.tree,
        parts.claims,
        parts.title,
        parts.text,
        parts.found,
        parts.language,
        ignore_optout=ignore_optout,
    )
    declared = _declared_address(parts.tree, page.final_url)
    return Article(
        url=(declared and trusted_canonical(page.final_url, declared)) or canonical(page.final_url),
        title=parts.title,
        text=parts.text,
        language=parts.language,
        source=outlet or _outlet(parts.claims, page.final_url),
        fetched=page.fetched,
        published=parts.dated.published,
        authors=parts.authors,
        source_id=source_id or (link.source_id if link else None),
        side=side,
        references=_references(parts.tree, page.final_url),
    )


def warm() -> None:
    """Loads the libraries and the language model, which the first page would otherwise wait for."""
    import trafilatura  # noqa: F401
    from htmldate import find_date

    # Words that are no date make dateparser load all its languages: seconds, but once.
    find_date("<html><body><time>heute am späten Abend</time><p class='date'>昨天晚间</p></body></html>")
    detect("A sentence that is long enough to need the model, and is of no interest otherwise.")


def read_parts(page: Page, link: Link | None = None, timezone: str | None = None) -> Parts:
    """Everything that can be read off a page. Raises CollectError for bytes that are no readable HTML."""
    refusals.judge_bytes(page)
    decoded = decode(page.content, page.charset, page.media_type)
    if decoded.unreadable:
        raise CollectError("bad_encoding", f"{page.final_url}: {decoded.damage:.0%} of the characters cannot be read")
    tree = parse(decoded.text)
    if tree is None:
        raise CollectError("no_text", f"{page.final_url}: the page is empty")
    claims = read(tree)
    dated = dates.choose(_witnesses(tree, claims, page, link, timezone), page.fetched)
    drop_hidden(tree)
    found = body_of(tree, page.final_url, claims.body)
    language = _language(claims, found)
    title = title_of(tree, claims, page.final_url, link.title if link else None)
    authors = authors_of(tree, claims, page.final_url, found, language)
    text = trimmed(found, title, authors, tree, claims.body and f"{claims.lead}\n{claims.body}")
    return Parts(title, text, found, language, authors, dated, claims, tree)


def _language(claims: Claims, text: str) -> str:
    """The language of the text itself; what the page declares only if that cannot be told."""
    found = detect(text)
    declared = claims.language.lower().replace("_", "-").split("-")[0]
    return declared if found == "und" and re.fullmatch("[a-z]{2,3}", declared) else found


def _witnesses(
    tree: _Element, claims: Claims, page: Page, link: Link | None, timezone: str | None
) -> Iterator[dates.Said]:
    chinese = claims.language.lower().startswith("zh") or (urlsplit(page.final_url).hostname or "").endswith(
        (".cn", ".hk", ".tw")
    )

    def say(value: str, witness: str) -> Iterator[dates.Said]:
        if value and (said := dates.said(value, witness, timezone, chinese=chinese)):
            yield said

    if link is not None and link.published is not None:
        yield dates.Said(link.published, link.published.day)
    structured = [
        *say(claims.published, "json-ld"),
        *(one for value in itemprops(tree, "datePublished")[:1] for one in say(value, "json-ld")),
        *say(claims.meta(*PUBLISHED_METAS), "meta"),
    ]
    yield from structured
    for value in _time_tags(tree)[:1]:
        yield from say(value, "time-tag")
    if in_url := dates.from_url(page.final_url):
        yield in_url
    lines = [one for line in _datelines(tree) for one in say(line, "text")]
    # The search takes a tenth of a second, and seconds for words it does not know, Chinese ones above all: only where
    # the page does not say it by itself.
    known = structured or (lines and re.search(r"[\u4e00-\u9fff]{4}", tree.findtext(".//title") or ""))
    if not known and (found := _searched(tree, page)):
        yield from say(found, "text")
    yield from lines


def _time_tags(tree: _Element) -> list[str]:
    """What the time elements outside of teasers and comments say, those marked as publication first."""
    found: list[tuple[bool, str]] = []
    for element in tree.iter("time"):
        value = element.get("datetime") or " ".join(element.itertext())
        around = " ".join(
            f"{node.tag} {node.get('class') or ''} {node.get('id') or ''}"
            for node in (element, *element.iterancestors())
            if node.tag not in ("html", "body")
        )
        if value.strip() and not _ASIDE.search(around):
            marked = (
                "publish" in (element.get("itemprop") or element.get("class") or "").lower()
                or element.get("pubdate") is not None
            )
            found.append((not marked, value))
    return [value for _, value in sorted(found, key=lambda one: one[0])]


_ASIDE = re.compile(
    r"\b(?:aside|footer|nav)\b|comment|related|teaser|sidebar|widget|recommend|popular|latest|trending|more-|carousel",
    re.I,
)


def _datelines(tree: _Element) -> list[str]:
    """Short texts with a year whose element is called time, date or the like, those behind the headline first."""
    before: list[str] = []
    behind: list[str] = []
    place = before
    for element in tree.iter("h1", "span", "div", "p", "em", "i", "li", "td", "small"):
        if element.tag == "h1":
            place = behind
        elif _DATELINE.search(f"{element.get('class') or ''} {element.get('id') or ''}"):
            text = " ".join(" ".join(element.itertext()).split())
            if 6 < len(text) < 120 and re.search(r"(?:19|20)\d\d", text):
                place.append(text)
    return [*behind, *before][:3]


_DATELINE = re.compile(
    r"(?:^|[-_\s])(?:pub|publish|post|article|news|art)?[-_]?(?:time|date|info|datum|meta|source|ly)(?:[-_\s]|$)", re.I
)


def _searched(tree: _Element, page: Page) -> str | None:
    """The day that trafilatura's date finder reads in markup and text."""
    from htmldate import find_date

    try:
        found = find_date(
            tree,
            extensive_search=True,
            original_date=True,
            url=page.final_url,
            max_date=page.fetched.strftime("%Y-%m-%d"),
        )
    except (ValueError, TypeError, RecursionError):
        return None
    return str(found) if found else None


def _outlet(claims: Claims, url: str) -> str:
    """The name of the outlet: as the page gives it, else its host."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    return next((name for name in claims.site_names if not name.startswith("http")), host) or "unknown"


def _declared_address(tree: _Element, base: str) -> str | None:
    for element in tree.iter("link"):
        if (element.get("rel") or "").lower() == "canonical" and element.get("href"):
            try:
                return urljoin(base, str(element.get("href")).strip())
            except ValueError:
                return None
    return None


def _references(tree: _Element, base: str) -> tuple[str, ...]:
    """Links of the text to official documents: primary sources that a reader can check."""
    found: dict[str, None] = {}
    for element in tree.iter("a"):
        href = (element.get("href") or "").strip()
        try:
            host = urlsplit(href).hostname or ""
        except ValueError:
            continue
        if host and _is_primary(host) and host != urlsplit(base).hostname:
            found[one_line(href, 2000)] = None
    return tuple(found)[:REFERENCES]


def _is_primary(host: str) -> bool:
    """Whether a host is a government's, a court's, an international body's, or a place for papers and filings."""
    return host.endswith(
        (".gov", ".gov.cn", ".gov.uk", ".europa.eu", ".bund.de", ".int", ".mil", "arxiv.org", "doi.org")
    ) or host in (
        "www.bis.org",
        "www.un.org",
        "www.wto.org",
    )
