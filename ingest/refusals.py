"""What is not an article: consent walls, logins, paywalls, front pages, empty shells, files that are no HTML.

Every refusal has a reason in one word, so that reports can count them, and a message that says what was seen.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from lxml.etree import _Element

from ingest.extract.claims import Claims
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

_PHRASES = {
    "consent": r"(?:accept|manage|reject)(?: all)? cookies|we (?:and our (?:\d+ )?partners )?(?:use|store)[^.]{0,40}"
    r" cookies|your privacy choices"
    r"|before you continue to|cookie-einstellungen|alle (?:cookies )?akzeptieren|wir (?:und unsere (?:\d+ )?partner"
    r" )?(?:verwenden|nutzen|setzen)[^.]{0,40}cookies"
    r"|mit werbung weiterlesen|werbung und tracking|zustimmen und weiter|einwilligung widerrufen"
    r"|接受所有\s?cookie|同意并继续"
    r"|使用\s?cookie",
    "paywall": r"subscribe to (?:continue|read|unlock)|(?:this|the) (?:article|content|story) is (?:only )?(?:for"
    r"|available to|reserved for) subscribers"
    r"|already a subscriber|to continue reading|unlock this article|become a (?:member|subscriber) to (?:read"
    r"|continue)|start your (?:free )?trial"
    r"|weiterlesen mit|jetzt (?:abonnieren|testen) und (?:weiter)?lesen|exklusiv für abonnenten|nur für abonnenten"
    r"|artikel freischalten|mit .{0,12}plus.{0,12} weiterlesen"
    r"|登录后阅读全文|订阅后(?:可)?阅读|付费(?:后)?阅读|本文为付费内容|会员专享|开通会员|购买后阅读|剩余\s*\d+%",
    "login": r"(?:please )?(?:log|sign) in to (?:continue|read|view|access)|you must be logged in|create (?:a free"
    r"|an) account to|bitte (?:melden sie sich|loggen sie sich)"
    r"|anmelden,? um (?:weiterzulesen|fortzufahren)|请先?登录|登录后查看|请登录后|扫码登录",
    "javascript": r"(?:enable|turn on|activate|requires?) (?:java ?script|js)\b|javascript is (?:disabled|required"
    r"|not enabled)|java ?script (?:aktivieren|ist deaktiviert)"
    r"|aktivieren sie java ?script|请(?:开启|启用|打开)\s*java ?script|浏览器(?:不支持|禁用)"
    r"|checking (?:your browser|if the site"
    r" connection)|verify(?:ing)? you are (?:a )?human"
    r"|just a moment|security check|access denied|are you a robot|unusual traffic|安全验证|人机验证|访问过于频繁",
    "soft_404": r"page (?:not found|cannot be found|does(?:n['’]t| not) exist|you (?:are|were) looking for)|(?:error"
    r" )?404\b|no longer available|has been (?:removed|deleted)"
    r"|seite (?:nicht gefunden|existiert nicht|wurde nicht gefunden)|nicht (?:mehr )?verfügbar"
    r"|页面不存在|页面(?:没有|未)找到"
    r"|内容已(?:被)?删除|文章(?:已|不存在)|您访问的(?:页面|内容)|找不到(?:您|该|页面)",
}
PHRASES = {reason: re.compile(pattern, re.I) for reason, pattern in _PHRASES.items()}

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
    if reason := _wall(tree, claims, title, text, found, shortest):
        raise CollectError(reason, f"{where}: {MESSAGES[reason]}", retry=reason == "javascript")
    if _is_index(tree, claims, found, where, shortest):
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


def _wall(tree: _Element, claims: Claims, title: str, text: str, found: str, shortest: int) -> str | None:
    """Which wall the reader stands before, if any."""
    limit = _WALL * shortest // SHORTEST_ELSE
    if claims.free is False and len(text) < EXCERPT * shortest // SHORTEST_ELSE:
        return "paywall"
    if PHRASES["soft_404"].search(title) and len(text) < limit:
        return "soft_404"
    if len(text) >= limit:
        return None
    seen = f"{title}\n{found}\n{_visible(tree)}"
    for reason in ("soft_404", "paywall", "consent", "login", "javascript"):
        # A phrase in a long enough text counts only where walls stand: at its end or as most of it.
        place = seen if len(text) < shortest else found[-300:]
        hits = len({match.lower() for match in PHRASES[reason].findall(place)})
        if hits and (len(text) < shortest or reason in ("paywall", "login") or (reason == "consent" and hits > 1)):
            return reason
    if len(text) < shortest and _empty_shell(tree):
        return "javascript"
    return None


def _visible(tree: _Element) -> str:
    """The page's words, noscript included: that is where shells speak."""
    parts = (
        text
        for element in tree.iter()
        if element.tag not in ("script", "style")
        for text in (element.text, element.tail)
        if text
    )
    return " ".join(" ".join(parts).split())[:3000]


def _empty_shell(tree: _Element) -> bool:
    """A page whose body is a root element and scripts: built in the browser."""
    scripts = sum(1 for _ in tree.iter("script"))
    return (
        scripts > 0
        and len(_visible(tree)) < 200
        and any(element.get("id") in ("root", "app", "__next", "__nuxt") for element in tree.iter("div"))
    )


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
