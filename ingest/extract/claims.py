"""What a page says of itself: JSON-LD, meta elements, microdata. Claims, to be weighed; not facts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import html as lxml_html
from lxml.etree import _Element

from ingest.cleaning import one_line

ARTICLE_TYPES = re.compile(r"(?:article|posting|blogpost|report|review|liveblog)$", re.I)
"""schema.org's Article and its kinds: NewsArticle, BlogPosting, LiveBlogPosting, Report, AnalysisNewsArticle …"""

DEPTH = 12
"""Levels of nesting read of JSON-LD: deeper objects describe pictures and menus, or are hostile."""

PUBLISHED_METAS = (
    "article:published_time", "og:published_time", "og:article:published_time", "datepublished",
    "bytedance:published_time", "apub:time", "og:release_date", "parsely-pub-date", "sailthru.date",
    "cxenseparse:recs:publishtime", "publishdate", "publish-date", "publish_date", "publication_date",
    "publication-date", "pubdate", "_pubtime", "article:create_at", "citation_publication_date", "citation_date",
    "dc.date.issued", "dcterms.issued", "dc.date", "dcterms.date", "dcterms.created", "dc.date.created",
    "article.published", "date", "created", "publishtime", "weibo: article:create_at"
)  # fmt: skip
"""Names of meta elements that hold when a page was published, the most reliable first."""

AUTHOR_METAS = (
    "author", "article:author", "og:article:author", "parsely-author", "sailthru.author", "byl", "dc.creator",
    "dcterms.creator", "dc:creator", "citation_author", "authors", "cxenseparse:author",
    "shareaholic:article_author_name", "og:author"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claims:
    """The page's own statements. Lists keep the order in which the page makes them; nothing is verified."""

    headline: str = ""
    lead: str = ""
    body: str = ""
    authors: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    published: str = ""
    modified: str = ""
    free: bool | None = None
    kind: str = ""
    site_names: tuple[str, ...] = ()
    language: str = ""
    metas: dict[str, tuple[str, ...]] | None = None

    def meta(self, *names: str) -> str:
        """The first value that one of the meta elements `names` has; names are lower case."""
        return next((values[0] for name in names if (values := (self.metas or {}).get(name))), "")


def read(tree: _Element) -> Claims:
    """The claims of a parsed page. Broken JSON is skipped."""
    metas = _metas(tree)
    nodes = [node for block in _blocks(tree) for node in _nodes(block)]
    main = _main(nodes)
    names = [_text(_first(main.get("publisher")), "name")] if main else []
    names += [
        _text(node, "name") for node in nodes if _types(node) & {"organization", "newsmediaorganization", "website"}
    ]
    names = [*metas.get("og:site_name", ()), *metas.get("application-name", ()), *names]
    people, organisations = _authors(main)
    return Claims(
        headline=_headline(main),
        lead="\n".join([_text(main, "description"), *metas.get("description", ()), *metas.get("og:description", ())]),
        body=_body(main),
        authors=people,
        organisations=organisations,
        published=_text(main, "datePublished") or _text(main, "dateCreated"),
        modified=_text(main, "dateModified"),
        free=_free(main),
        kind=" ".join(sorted(_types(main))),
        site_names=tuple(dict.fromkeys(one_line(name, 120) for name in names if name.strip())),
        language=str(tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or ""),
        metas=metas,
    )


def itemprops(tree: _Element, name: str) -> list[str]:
    """The values of microdata properties called `name`, as content, datetime or text."""
    found = []
    for element in tree.iterfind(f".//*[@itemprop='{name}']"):
        value = element.get("content") or element.get("datetime") or " ".join(element.itertext())
        if value and value.strip():
            found.append(one_line(value))
    return found


def _metas(tree: _Element) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for element in tree.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop")
        content = (element.get("content") or "").strip()
        if name and content:
            found.setdefault(name.strip().lower(), []).append(content)
    return {name: tuple(values) for name, values in found.items()}


def _blocks(tree: _Element) -> Iterator[Any]:
    for script in tree.iter("script"):
        if "ld+json" not in (script.get("type") or "").lower() or not script.text:
            continue
        text = (
            re.sub(r"^\s*(?:<!--|//<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\]\]>|\]\]>)\s*$", "", script.text)
            .strip()
            .rstrip(";")
        )
        for attempt in (text, re.sub(r",\s*([}\]])", r"\1", text)):
            try:
                yield json.loads(attempt, strict=False)
                break
            except (ValueError, RecursionError):
                continue


def _nodes(block: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """All objects with a type, outermost first."""
    if depth > DEPTH:
        return
    if isinstance(block, list):
        for item in block:
            yield from _nodes(item, depth + 1)
    elif isinstance(block, dict):
        if "@type" in block:
            yield block
        for key, value in block.items():
            if key not in ("author", "publisher", "comment", "isPartOf", "relatedLink", "itemListElement", "citation"):
                yield from _nodes(value, depth + 1)


def _types(node: dict[str, Any] | None) -> set[str]:
    kinds = (node or {}).get("@type")
    return {
        kind.lower().rsplit("/", 1)[-1]
        for kind in (kinds if isinstance(kinds, list) else [kinds])
        if isinstance(kind, str)
    }


def _main(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """The article among the objects: the one that says most of what an article has."""
    articles = [node for node in nodes if any(ARTICLE_TYPES.search(kind) for kind in _types(node))]
    wanted = ("headline", "datePublished", "author", "articleBody")
    return max(articles, key=lambda node: sum(bool(node.get(key)) for key in wanted), default={})


def _first(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        value = value[0] if value else {}
    return value if isinstance(value, dict) else {}


def _text(node: dict[str, Any], key: str) -> str:
    value = node.get(key)
    if isinstance(value, list):
        value = value[0] if value else ""
    return one_line(value) if isinstance(value, str) else ""


def _headline(node: dict[str, Any]) -> str:
    return _text(node, "headline") or _text(node, "name") or _text(node, "title")


def _body(node: dict[str, Any]) -> str:
    """`articleBody` as plain paragraphs. It is markup on some sites, escaped markup on others."""
    body = node.get("articleBody")
    if not isinstance(body, str):
        return ""
    if re.search(r"&lt;(?:p|br|div)\b", body):
        body = body.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    if re.search(r"</?(?:p|br|div|h\d|li|a|strong|em|span|b|i)\b[^>]*>", body):
        body = re.sub(r"(?i)</(?:p|div|h\d|li|blockquote)>|<br\s*/?>", "\n", body)
        try:
            body = str(lxml_html.fromstring(f"<div>{body}</div>").text_content())
        except (ValueError, lxml_html.etree.LxmlError):
            return ""
    elif "&" in body:
        from html import unescape

        body = unescape(body)
    return body


def _authors(node: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of persons and of organisations that the article's node gives as its authors."""
    people: list[str] = []
    organisations: list[str] = []
    entries = node.get("author") or node.get("creator") or []
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, str):
            people.append(entry)
        elif isinstance(entry, dict):
            name = entry.get("name")
            given = [entry.get("givenName"), entry.get("familyName")]
            names = (
                name if isinstance(name, list) else [name or " ".join(part for part in given if isinstance(part, str))]
            )
            target = organisations if "organization" in " ".join(_types(entry)) else people
            target += [one for one in names if isinstance(one, str)]
    unique = [
        tuple(dict.fromkeys(one_line(name, 300) for name in names if name.strip())) for names in (people, organisations)
    ]
    return unique[0], unique[1]


def _free(node: dict[str, Any]) -> bool | None:
    value = node.get("isAccessibleForFree")
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(str(value).lower().rsplit("/", 1)[-1])
