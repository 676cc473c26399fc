"""What the bytes of a page are, whatever their media type says."""

from __future__ import annotations

import json
import re
import zlib
from urllib.parse import urlsplit

from ingest.decode import decode
from kb.models import Page

FEED_KINDS = ("feed", "json-feed")
"""The kinds that are feeds."""

_FEED_ROOT = re.compile(rb"<(?:[a-z0-9]+:)?(rss|feed|rdf|channel)[\s>:/]", re.I)
_SITEMAP_ROOT = re.compile(rb"<(?:[a-z0-9]+:)?(urlset|sitemapindex)[\s>/]", re.I)
_HTML_ROOT = re.compile(
    rb"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]|<(?:div|p|article|meta|title|h1)[\s>]", re.I
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def kind_of(page: Page) -> str:
    """What the bytes are, whatever their media type says.

    One of feed, sitemap, html, pdf, json-feed, jsonl, json, markdown, text, gzip, empty, binary.
    """
    content = unpacked(page.content, 4_096) if page.content.startswith(b"\x1f\x8b") else page.content
    head = content[:4_096].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not head:
        return "empty"
    if head.startswith(b"%PDF"):
        return "pdf"
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or (b"\x00" in content[:64] and b"<" in content[:64]):
        head = (
            decode(content[:4_096], None, page.media_type)
            .text.encode("utf-8", "replace")
            .lstrip(b"\xef\xbb\xbf \t\r\n")
        )
    if root := _root(head):
        return root
    if head[:1] in (b"{", b"["):
        return _json_kind(content, head)
    if _HTML_ROOT.search(head):
        return "html"
    if _CONTROL.search(head[:1_024]):
        return "binary"
    name = urlsplit(page.url).path.lower()
    if head.startswith(b"---") or name.endswith((".md", ".markdown")) or page.media_type == "text/markdown":
        return "markdown"
    return "html" if page.media_type in ("text/html", "application/xhtml+xml") else "text"


def _root(head: bytes) -> str | None:
    """Feed or sitemap by the first element, past declaration, comments and doctype."""
    start = re.sub(rb"<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s+[^\[>]*(?:\[.*?\])?\s*>", b"", head, flags=re.I | re.S).lstrip()
    first = re.match(rb"<[^!?][^>]*", start)
    if first is None:
        return None
    opening = first[0] + b">"
    if _SITEMAP_ROOT.match(opening):
        return "sitemap"
    match = _FEED_ROOT.match(opening)
    return "feed" if match else None


def _json_kind(content: bytes, head: bytes) -> str:
    if b"jsonfeed.org/version" in head[:1_000]:
        return "json-feed"
    lines = [line for line in content[:65_536].splitlines() if line.strip()]
    try:
        json.loads(lines[0])
    except (ValueError, RecursionError, IndexError):
        return "json"
    return "jsonl" if lines[0].strip().startswith(b"{") else "json"


def unpacked(content: bytes, limit: int) -> bytes:
    """A gzip file's bytes, at most `limit`; what can be read of a damaged one."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        return unpacker.decompress(content, limit)
    except zlib.error:
        return b""
