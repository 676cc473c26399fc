"""`sources check` and `ingest --watch`, over a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ingest.checks import DEAD_AFTER, Check, Verdict, check_sources
from ingest.finding import found_at
from ingest.policy import FetchPolicy
from ingest.politeness import MemoryHosts
from ingest.run import Options
from ingest.schedule import watch
from ingest.sources import FILE, Kind, Source, add_sources, load_sources, new_source
from ingest.work import Bench
from kb.embedding import load_embedder
from kb.errors import CollectError
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Change, Outcome
from kb.storage.ledger import Ledger
from tests.faultserver import reply, reset
from tests.newsroom import FIRST, Newsroom, page_of

QUICK = FetchPolicy(allow_private=True, private_delay=0.0, tries=1, patience=0.5)
SOON = FIRST + timedelta(days=10)
STUB = b"<html><title>Wall</title><body>Subscribe to continue reading</body></html>"


@pytest.fixture
def kb(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with open_kb(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def room() -> Iterator[Newsroom]:
    with Newsroom() as server:
        yield server


def source(url: str, id: str = "s", kind: Kind = Kind.FEED) -> Source:
    return Source(id, id, kind, url)


def checked(*sources: Source, now: datetime = SOON) -> dict[str, Check]:
    return {seen.id: seen for seen in check_sources(sources, QUICK, now)}


def test_how_sources_stand(room: Newsroom, tmp_path: Path) -> None:
    room.publish("chips", "models", "cars", "ships")
    room.on("/news/cars", page_of(STUB))
    room.on("/html", page_of(b"<!doctype html><html><body>Accept all cookies</body></html>"))
    room.on("/empty", reply(b'<rss version="2.0"><channel><title>x</title></channel></rss>', content_type="text/xml"))
    room.on("/reset", reset())
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "a.md").write_text("# A\n\ntext")
    seen = checked(
        source(room.url("/feed.xml"), "feed"),
        source(room.url("/sitemap.xml"), "sitemap", Kind.SITEMAP),
        source(room.url("/html"), "html"),
        source(room.url("/none"), "none"),
        source(room.url("/empty"), "empty"),
        source(room.url("/reset"), "reset"),
        source(str(tmp_path / "papers"), "papers", Kind.FOLDER),
        source(str(tmp_path / "nothing"), "nothing", Kind.FOLDER),
        source("https://api.example.org/v1", "api", Kind.API),
    )
    assert {id: check.verdict for id, check in seen.items()} == {
        "feed": Verdict.ALIVE,
        "sitemap": Verdict.ALIVE,
        "html": Verdict.DEAD,
        "none": Verdict.DEAD,
        "empty": Verdict.EMPTY,
        "reset": Verdict.UNREACHABLE,
        "papers": Verdict.ALIVE,
        "nothing": Verdict.UNREACHABLE,
        "api": Verdict.NOT_READ,
    }
    feed = seen["feed"]
    assert (feed.kind, feed.items, feed.sampled, feed.reachable) == ("feed", 4, 3, True)
    assert feed.full_text == pytest.approx(2 / 3)
    assert (feed.newest, feed.age) == (FIRST + timedelta(days=3), 7.0)
    assert feed.message == "2 of 3 pages tried gave a full text; others: paywall"
    assert "should be a feed and is html" in seen["html"].message and seen["html"].reachable
    assert (seen["papers"].items, seen["papers"].kind) == (1, "folder")


def test_a_feed_that_answers_with_old_items_is_dead(room: Newsroom) -> None:
    room.publish("chips")
    late = FIRST + timedelta(days=DEAD_AFTER, hours=1)
    seen = checked(source(room.url("/feed.xml")), now=late)["s"]
    assert seen.verdict is Verdict.DEAD
    assert "its newest item is 180 days old" in seen.message
    early = FIRST + timedelta(days=DEAD_AFTER, hours=-1)
    assert checked(source(room.url("/feed.xml")), now=early)["s"].verdict is Verdict.ALIVE


def test_what_is_announced_for_next_year_keeps_no_source_alive(room: Newsroom) -> None:
    room.publish("chips")
    items = "".join(
        f"<item><title>{name}</title><link>{room.url(path)}</link><pubDate>{format_datetime(at)}</pubDate></item>"
        for name, path, at in (
            ("Conference", "/news/conference", FIRST + timedelta(days=900)),
            ("Chips", "/news/chips", FIRST),
        )
    )
    feed = f'<rss version="2.0"><channel><title>x</title>{items}</channel></rss>'.encode()
    room.on("/events.xml", reply(feed, content_type="application/rss+xml"))
    late = FIRST + timedelta(days=DEAD_AFTER + 20)
    seen = checked(source(room.url("/events.xml")), now=late)["s"]
    assert (seen.verdict, seen.newest) == (Verdict.DEAD, FIRST)


@pytest.mark.parametrize("media_type", ["text/html", "text/plain", "application/octet-stream"])
def test_a_feed_of_the_wrong_media_type_is_read_and_a_page_in_its_place_is_dead(
    room: Newsroom, media_type: str
) -> None:
    room.publish("chips")
    item = f"<item><title>Chips</title><link>{room.url('/news/chips')}</link></item>"
    feed = f'<rss version="2.0"><channel><title>x</title>{item}</channel></rss>'.encode()
    room.on("/odd.xml", reply(feed, content_type=media_type))
    room.on(
        "/gone.xml", reply(b"<!doctype html><html><body><p>Moved</p></body></html>", content_type="application/xml")
    )
    seen = checked(source(room.url("/odd.xml"), "odd"), source(room.url("/gone.xml"), "gone"))
    assert (seen["odd"].verdict, seen["gone"].verdict) == (Verdict.ALIVE, Verdict.DEAD)


def test_what_lies_at_an_address_is_found(room: Newsroom) -> None:
    room.publish("chips")
    link = '<link rel="alternate" type="application/rss+xml" href="{}">'
    named = f"<html><head>{link.format('/comments.xml')}{link.format('/feed.xml')}</head><body><a href='/'>x</a></body>"
    room.on("/named", page_of(named.encode()))
    room.on("/list", page_of(b"<html><body><a href='/news/chips'>New rule on chips takes effect</a></body></html>"))
    room.on("/picture", reply(b"\x89PNG\r\n\x1a\n\x00\x00", content_type="image/png"))
    bench = Bench(QUICK, MemoryHosts())
    try:
        found = {path: found_at(room.url(path), bench) for path in ("/feed.xml", "/sitemap.xml", "/named", "/list")}
        with pytest.raises(CollectError, match="is binary"):
            found_at(room.url("/picture"), bench)
    finally:
        bench.close()
    assert {path: (one.url, one.kind) for path, one in found.items()} == {
        "/feed.xml": (room.url("/feed.xml"), Kind.FEED),
        "/sitemap.xml": (room.url("/sitemap.xml"), Kind.SITEMAP),
        "/named": (room.url("/feed.xml"), Kind.FEED),
        "/list": (room.url("/list"), Kind.PAGE),
    }
    assert found["/named"].named == (room.url("/feed.xml"), room.url("/comments.xml"))


def test_watching_waits_while_a_file_of_sources_is_edited(kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.schedule.LONGEST_NAP", timedelta(0))
    file, stop = kb.settings.home / FILE, threading.Event()
    file.write_text("[sources.x\n", encoding="utf-8")
    told: list[str] = []

    def say(line: str) -> None:
        told.append(line)
        if len(told) == 2:
            stop.set()

    watch(kb, Options(policy=QUICK), say=say, stop=stop)
    assert [line.partition(" is not TOML")[0] for line in told] == [f"waiting: {file}"] * 2


def test_a_source_behind_a_wall_is_closed(room: Newsroom) -> None:
    room.publish("chips")
    room.on("/news/chips", page_of(STUB))
    seen = checked(source(room.url("/feed.xml")))["s"]
    assert (seen.verdict, seen.full_text) == (Verdict.CLOSED, 0.0)
    assert "(paywall)" in seen.message


def test_watching_takes_sources_as_they_come_due(
    kb: KnowledgeBase, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KnowledgeBase, "publish", lambda *_: False)
    kb.__dict__["embedder"] = load_embedder("e5")
    home, ledger = kb.settings.home, Ledger(kb.catalog)
    off = (f"[sources.{shipped}]\nenabled = false\n" for shipped in load_sources())
    (home / FILE).write_text("".join(off), encoding="utf-8")
    room.publish("chips")
    add_sources(home, [new_source(room.url("/feed.xml"), load_sources(home), id="room")])
    stop, told, done = threading.Event(), list[str](), list[Outcome]()

    def see(outcome: Outcome) -> None:
        done.append(outcome)
        if len(done) == 2:
            # The feed has news, and its time has come again.
            room.publish("chips", "models")
            with kb.writing():
                ledger.save_source(replace(ledger.source("room"), next_try=datetime.now(UTC)))
        if len(done) == 4:
            stop.set()

    watch(kb, Options(policy=QUICK), say=told.append, stop=stop, see=see)
    assert [outcome.change for outcome in done] == [Change.ADDED, None, Change.ADDED, None]
    assert told == ["sources due: 1", "1 added", "sources due: 1", "1 added"]
    assert room.read() == ["chips", "models"]
    assert [path for path in room.paths() if path == "/robots.txt"] == ["/robots.txt"]
    assert {version.title for version in kb.catalog.articles()} == {
        "New rule on chips takes effect",
        "New rule on models takes effect",
    }
