"""Row 26 of the fault matrix: RFC 9309, and what sites say about AI use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ingest.policy import FetchPolicy, Reason
from ingest.robots import ROBOTS_BYTES, Robots, header_opt_out, parse_robots, parse_tdmrep
from ingest.web import FEED, SITEMAP, Web
from kb.errors import CollectError
from tests.faultserver import (
    Behaviour,
    FaultServer,
    close,
    drip_body,
    endless,
    gzip_bomb,
    page,
    redirect,
    reply,
    reset,
    silent,
)
from tests.webclient import numeric

LOCAL = FetchPolicy(allow_private=True, delay=0.001, private_delay=0.001, wall=0.5, patience=0.5)
HERE = "https://news.example"

# (robots.txt, path, allowed), after RFC 9309 and the cases that urllib.robotparser gets wrong.
RULES = [
    ("", "/a", True),
    ("User-agent: *\nDisallow: /\n", "/a", False),
    ("User-agent: *\nDisallow:\n", "/a", True),
    ("User-agent: *\nDisallow: /a\n", "/a/b", False),
    ("User-agent: *\nDisallow: /a/\n", "/a", True),
    ("User-agent: *\nDisallow: /a$\n", "/a", False),
    ("User-agent: *\nDisallow: /a$\n", "/ab", True),
    ("User-agent: *\nDisallow: /*.pdf$\n", "/x/y.pdf", False),
    ("User-agent: *\nDisallow: /*.pdf$\n", "/x/y.pdf?z", True),
    ("User-agent: *\nDisallow: /*?print=\n", "/story?print=1", False),
    ("User-agent: *\nDisallow: /*/private/*\n", "/u/private/x", False),
    ("User-agent: *\nDisallow: /\nAllow: /open/\n", "/open/x", True),
    ("User-agent: *\nAllow: /open/\nDisallow: /open/secret\n", "/open/secret/x", False),
    ("User-agent: *\nDisallow: /page\nAllow: /page\n", "/page", True),
    ("User-agent: *\nDisallow: /\nUser-agent: Lagebild\nAllow: /\n", "/a", True),
    ("User-agent: Lagebild\nDisallow: /\nUser-agent: *\nAllow: /\n", "/a", False),
    ("User-agent: LAGEBILD\nDisallow: /\n", "/a", False),
    ("User-agent: lagebild/2.0\nDisallow: /\n", "/a", True),
    ("User-agent: Other\nDisallow: /\n", "/a", True),
    ("User-agent: build\nDisallow: /\n", "/a", True),
    ("User-agent: Other\nUser-agent: Lagebild\nDisallow: /x\n", "/x", False),
    ("User-agent: Lagebild\nDisallow: /x\n\nUser-agent: Lagebild\nDisallow: /y\n", "/x", False),
    ("User-agent: Lagebild\nDisallow: /x\n\nUser-agent: Lagebild\nDisallow: /y\n", "/y", False),
    ("User-agent: *\nDisallow: /a b\n", "/a%20b", False),
    ("User-agent: *\nDisallow: /%7Ejoe/\n", "/~joe/x", False),
    ("User-agent: *\nDisallow: /新闻/\n", "/%E6%96%B0%E9%97%BB/1", False),
    ("User-agent: *\nDisallow: /%E6%96%B0%E9%97%BB/\n", "/新闻/1", False),
    ("User-agent: * # everyone\nDisallow: /a # this\n", "/a", False),
    ("user-AGENT:*\ndisALLOW:/a\n", "/a", False),
    ("User-agent: *\r\nDisallow: /a\r\n", "/a", False),
    ("User-agent: *\rDisallow: /a\r", "/a", False),
    ("User-agent: *\nCrawl-delay: 3\nSitemap: https://x.example/s.xml\nDisallow: /a\n", "/a", False),
    ("Disallow: /a\n", "/a", True),
    ("User-agent: *\nDisallow: /\n", "/robots.txt", True),
    ("<html><body>Not found</body></html>", "/a", True),
    ("\x00\x01\x02", "/a", True),
]


@pytest.mark.parametrize(("text", "path", "allowed"), RULES)
def test_rules(text: str, path: str, allowed: bool) -> None:
    assert parse_robots(text.encode()).allows(HERE + path) is allowed


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf"])
def test_a_byte_order_mark_does_not_hide_the_first_group(mark: bytes) -> None:
    assert not parse_robots(mark + b"User-agent: *\nDisallow: /a\n").allows(HERE + "/a")


def test_bytes_that_are_not_utf8_do_not_hide_the_rest() -> None:
    text = "# Für alle\nUser-agent: *\nDisallow: /a\n".encode("latin-1")
    assert not parse_robots(text).allows(HERE + "/a")


def test_500_kib_are_read_and_a_half_line_at_the_end_is_not() -> None:
    start = b"User-agent: *\n"
    filler = b"Disallow: /filler-filler-filler\n" * 20_000
    last = b"Disallow: /last\n"
    within = start + filler[: ROBOTS_BYTES - len(start) - len(last)].rpartition(b"\n")[0] + b"\n" + last
    assert len(within) > 500_000 and len(within) <= ROBOTS_BYTES
    assert not parse_robots(within).allows(HERE + "/last")
    # A rule cut by the limit would forbid too much: "Disallow: /" instead of "Disallow: /only/this".
    lead = start + b"#" * (ROBOTS_BYTES - len(start) - len(b"\nDisallow: /")) + b"\nDisallow: /only/this\n"
    assert parse_robots(lead).allows(HERE + "/a")


def test_sitemaps_and_delay() -> None:
    robots = parse_robots(b"Sitemap: https://x.example/1.xml\nUser-agent: *\nCrawl-delay: 2.5\nSitemap: /2.xml\n")
    assert robots.sitemaps == ("https://x.example/1.xml", "/2.xml")
    assert robots.delay == 2.5
    assert parse_robots(b"User-agent: *\nRequest-rate: 1/10s\n").delay == 10
    assert parse_robots(b"User-agent: *\nCrawl-delay: soon\n").delay == 0


# --- AI use ------------------------------------------------------------------------------------------------------


def barring(*agents: str, path: str = "/") -> str:
    return "".join(f"User-agent: {agent}\nDisallow: {path}\n\n" for agent in agents)


AI_RULES = [
    ("", False),
    (barring("GPTBot"), False),
    (barring("GPTBot", "ChatGPT-User", "OAI-SearchBot"), False),
    (barring("GPTBot", "CCBot"), False),
    (barring("GPTBot", "CCBot", "Google-Extended"), True),
    (barring("gptbot", "ccbot", "anthropic-ai"), True),
    ("User-agent: GPTBot\nUser-agent: CCBot\nUser-agent: ClaudeBot\nUser-agent: Bytespider\nDisallow: /\n", True),
    (barring("GPTBot", "CCBot", "ClaudeBot", path="/other/"), False),
    (barring("GPTBot", "CCBot", "ClaudeBot", path="/news/"), True),
    (barring("AhrefsBot", "SemrushBot", "MJ12bot", "DotBot"), False),
    (barring("GPTBot", "CCBot", "ClaudeBot") + "User-agent: Lagebild\nAllow: /\n", False),
    ("User-agent: *\nContent-Signal: search=yes, ai-input=no\nAllow: /\n", True),
    ("User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /\n", False),
    ("User-agent: *\ncontent-signal:ai-input = no\nAllow: /\n", True),
    ("# Content-Signal: ai-input=no\n", False),
    ("User-agent: GPTBot\nAllow: /\n" + barring("CCBot", "ClaudeBot", "Bytespider"), True),
]


@pytest.mark.parametrize(("text", "opted_out"), AI_RULES)
def test_ai_opt_out_in_robots(text: str, opted_out: bool) -> None:
    assert (Robots(text).opt_out(HERE + "/news/1") is not None) is opted_out


def test_the_opt_out_names_who_is_barred() -> None:
    words = Robots(barring("GPTBot", "CCBot", "ClaudeBot")).opt_out(HERE + "/")
    assert words == "robots.txt bars the AI agents of OpenAI, Common Crawl, Anthropic"


TDM = [
    ([{"location": "/", "tdm-reservation": 1}], "/a", True),
    ([{"location": "/", "tdm-reservation": "1"}], "/a", True),
    ([{"location": "/", "tdm-reservation": 0}], "/a", False),
    ([{"location": "/news/*", "tdm-reservation": 1, "tdm-policy": "https://x.example/p.json"}], "/news/1", True),
    ([{"location": "/news/*", "tdm-reservation": 1}], "/about", False),
    ([{"location": "/*.pdf$", "tdm-reservation": 1}], "/x.pdf", True),
    ([{"location": "/*.pdf$", "tdm-reservation": 1}], "/x.html", False),
    ([{"location": "/", "tdm-reservation": 1}, {"location": "/free/", "tdm-reservation": 0}], "/free/1", False),
    ([{"location": "/free/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}], "/a", True),
    ([{"location": "/"}], "/a", False),
    ([{"location": "/\nDisallow: /a", "tdm-reservation": 1}], "/a", False),
    ([{"location": ["/"], "tdm-reservation": 1}, "x", None, 7], "/a", False),
    ({"location": "/", "tdm-reservation": 1}, "/a", False),
    ([], "/a", False),
]


@pytest.mark.parametrize(("entries", "path", "is_reserved"), TDM)
def test_tdmrep(entries: object, path: str, is_reserved: bool) -> None:
    assert parse_tdmrep(json.dumps(entries).encode()).allows(HERE + path) is not is_reserved


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"\xff\xfe", b"null"])
def test_what_is_no_tdmrep_reserves_nothing(body: bytes) -> None:
    assert parse_tdmrep(body).allows(HERE + "/a")


HEADERS = [
    ({}, False),
    ({"x-robots-tag": "noai"}, True),
    ({"x-robots-tag": "NoAI, noimageai"}, True),
    ({"x-robots-tag": "noindex, noarchive"}, True),
    ({"x-robots-tag": "noindex, nofollow"}, False),
    ({"x-robots-tag": "googlebot: noarchive"}, False),
    ({"x-robots-tag": "lagebild: noai"}, True),
    ({"x-robots-tag": "*: noai"}, True),
    ({"x-robots-tag": "googlebot: noindex, noai"}, True),
    ({"x-robots-tag": "unavailable_after: 25 Jun 2030 15:00:00 PST, noai"}, True),
    ({"x-robots-tag": "noimageai"}, False),
    ({"tdm-reservation": "1"}, True),
    ({"tdm-reservation": "0"}, False),
]


@pytest.mark.parametrize(("headers", "opted_out"), HEADERS)
def test_header_opt_out(headers: dict[str, str], opted_out: bool) -> None:
    assert (header_opt_out(headers) is not None) is opted_out


# --- fetching the rules --------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running.on("/a", page("article")).on("/free", page("free"))


def outcome(server: FaultServer, policy: FetchPolicy = LOCAL, path: str = "/a", **how: object) -> str:
    """The reason of the refusal, or "page"."""
    with Web(policy, resolver=numeric, draw=lambda: 0.0) as web:
        try:
            web.fetch(server.url(path), **how)  # type: ignore[arg-type]
        except CollectError as error:
            return error.reason
    return "page"


BAR = b"User-agent: *\nDisallow: /a\n"
ANSWERS: dict[str, tuple[Behaviour, str]] = {
    "200, allows": (reply(b"User-agent: *\nDisallow: /b\n"), "page"),
    "200, forbids": (reply(BAR), "robots"),
    "200, empty": (reply(b""), "page"),
    "204": (reply(status=204), "page"),
    "200, HTML": (page("<html><p>Welcome"), "page"),
    "200, BOM, forbids": (reply(b"\xef\xbb\xbf" + BAR), "robots"),
    "200, huge, forbids at once": (reply(BAR + b"#" * 2_000_000), "robots"),
    "200, endless, forbids at once": (endless(b"#" * 65_536, b"HTTP/1.1 200 OK\r\n\r\n" + BAR), "robots"),
    "400": (reply(status=400), "page"),
    "401": (reply(status=401), "page"),
    "403": (reply(status=403), "page"),
    "404": (reply(BAR, status=404), "page"),
    "410": (reply(status=410), "page"),
    "429": (reply(status=429), "rate_limited"),
    "500": (reply(status=500), "robots"),
    "502": (reply(status=502), "robots"),
    "503": (reply(status=503), "robots"),
    "507": (reply(status=507), "robots"),
    "drip": (drip_body(), "robots"),
    "silent": (silent(), "robots"),
    "bomb": (reply(gzip_bomb(100_000_000), content_encoding="gzip"), "robots"),
    "lying coding": (reply(BAR, content_encoding="gzip"), "robots"),
    "closed": (close(), "network"),
    "reset": (reset(), "network"),
    "redirect nowhere": (reply(status=302), "page"),
    "redirect to itself": (redirect("/robots.txt"), "page"),
    "redirect to a file": (redirect("file:///robots.txt"), "page"),
    "redirect to 404": (redirect("/nothing"), "page"),
    "redirect to a link-local address": (redirect("http://169.254.1.1/robots.txt"), "private_address"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_an_answer_for_robots_means(name: str, server: FaultServer) -> None:
    behaviour, expected = ANSWERS[name]
    assert outcome(server.on("/robots.txt", behaviour)) == expected
    assert ("/a" in server.paths()) is (expected == "page")


@pytest.mark.parametrize(("hops", "expected"), [(1, "robots"), (5, "robots"), (6, "page")])
def test_five_redirects_are_followed_to_the_rules(hops: int, expected: str, server: FaultServer) -> None:
    server.on("/robots.txt", redirect("/r1"))
    for number in range(1, hops):
        server.on(f"/r{number}", redirect(f"/r{number + 1}"))
    server.on(f"/r{hops}", reply(BAR))
    assert outcome(server) == expected


def test_a_refusal_says_whether_to_come_back(server: FaultServer) -> None:
    with Web(LOCAL, draw=lambda: 0.0) as web:
        server.on("/robots.txt", reply(BAR))
        with pytest.raises(CollectError) as caught:
            web.fetch(server.url("/a"))
        assert not caught.value.retry
    with FaultServer() as broken, Web(LOCAL, draw=lambda: 0.0) as web:
        with pytest.raises(CollectError) as caught:
            web.fetch(broken.on("/robots.txt", reply(status=500)).url("/a"))
        assert caught.value.retry


def test_rules_are_read_once_and_again_after_a_day(server: FaultServer) -> None:
    now = [datetime(2026, 3, 1, tzinfo=UTC)]

    def sleep(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds, microseconds=1)

    server.on("/robots.txt", reply(b""), reply(BAR))
    with Web(LOCAL, clock=lambda: now[0], sleep=sleep) as web:
        for _ in range(3):
            web.fetch(server.url("/a"))
        assert server.paths().count("/robots.txt") == 1
        now[0] += timedelta(hours=23)
        web.fetch(server.url("/a"))
        now[0] += timedelta(hours=1)
        with pytest.raises(CollectError) as caught:
            web.fetch(server.url("/a"))
        assert caught.value.reason == Reason.ROBOTS
        assert server.paths().count("/robots.txt") == 2


def test_rules_that_could_not_be_read_are_tried_again_later(server: FaultServer) -> None:
    now = [datetime(2026, 3, 1, tzinfo=UTC)]

    def sleep(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds, microseconds=1)

    server.on("/robots.txt", *[reply(status=500)] * 3, reply(b""))
    with Web(LOCAL, clock=lambda: now[0], sleep=sleep) as web:
        for _ in range(4):
            with pytest.raises(CollectError):
                web.fetch(server.url("/a"))
        assert server.paths() == ["/robots.txt"] * 3
        now[0] += timedelta(minutes=10)
        web.fetch(server.url("/a"))
        assert server.pages() == ["/a"]


def test_a_redirect_is_judged_by_the_rules_of_the_host_it_leads_to(server: FaultServer) -> None:
    with FaultServer() as other:
        other.on("/robots.txt", reply(b"User-agent: *\nDisallow: /\n")).on("/x", page())
        server.on("/go", redirect(other.url("/x")))
        assert outcome(server, path="/go") == "robots"
        assert other.pages() == []


def test_a_redirect_is_judged_by_the_rules_of_its_own_host(server: FaultServer) -> None:
    server.on("/robots.txt", reply(BAR)).on("/go", redirect("/a"))
    assert outcome(server, path="/go") == "robots"
    assert server.pages() == ["/go"]


def test_feeds_are_published_to_be_polled_pages_and_sitemaps_obey(server: FaultServer) -> None:
    server.on("/robots.txt", reply(BAR))
    assert outcome(server, purpose=FEED) == "page"
    assert outcome(server, purpose=SITEMAP) == "robots"


def test_a_feed_is_read_though_the_rules_cannot_be(server: FaultServer) -> None:
    server.on("/robots.txt", reply(status=500))
    assert outcome(server, purpose=FEED) == "page"


def test_ignore_robots_leaves_robots_unread_but_not_other_opt_outs(server: FaultServer) -> None:
    server.on("/robots.txt", reply(BAR))
    policy = replace(LOCAL, ignore_robots=True)
    assert outcome(server, policy) == "page"
    assert "/robots.txt" not in server.paths()
    server.on("/a", page(x_robots_tag="noai"))
    assert outcome(server, policy) == "opt_out"
    assert outcome(server, replace(policy, respect_optout=False)) == "page"


NO_AI = barring("GPTBot", "CCBot", "ClaudeBot", "Google-Extended").encode()


@pytest.mark.parametrize("purpose", [None, FEED])
def test_an_opt_out_in_robots_is_honoured_by_default(purpose: object, server: FaultServer) -> None:
    server.on("/robots.txt", reply(NO_AI))
    how = {"purpose": purpose} if purpose else {}
    assert outcome(server, **how) == "opt_out"
    assert server.pages() == []
    assert outcome(server, replace(LOCAL, respect_optout=False), **how) == "page"


def test_an_opt_out_in_tdmrep_is_honoured_by_default(server: FaultServer) -> None:
    entries = [{"location": "/", "tdm-reservation": 1}, {"location": "/free", "tdm-reservation": 0}]
    server.on("/.well-known/tdmrep.json", reply(json.dumps(entries).encode()))
    assert outcome(server) == "opt_out"
    assert outcome(server, path="/free") == "page"
    count = server.paths().count("/.well-known/tdmrep.json")
    assert outcome(server, replace(LOCAL, respect_optout=False)) == "page"
    assert server.paths().count("/.well-known/tdmrep.json") == count == 2


@pytest.mark.parametrize("header", [{"x_robots_tag": "noai"}, {"tdm_reservation": "1"}])
def test_an_opt_out_in_headers_is_honoured_by_default(header: dict[str, str], server: FaultServer) -> None:
    server.on("/a", page("text", **header))
    assert outcome(server) == "opt_out"
    assert outcome(server, replace(LOCAL, respect_optout=False)) == "page"


@pytest.mark.parametrize("fault", [close(), reply(status=500), reply(b"\xff{"), redirect("/x"), drip_body()])
def test_a_tdmrep_that_cannot_be_read_reserves_nothing(fault: Behaviour, server: FaultServer) -> None:
    server.on("/.well-known/tdmrep.json", fault)
    assert outcome(server) == "page"


def test_sitemaps_of_a_site(server: FaultServer) -> None:
    server.on("/robots.txt", reply(b"Sitemap: https://news.example/sitemap.xml\nUser-agent: *\nDisallow: /\n"))
    with Web(LOCAL) as web:
        assert web.sitemaps(server.url("/a")) == ("https://news.example/sitemap.xml",)
    with FaultServer() as bare, Web(LOCAL) as web:
        assert web.sitemaps(bare.url("/a")) == ()
