"""A small news site on loopback: articles we wrote, a feed, a sitemap, a front page. For tests of the run.

with Newsroom() as room:
    room.publish("a", "b")          # pages and the feed that lists them
    room.url("/feed.xml")
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.faultserver import Exchange, FaultServer, head, reply

FIRST = datetime(2024, 7, 1, 8, 0, tzinfo=UTC)

PARAGRAPHS = (
    "The ministry said on Tuesday that the rule on {topic} would take effect at the end of the month, after a"
    " review that had lasted for most of the spring and had drawn several hundred comments from companies.",
    "Officials described the measure as narrow. Lawyers who advise chip makers were less sure: the wording on"
    " {topic} leaves open who has to ask for a licence when a product is assembled in a third country.",
    "Analysts in Berlin and Taipei expect that suppliers will wait for the first decisions before they change"
    " their contracts. A spokeswoman for the industry association asked for clear deadlines on {topic}.",
)


def story(topic: str, note: str = "") -> bytes:
    """An article page of about a hundred words on `topic`; `note` is one more paragraph."""
    paragraphs = "".join(f"<p>{text.format(topic=topic)}</p>" for text in PARAGRAPHS)
    more = f"<p>{note}</p>" if note else ""
    return (
        f'<!doctype html><html lang="en"><head><title>New rule on {topic} takes effect</title></head><body>'
        f"<header><a href='/'>Front page</a></header><article><h1>New rule on {topic} takes effect</h1>"
        f"{paragraphs}{more}</article><footer>Imprint of the newsroom</footer></body></html>"
    ).encode()


class Newsroom(FaultServer):
    """Topics are paths: the article on `chips` is at /news/chips."""

    def publish(self, *topics: str, ttl: int | None = None) -> None:
        """Put up pages that are not there yet, and a feed and a sitemap of all these topics."""
        for topic in topics:
            if f"/news/{topic}" not in self._routes:
                self.on(f"/news/{topic}", page_of(story(topic)))
        self.on("/feed.xml", feed(self.base, topics, ttl))
        self.on("/sitemap.xml", reply(sitemap(self.base, topics), content_type="application/xml"))

    def read(self) -> list[str]:
        """The topics whose pages were asked for, in order."""
        return [path.removeprefix("/news/") for path in self.paths() if path.startswith("/news/")]


def page_of(content: bytes) -> object:
    return reply(content, **{"content-type": "text/html; charset=utf-8"})


def tag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def tagged(content: bytes, media_type: str) -> object:
    """An answer with an ETag that is 304 for those who have it."""
    tag = tag_of(content)

    def behave(exchange: Exchange) -> bool:
        if exchange.asked.headers.get("if-none-match") == tag:
            exchange.send(head(304, {"etag": tag}))
        else:
            headers = {"content-type": media_type, "etag": tag, "content-length": str(len(content))}
            exchange.send(head(200, headers) + content)
        return True

    return behave


def feed(base: str, topics: Iterable[str], ttl: int | None = None) -> object:
    return tagged(rss(base, topics, ttl), "application/rss+xml")


def rss(base: str, topics: Iterable[str], ttl: int | None = None) -> bytes:
    items = "".join(
        f"<item><title>New rule on {topic} takes effect</title><link>{base}/news/{topic}</link>"
        f"<pubDate>{format_datetime(FIRST + timedelta(days=number))}</pubDate></item>"
        for number, topic in enumerate(topics)
    )
    wish = f"<ttl>{ttl}</ttl>" if ttl else ""
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>Newsroom</title>{wish}{items}</channel></rss>'
    ).encode()


def sitemap(base: str, topics: Iterable[str]) -> bytes:
    locations = "".join(f"<url><loc>{base}/news/{topic}</loc></url>" for topic in topics)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locations}</urlset>'.encode()
