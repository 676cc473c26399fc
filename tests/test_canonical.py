"""One URL for one article: what goes, what stays, and which declarations of a page are believed."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.canonical import SITE_TRACKERS, TRACKERS, canonical, registrable_domain, trusted_canonical

A = "https://news.example/2026/03/chip-rules"

# One article under many names.
SAME = [
    A,
    "https://news.example/2026/03/chip-rules#comments",
    "https://news.example/2026/03/chip-rules?",
    "https://news.example/2026/03/chip-rules?#",
    "  https://news.example/2026/03/chip-rules\n",
    "https://news.exa\nmple/2026/03/chip-rules",
    "HTTPS://NEWS.Example/2026/03/chip-rules",
    "https://news.example./2026/03/chip-rules",
    "https://news.example:443/2026/03/chip-rules",
    "https://user:pass@news.example/2026/03/chip-rules",
    "https://news.example//2026//03/chip-rules",
    "https://news.example/2026/./03/x/../chip-rules",
    "https://news.example/../2026/03/chip-rules",
    "https://news.example/2026/03/chip%2Drules",
    "https://news.example/2026/03/%63hip-rules",
    "https://news.example/2026/03/chip-rules;jsessionid=0A1B2C",
    "https://news.example/2026/03/chip-rules?PHPSESSID=0a1b",
    "https://news.example/2026/03/chip-rules/amp",
    "https://news.example/amp/2026/03/chip-rules",
    "https://news.example/2026/03/chip-rules?amp=1",
    "https://news.example/2026/03/chip-rules?outputType=amp",
    "https://www.google.com/amp/s/news.example/2026/03/chip-rules",
    "https://www.google.de/amp/s/news.example/amp/2026/03/chip-rules",
    "https://news-example.cdn.ampproject.org/c/s/news.example/2026/03/chip-rules",
    "https://news-example.cdn.ampproject.org/v/s/news.example/2026/03/chip-rules?usqp=mq331&amp_js_v=0.1#x=1",
    "https://www.bing-amp.com/c/s/news.example/2026/03/chip-rules",
    *(
        f"https://news.example/2026/03/chip-rules?{query}"
        for query in [
            "utm_source=x&utm_medium=y&UTM_Campaign=z",
            "fbclid=IwAR0",
            "gclid=1&gbraid=2&wbraid=3&dclid=4&msclkid=5&yclid=6&twclid=7&ttclid=8&igshid=9",
            "spm=5176.100&scm=1.2",
            "from=timeline&isappinstalled=0",
            "from=singlemessage",
            "from=7000595010",
            "cmpid=socialflow-twitter-business",
            "CMP=share_btn_tw",
            "ocid=msedgntp&cvid=abc",
            "module=RelatedLinks&pgtype=Article",
            "mc_cid=1&mc_eid=2",
            "_ga=2.1&_gl=1",
            "at_medium=RSS&at_campaign=KARANGA",
            "ns_mchannel=social&ns_source=twitter",
            "ref=rss&source=twitter&via=hn&rss=1",
            "share_token=abc&share_from=app",
            "guccounter=1&guce_referrer=aHR0",
            "wt_mc=nl.red&wt.zmc=x",
            "xtor=AD-1",
        ]
    ),
]


@pytest.mark.parametrize("url", SAME)
def test_one_article(url: str) -> None:
    assert canonical(url) == A


# Parameters, hosts and paths that tell articles apart, or that a reader needs to open the page.
STAYS = [
    "https://news.example/",
    "http://news.example/a",
    "https://www.news.example/a",
    "https://news.example:8443/a",
    "http://127.0.0.1:8000/a.html",
    "http://localhost:8000/a.html",
    "http://[::1]:8000/a",
    "https://news.example/a/",
    "https://news.example/A/b.HTML",
    "https://news.example/view.asp?12345",
    "https://news.example/story?id=5",
    "https://news.example/?p=123",
    "https://news.example/search?q=chips",
    "https://news.example/list?page=2",
    "https://news.example/a?cid=17&uid=4",
    "https://news.example/a?article_id=1&lang=zh",
    "https://news.example/a?gallery=12&game=5&glossary=x",
    "https://news.example/a?keyword=ai&session=119",
    "https://news.example/a?ref=20240101",
    "https://news.example/a?source=12",
    "https://news.example/index.php?id=5&module=news",
    "https://news.example/report?from=2024-01-01&to=2024-02-01",
    "https://news.example/a?x=%26y",
    "https://news.example/a?x=1&x=2",
    "https://news.example/a?empty=",
    "https://news.example/a?t=1+1",
    "https://news.example/%E6%96%B0%E9%97%BB/1.html",
    "https://news.example/a%2Fb",
    "https://xn--fiqs8s.example/a",
    "https://app.example/#!/article/7",
    "https://web.archive.org/web/2020/https://news.example/a",
    "https://news.example/amp",
    "https://news.example/ampere/gpu",
    "https://news.example/camp/x.ampersand",
    "https://m.example/a",
    "https://mp.weixin.qq.com/s/AbCdEf123",
    "https://www.youtube.com/watch?v=abc123",
]


@pytest.mark.parametrize("url", STAYS)
def test_what_tells_articles_apart_stays(url: str) -> None:
    assert canonical(url) == url


MAPPED = {
    "https://news.example": "https://news.example/",
    "https://news.example?id=5": "https://news.example/?id=5",
    "https://news.example/a?b=2&a=1": "https://news.example/a?a=1&b=2",
    "https://news.example/a?b=2&a=1&b=1": "https://news.example/a?a=1&b=2&b=1",
    "https://news.example/a?a=1&&a=1&": "https://news.example/a?a=1",
    "https://news.example/a?Utm_Source=x&id=5&fbclid=1": "https://news.example/a?id=5",
    "https://新闻.example/新闻?标题=芯片": "https://xn--efvy88h.example/%E6%96%B0%E9%97%BB?%E6%A0%87%E9%A2%98=%E8%8A%AF%E7%89%87",
    "https://news.example/a b?c d=é": "https://news.example/a%20b?c%20d=%C3%A9",
    "https://news.example/100%": "https://news.example/100%25",
    "https://news.example/%e6%96%b0": "https://news.example/%E6%96%B0",
    "http://news.example:80/a": "http://news.example/a",
    "http://news.example:443/a": "http://news.example:443/a",
    "https://m.thepaper.cn/newsDetail_forward_1": "https://www.thepaper.cn/newsDetail_forward_1",
    "https://mobile.nytimes.com/2026/03/01/a.html": "https://www.nytimes.com/2026/03/01/a.html",
    "https://wap.sciencenet.cn/blog-1-2.html": "https://www.sciencenet.cn/blog-1-2.html",
    "https://m.news.cctv.com/a.shtml": "https://news.cctv.com/a.shtml",
    "https://en.m.wikipedia.org/wiki/Chip": "https://en.wikipedia.org/wiki/Chip",
    "https://amp.dw.com/en/a": "https://www.dw.com/en/a",
    "https://m.bbc.co.uk/news": "https://www.bbc.co.uk/news",
    "https://news.example/a.amp.html": "https://news.example/a.html",
    "https://news.example/a.amp": "https://news.example/a",
    "https://news.example/a/amp/": "https://news.example/a/",
    "https://mp.weixin.qq.com/s?__biz=Mz==&mid=22&idx=1&sn=ab&chksm=ff&scene=21#wechat_redirect": (
        "https://mp.weixin.qq.com/s?__biz=Mz==&idx=1&mid=22&sn=ab"
    ),
    "https://www.nytimes.com/2026/a.html?module=Search&pgtype=Home&action=click&region=Top": (
        "https://www.nytimes.com/2026/a.html"
    ),
    "https://www.wsj.com/articles/a-1?mod=hp_lead_pos1": "https://www.wsj.com/articles/a-1",
    "https://forum.example/forum.php?mod=viewthread&tid=7": "https://forum.example/forum.php?mod=viewthread&tid=7",
}


@pytest.mark.parametrize("url", MAPPED)
def test_mapped(url: str) -> None:
    assert canonical(url) == MAPPED[url]


@pytest.mark.parametrize(
    "url",
    ["urn:lagebild:1", "file:///home/me/A%2db.html", "mailto:a@b.example", "news.example/a", "/a?utm_source=x", "", "http://"],
)  # fmt: skip
def test_what_is_no_web_address_passes_unchanged(url: str) -> None:
    assert canonical(url) == url


@pytest.mark.parametrize("url", ["http://[::1/a", "https://news.example:port/a", "https://news.example:99999/a"])
def test_what_cannot_be_read_passes_unchanged(url: str) -> None:
    assert canonical(url) == url


def test_the_lists_are_lower_case_as_they_are_compared() -> None:
    names = TRACKERS.union(*SITE_TRACKERS.values())
    assert {name for name in names if name != name.lower()} == set()


PIECES = st.sampled_from(
    [
        "a",
        "amp",
        ".",
        "..",
        "",
        "%2e",
        "%2E%2e",
        "%",
        "%25",
        "%zz",
        "é",
        "新",
        "s",
        "c",
        "a.amp.html",
        "x.amp",
        ";jsessionid=1",
    ]
)
HOSTS = st.sampled_from(
    [
        "news.example",
        "M.News.Example",
        "m.a.co.uk",
        "www.google.com",
        "x.cdn.ampproject.org",
        "中国.example",
        "127.0.0.1:8000",
        "amp.m.example.org.",
        "mp.weixin.qq.com",
        "www.nytimes.com",
        "u:p@h.example",
        "a b",
    ]
)
PAIRS = st.sampled_from(
    [
        "id=1",
        "utm_x=1",
        "from=a",
        "to=b",
        "module=x",
        "ref=a",
        "ref=7",
        "",
        "=",
        "b",
        "q=%7e%20+",
        "é=ü",
        "mid=1",
        "sn=2",
        "__biz=3",
        "idx=4",
        "pgtype=1",
        "x=a&amp;y=b",
    ]
)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(["http://", "https://", "HTTPS://"]),
    HOSTS,
    st.lists(PIECES, max_size=6),
    st.lists(PAIRS, max_size=5),
    st.sampled_from(["", "#", "#x", "#!/a b"]),
)
def test_idempotent(scheme: str, host: str, path: list[str], query: list[str], fragment: str) -> None:
    url = f"{scheme}{host}/{'/'.join(path)}?{'&'.join(query)}{fragment}"
    once = canonical(url)
    assert canonical(once) == once


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60))
@example("//a?#!#")
@example("www.google.com/amp/s/www.google.com/amp/s/a.b/c/amp/amp.amp")
def test_idempotent_on_anything(text: str) -> None:
    for url in (text, "https://" + text, "http://news.example/" + text):
        once = canonical(url)
        assert canonical(once) == once


@settings(max_examples=300, deadline=None)
@given(st.lists(PAIRS, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_different_parameters_does_not_matter(pairs: list[str], random: object) -> None:
    distinct = list({re.split("[=&]", pair)[0]: pair for pair in pairs}.values())
    shuffled = list(distinct)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    base = "https://news.example/a?"
    assert canonical(base + "&".join(distinct)) == canonical(base + "&".join(shuffled))


# --- what a page says of itself ------------------------------------------------------------------------------------

TRUSTED = [
    ("https://www.news.example/a-long-story?x=1", "https://www.news.example/a-long-story", None),
    ("https://www.news.example/world/a-long-story", "/world/a-long-story?utm_source=rss", None),
    ("https://m.sina.com.cn/a/1.html", "https://news.sina.com.cn/a/1.html", None),
    ("https://www.bbc.co.uk/news/world-1", "https://www.bbc.com/news/world-1", False),
    ("https://www.bbc.co.uk/news/world-1", "https://other.co.uk/news/world-1", False),
    ("https://one.github.io/a-long-story", "https://two.github.io/a-long-story", False),
    ("http://127.0.0.1:8000/a-1.html", "http://127.0.0.1:8000/b-1.html", None),
    ("http://127.0.0.1:8000/a-1.html", "http://127.0.0.1:9000/a-1.html", False),
    ("http://127.0.0.1:8000/a-1.html", "http://127.0.0.2:8000/a-1.html", False),
    ("https://news.example/a-long-story", "https://evil.test/a-long-story", False),
    ("https://news.example/a-long-story", "https://news.example.evil.test/a-long-story", False),
    ("https://news.example/a-long-story", "https://news.example/", False),
    ("https://news.example/a-long-story", "https://news.example", False),
    ("https://news.example/a-long-story", "/index.html", False),
    ("https://news.example/world/2026/a-long-story.html", "https://news.example/world/", False),
    ("https://news.example/world/2026/a-long-story.html", "/world/2026", False),
    ("https://news.example/world/2026/a-long-story.html", "/world/index.html", False),
    ("https://news.example/2026/a-long-story.html", "https://news.example/politics", False),
    ("https://news.example/a-long-story/2", "https://news.example/a-long-story", None),
    ("https://news.example/a-long-story/page/2/", "https://news.example/a-long-story/", None),
    ("https://news.example/a-long-story/print", "https://news.example/a-long-story", None),
    ("https://news.example/a-long-story/amp", "https://news.example/a-long-story", None),
    ("https://news.example/a-long-story?page=2", "https://news.example/a-long-story", None),
    ("https://news.example/article.php?id=5", "https://news.example/article.php", False),
    ("https://news.example/article?newsid=5", "https://news.example/article", False),
    ("https://news.example/?p=123", "https://news.example/", False),
    ("https://news.example/?p=123", "https://news.example/2026/03/a-long-story/", None),
    ("https://news.example/article.php?id=5&print=1", "https://news.example/article.php?id=5", None),
    ("https://news.example/a-long-story", "", False),
    ("https://news.example/a-long-story", "javascript:void(0)", False),
    ("https://news.example/a-long-story", "mailto:a@news.example", False),
    ("https://news.example/a-long-story", "http://[::1", False),
    ("file:///tmp/a.html", "https://news.example/a-long-story", False),
    ("https://news.example/world", "https://news.example/world", None),
]


@pytest.mark.parametrize(("page", "declared", "expected"), TRUSTED)
def test_trusted_canonical(page: str, declared: str, expected: object) -> None:
    from urllib.parse import urljoin

    trusted = trusted_canonical(page, declared)
    assert trusted == (None if expected is False else canonical(urljoin(page, declared)))


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.people.com.cn", "people.com.cn"),
        ("a.b.bbc.co.uk", "bbc.co.uk"),
        ("one.github.io", "one.github.io"),
        ("co.uk", None),
        ("github.io", None),
        ("www.news.example", "news.example"),
        ("localhost", None),
        ("127.0.0.1", None),
        ("[::1]", None),
    ],
)
def test_registrable_domain(host: str, domain: str | None) -> None:
    assert registrable_domain(host) == domain
