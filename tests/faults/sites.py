"""Rows 26 to 28 and 37: what sites ask for, and what they hide: robots, politeness, validators, sitemaps."""

from __future__ import annotations

import gzip
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ingest.children import Parser
from ingest.policy import FetchPolicy
from ingest.robots import parse_robots
from ingest.run import Options, ingest
from ingest.sources import Source, add_sources, load_sources, new_source
from ingest.targets import SourceTarget
from ingest.work import Bench
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Outcome
from kb.settings import Settings
from kb.storage.items import Stage
from kb.storage.ledger import Ledger
from tests.bench import politeness
from tests.bench.light import LightEmbedder
from tests.faults.pages import children
from tests.faults.verdict import Tally
from tests.faultserver import Behaviour, Exchange, FaultServer, gzip_bomb, head, page, redirect, reply, reset, short
from tests.newsroom import Newsroom, page_of, rss, sitemap, story, tag_of
from tests.test_robots import ANSWERS, HERE, RULES, outcome

QUICK = FetchPolicy(allow_private=True, private_delay=0.0, tries=1, patience=0.5)


@dataclass
class Collector:
    """A knowledge base of its own with one source, and runs over it. Vectors cost nothing: they are not the matter."""

    kb: KnowledgeBase
    parser: Parser
    source: Source

    def start(self, limit: int | None = None) -> Iterator[Outcome]:
        options = Options(policy=QUICK, limit=limit)
        bench = Bench.of(self.kb, options.fetching(), self.parser)
        try:
            yield from ingest(self.kb, [SourceTarget(self.source)], options, bench=bench)
        finally:
            bench.close()

    @property
    def stored(self) -> set[str]:
        return {version.url for version in self.kb.catalog.articles()}

    def hurry(self) -> None:
        """Whatever failed is due again: the cycles of a test do not wait an hour for it."""
        ledger, now = Ledger(self.kb.catalog), datetime.now(UTC)
        with self.kb.writing():
            for item in ledger.refused():
                if item.stage is Stage.FAILED:
                    ledger.save_item(replace(item, next_try=now))


@contextmanager
def collecting(url: str, kind: str) -> Iterator[Collector]:
    with (
        tempfile.TemporaryDirectory() as folder,
        open_kb(settings=Settings(home=Path(folder)), embedder=LightEmbedder()) as kb,
    ):
        # What is committed is found without an index; that it survives is another row's matter.
        kb.__dict__["publish"] = lambda *_, **__: False
        home = kb.settings.home
        source = new_source(url, load_sources(home), id="room", name="Newsroom", language="en", kind=kind)
        add_sources(home, [source])
        yield Collector(kb, children(), source)


# ── row 26 ────────────────────────────────────────────────────────────────────────────────────────


def robots(seed: int, full: bool) -> Tally:
    """The table of RFC 9309: rules, and what an answer means that holds none."""
    tally = Tally()
    for text, path, allowed in RULES:
        tally.check(f"{text!r} for {path}", parse_robots(text.encode()).allows(HERE + path) is allowed)
    for name, (behaviour, expected) in ANSWERS.items():
        with FaultServer() as server:
            seen = outcome(server.on("/a", page()).on("/robots.txt", behaviour))
            fetched = "/a" in server.paths()
        tally.check(name, seen == expected and fetched is (expected == "page"), seen)
    return tally


# ── row 27 ────────────────────────────────────────────────────────────────────────────────────────


def courtesy(seed: int, full: bool) -> Tally:
    """Every request of a run over many hosts, by the hosts' clock."""
    found = politeness.run(20, 50, 2.0) if full else politeness.run(4, 4, 0.3)
    tally = Tally(cases=found.requests - found.at_once - found.early)
    for _ in range(found.at_once):
        tally.check("two at once", False)
    for _ in range(found.early):
        tally.check("too early", False)
    tally.told = f"least gap {found.least:.3f} s, {found.over:+.0%} of what the delays allow"
    if full:
        tally.check("within a tenth of what the delays allow", found.over <= 0.1, f"{found.over:+.1%}")
    return tally


# ── row 28 ────────────────────────────────────────────────────────────────────────────────────────


class Changing:
    """A feed that grows, and answers in one of many ways. All it ever listed stays listed."""

    def __init__(self, room: Newsroom, dice: random.Random) -> None:
        self.room = room
        self.dice = dice
        self.topics: list[str] = []

    def grow(self, most: int) -> None:
        for _ in range(self.dice.randint(1, most)):
            topic = f"t{len(self.topics)}"
            self.topics.insert(0, topic)
            self.room.on(f"/news/{topic}", page_of(story(topic)))

    @property
    def content(self) -> bytes:
        return rss(self.room.base, self.topics)

    def answering(self, how: str) -> Behaviour:
        content = self.content
        tag = f"W/{tag_of(content)}" if how == "weak" else tag_of(content)
        headers = {"content-type": "application/rss+xml", "etag": tag, "content-length": str(len(content))}

        def behave(exchange: Exchange) -> bool:
            asked = exchange.asked.headers.get("if-none-match")
            if asked and (asked == tag or how == "lying 304"):
                exchange.send(head(304, {"etag": tag}))
            elif how == "cut off":
                return short(content[: len(content) // 2], len(content))(exchange)
            elif how == "half a document":
                part = content[: content.rindex(b"<item>")] if b"<item>" in content else content
                exchange.send(head(200, {**headers, "content-length": str(len(part))}) + part)
            elif how == "an error page":
                return page("<html><body><p>We will be back soon", etag=tag)(exchange)
            else:
                exchange.send(head(200, headers) + content)
            return True

        return behave

    @property
    def urls(self) -> set[str]:
        return {self.room.url(f"/news/{topic}") for topic in self.topics}


WAYS = ("new", "same", "weak", "lying 304", "unconditional", "cut off", "half a document", "an error page", "killed",
        "a page fails")  # fmt: skip


def validators(seed: int, full: bool) -> Tally:
    """After each honest answer every item of the feed is stored, whatever came before."""
    dice, tally = random.Random(seed), Tally()
    with Newsroom() as room:
        feed = Changing(room, dice)
        with collecting(room.url("/feed.xml"), "feed") as collector:
            for cycle in range(200 if full else 12):
                way = WAYS[cycle % len(WAYS)] if cycle < len(WAYS) else dice.choice(WAYS)
                if way not in ("same", "unconditional"):
                    feed.grow(2)
                broken = feed.topics[0] if way == "a page fails" else None
                if broken:
                    room.on(f"/news/{broken}", reset(), page_of(story(broken)))
                run = collector.start()
                room.on("/feed.xml", feed.answering(way))
                if way == "killed":
                    for _ in range(dice.randint(0, 2)):
                        next(run, None)
                    run.close()
                else:
                    list(run)
                collector.hurry()
                room.on("/feed.xml", feed.answering("new"))
                list(collector.start())
                missed = feed.urls - collector.stored
                tally.check(f"cycle {cycle}, {way}", not missed, f"missed {sorted(missed)}")
            counts = collector.kb.catalog.counts()
            tally.check("one version each", counts["versions"] == len(feed.topics), counts)
            tally.told = f"{len(feed.topics)} items listed, {counts['articles']} stored"
    return tally


# ── row 37 ────────────────────────────────────────────────────────────────────────────────────────


def index(urls: Sequence[str]) -> bytes:
    return f"<sitemapindex>{''.join(f'<sitemap><loc>{url}</loc></sitemap>' for url in urls)}</sitemapindex>".encode()


def xml(content: bytes) -> Behaviour:
    return reply(content, content_type="application/xml")


def sitemaps(seed: int, full: bool) -> Tally:
    """However a sitemap is built, a bounded number of requests goes out, to its own site alone."""
    tally = Tally()
    many = 60_000 if full else 6_000

    def shape(room: Newsroom, other: FaultServer, name: str) -> None:
        base = room.base
        room.publish("one")
        plain, elsewhere = sitemap(base, ["one"]), f"http://elsewhere.example:{other.port}"
        lists = {
            "itself": index([f"{base}/sitemap.xml", f"{base}/real.xml"]),
            "a circle": index([f"{base}/back.xml", f"{base}/real.xml"]),
            "packed": gzip.compress(plain),
            "many addresses": sitemap(base, [*map(str, range(many)), "one"]),
            "many sitemaps": index([f"{base}/real.xml", *(f"{base}/part/{n}.xml" for n in range(500))]),
            "deep": index([f"{base}/deep/0.xml", f"{base}/real.xml"]),
            "pages elsewhere": plain.replace(b"</urlset>", sitemap(elsewhere, ["x", "y"]).partition(b">")[2]),
            "sitemaps elsewhere": index([f"{elsewhere}/sitemap.xml", f"{base}/real.xml"]),
            "a bomb": index([f"{base}/bomb.xml.gz", f"{base}/real.xml"]),
            "nonsense": b"<urlset><url><loc>http://[::1</loc></url><url><loc/></url>" + plain[plain.index(b"<url>") :],
            "redirected": plain,
        }
        room.on("/sitemap.xml", xml(lists[name])).on("/real.xml", xml(plain))
        room.on("/back.xml", xml(index([f"{base}/sitemap.xml", f"{base}/back.xml"])))
        room.on("/bomb.xml.gz", reply(gzip_bomb(60_000_000)))
        if name == "redirected":
            room.on("/sitemap.xml", redirect("/real.xml"))
        for number in range(10):
            room.on(f"/deep/{number}.xml", xml(index([f"{base}/deep/{number + 1}.xml"])))

    names = ("itself", "a circle", "packed", "many addresses", "many sitemaps", "deep", "pages elsewhere",
             "sitemaps elsewhere", "a bomb", "nonsense", "redirected")  # fmt: skip
    for name in names:
        with Newsroom() as room, FaultServer() as other:
            shape(room, other, name)
            with collecting(room.url("/sitemap.xml"), "sitemap") as collector:
                outcomes = list(collector.start(limit=20))
                stored = collector.stored
            asked = len(room.pages())
            listed = [outcome.message for outcome in outcomes if outcome.target == "room"]
            found = room.url("/news/one") in stored or name == "many addresses"
            strangers = [outcome.target for outcome in outcomes if "elsewhere" in outcome.target]
            seen = (asked, listed, strangers, other.connections)
            tally.check(name, found and asked <= 80 and not strangers and not other.connections, seen)
    return tally
