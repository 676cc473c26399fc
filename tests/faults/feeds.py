"""Rows 31 and 34 to 36: feeds that are noise, attacks or odd, and one story under many addresses."""

from __future__ import annotations

import gzip
import random
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest import plan
from ingest.canonical import canonical
from ingest.discover import MOST_ENTRIES
from ingest.opml import read_opml
from ingest.sources import Sources
from kb.errors import CollectError, KBError
from kb.models import Page
from tests.faults.pages import NOW, children, fuzzed, mutated
from tests.faults.verdict import Tally
from tests.faultserver import FaultServer
from tests.newsroom import rss as newsroom_feed
from tests.newsroom import sitemap
from tests.test_discover import rss


def document(content: bytes, media_type: str = "application/rss+xml") -> Page:
    url = "https://www.example.org/feed/all.xml"
    return Page(url, url, content, media_type, None, NOW)


# ── row 31 ────────────────────────────────────────────────────────────────────────────────────────

ATOM = """<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de">
<title>Blatt</title><entry><title type="html">Neue &lt;b&gt;Regel&lt;/b&gt;</title><link href="/a/1"/><id>tag:a,1</id>
<updated>2024-07-09T08:30:00Z</updated><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Text</p></div></content></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>R</title></channel><item><title>局</title>
<link>http://a.org/1</link><dc:date>2024-07-09</dc:date></item></rdf:RDF>"""
GEO = """<rss version="2.0" xmlns:georss="http://www.georss.org/georss" xmlns:media="http://search.yahoo.com/mrss/"><channel>
<item><link>http://a.org/1</link><georss:point>1 2</georss:point><media:content url="a"/><author>a b (c@d.e)</author>
<pubDate>Tue, 09 Jul 2024 08:30:00 CST</pubDate><enclosure url="x" length="1"/></item></channel></rss>"""
JSON = '{"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": [{"url": "/a", "title": "A", "id": 1}]}'


def fuzzed_feeds(seed: int, full: bool) -> Tally:
    dice = random.Random(seed)
    whole = [
        newsroom_feed("http://a.org", ["a", "b", "c"]),
        sitemap("http://www.example.org", ["a", "b", "c"]),
        *(text.encode() for text in (ATOM, RDF, GEO, JSON)),
    ]
    inputs = (mutated(dice.choice(whole), dice) for _ in range(10_000 if full else 100))
    parser = children()
    return fuzzed(inputs, lambda content: parser.discover(document(content)), bounded=full)


# ── row 34 ────────────────────────────────────────────────────────────────────────────────────────

SECRET = "the contents of a file that nobody should read"


def attacks(file: str, server: str) -> dict[str, str]:
    """Documents that read a file, fetch an address, or grow without end. `{body}` is where a feed begins."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    rss_, end = (
        "<rss version='2.0'><channel><title>",
        "</title><item><link>http://a.org/1</link></item></channel></rss>",
    )
    return {
        "external entity": f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{file}">]>{rss_}&x;{end}',
        "external entity by http": f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{server}/x">]>{rss_}&x;{end}',
        "parameter entity": f'<!DOCTYPE rss [<!ENTITY % p SYSTEM "{server}/evil.dtd"> %p;]>{rss_}{end}',
        "external dtd": f'<!DOCTYPE rss SYSTEM "{server}/evil.dtd">{rss_}&x;{end}',
        "public dtd": f'<!DOCTYPE rss PUBLIC "-//X//X" "{server}/evil.dtd">{rss_}{end}',
        "billion laughs": f'<!DOCTYPE rss [<!ENTITY l0 "ha">{laughs}]>{rss_}&l11;{end}',
        "quadratic": f'<!DOCTYPE rss [<!ENTITY a "{"a" * 100_000}">]>{rss_}{"&a;" * 10_000}{end}',
        "xinclude": f'{rss_}<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{file}" parse="text"/>{end}',
        "stylesheet": f'<?xml-stylesheet href="{server}/x.xsl" type="text/xsl"?>{rss_}{end}',
        "schema": f'{rss_}{end}'.replace(
            "<rss ", f'<rss xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a {server}/x" ', 1
        ),
        "entity in a sitemap": f'<!DOCTYPE urlset [<!ENTITY x SYSTEM "{file}">]><urlset><url><loc>&x;'
        "</loc></url></urlset>",
        "entity in a page": f'<!DOCTYPE html [<!ENTITY x SYSTEM "{file}">]><html><body><p>&x;</p></body></html>',
    }  # fmt: skip


HARMLESS = ("external dtd", "public dtd", "xinclude", "stylesheet", "schema", "entity in a page")
"""Attacks that define no entity for XML to expand: the rest of such a document may be read."""


def entities(seed: int, full: bool) -> Tally:
    """Whatever defines entities is refused as hostile; no file is read and nothing is fetched."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder, FaultServer() as server:
        parser = children()
        path = Path(folder) / "secret.txt"
        path.write_text(SECRET)
        for name, text in attacks(path.as_uri(), server.base).items():
            forms = {"": text.encode(), " in utf-16": text.encode("utf-16"), " packed": gzip.compress(text.encode())}
            for form, content in forms.items():
                seen: list[str] = []
                for read in (parser.discover, parser.extract):
                    try:
                        seen.append(str(read(document(content))))
                    except CollectError as error:
                        seen.append(error.reason)
                refused = name in HARMLESS or seen[0] in ("hostile", "not_a_feed")
                tally.check(name + form, refused and SECRET not in str(seen), seen)
            opml = Path(folder) / "list.opml"
            body = text.replace(
                "<rss version='2.0'>", "<opml><body><outline text='&x;' xmlUrl='http://a.org/'/></body>"
            )
            opml.write_text(body)
            try:
                told = str(read_opml(opml, Sources({})))
            except KBError as error:
                told = str(error)
            tally.check(f"{name} as OPML", SECRET not in told, told)
        tally.check("nothing was fetched", server.connections == 0, server.paths())
        tally.told = f"{server.connections} requests"
    return tally


# ── row 35 ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Quirk:
    """A feed and what is right to read: `address` or `address when` for each story, once."""

    name: str
    content: bytes
    expected: tuple[str, ...]
    timezone: str | None = None


def dated(said: str, when: str, timezone: str | None = None, head: str = "") -> Quirk:
    content = rss(f"<link>https://a.org/1</link><pubDate>{said}</pubDate>", head=head).encode()
    return Quirk(f"date {said!r} {timezone or head}", content, (f"https://a.org/1 {when}".rstrip(),), timezone)


def linked(name: str, items: str, *expected: str) -> Quirk:
    return Quirk(name, rss(items).encode(), expected)


MORNING = "2024-07-09T08:30:00+00:00"
HALF_PAST_MIDNIGHT = "2024-07-09T00:30:00+00:00"
ZH = "<title>x</title><language>zh-cn</language>"

DATES = (
    dated("Tue, 09 Jul 2024 08:30:00 GMT", MORNING),
    dated("Tue, 9 Jul 2024 08:30 GMT", MORNING),
    dated("09 Jul 2024 08:30:00 +0000", MORNING),
    dated("Tue, 09 Jul 2024 08:30:00 Z", MORNING),
    dated("Tue, 09 Jul 2024 10:30:00 +0200", MORNING),
    dated("Tue, 09 Jul 2024 10:30:00 +02:00", MORNING),
    dated("Tue, 09 Jul 2024 04:30:00 EDT", MORNING),
    dated("Tue, 09 Jul 2024 03:30:00 EST", MORNING),
    dated("Tue, 09 Jul 2024 10:30:00 CEST", MORNING),
    dated("tue, 09 jul 2024 08:30:00 gmt", MORNING),
    dated("2024-07-09T08:30:00Z", MORNING),
    dated("2024-07-09T08:30:00.123Z", MORNING),
    dated("2024-07-09T10:30:00+02:00", MORNING),
    dated("2024-07-09 10:30:00 +0200", MORNING),
    dated("Tue, 09 Jul 2024 08:30:00 +0800", HALF_PAST_MIDNIGHT),
    dated("Tue, 09 Jul 2024 08:30:00 CST", HALF_PAST_MIDNIGHT, "Asia/Shanghai"),
    dated("Tue, 09 Jul 2024 08:30:00 CST", HALF_PAST_MIDNIGHT, None, ZH),
    dated("Tue, 09 Jul 2024 08:30:00 CST", "2024-07-09T14:30:00+00:00", "America/Chicago"),
    dated("Tue, 09 Jul 2024 08:30:00", "2024-07-09"),
    dated("Tue, 09 Jul 2024 08:30:00", HALF_PAST_MIDNIGHT, "Asia/Shanghai"),
    dated("2024-07-09 08:30:00", HALF_PAST_MIDNIGHT, "Asia/Shanghai"),
    dated("2024年7月9日 08:30", HALF_PAST_MIDNIGHT, "Asia/Shanghai"),
    dated("2024年7月9日", "2024-07-09"),
    dated("2024-07-09", "2024-07-09"),
    dated("9. Juli 2024", "2024-07-09"),
    dated("July 9, 2024", "2024-07-09"),
    dated("yesterday", ""),
    dated("Tue, 31 Feb 2024 08:30:00 GMT", ""),
    dated("0000-00-00 00:00:00", ""),
    dated("", ""),
)

LINKS = (
    linked("relative", "<link>/a/1</link>", "https://www.example.org/a/1"),
    linked("relative to the feed", "<link>1.html</link>", "https://www.example.org/feed/1.html"),
    linked("without a scheme", "<link>//b.org/1</link>", "https://b.org/1"),
    linked("in CDATA, with lines", "<link>\n <![CDATA[https://a.org/1]]> \n</link>", "https://a.org/1"),
    linked("with an ampersand", "<link>https://a.org/v?a=1&amp;b=2</link>", "https://a.org/v?a=1&b=2"),
    linked("a guid alone", "<title>t</title><guid>https://a.org/1</guid>", "https://a.org/1"),
    linked("a guid that is no link", "<title>t</title><guid isPermaLink='false'>https://a.org/1</guid>"),
    linked("a script", "<link>javascript:alert(1)</link>"),
    linked("a mail", "<link>mailto:a@b.org</link>"),
    linked("a file", "<link>file:///etc/passwd</link>"),
    linked("empty", "<title>t</title><link/>"),
    linked("a fragment", "<link>https://a.org/1#top</link>", "https://a.org/1"),
    linked("Chinese", "<link>https://a.org/新闻/1</link>", "https://a.org/%E6%96%B0%E9%97%BB/1"),
    linked("an enclosure is no article", "<title>t</title><enclosure url='https://a.org/1.mp3' type='audio/mpeg'/>"),
    linked("trackers", "<link>https://a.org/1?utm_source=rss&amp;utm_medium=feed</link>", "https://a.org/1"),
    Quirk("atom: alternate among others", ATOM.replace('<link href="/a/1"/>', '<link rel="self" href="/s"/><link '
          'rel="enclosure" href="/f.mp3"/><link rel="alternate" href="/a/1"/>').encode(),
          (f"https://www.example.org/a/1 {MORNING}",)),
    Quirk("atom: xml:base", ATOM.replace('lang="de"', 'base="https://b.org/x/"').replace("/a/1", "a/1").encode(),
          (f"https://b.org/x/a/1 {MORNING}",)),
    Quirk("rss 1.0", RDF.encode(), ("http://a.org/1 2024-07-09",)),
    Quirk("json", JSON.encode(), ("https://www.example.org/a",)),
)  # fmt: skip


def item(link: str, guid: str = "", title: str = "") -> str:
    named = f"<guid isPermaLink='false'>{guid}</guid>" if guid else ""
    return f"<item><title>{title or link}</title><link>https://a.org/{link}</link>{named}</item>"


def items(name: str, *entries: str, to: tuple[str, ...]) -> Quirk:
    content = f"<rss version='2.0'><channel><title>f</title>{''.join(entries)}</channel></rss>"
    return Quirk(name, content.encode(), tuple(f"https://a.org/{one}" for one in to))


STORIES = (
    items("the same link twice", item("1"), item("1"), to=("1",)),
    items("one id and title, two links", item("1", "g", "t"), item("1b", "g", "t"), to=("1",)),
    items("one id for all", item("1", "g"), item("2", "g"), item("3", "g"), to=("1", "2", "3")),
    items("one title for all", item("1", "", "News"), item("2", "", "News"), to=("1", "2")),
    items("trackers apart", item("1?utm_source=a"), item("1?utm_source=b"), to=("1",)),
    items("mobile and plain", item("1?amp=1"), item("1"), to=("1",)),
    items("numbers that matter", item("v?id=1"), item("v?id=2"), to=("v?id=1", "v?id=2")),
    items("pages that matter", item("l?page=1"), item("l?page=2"), to=("l?page=1", "l?page=2")),
)


def made(content: str, *expected: str, codec: str = "utf-8", before: bytes = b"") -> tuple[bytes, tuple[str, ...]]:
    return before + content.encode(codec), expected


PLAIN = "<rss version='2.0'><channel><title>f</title><item><title>{}</title><link>https://a.org/1</link></item></channel></rss>"
DECLARED = "<?xml version='1.0' encoding='{}'?>" + PLAIN
BUILT = {
    "a mark before the declaration": made(DECLARED.format("utf-8", "t"), "https://a.org/1", codec="utf-8-sig"),
    "blank lines before it": made(DECLARED.format("utf-8", "t"), "https://a.org/1", before=b"\n\n  "),
    "words after the end": made(PLAIN.format("t") + "<!-- served in 0.2 s --> ok", "https://a.org/1"),
    "a bare ampersand": made(PLAIN.format("Rules & replies"), "https://a.org/1"),
    "names of HTML": made(PLAIN.format("Rules&nbsp;&ndash; replies"), "https://a.org/1"),
    "control characters": made(PLAIN.format("a\x0b\x0cb"), "https://a.org/1"),
    "a namespace nobody declared": made(PLAIN.format("t</title><dc:creator>x</dc:creator><title>u"), "https://a.org/1"),
    "not closed": made(PLAIN.format("t").removesuffix("</channel></rss>"), "https://a.org/1"),
    "declared utf-16, is utf-8": made(DECLARED.format("utf-16", "t"), "https://a.org/1"),
    "declared utf-8, is gbk": made(DECLARED.format("utf-8", "出口许可改为网上申请"), "https://a.org/1", codec="gbk"),
    "declared gb2312": made(DECLARED.format("gb2312", "出口许可改为网上申请"), "https://a.org/1", codec="gbk"),
    "no version": made(PLAIN.format("t").replace(" version='2.0'", ""), "https://a.org/1"),
}  # fmt: skip


def quirk_cases() -> Iterator[Quirk]:
    yield from DATES
    yield from LINKS
    yield from STORIES
    for name, (content, expected) in BUILT.items():
        yield Quirk(name, content, expected)
    many = rss(*(f"<title>n{number}</title><link>https://a.org/{number}</link>" for number in range(20_000)))
    yield Quirk("20,000 items", many.encode(), tuple(f"https://a.org/{number}" for number in range(MOST_ENTRIES)))


def quirks(seed: int, full: bool) -> Tally:
    """One story for each story, under its own address, at the right time in UTC."""
    tally = Tally()
    parser = children()
    for quirk in quirk_cases():
        if quirk.name.startswith("20,000") and not full:
            continue
        try:
            found = plan.keyed(parser.discover(document(quirk.content), None, quirk.timezone).links, None, None)
            seen: object = tuple(
                f"{url} {link.published.iso() if link.published else ''}".rstrip() for url, link in found.items()
            )
        except CollectError as error:
            seen = error.reason
        tally.check(quirk.name, seen == quirk.expected, str(seen)[:300])
    return tally


# ── row 36 ────────────────────────────────────────────────────────────────────────────────────────

DECORATIONS = (
    "utm_source=rss", "utm_medium=feed&utm_campaign=x", "fbclid=IwAR1", "gclid=Cj0K", "spm=a2c.1", "from=timeline",
    "isappinstalled=0", "cmpid=share", "ocid=a1", "mc_cid=1&mc_eid=2", "igshid=z",
    "msclkid=1", "yclid=1", "_ga=1.2",
    "ref=twitter", "source=newsletter", "via=rss", "share_token=x", "amp=1", "outputType=amp", "at_medium=rss",
    "wt_mc=x", "xtor=RSS-1", "guccounter=1", "ns_source=x", "ncid=1", "smid=tw", "twclid=1", "li_fat_id=1",
    "PHPSESSID=1",
)  # fmt: skip
"""Thirty trackers, as links to news carry them."""


def story_address(dice: random.Random) -> str:
    """An address of an article, as sites make them."""
    host = dice.choice(["www.example.org", "news.example.cn", "example.de", "www.example.co.uk"])
    number = dice.randrange(10**6, 10**7)
    path = dice.choice(
        [
            f"/2024/07/09/rule-{number}",
            f"/news/{number}.html",
            f"/view.php?id={number}",
            f"/a/{number}?page=2",
            f"/t/{number}/",
        ]
    )
    return f"https://{host}{path.format(number)}"


def another_name(url: str, dice: random.Random) -> str:
    """The same story under another address."""
    joined = "&" if "?" in url else "?"
    for _ in range(dice.randint(1, 3)):
        url, joined = url + joined + dice.choice(DECORATIONS), "&"
    kind = dice.randrange(5)
    if kind == 0:
        return url + "#comments"
    if kind == 1:
        return url.replace("https://", "HTTPS://").replace("example", "EXAMPLE")
    if kind == 2:
        return url.replace("org/", "org:443/").replace("cn/", "cn:443/")
    return url.replace("/news/", "/./news/") if kind == 3 else url


def another_story(url: str, dice: random.Random) -> str:
    """A neighbour of the story, whose address differs where addresses of stories differ."""
    number = re.findall(r"\d{7}", url)[0]
    return url.replace(number, str(int(number) + dice.randint(1, 9)))


def addresses(seed: int, full: bool) -> Tally:
    """Two names of a story have one key, and those of two stories two: no pair may be told wrong."""
    dice, tally = random.Random(seed), Tally()
    for number in range(1_000 if full else 200):
        url = story_address(dice)
        same, other = another_name(url, dice), another_name(another_story(url, dice), dice)
        tally.check(f"{number}: {url} and {same}", canonical(url) == canonical(same), canonical(same))
        tally.check(f"{number}: {url} and {other}", canonical(url) != canonical(other), canonical(other))
    url = story_address(dice)
    keys = {canonical(url + ("&" if "?" in url else "?") + tracker) for tracker in DECORATIONS}
    tally.check("thirty trackers, one key", keys == {canonical(url)}, keys)
    return tally
