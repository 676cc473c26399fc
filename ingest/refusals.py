"""What is not an article: consent walls, logins, paywalls, front pages, empty shells, files that are no HTML.

Every refusal has a reason in one word, so that reports can count them, and a message that says what was seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from lxml.etree import _Element

from ingest import walls
from ingest.extract.claims import Claims
from ingest.extract.teasers import own_text, teasers
from ingest.extract.trimming import key_of, linked_lines
from kb.errors import CollectError
from kb.models import Page

SHORTEST = {"zh": 150, "ja": 150, "ko": 200}
"""Characters an article has at least; a Chinese character says about as much as three letters."""
SHORTEST_ELSE = 400

EXCERPT = 1_500
"""Characters (500 in Chinese) under which a text that is marked as paid for is taken to be its opening only."""

_WALL = 1_200
"""Characters under which a text is looked at for the phrases of walls: an article about cookies is longer."""

STOCK_AFTER = 2
"""Other addresses of a host with the same text from which it is no article's."""

_EMPTY = 80
"""Characters under which a page with scripts shows nothing by itself."""

MANY_CARDS = 10
"""Teasers from which a page without a text of its own is a list."""

MESSAGES = {
    "consent": "the page asks for consent to cookies instead of showing an article",
    "paywall": "only the opening is shown; the rest is for subscribers",
    "login": "the page asks for a login",
    "javascript": "the page shows nothing without a script or a check of the browser",
    "soft_404": "the page says that the article does not exist",
}

OPT_OUTS = {"noai", "noimageai", "noarchive"}
"""Directives of meta robots and X-Robots-Tag by which a publisher asks not to be kept or mined."""


def judge_bytes(page: Page) -> None:
    """Refuses bytes that are no HTML, whatever their media type says. Raises CollectError `not_html` or `no_text`."""
    head = page.content[:2048].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        raise CollectError("no_text", f"{page.final_url}: the page is empty")
    kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if kind is None and page.media_type.split("/")[0] in ("image", "audio", "video", "font"):
        kind = page.media_type
    marked = re.search(rb"<(?:!doctype|html|head|body|meta|title|div|p)[\s>]", head, re.I) or _is_wide(head)
    if kind is None and b"\x00" in head and not marked and head[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        kind = "a binary file"
    if kind is None and head[:1] in (b"{", b"[") and "html" not in page.media_type:
        kind = "JSON"
    if kind is not None:
        raise CollectError("not_html", f"{page.final_url}: this is {kind}, not an HTML page")


MAGIC = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive or office document",
    b"\x1f\x8b": "a gzip file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"RIFF": "a sound, film or WebP image",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"ID3": "a sound file",
    b"\x00\x00\x00": "a film",
    b"7z\xbc\xaf": "an archive",
    b"Rar!": "an archive",
}


def _is_wide(head: bytes) -> bool:
    """A tag with a zero beside each letter: UTF-16."""
    return b"<\x00" in head or b"\x00<" in head


def judge(
    page: Page,
    tree: _Element,
    claims: Claims,
    title: str,
    text: str,
    found: str,
    language: str,
    *,
    ignore_optout: bool = False,
) -> None:
    """Refuses a page that was read but is no article. `found` is the text with the lines that clung to it.

    Raises CollectError with one of opt_out, consent, paywall, login, javascript, soft_404, index_page, no_text,
    too_short.
    """
    where = page.final_url
    if not ignore_optout and (directives := _directives(page, tree, claims)):
        raise CollectError(
            "opt_out", f"{where}: the publisher asks not to be kept or mined ({', '.join(sorted(directives))})"
        )
    shortest = SHORTEST.get(language, SHORTEST_ELSE)
    cards = teasers(tree)
    text = own_text(text, tree, cards)
    if reason := _wall(tree, cards, claims, title, text, found, shortest):
        raise CollectError(reason, f"{where}: {MESSAGES[reason]}", retry=reason == "javascript")
    if _is_index(tree, claims, found, where, shortest) or (len(cards) >= MANY_CARDS and len(text) < shortest):
        raise CollectError("index_page", f"{where}: this is a list of articles; add it as a source instead")
    if not text:
        raise CollectError("no_text", f"{where}: no text was found on the page")
    if len(text) < shortest:
        raise CollectError(
            "too_short", f"{where}: only {len(text)} characters of text, an article has {shortest} or more"
        )


def _directives(page: Page, tree: _Element, claims: Claims) -> set[str]:
    robots = ",".join(
        [
            *(claims.metas or {}).get("robots", ()),
            *(claims.metas or {}).get("lagebild", ()),
            page.headers.get("x-robots-tag", ""),
        ]
    )
    found = {part.split(":")[-1].strip().lower() for part in robots.split(",")} & OPT_OUTS
    reservation = claims.meta("tdm-reservation") or page.headers.get("tdm-reservation", "")
    return found | ({"tdm-reservation"} if reservation.strip() == "1" else set())


def _wall(
    tree: _Element, cards: list[_Element], claims: Claims, title: str, text: str, found: str, shortest: int
) -> str | None:
    """Which wall the reader stands before, if any. `text` is the page's own, without teasers of other pages."""
    limit = _WALL * shortest // SHORTEST_ELSE
    if claims.free is False and len(text) < EXCERPT * shortest // SHORTEST_ELSE:
        return "paywall"
    if len(text) >= limit:
        return None
    if any(walls.is_error(one) for one in (title, *_headlines(tree))):
        return "soft_404"
    if len(text) >= shortest:
        return walls.spoken(found[-300:])
    shown = _visible(tree, cards)
    seen = f"{title}\n{found if not cards else text}\n{shown}"
    if reason := walls.hinted(seen) or walls.spoken(seen):
        return reason
    return "javascript" if len(shown) < _EMPTY and any(True for _ in tree.iter("script")) else None


def _headlines(tree: _Element) -> list[str]:
    return [" ".join("".join(element.itertext()).split()) for element in tree.iter("h1")][:3]


def _visible(tree: _Element, cards: list[_Element]) -> str:
    """The page's own words, without its frame; noscript included: that is where shells speak."""
    passed = {element for part in (*tree.iter("nav", "footer", "script", "style"), *cards) for element in part.iter()}
    parts = []
    for element in tree.iter():
        if element not in passed and element.text and isinstance(element.tag, str):
            parts.append(element.text)
        # What follows a part of the frame is not of it.
        if element.tail and element.getparent() not in passed:
            parts.append(element.tail)
    return " ".join(" ".join(parts).split())[:3000]


def _is_index(tree: _Element, claims: Claims, text: str, url: str, shortest: int) -> bool:
    """A front page or section: an address without a path, or many headlines and little prose."""
    path = urlsplit(url).path.strip("/")
    if not path and not claims.published:
        return len(list(tree.iter("a"))) > 20
    if claims.headline or claims.published:
        return False
    links = linked_lines(tree)
    listed = sum(len(line) for line in text.split("\n") if key_of(line) in links)
    if len(links) > 20 and listed > 0.5 * len(text):
        return True
    sentences = len(re.findall(r"[.!?](?:\s|$)|[。！？]", text))
    return len(links) > 40 and sum(map(len, links)) > 4 * len(text) and sentences < 6 and len(text) < 5 * shortest


def is_stock_answer(announced: str | None, others: Sequence[str | None]) -> bool:
    """Whether a text is what a host answers for whatever it does not have (a soft 404).

    `announced` is the title by which a feed or list led to it, `others` the same for the other addresses of the host
    that gave exactly this title and text before. One article may lie under two addresses; but not under three, nor
    under two that were announced as different things.
    """
    different = announced and any(other and key_of(other) != key_of(announced) for other in others)
    return bool(different) or len(others) >= STOCK_AFTER
