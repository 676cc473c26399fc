"""Feeds, sitemaps and listing pages: bytes → the links that are worth fetching.

Nothing here touches the network. XML is read without entities, by lxml for sitemaps and feedparser for feeds; both can
be made to burn time or memory, so a run calls this through `ingest.children`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml.etree import _Element

from ingest import dates
from ingest.canonical import same_site
from ingest.cleaning import clean, one_line
from ingest.decode import decode
from ingest.extract.body import parse
from ingest.kinds import kind_of, unpacked
from kb.errors import CollectError
from kb.models import Link, Page

MOST_LINKS = 50_000
"""Links read of one file: the limit of the sitemap protocol."""
MOST_ENTRIES = 20_000
"""Entries read of one feed; real ones have up to a few hundred. So many take 6 s, of the 10 s a page may take."""
LARGEST = 50_000_000
"""Bytes of an unpacked sitemap: the limit of the protocol."""
LONGEST_URL = 2_048
MOST_LISTED = 300
"""Links read off one listing page."""

_ENTITY = re.compile(rb"<!ENTITY", re.I)
_NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a feed, sitemap or listing page leads to.

    `kind` is feed, sitemap, sitemap-index, news-sitemap or listing; `children` are further sitemaps; `ttl` are the
    seconds for which a feed asks to be left alone.
    """

    kind: str
    title: str
    links: tuple[Link, ...]
    children: tuple[str, ...] = ()
    ttl: int | None = None
    language: str | None = None


def discover(page: Page, source_id: str | None = None, timezone: str | None = None) -> Discovery:
    """The links on `page`, in its order, each once, with what is said of them.

    `timezone` is the source's: feed times without a zone are read in it, and are left out if it is not known.
    Raises CollectError with not_a_feed, hostile, too_large or no_links.
    """
    kind = kind_of(page)
    if kind == "sitemap":
        return _sitemap(page, source_id, timezone)
    if kind == "feed":
        return _feed(page, source_id, timezone)
    if kind == "json-feed":
        return _json_feed(page, source_id, timezone)
    if kind == "html":
        return _listing(page, source_id)
    if kind == "text" and (found := _address_list(page, source_id)):
        return found
    raise CollectError("not_a_feed", f"{page.final_url}: this is {kind}, not a feed, sitemap or page with links")


def feeds_on(page: Page) -> tuple[str, ...]:
    """The feeds that an HTML page names in its head, for `sources add`."""
    tree = parse(decode(page.content, page.charset, page.media_type).text)
    found: dict[str, None] = {}
    for element in tree.iter("link") if tree is not None else ():
        kind = (element.get("type") or "").lower()
        named = "alternate" in (element.get("rel") or "").lower() and re.search(r"rss|atom|feed\+json", kind)
        if named and (address := _address(element.get("href"), page.final_url)):
            found[address] = None
    return tuple(found)


def _address(href: Any, base: str) -> str | None:
    """The absolute http(s) address of a link, or None for javascript:, mailto:, data: and what cannot be read."""
    if not isinstance(href, str) or not href.strip():
        return None
    try:
        url = urljoin(base, "".join(href.split()) if "\n" in href or "\t" in href else href.strip())
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host or len(url) > LONGEST_URL:
        return None
    return url.partition("#")[0] if not parts.fragment.startswith(("!", "/")) else url


def _safe_xml(page: Page) -> bytes:
    """The XML of a page, unpacked. Raises CollectError for documents that define entities: those are attacks."""
    content = page.content
    if content.startswith(b"\x1f\x8b"):
        content = unpacked(content, LARGEST + 1)
        if len(content) > LARGEST:
            raise CollectError("too_large", f"{page.final_url}: more than {LARGEST // 1_000_000} MB when unpacked")
    declaration = content[:65_536]
    if declaration[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in declaration[:64]:
        declaration = decode(declaration, None, "application/xml").text.encode("utf-8", "replace")
    if _ENTITY.search(declaration) or _ENTITY.search(content):
        raise CollectError(
            "hostile", f"{page.final_url}: the XML defines entities; feeds and sitemaps have no use for them"
        )
    return content


def _sitemap(page: Page, source_id: str | None, timezone: str | None) -> Discovery:
    content = _safe_xml(page)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise CollectError("not_a_feed", f"{page.final_url}: the sitemap cannot be read ({error})") from None
    if root is None:
        raise CollectError("not_a_feed", f"{page.final_url}: the sitemap cannot be read")
    links: dict[str, Link] = {}
    children: dict[str, None] = {}
    news, strange, own = False, 0, urlsplit(page.final_url)
    for entry in list(root)[:MOST_LINKS]:
        name = _local(entry)
        address = _address(_child(entry, "loc"), page.final_url)
        if address is None:
            continue
        # A sitemap speaks for its own site (sitemaps.org, "location"); else it could send us anywhere.
        if not same_site(own, urlsplit(address)):
            strange += 1
            continue
        if name == "sitemap":
            children[address] = None
        elif name == "url" and address not in links:
            described = next(
                (child for child in entry if isinstance(child.tag, str) and child.tag == f"{_NEWS}news"), None
            )
            news = news or described is not None
            when = _child(described, "publication_date") if described is not None else _child(entry, "lastmod")
            title = _child(described, "title") if described is not None else None
            published = dates.parse(when, "sitemap", timezone) if when else None
            # The news schema states when it was published; lastmod only when the page changed.
            if published is not None and described is not None:
                published = dates.with_witness(published, "feed")
            links[address] = Link(address, source_id, one_line(title) if title else None, published)
    kind = "sitemap-index" if children and not links else "news-sitemap" if news else "sitemap"
    if not links and not children:
        others = f" of its own site, and {strange} of others" if strange else ""
        raise CollectError("no_links", f"{page.final_url}: the sitemap names no pages{others}")
    return Discovery(kind, "", tuple(links.values()), tuple(children))


def _local(element: _Element) -> str:
    # Not etree.QName: it raises for a name that the parser, recovering, has let pass.
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def _child(element: _Element, name: str) -> str:
    for child in element:
        if _local(child) == name:
            return "".join(child.itertext()).strip()
    return ""


def _feed(page: Page, source_id: str | None, timezone: str | None) -> Discovery:
    import feedparser

    content = _safe_xml(page)
    if content[:1] in (b"\x00", b"<") and b"\x00" in content[:8]:
        # UTF-16 and UTF-32 without a mark, which feedparser would need the header for.
        content = re.sub(r"^\s*<\?xml[^>]*\?>", "", decode(content, None, "").text).encode("utf-8")
    charset = f"; charset={page.charset}" if page.charset else ""
    headers = {"content-location": page.final_url, "content-type": f"{page.media_type or 'application/xml'}{charset}"}
    try:
        parsed = feedparser.parse(
            _readable(content, page), response_headers=headers, resolve_relative_uris=True, sanitize_html=True
        )
    except Exception as error:  # noqa: BLE001  feedparser lets errors of its parts through: see its issues 444 and 562
        raise CollectError(
            "not_a_feed", f"{page.final_url}: the feed cannot be read ({type(error).__name__}: {error})"
        ) from None
    if not parsed.get("version") and not parsed.entries:
        raise CollectError("not_a_feed", f"{page.final_url}: this is no RSS or Atom feed")
    feed = parsed.feed
    language = str(feed.get("language") or "").lower().split("-")[0] or None
    host = urlsplit(page.final_url).hostname or ""
    chinese = language == "zh" or host.endswith((".cn", ".tw", ".hk"))
    links: dict[str, Link] = {}
    stories: set[tuple[str, str]] = set()
    for entry in parsed.entries[:MOST_ENTRIES]:
        link = _entry(entry, page, source_id, timezone, chinese)
        if link is None:
            continue
        # One story under two addresses has one id; but some feeds give one id to all their items.
        story = (str(entry.get("id") or link.url), link.title or link.url)
        if story not in stories:
            stories.add(story)
            links.setdefault(link.url, link)
    title = one_line(str(feed.get("title") or ""))
    return Discovery("feed", title, _named_apart(links.values()), (), _ttl(feed), language)


OWN_ENCODINGS = frozenset({b"gb2312", b"gbk", b"gb18030", b"big5", b"utf-16", b"utf-16le", b"utf-16be", b"utf-32"})
"""A declaration that can be read byte by byte is in none of the wide ones, whatever it says."""


def _readable(content: bytes, page: Page) -> bytes:
    """The feed with an encoding read by us that is Chinese, damage and all, or cannot be what is declared; others are
    feedparser's own business."""
    declared = re.search(rb"""<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9_-]+)""", content[:200])
    if declared is None or declared[1].lower() not in OWN_ENCODINGS:
        return content
    decoded = decode(content, None, "application/xml")
    return re.sub(r"""(<\?xml[^>]*encoding\s*=\s*["'])[A-Za-z0-9_-]+""", r"\1utf-8", decoded.text, count=1).encode(
        "utf-8"
    )


def _entry(entry: Any, page: Page, source_id: str | None, timezone: str | None, chinese: bool) -> Link | None:
    addresses = [
        entry.get("link"),
        *(one.get("href") for one in entry.get("links", ()) if one.get("rel") == "alternate"),
    ]
    # A guid is an address only where it says nothing to the contrary, and an enclosure is never the article.
    if entry.get("guidislink", True):
        addresses.append(entry.get("id") if str(entry.get("id", "")).startswith("http") else None)
    url = next((address for one in addresses if (address := _address(one, page.final_url))), None)
    if url is None:
        return None
    published = None
    for key in ("published", "updated", "created"):
        value = entry.get(key)
        if isinstance(value, str) and (said := dates.parse(value, "feed", timezone, chinese=chinese)):
            published = said
            break
    title = one_line(str(entry.get("title") or "")) or None
    summary = one_line(str(entry.get("summary") or ""), 2_000) or None
    return Link(url, source_id, title, published, summary, _guid(entry.get("id")))


def _guid(value: Any) -> str | None:
    """The name of a story, if it is one of a length that a feed needs."""
    guid = str(value).strip() if isinstance(value, str | int) else ""
    return guid if 0 < len(guid) <= LONGEST_URL else None


def _named_apart(links: Iterable[Link]) -> tuple[Link, ...]:
    """The links; a name that several of them share names none of them."""
    found = tuple(links)
    counts = Counter(link.guid for link in found)
    return tuple(link if counts[link.guid] == 1 else replace(link, guid=None) for link in found)


def _ttl(feed: Any) -> int | None:
    """Seconds between two visits that the feed asks for: RSS ttl in minutes, or the syndication module."""
    if str(feed.get("ttl", "")).strip().isdigit():
        return min(int(feed["ttl"]), 7 * 24 * 60) * 60
    periods = {"hourly": 3_600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
    period = periods.get(str(feed.get("sy_updateperiod", "")).strip().lower())
    often = str(feed.get("sy_updatefrequency", "1")).strip()
    return period // max(1, int(often)) if period and often.isdigit() else period


def _json_feed(page: Page, source_id: str | None, timezone: str | None) -> Discovery:
    try:
        feed = json.loads(decode(page.content, page.charset, page.media_type).text)
    except (ValueError, RecursionError) as error:
        raise CollectError("not_a_feed", f"{page.final_url}: the JSON feed cannot be read ({error})") from None
    links: dict[str, Link] = {}
    items = feed.get("items") if isinstance(feed, dict) else None
    for item in items[:MOST_ENTRIES] if isinstance(items, list) else ():
        url = (
            _address(item.get("url") or item.get("external_url") or item.get("id"), page.final_url)
            if isinstance(item, dict)
            else None
        )
        if url is not None:
            when = item.get("date_published") or item.get("date_modified")
            published = dates.parse(when, "feed", timezone) if isinstance(when, str) else None
            title = one_line(str(item.get("title") or "")) or None
            links.setdefault(url, Link(url, source_id, title, published, guid=_guid(item.get("id"))))
    title = one_line(str(feed.get("title") or ""))
    return Discovery("feed", title, _named_apart(links.values()), (), None, feed.get("language"))


def _address_list(page: Page, source_id: str | None) -> Discovery | None:
    """A plain text sitemap: one address a line."""
    lines = [
        line.strip() for line in decode(page.content, page.charset, page.media_type).text.splitlines() if line.strip()
    ]
    addresses = [
        address
        for line in lines[:MOST_LINKS]
        if line.startswith("http") and (address := _address(line, page.final_url))
    ]
    if not lines or len(addresses) < len(lines):
        return None
    return Discovery("sitemap", "", tuple(Link(url, source_id) for url in dict.fromkeys(addresses)))


def _listing(page: Page, source_id: str | None) -> Discovery:
    """The articles a front page or section links to: same site, a headline's worth of words, an article's address."""
    tree = parse(decode(page.content, page.charset, page.media_type).text)
    if tree is None:
        raise CollectError("no_links", f"{page.final_url}: the page is empty")
    base = next((element.get("href") for element in tree.iter("base") if element.get("href")), None)
    base = urljoin(page.final_url, base) if base else page.final_url
    site = ".".join((urlsplit(page.final_url).hostname or "").split(".")[-2:])
    texts: dict[str, str] = {}
    for element in tree.iter("a"):
        address = _address(element.get("href"), base)
        if address is None or address.partition("?")[0].rstrip("/") == page.final_url.partition("?")[0].rstrip("/"):
            continue
        if not (urlsplit(address).hostname or "").endswith(site):
            continue
        text = one_line(element.get("title") or " ".join(element.itertext()))
        if len(text) > len(texts.get(address, "")):
            texts[address] = text
    links = [
        Link(url, source_id, text, in_url.published if (in_url := dates.from_url(url)) else None)
        for url, text in texts.items()
        if _is_article_link(url, text)
    ]
    if not links:
        raise CollectError(
            "no_links", f"{page.final_url}: no links to articles were found; name its feed or sitemap instead"
        )
    return Discovery("listing", one_line(clean(tree.findtext(".//title") or "")), tuple(links[:MOST_LISTED]))


_NOT_ARTICLES = re.compile(
    r"/(?:tags?|topics?|category|categories|author|authors|autor|about|contact|impressum|datenschutz|privacy|login"
    r"|signin|register|search|"
    r"newsletter|abo|subscribe|account|jobs|shop|videos?|podcasts?|page/\d+|feed|rss)(?:/|$)|\.(?:pdf|jpe?g|png|gif"
    r"|mp[34]|zip|xml|css|js)$",
    re.I,
)


def _is_article_link(url: str, text: str) -> bool:
    path = urlsplit(url).path
    if _NOT_ARTICLES.search(path):
        return False
    han = len(re.findall(r"[\u3400-\u9fff]", text))
    headline = han >= 8 or (len(text.split()) >= 4 and len(text) >= 20)
    slug = re.search(r"\d{5,}|/\d{4}[/-]?\d{2}|[a-z0-9]+(?:-[a-z0-9]+){3,}", path) is not None
    return headline and (slug or path.count("/") >= 2)
