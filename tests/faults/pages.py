"""Rows 29, 30, 32 and 33: pages that are no articles, lie about their encoding, are noise, or burn time."""

from __future__ import annotations

import atexit
import codecs
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ingest.children import CPU, Parser
from ingest.pages import article_on
from kb.errors import CollectError
from kb.models import Article, Link, Page
from tests.faults.verdict import Tally
from tests.newsroom import story
from tests.test_children import NESTED
from tests.test_decode import COMPLEX, SIMPLE, kept

PAGES = Path(__file__).parents[1] / "pages"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DEATHS = ("hostile", "timeout")
"""Reasons that say that a child was ended."""


def page(content: bytes, charset: str | None = None, media_type: str = "text/html", name: str = "a/story-1") -> Page:
    url = f"https://www.example.org/{name}"
    return Page(url, url, content, media_type, charset, NOW, headers={"content-type": media_type})


# ── row 29 ────────────────────────────────────────────────────────────────────────────────────────

OPENING = {
    "en": "The commission wants to know by autumn which companies ship the machines, and in what number.",
    "de": "Die Kommission will bis zum Herbst wissen, welche Firmen die Maschinen liefern und wie viele es sind.",
    "zh": "委员会希望在秋天之前弄清楚哪些公司在供应这些设备，以及数量有多少。",
}
WALLS: dict[str, dict[str, tuple[str, ...]]] = {
    "soft_404": {
        "en": ("Page not found", "Sorry, this page does not exist.", "The article is no longer available."),
        "de": ("Seite nicht gefunden", "Diese Seite existiert nicht.", "Der Artikel ist nicht mehr verfügbar."),
        "zh": ("您访问的页面不存在", "该文章已删除", "页面没有找到"),
    },
    "consent": {
        "en": ("We and our 213 partners store cookies. Accept all cookies or manage cookies.",),
        "de": ("Wir und unsere Partner verwenden Cookies. Alle akzeptieren oder Cookie-Einstellungen öffnen.",),
        "zh": ("本网站使用Cookie以改善体验。接受所有Cookie",),
    },
    "javascript": {
        "en": ("Please enable JavaScript to view this page.", "Checking your browser before you go on. Just a moment"),
        "de": ("Bitte aktivieren Sie JavaScript in Ihrem Browser.",),
        "zh": ("请启用JavaScript后继续访问", "访问过于频繁，请完成人机验证"),
    },
    "paywall": {
        "en": ("Subscribe to continue reading.", "This article is for subscribers only. Already a subscriber?"),
        "de": ("Weiterlesen mit dem Probeabo.", "Dieser Text ist exklusiv für Abonnenten."),
        "zh": ("本文为付费内容，订阅后可阅读全文", "开通会员，继续阅读"),
    },
    "login": {
        "en": ("Please log in to continue.", "You must be logged in to read this."),
        "de": ("Bitte melden Sie sich an.", "Anmelden, um weiterzulesen"),
        "zh": ("请先登录", "登录后查看全部内容"),
    },
}
FRAMES: tuple[Callable[[str, str], str], ...] = (
    lambda title, body: f"<html><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>",
    lambda title, body: (
        f"<!doctype html><html><head><title>{title} | The Ledger</title></head><body><nav><a href='/'>Home</a>"
        f"<a href='/world'>World</a></nav><main>{body}</main><footer>Imprint, terms, contact</footer></body></html>"
    ),
    lambda title, body: (
        f"<html><head><title>{title}</title><script>var a = 1;</script></head><body><div id='app'>{body}</div>"
        "<script src='/app.js'></script></body></html>"
    ),
)


def no_articles() -> Iterator[tuple[str, frozenset[str], bytes]]:
    """Pages that are no articles: a name, the right reasons, the bytes."""
    for reason, said in WALLS.items():
        for language, texts in said.items():
            for number, text in enumerate(texts):
                for frame, framed in enumerate(FRAMES):
                    before = f"<p>{OPENING[language]}</p>" if reason in ("paywall", "login") else ""
                    title = text if reason == "soft_404" else OPENING[language][:30]
                    body = framed(title, f"{before}<p>{text}</p>").encode()
                    # A wall that a login opens is one, whichever of the two words is used.
                    right = {"paywall", "login"} if reason in ("paywall", "login") else {reason}
                    yield f"{reason}, {language} {number}, frame {frame}", frozenset(right), body
    empty = {"nothing": b"", "blank": b"  \r\n\t ", "a mark": b"\xef\xbb\xbf", "no body": b"<html><body></body></html>"}
    for name, content in empty.items():
        yield f"empty: {name}", frozenset({"no_text"}), content
    foreign = {
        "png": b"\x89PNG\r\n\x1a\n" + bytes(2_000),
        "jpeg": b"\xff\xd8\xff\xe0" + bytes(2_000),
        "zip": b"PK\x03\x04" + bytes(2_000),
        "film": bytes(4) + b"ftypmp42" + bytes(2_000),
        "json": b'{"items": [1, 2, 3]}',
    }
    for name, content in foreign.items():
        yield f"as html: {name}", frozenset({"not_html", "no_text"}), content
    yield "as html: broken pdf", frozenset({"not_html", "unreadable", "bad_pdf", "no_text"}), b"%PDF-1.4\n" + bytes(500)
    brief = FRAMES[0]("Brief", "<article><p>The office will decide on Monday, a spokesman said.</p></article>")
    yield "a brief", frozenset({"too_short"}), brief.encode()
    items = "".join(f"<li><a href='/n/{n}'>Headline number {n} of a long day at the office</a></li>" for n in range(90))
    yield "a list", frozenset({"index_page"}), FRAMES[1]("World", f"<ul>{items}</ul>").encode()


def refusals(seed: int, full: bool) -> Tally:
    """At least 95 % are refused for the right reason, and none becomes an article."""
    tally, wrong, cases = Tally(), list[str](), list(no_articles())
    parser = children()
    for name, right, content in cases:
        try:
            article_on(page(content, media_type="text/html" if "json" not in name else "application/json"),
                       Link("https://www.example.org/a/story-1"), None, parser)  # fmt: skip
            reason = "an article"
        except CollectError as error:
            reason = error.reason
        tally.check(name, reason != "an article", reason)
        wrong += [] if reason in right else [f"{name}: {reason}"]
    share = 1 - len(wrong) / len(cases)
    tally.check("the right reason", share >= 0.95, "; ".join(wrong))
    tally.told = f"{share:.1%} for the right reason" + (f" (not: {'; '.join(wrong)})" if wrong else "")
    return tally


# ── row 30 ────────────────────────────────────────────────────────────────────────────────────────

CODECS = ("gb2312", "gbk", "gb18030", "big5", "utf-16", "utf-16-le", "utf-8")
LABELS = ("utf-8", "gb2312", "gbk", "big5", "iso-8859-1", "windows-1252", None)


def harm(line: bytes, dice: random.Random, *, shifting: bool) -> bytes:
    """A line with one bad byte: changed, or (where that does not shift all that follows) put in or taken out."""
    at, bad = dice.randrange(len(line)), bytes([dice.randrange(0x80, 0x100)])
    kind = dice.choice("cip") if shifting else "c"
    return line[:at] + (b"" if kind == "p" else bad) + line[at + (kind != "i") :]


def encoded_page(dice: random.Random, codec: str) -> tuple[str, bytes, str | None, int]:
    """The text of an article, the page it is on, what the header says of it, and how many bytes were harmed."""
    sentences = [part for part in (COMPLEX if codec == "big5" else SIMPLE).split("。") if part]
    plain = "utf-16-le" if codec == "utf-16" else codec
    text = "。\n".join(dice.choice(sentences) for _ in range(18)) + "。"
    label = dice.choice([label for label in LABELS if label])
    harmed = dice.choice([0, 0, *range(1, 21)])
    lines = [line.encode(plain) for line in text.split("\n")]
    for _ in range(harmed):
        at = dice.randrange(len(lines))
        lines[at] = harm(lines[at], dice, shifting=not codec.startswith("utf-16"))
    opening = f'<!doctype html><html><head><meta charset="{label}"><title>出口</title></head><body><article>\n'
    start, end = "<p>".encode(plain), "</p>\n".encode(plain)
    mark = codecs.BOM_UTF16_LE if codec == "utf-16" else b""
    content = mark + opening.encode(plain) + b"".join(start + line + end for line in lines)
    return text, content, dice.choice(LABELS), harmed


def kept_by_line(original: str, read: str) -> float:
    """As `kept`, a line for a line where there are as many: lines are alike, and would be matched across."""
    lines, found = original.split("\n"), read.split("\n")
    if len(lines) != len(found):
        return kept(original, read)
    return sum(kept(line, other) * len(line) for line, other in zip(lines, found, strict=True)) / sum(map(len, lines))


def encodings(seed: int, full: bool) -> Tally:
    """At least 0.99 of the text is read; each bad byte may cost the character it is in, and the one beside it."""
    from ingest.extract import extract

    dice, tally, shares = random.Random(seed), Tally(), list[float]()
    for number in range(500 if full else 35):
        codec = CODECS[number % len(CODECS)]
        text, content, header, harmed = encoded_page(dice, codec)
        try:
            seen = kept_by_line(text, extract(page(content, header)).text)
        except CollectError as error:
            tally.check(f"{number} {codec}, header {header}, {harmed} bad", False, error)
            continue
        readable = 1 - 2 * harmed / len(text)
        shares.append(min(1.0, seen / readable))
        tally.check(f"{number} {codec}, header {header}, {harmed} bad", shares[-1] >= 0.99, f"{shares[-1]:.4f}")
    tally.told = f"{sum(shares) / max(1, len(shares)):.4f} of the readable text on average"
    return tally


# ── row 32 ────────────────────────────────────────────────────────────────────────────────────────

SCRAPS = (b"<", b">", b"</p>", b"<p>", b"<div>", b"</div>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"&#0;", b"&#xD800;",
          b"&#x110000;", b"&amp", b"<script>", b"</script>", b'"', b"'", b"=", b"\x00", b"\xff", b"\xfe\xff", b"\x1b$B",
          b"<table>", b"<svg>", b"<math>", b"<template>", b"<frameset>", b"<meta charset=utf-7>", b"<base href='//['>",
          b'{"@type":', b"xml:lang=", b"\xe5\xb1", b"2024-99-99", b"<article>", b"<time datetime='x'>")  # fmt: skip


def mutated(content: bytes, dice: random.Random) -> bytes:
    """A document with parts cut out, doubled, moved, overwritten or mixed with scraps."""
    for _ in range(dice.randint(1, 12)):
        place = dice.randrange(len(content) + 1)
        part = content[place : place + dice.choice([1, 3, 20, 300])]
        kind = dice.randrange(6)
        if kind == 0:
            content = content[:place] + content[place + len(part) :]
        elif kind == 1:
            content = content[:place] + part * dice.randint(2, 30) + content[place:]
        elif kind == 2:
            content = content[:place] + dice.choice(SCRAPS) * dice.choice([1, 1, 5, 200]) + content[place:]
        elif kind == 3:
            content = content[:place] + dice.randbytes(len(part)) + content[place + len(part) :]
        elif kind == 4:
            content = content[:place] + content[dice.randrange(len(content) + 1) :][:2_000] + content[place:]
        else:
            content = content[: max(1, place)] if dice.random() < 0.2 else content
    return content


@cache
def children(workers: int = 2, cpu: float = CPU) -> Parser:
    """A parser that rows share, ended with the process. Its children have loaded all they need: times are the
    inputs' own."""
    parser = Parser(workers, cpu=cpu)
    atexit.register(parser.close)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(parser.extract, [page(story("warm"))] * workers))
    return parser


def fuzzed(inputs: Iterable[bytes], read: Callable[[bytes], object], *, bounded: bool) -> Tally:
    """Each input gives a value or a reason. `bounded` also wants 99 of 100 done within a second."""
    tally, times, deaths = Tally(), list[float](), 0

    def one(content: bytes) -> tuple[str, float]:
        began = time.monotonic()
        try:
            read(content)
            reason = ""
        except CollectError as error:
            reason = error.reason
        except Exception as error:  # noqa: BLE001  anything else is what this looks for
            reason = f"{type(error).__name__}: {error}"
        return reason, time.monotonic() - began

    with ThreadPoolExecutor(2) as pool:
        for number, (reason, seconds) in enumerate(pool.map(one, inputs)):
            times.append(seconds)
            deaths += reason in DEATHS
            tally.check(f"input {number}", ":" not in reason, reason)
    times.sort()
    late = times[int(0.99 * len(times))]
    if bounded:
        tally.check("99 of 100 within a second", late < 1, f"{late:.2f} s")
    tally.told = f"99 % within {late:.2f} s, the slowest {times[-1]:.1f} s, {deaths} children ended"
    return tally


def fuzzed_pages(seed: int, full: bool) -> Tally:
    dice = random.Random(seed)
    whole = [path.read_bytes() for path in sorted(PAGES.glob("*.html"))] + [story("chips")]
    inputs = (mutated(dice.choice(whole), dice) for _ in range(10_000 if full else 60))
    parser = children()
    return fuzzed(inputs, lambda content: parser.extract(page(content)), bounded=full)


# ── row 33 ────────────────────────────────────────────────────────────────────────────────────────

WORDS = b"The office granted the request after a hearing, and named the conditions. "
LD = b'<script type="application/ld+json">'


def burning_pages() -> dict[str, bytes]:
    """Pages that take much time, depth or memory for their size."""
    said = b"<html><body><article><p>" + WORDS * 10
    return {
        **{f"nested {number}": content for number, content in enumerate(NESTED)},
        "links": b"<html><body>" + b"<a href='/a'>a link of some words</a> " * 60_000,
        "attributes": b"<html><body><p " + b" ".join(b"a%d='1'" % n for n in range(50_000)) + b">" + WORDS * 10,
        "one attribute": b"<html><body><p class='" + b"a " * 1_000_000 + b"'>" + WORDS * 10,
        "breaks": said + b"<br>" * 200_000,
        "spans": said + b"<span>x</span>" * 100_000,
        "table": said + b"<table>" + b"<tr><td>1</td><td>2</td></tr>" * 50_000,
        "json-ld, many": b"<html><head>" + (LD + b'{"@type":"NewsArticle"}</script>') * 5_000 + said,
        "json-ld, large": b"<html><head>" + LD + b'{"a":"' + b"x" * 4_000_000 + b'"}</script>' + said,
        "json-ld, deep": b"<html><head>" + LD + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"</script>" + said,
        "dates": said + b"1 January 2024, 2024-01-02, 3.1.2024; " * 30_000,
        "numbers": said + b"20240101" * 100_000,
        "title": b"<html><head><title>" + b"a - " * 300_000 + b"</title>" + said,
        "comments": said + b"<!-- -->" * 200_000,
        "open comment": said + b"<!--" * 200_000,
        "entities": said + b"&amp;" * 500_000,
        "bad entities": said + b"&#x11FFFF;&nothing;" * 100_000,
        "one word": said + b"a" * 3_000_000,
        "one line of Chinese": said + "字".encode() * 500_000,
        "one line of GBK, shifted": b"<html><body><p>" + b"\xb0" + "出口许可".encode("gbk") * 100_000,
        "style": b"<html><head><style>" + b"a{b:c}" * 300_000 + b"</style>" + said,
        "zero width": said + "\u200b".encode() * 500_000,
        "spaces": said + b" " * 3_000_000,
    }


def burning_feeds() -> dict[str, bytes]:
    """Feeds that do, among them feedparser's issue 562."""

    def feed(item: bytes, head: bytes = b"") -> bytes:
        return (
            b"<rss version='2.0'><channel>"
            + head
            + b"<item><link>http://a.org/1</link>"
            + item
            + b"</item></channel></rss>"
        )

    return {
        "author": feed(b"<author>" + b"a." * 20_000 + b"</author>"),
        "author, at": feed(b"<author>" + b"a@" * 50_000 + b"</author>"),
        "deep": feed(b"<description>" + b"<div>" * 100_000 + b"</description>"),
        "deep, escaped": feed(b"<description>" + b"&lt;div&gt;" * 100_000 + b"</description>"),
        "date": feed(b"<pubDate>" + b"1 " * 100_000 + b"</pubDate>"),
        "categories": feed(b"<category>a</category>" * 100_000),
        "namespaces": b"<rss version='2.0' "
        + b" ".join(b"xmlns:a%d='b'" % n for n in range(20_000))
        + b"><channel/></rss>",
    }  # fmt: skip


MOST = 20.0
"""Seconds on the clock: ten of the processor's on a machine that does other things, too."""


def burning(seed: int, full: bool) -> Tally:
    """Each is read, or its child is ended after ten seconds of work; the next page is read as ever."""
    tally, slowest, ended = Tally(), 0.0, 0
    pages, feeds = burning_pages(), burning_feeds()
    if not full:
        pages = {name: pages[name] for name in ("nested 0", "json-ld, deep", "open comment")}
        feeds = {"author": feeds["author"]}
    parser = children(1, 10.0 if full else 1.0)
    cases: list[tuple[str, bytes, Callable[[Page], object]]] = [
        *((name, content, parser.extract) for name, content in pages.items()),
        *((f"feed: {name}", content, parser.discover) for name, content in feeds.items()),
    ]
    for name, content, read in cases:
        began = time.monotonic()
        try:
            read(page(content))
            reason = "read"
        except CollectError as error:
            reason = error.reason
        seconds = time.monotonic() - began
        slowest, ended = max(slowest, seconds), ended + (reason in DEATHS)
        tally.check(name, seconds <= MOST, f"{reason} after {seconds:.1f} s")
    well = parser.extract(page(story("chips")))
    tally.check("the next page", isinstance(well, Article) and "chips" in well.title, well)
    tally.told = f"{ended} children ended, the slowest after {slowest:.1f} s"
    return tally
