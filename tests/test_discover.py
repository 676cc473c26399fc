"""Feeds, sitemaps and listing pages into links; hostile and broken ones into errors."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.discover import Discovery, discover, feeds_on
from ingest.kinds import kind_of
from kb.errors import CollectError
from kb.models import Page
from tests.bench import feeds

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def page(
    content: bytes | str, media_type: str = "text/xml", url: str = "https://www.example.org/feed/all.xml", **known: Any
) -> Page:
    return Page(url, url, content.encode() if isinstance(content, str) else content, media_type, None, NOW, **known)


def rss(*items: str, head: str = "<title>Ledger</title>") -> str:
    entries = "".join(f"<item>{item}</item>" for item in items)
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{entries}</channel></rss>'


def link(found: Discovery, at: int = 0) -> tuple[str, str | None, str | None]:
    one = found.links[at]
    return one.url, one.title, one.published.iso() if one.published else None


KINDS = {
    "feed": [rss(), '\n<!-- x --><feed xmlns="http://www.w3.org/2005/Atom">'
        '</feed>', '<rdf:RDF xmlns:rdf="x"></rdf:RDF>',
             '<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//N//DTD 0.91//EN" "http://x/rss.dtd"><rss version="0.91">'
                 '</rss>'],
    "sitemap": ['<?xml version="1.0"?><urlset xmlns="x"></urlset>', "<sitemapindex></sitemapindex>"],
    "html": ["<!DOCTYPE html><title>x</title>", "<html><body>x</body></html>", "  <div><p>words</p></div>"],
    "pdf": [b"%PDF-1.4"],
    "jsonl": ['{"title": "a"}\n{"title": "b"}'],
    "json-feed": ['{"version": "https://jsonfeed.org/version/1.1", "items": []}'],
    "json": ["[1, 2]", '{\n"a": 1}'],
    "markdown": ["---\ntitle: x\n---\nwords"],
    "text": ["plain words"],
    "empty": [b"", b"\xef\xbb\xbf \n"],
    "binary": [b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "content"), [(kind, one) for kind, contents in KINDS.items() for one in contents])
@pytest.mark.parametrize("media_type", ["application/octet-stream", "text/plain"])
def test_kinds_come_from_the_bytes(kind: str, content: bytes | str, media_type: str) -> None:
    assert kind_of(page(content, media_type)) == kind
    wide = content.encode("utf-16") if isinstance(content, str) and kind in ("feed", "sitemap", "html") else content
    assert kind_of(page(wide, media_type)) == kind


def test_rss() -> None:
    found = discover(
        page(
            rss(
                "<title>Rule &amp;amp; reply</title><link>/a/1</link><pubDate>Tue, 09 Jul 2024 08:30:00 GMT</pubDate>",
                "<title>Again</title><link>https://www.example.org/a/1</link>",
                "<title>No link</title><guid isPermaLink='false'>tag:1</guid>",
                "<title>Guid</title><guid>https://www.example.org/a/2</guid><pubDate>Tue, 09 Jul 2024 08:30:00"
                "</pubDate>",
                "<title>Bad</title><link>javascript:alert(1)</link>",
                "<title>局</title><link>https://www.example.org/a/3#top</link><pubDate>2024年7月9日</pubDate>",
                head="<title>Ledger</title><ttl>30</ttl><language>en-GB</language>",
            )
        ),
        "ledger",
    )
    assert (found.kind, found.title, found.ttl, found.language) == ("feed", "Ledger", 1800, "en")
    assert [link(found, at) for at in range(len(found.links))] == [
        ("https://www.example.org/a/1", "Rule & reply", "2024-07-09T08:30:00+00:00"),
        ("https://www.example.org/a/2", "Guid", "2024-07-09"),
        ("https://www.example.org/a/3", "局", "2024-07-09"),
    ]
    assert {one.source_id for one in found.links} == {"ledger"}


def test_a_sources_zone_reads_times_without_one_and_cst() -> None:
    items = [
        "<link>/a</link><pubDate>Tue, 09 Jul 2024 08:30:00</pubDate>",
        "<link>/b</link><pubDate>Tue, 09 Jul 2024 08:30:00 CST</pubDate>",
    ]
    found = discover(page(rss(*items)), timezone="Asia/Shanghai")
    assert [link(found, at)[2] for at in (0, 1)] == ["2024-07-09T00:30:00+00:00"] * 2
    chinese = discover(page(rss(*items, head="<title>x</title><language>zh-cn</language>")))
    assert [link(chinese, at)[2] for at in (0, 1)] == ["2024-07-09", "2024-07-09T00:30:00+00:00"]


def test_atom_takes_alternate_links_and_resolves_them() -> None:
    atom = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://blog.example.org/x/"><title>B</title>
    <entry><title>One</title><link rel="enclosure" href="/f.mp3"/>
    <link rel="alternate" href="one"/><updated>2024-07-09T08:30:00Z</updated></entry></feed>"""
    assert link(discover(page(atom))) == ("https://blog.example.org/x/one", "One", "2024-07-09T08:30:00+00:00")


@pytest.mark.parametrize("codec", ["gb2312", "gbk", "gb18030", "big5"])
def test_chinese_feeds_in_their_old_encodings(codec: str) -> None:
    text = "出口許可改為網上申請" if codec == "big5" else "出口许可改为网上申请"
    content = f'<?xml version="1.0" encoding="{codec}"?><rss version="2.0"><channel><title>局</title><item><title>{text}</title><link>http://a.cn/1</link></item></channel></rss>'
    assert discover(page(content.encode(codec))).links[0].title == text


def test_sitemaps() -> None:
    schema = "http://www.sitemaps.org/schemas/sitemap/0.9"
    plain = f'<urlset xmlns="{schema}"><url><loc> https://www.example.org/a </loc>'
    plain += "<lastmod>2024-07-09</lastmod></url></urlset>"
    found = discover(page(gzip.compress(plain.encode()), "application/gzip"))
    assert (found.kind, link(found)) == ("sitemap", ("https://www.example.org/a", None, "2024-07-09"))
    news = plain.replace("</url>", '<n:news xmlns:n="http://www.google.com/schemas/sitemap-news/0.9">'
        '<n:publication_date>2024-07-08T10:00:00Z'
                         "</n:publication_date><n:title>A title</n:title></n:news></url>")  # fmt: skip
    found = discover(page(news))
    assert (found.kind, link(found)) == (
        "news-sitemap",
        ("https://www.example.org/a", "A title", "2024-07-08T10:00:00+00:00"),
    )
    index = (
        "<sitemapindex><sitemap><loc>/s1.xml.gz</loc></sitemap><sitemap><loc>/s1.xml.gz</loc></sitemap></sitemapindex>"
    )
    assert discover(page(index)).children == ("https://www.example.org/s1.xml.gz",)
    assert [one.url for one in discover(page("https://a.org/1\nhttps://a.org/2\n", "text/plain")).links] == [
        "https://a.org/1",
        "https://a.org/2",
    ]


def test_a_sitemap_speaks_for_its_own_site() -> None:
    locations = ["https://www.example.org/a", "https://news.example.org/b", "https://elsewhere.example.net/c"]
    content = f"<urlset>{''.join(f'<url><loc>{one}</loc></url>' for one in locations)}</urlset>"
    assert [one.url for one in discover(page(content)).links] == locations[:2]
    index = f"<sitemapindex>{''.join(f'<sitemap><loc>{one}</loc></sitemap>' for one in locations)}</sitemapindex>"
    assert discover(page(index)).children == tuple(locations[:2])
    with pytest.raises(CollectError, match="no pages of its own site, and 3 of others"):
        discover(page(content, url="https://third.example.com/sitemap.xml"))


def test_one_story_under_two_addresses_is_taken_once_but_one_id_for_all_is_no_story() -> None:
    same = ["<title>t</title><guid isPermaLink='false'>g</guid><link>/a</link>"] * 2
    assert len(discover(page(rss(same[0], same[1].replace("/a", "/b")))).links) == 1
    assert len(discover(page(rss(same[0], same[1].replace("/a", "/b").replace(">t<", ">u<")))).links) == 2


def test_a_listing_page_gives_articles_only() -> None:
    html = """<html><head><title>News</title><link rel="alternate" type="application/rss+xml" href="/rss"></head><body>
    <a href="/">Home</a><a href="/about">About the people who make this paper</a>
    <a href="/tag/chips">All the stories about chips</a>
    <a href="/2024/07/09/new-rule-for-test-chips"><img alt=""></a>
    <a href="/2024/07/09/new-rule-for-test-chips">New rule for test chips explained</a>
    <a href="https://other.example.net/2024/07/09/a-story-from-elsewhere">A story from somewhere else altogether</a>
    <a href="/n/123456.html">某地出台芯片设计企业补贴办法</a>
    <a href="mailto:a@example.org">Write to the editors of this paper</a></body></html>"""
    found = discover(page(html, "text/html", "https://www.example.org/news"))
    assert found.kind == "listing" and [link(found, at) for at in range(len(found.links))] == [
        (
            "https://www.example.org/2024/07/09/new-rule-for-test-chips",
            "New rule for test chips explained",
            "2024-07-09",
        ),
        ("https://www.example.org/n/123456.html", "某地出台芯片设计企业补贴办法", None),
    ]
    assert feeds_on(page(html, "text/html")) == ("https://www.example.org/rss",)


def test_json_feed() -> None:
    item = '{"url": "/a", "title": "A", "date_published": "2024-07-09T08:30:00Z"}'
    content = f'{{"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": [{item}, 7]}}'
    assert link(discover(page(content, "application/json"))) == (
        "https://www.example.org/a",
        "A",
        "2024-07-09T08:30:00+00:00",
    )


BOMB = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
XXE = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
PARAMETER = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:9/evil.dtd"> %p;]>'


@pytest.mark.parametrize("attack", [BOMB, XXE, PARAMETER])
@pytest.mark.parametrize(
    "body",
    ["<rss version='2.0'><channel><title>&b;&x;</title></channel></rss>", "<urlset><url><loc>&x;</loc></url></urlset>"],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_entities_are_hostile(attack: str, body: str, codec: str) -> None:
    with pytest.raises(CollectError) as refused:
        discover(page((attack + body).encode(codec)))
    assert refused.value.reason == "hostile"


@pytest.mark.parametrize(
    ("reason", "content"),
    [
        ("not_a_feed", "plain words"),
        ("not_a_feed", b"%PDF-1.4"),
        ("not_a_feed", b""),
        ("no_links", "<html><body><p>We use cookies</p></body></html>"),
        ("no_links", "<urlset></urlset>"),
        ("too_large", gzip.compress(b"<urlset>" + b" " * 51_000_000)),
    ],
)
def test_what_leads_nowhere(reason: str, content: bytes | str) -> None:
    with pytest.raises(CollectError) as refused:
        discover(page(content))
    assert refused.value.reason == reason


def test_a_huge_feed_is_cut() -> None:
    many = rss(*(f"<title>{n}</title><link>/a/{n}</link>" for n in range(20_500)))
    assert len(discover(page(many)).links) == 20_000


PIECES = st.sampled_from(
    ["<rss version='2.0'>", "<channel>", "<item>", "</item>", "<link>", "</link>", "<title>", "]]>", "<![CDATA[",
     "&amp;", "&#0;", "&#x110000;",
     "<pubDate>",
     "Tue, 31 Feb 99999 25:61", "http://[::1", "//", "javascript:", "\x00",
     "\ud800".encode("utf-8", "replace").decode(), "局",
     "<feed xmlns='http://www.w3.org/2005/Atom'>",
     "<entry>", "<content type='xhtml'>", "<div", "style='", "<georss:point>", "1 a", "<urlset>", "<url>", "<loc>", "xml:base='http://['",
     "</", "<!--", "<?xml", "encoding='utf-7'", "?>"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, min_size=1, max_size=30), st.binary(max_size=20))
def test_noise_is_an_error_of_ours_or_a_discovery(pieces: list[str], noise: bytes) -> None:
    try:
        found = discover(page("".join(pieces).encode() + noise))
    except CollectError as error:
        assert error.reason
    else:
        assert all(one.url.startswith(("http://", "https://")) for one in found.links)


BENCH = os.environ.get("LAGEBILD_BENCH")


@pytest.mark.skipif(not BENCH, reason="LAGEBILD_BENCH names no folder with the public sets")
def test_feedparsers_own_cases_are_read_as_it_reads_them_or_refused() -> None:
    """Every fifth; all of them: python -m tests.bench.feeds."""
    chosen = list(feeds.cases(Path(BENCH or "")))[::5]
    results = [feeds.read(case, discover) for case in chosen]
    assert [result.case.name for result in results if result.reason not in ("", *feeds.REASONS)] == []
    assert sum(result.found is not None for result in results) > 0.95 * len(results)
    assert [result.case.name for result in results if not all(feeds.compared(result).values())] == []
