"""The run, over a real server on loopback and the real knowledge base."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ingest import state, work
from ingest.children import Parser
from ingest.policy import FetchPolicy
from ingest.progress import Progress
from ingest.run import Interrupted, Options, due_targets, ingest, recheck, replay
from ingest.sources import add_sources, load_sources, new_source, switch_source
from ingest.targets import read_targets
from ingest.work import Bench
from kb.embedding import Embedder, load_embedder
from kb.errors import HomeError, HomeLocked, UsageError
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Article, Change, Outcome, Page
from kb.settings import ROOT
from kb.storage.items import Stage
from kb.storage.ledger import Ledger
from kb.storage.snapshots import Snapshots
from tests.faultserver import Exchange, redirect, reply, reset
from tests.newsroom import Newsroom, page_of, sitemap, story, tagged

QUICK = FetchPolicy(allow_private=True, private_delay=0.0, tries=1, patience=0.5)
OPTIONS = Options(policy=QUICK)
NOTHING = Progress()


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("e5")


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser(2) as started:
        yield started


@pytest.fixture
def kb(tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> Iterator[KnowledgeBase]:
    # What a run commits is found without a generation; those have tests of their own.
    monkeypatch.setattr(KnowledgeBase, "publish", lambda *_: False)
    with open_kb(tmp_path / "home") as opened:
        opened.__dict__["embedder"] = embedder
        yield opened


@pytest.fixture
def room() -> Iterator[Newsroom]:
    with Newsroom() as server:
        yield server


@dataclass
class Desk:
    """A knowledge base and how to run over targets in it."""

    kb: KnowledgeBase
    parser: Parser
    last: Progress = NOTHING
    benches: list[Bench] = field(default_factory=list)

    def run(self, *targets: str, options: Options = OPTIONS, stop: threading.Event | None = None) -> list[Outcome]:
        return list(self.start(*targets, options=options, stop=stop))

    def start(
        self, *targets: str, options: Options = OPTIONS, stop: threading.Event | None = None
    ) -> Generator[Outcome, None, None]:
        chosen = read_targets(list(targets), load_sources(self.kb.settings.home))
        yield from ingest(self.kb, chosen, options, self.see, stop, self.bench(options))

    def bench(self, options: Options = OPTIONS) -> Bench:
        """Web clients of their own for each run, as in life; the parser's children are shared to save time."""
        self.benches.append(Bench.of(self.kb, options.fetching(), self.parser))
        return self.benches[-1]

    def see(self, progress: Progress) -> None:
        self.last = progress

    def add_source(self, url: str, id: str = "room", **values: object) -> None:
        home = self.kb.settings.home
        add_sources(home, [new_source(url, load_sources(home), id=id, name="Newsroom: all", language="en", **values)])

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.kb.catalog)

    @property
    def titles(self) -> set[str]:
        return {version.title for version in self.kb.catalog.articles()}


@pytest.fixture
def desk(kb: KnowledgeBase, parser: Parser) -> Iterator[Desk]:
    opened = Desk(kb, parser)
    yield opened
    for bench in opened.benches:
        bench.close()


def changes(outcomes: list[Outcome]) -> list[str]:
    return sorted(str(outcome.change or outcome.reason or "-") for outcome in outcomes)


def title(topic: str) -> str:
    return f"New rule on {topic} takes effect"


# ── sources ───────────────────────────────────────────────────────────────────────────────────────


def test_a_feed_becomes_articles_with_what_its_source_knows(desk: Desk, room: Newsroom) -> None:
    room.publish("chips", "models")
    desk.add_source(room.url("/feed.xml"), side="think-tank")
    outcomes = desk.run("room")
    assert changes(outcomes) == ["-", "added", "added"]
    assert outcomes[-1] == Outcome("room", message="2 listed, 0 known", source_id="room")
    stored = {version.title: version for version in desk.kb.catalog.articles()}
    assert set(stored) == {title("chips"), title("models")}
    chips = stored[title("chips")]
    assert (chips.source, chips.source_id, chips.side, chips.language) == ("Newsroom", "room", "think-tank", "en")
    assert chips.published is not None and chips.published.iso() == "2024-07-01T08:00:00+00:00"
    assert chips.snapshot is not None
    assert Snapshots(desk.kb.settings.home / "snapshots").get(chips.snapshot).content == story("chips")


def test_a_second_run_asks_for_the_feed_alone_and_changes_nothing(desk: Desk, room: Newsroom) -> None:
    room.publish("chips", "models")
    desk.add_source(room.url("/feed.xml"))
    desk.run("room")
    before = desk.kb.catalog.counts()
    assert desk.run("room") == [Outcome("room", message="not modified since the last time", source_id="room")]
    assert sorted(room.read()) == ["chips", "models"]
    assert room.paths().count("/feed.xml") == 2
    assert desk.kb.catalog.counts() == before


def test_new_items_alone_are_fetched(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    desk.add_source(room.url("/feed.xml"))
    desk.run("room")
    room.publish("chips", "models")
    outcomes = desk.run("room")
    assert changes(outcomes) == ["-", "added"]
    assert outcomes[-1].message == "2 listed, 1 known"
    assert room.read() == ["chips", "models"]
    assert (desk.last.done, desk.last.total, desk.last.added, desk.last.known) == (1, 1, 1, 1)


def test_the_interval_comes_from_the_feed(desk: Desk, room: Newsroom) -> None:
    room.publish("chips", ttl=120)
    desk.add_source(room.url("/feed.xml"))
    desk.run("room")
    kept = desk.ledger.source("room")
    assert kept.interval == 7_200
    assert kept.next_try is not None and kept.last_success is not None
    assert kept.next_try - kept.last_success == timedelta(hours=2)


def test_due_sources_are_enabled_and_their_time_has_come(desk: Desk, room: Newsroom) -> None:
    home = desk.kb.settings.home
    room.publish("chips")
    desk.add_source(room.url("/feed.xml"))
    assert len(due_targets(desk.kb)) == 112
    desk.run("room")
    assert "room" not in {str(target) for target in due_targets(desk.kb)}
    assert "room" in {str(target) for target in due_targets(desk.kb, datetime.now(UTC) + timedelta(hours=2))}
    switch_source(home, "room", on=False)
    assert "room" not in {str(target) for target in due_targets(desk.kb, datetime.now(UTC) + timedelta(hours=2))}


def test_validators_wait_for_what_may_still_come(desk: Desk, room: Newsroom) -> None:
    room.publish("chips", "models")
    room.on("/news/models", reply(b"busy", status=500), page_of(story("models")))
    desk.add_source(room.url("/feed.xml"))
    assert changes(desk.run("room")) == ["-", "added", "server_error"]
    assert desk.ledger.source("room").etag is None
    assert (desk.last.failed, desk.last.refused) == (1, 0)
    # Not due yet: neither fetched nor forgotten.
    assert changes(desk.run("room")) == ["-"]
    assert desk.ledger.source("room").etag is None
    (late,) = desk.ledger.refused("server_error")
    assert late.stage is Stage.FAILED
    desk.ledger.save_item(replace(late, next_try=datetime.now(UTC)))
    assert changes(desk.run("room")) == ["-", "added"]
    assert desk.ledger.source("room").etag is not None
    assert room.read().count("chips") == 1


def test_a_failed_item_is_taken_up_although_the_feed_has_dropped_it(desk: Desk, room: Newsroom) -> None:
    room.publish("chips", "models")
    room.on("/news/models", reply(b"busy", status=500), page_of(story("models")))
    desk.add_source(room.url("/feed.xml"))
    desk.run("room")
    (late,) = desk.ledger.refused("server_error")
    desk.ledger.save_item(replace(late, next_try=datetime.now(UTC)))
    room.publish("chips")
    assert changes(desk.run("room")) == ["-", "added"]
    assert desk.titles == {title("chips"), title("models")}


def test_what_is_finally_refused_does_not_hold_validators_up(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    room.on("/feed.xml", tagged(rss(room, "chips", "gone", "stub"), "application/rss+xml"))
    room.on("/news/stub", page_of(b"<html><title>Stub</title><body><article><p>Short.</p></article></body></html>"))
    desk.add_source(room.url("/feed.xml"))
    assert changes(desk.run("room")) == ["-", "added", "not_found", "too_short"]
    assert desk.ledger.source("room").etag is not None
    assert desk.ledger.reasons() == {"not_found": 1, "too_short": 1}
    desk.run("room")
    assert sorted(room.read()) == ["chips", "gone", "stub"]


def test_another_parser_reads_the_whole_feed_again(desk: Desk, room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    room.publish("chips")
    room.on("/feed.xml", tagged(rss(room, "chips", "stub"), "application/rss+xml"))
    room.on("/news/stub", page_of(b"<html><title>Stub</title><body><article><p>Short.</p></article></body></html>"))
    desk.add_source(room.url("/feed.xml"))
    desk.run("room")
    monkeypatch.setattr(state, "parser_revision", lambda: "2;new")
    assert changes(desk.run("room")) == ["-", "too_short"]
    assert sorted(room.read()) == ["chips", "stub", "stub"]
    assert desk.ledger.source("room").parser == state.reading(datetime.now(UTC))


def test_a_server_that_always_says_not_modified_hides_nothing_for_good(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    desk.add_source(room.url("/feed.xml"))
    desk.run("room")
    full, behaviours = rss(room, "chips", "models"), []

    def stuck(exchange: Exchange) -> bool:
        behaviours.append("if-none-match" in exchange.asked.headers)
        return (reply(status=304) if behaviours[-1] else reply(full, content_type="application/rss+xml"))(exchange)

    room.on("/feed.xml", stuck).on("/news/models", page_of(story("models")))
    assert desk.run("room")[-1].message == "not modified since the last time"
    with desk.kb.writing():
        known = desk.ledger.source("room")
        yesterday = state.reading(datetime.now(UTC) - timedelta(days=1))
        desk.ledger.save_source(replace(known, parser=yesterday))
    assert changes(desk.run("room")) == ["-", "added"]
    assert behaviours == [True, False]


def test_pages_are_fetched_while_others_are_parsed(desk: Desk, room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that does nothing at all holds up no request: all pages are there before the first is read."""
    topics = [f"a{number}" for number in range(12)]
    room.publish(*topics)
    all_fetched = threading.Event()

    def waiting(page: Page, *rest: object) -> Article:
        assert all_fetched.wait(20)
        return article_on(page, *rest)  # type: ignore[arg-type]

    def watched() -> None:
        for _ in range(2_000):
            if len(room.read()) == len(topics):
                all_fetched.set()
                return
            time.sleep(0.01)

    article_on = work.article_on
    monkeypatch.setattr(work, "article_on", waiting)
    threading.Thread(target=watched, daemon=True).start()
    assert changes(desk.run(room.url("/feed.xml"))) == ["-"] + ["added"] * 12
    assert all_fetched.is_set()


def test_a_feed_that_is_a_web_page_fails_and_is_kept_for_looking_at(desk: Desk, room: Newsroom) -> None:
    room.on("/feed.xml", page_of(b"<!doctype html><html><body>We value your privacy</body></html>"))
    desk.add_source(room.url("/feed.xml"))
    (outcome,) = desk.run("room")
    assert (outcome.target, outcome.reason) == ("room", "not_a_feed")
    assert outcome.message is not None and "should be a feed and is html" in outcome.message
    assert outcome.snapshot is not None
    kept = desk.ledger.source("room")
    assert kept.failing and kept.reason == "not_a_feed" and kept.etag is None and kept.last_success is None


def test_a_failing_source_backs_off_and_recovers(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    good = room._routes["/feed.xml"][0]
    room.on("/feed.xml", reset(), reply(status=404), good)
    desk.add_source(room.url("/feed.xml"))
    assert [outcome.reason for outcome in desk.run("room")] == ["network"]
    first = desk.ledger.source("room")
    assert first.next_try is not None and first.last_attempt is not None
    assert first.next_try - first.last_attempt == state.FIRST_BACKOFF
    assert [outcome.reason for outcome in desk.run("room")] == ["not_found"]
    second = desk.ledger.source("room")
    assert (second.failures, second.failing_since) == (2, first.failing_since)
    assert changes(desk.run("room")) == ["-", "added"]
    assert not desk.ledger.source("room").failing


def test_a_sitemap_index_leads_to_its_sitemaps(desk: Desk, room: Newsroom) -> None:
    room.publish("chips", "models", "cars")
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    names = ("one", "two", "missing")
    below = "".join(f"<sitemap><loc>{room.url(f'/{name}.xml')}</loc></sitemap>" for name in names)
    room.on("/index.xml", tagged(f"<sitemapindex {space}>{below}</sitemapindex>".encode(), "application/xml"))
    room.on("/one.xml", reply(sitemap(room.base, ["chips", "models"]), content_type="application/xml"))
    room.on("/two.xml", reply(sitemap(room.base, ["models", "cars"]), content_type="application/xml"))
    desk.add_source(room.url("/index.xml"), kind="sitemap")
    outcomes = desk.run("room")
    assert changes(outcomes) == ["-", "added", "added", "added"]
    assert sorted(room.read()) == ["cars", "chips", "models"]
    assert "missing.xml" in str(outcomes[-1].message)
    # An index may stay the same while the sitemaps below it change.
    assert desk.ledger.source("room").etag is None
    assert changes(desk.run("room")) == ["-"]


def test_sitemaps_that_name_each_other_end(desk: Desk, room: Newsroom) -> None:
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    for name, other in (("a", "b"), ("b", "a")):
        loop = f"<sitemapindex {space}><sitemap><loc>{room.url(f'/{other}.xml')}</loc></sitemap></sitemapindex>"
        room.on(f"/{name}.xml", reply(loop.encode(), content_type="application/xml"))
    desk.add_source(room.url("/a.xml"), kind="sitemap")
    desk.run("room")
    assert [room.pages().count(path) for path in ("/a.xml", "/b.xml")] == [2, 1]


def test_two_feeds_with_one_link_fetch_it_once_and_both_wait_for_it(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    room.on("/other.xml", tagged(rss(room, "chips"), "application/rss+xml"))
    desk.add_source(room.url("/feed.xml"), "one")
    desk.add_source(room.url("/other.xml"), "two")
    assert changes(desk.run("one", "two")) == ["-", "-", "added"]
    assert room.read() == ["chips"]
    assert desk.ledger.source("one").etag and desk.ledger.source("two").etag


def test_links_of_trackers_and_redirects_are_known_the_second_time(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    room.on("/go", redirect("/news/chips"))
    content = rss(room, "chips").replace(b"/news/chips", b"/go?utm_source=feed")
    room.on("/feed.xml", reply(content, content_type="application/rss+xml"))
    room.on("/go?utm_source=feed", redirect("/news/chips"))
    desk.add_source(room.url("/feed.xml"))
    assert changes(desk.run("room")) == ["-", "added"]
    assert changes(desk.run("room")) == ["-"]
    assert room.paths().count("/go?utm_source=feed") == 1


# ── addresses, files, folders ─────────────────────────────────────────────────────────────────────


def test_an_address_is_always_fetched(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    address = room.url("/news/chips")
    assert changes(desk.run(address)) == ["added"]
    assert changes(desk.run(address)) == ["unchanged"]
    room.on("/news/chips", page_of(story("chips", "The agency has since confirmed the date.")))
    assert changes(desk.run(address)) == ["updated"]
    assert room.read() == ["chips"] * 3
    (article,) = desk.kb.catalog.articles()
    assert [version.number for version in desk.kb.history(article.article_id)] == [1, 2]


def test_a_feed_a_sitemap_and_a_front_page_are_seen_for_what_they_are(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    links = "".join(
        f'<li><a href="/news/2024/07/{topic}">A headline of several words about {topic}</a>'
        for topic in ("cars", "ships")
    )
    room.on("/", page_of(f"<html><title>Front</title><body><ul>{links}</ul></body></html>".encode()))
    for topic in ("cars", "ships"):
        room.on(f"/news/2024/07/{topic}", page_of(story(topic)))
    assert changes(desk.run(room.url("/feed.xml"))) == ["-", "added"]
    assert changes(desk.run(room.url("/sitemap.xml"))) == ["-"]
    assert changes(desk.run(room.url("/"))) == ["-", "added", "added"]
    assert desk.titles == {title("chips"), title("cars"), title("ships")}


def test_the_address_of_a_source_is_read_as_the_source_and_always(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    desk.add_source(room.url("/feed.xml"))
    desk.run("room")
    assert desk.run(room.url("/feed.xml")) == [Outcome("room", message="1 listed, 1 known", source_id="room")]
    (article,) = desk.kb.catalog.articles()
    assert (article.source, article.source_id) == ("Newsroom", "room")


def test_a_page_without_an_article_is_refused_with_its_reason(desk: Desk, room: Newsroom) -> None:
    room.on("/empty", page_of(b"<html><title>Nothing</title><body></body></html>"))
    outcomes = desk.run(room.url("/empty"), room.url("/none"))
    assert changes(outcomes) == ["no_text", "not_found"]
    assert desk.kb.catalog.counts()["articles"] == 0
    assert (desk.last.done, desk.last.total, desk.last.refused) == (2, 2, 2)


def test_private_addresses_need_leave(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    (outcome,) = desk.run(room.url("/news/chips"), options=Options())
    assert outcome.reason == "private_address"
    assert room.paths() == []
    assert changes(desk.run(room.url("/news/chips"), options=Options(allow_private=True))) == ["added"]


def test_files_and_folders(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.html").write_bytes(story("cars"))
    (folder / "deep" / "b.md").write_text("# Ships\n\n" + "The rule on ships is of a general kind. " * 20)
    (folder / "c.jsonl").write_text(
        "\n".join(json.dumps({"title": f"Line {n}", "text": f"Text {n}"}) for n in range(3)) + "\n"
    )
    (folder / ".hidden.md").write_text("# Hidden\n\nhidden")
    (folder / "film.mp4").write_bytes(b"x")
    assert changes(desk.run(str(folder))) == ["added"] * 5
    assert desk.titles == {title("cars"), "Ships", "Line 0", "Line 1", "Line 2"}
    assert (desk.last.done, desk.last.total) == (5, 5)
    assert desk.run(str(folder)) == []
    assert desk.last.known == 5
    assert changes(desk.run(str(folder / "a.html"))) == ["unchanged"]


def test_a_changed_file_is_read_again(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "papers" / "note.md"
    path.parent.mkdir()
    path.write_text("# Note\n\n" + "The first wording of this note. " * 20)
    desk.run(str(path.parent))
    path.write_text("# Note\n\n" + "The second wording of this note, longer. " * 20)
    assert changes(desk.run(str(path.parent))) == ["updated"]


def test_a_bad_line_is_named_and_the_file_is_read_again(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "papers" / "lines.jsonl"
    path.parent.mkdir()
    path.write_text('{"title": "Good", "text": "Some text"}\nnot json\n')
    outcomes = desk.run(str(path.parent))
    assert changes(outcomes) == ["added", "bad_line"]
    assert [outcome.target for outcome in outcomes if not outcome.ok] == [f"{path}:2"]
    assert changes(desk.run(str(path.parent))) == ["bad_line", "unchanged"]
    path.write_text('{"title": "Good", "text": "Some text"}\n')
    desk.run(str(path.parent))
    assert desk.run(str(path.parent)) == []


def test_empty_lines_and_a_missing_last_newline_do_not_confuse_progress(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"title": "A", "text": "a"}\n\n\n{"title": "B", "text": "b"}\n{"title": "C", "text": "c"}')
    assert changes(desk.run(str(path))) == ["added"] * 3
    assert (desk.last.done, desk.last.total) == (3, 3)
    assert desk.ledger.runs()[0].state == "done"


def test_a_watched_folder_is_a_source(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    desk.add_source(str(folder), "inbox", side="company")
    assert desk.run("inbox") == []
    (folder / "a.md").write_text("# Arrived\n\n" + "Something arrived here. " * 20)
    assert changes(desk.run("inbox")) == ["added"]
    (article,) = desk.kb.catalog.articles()
    assert (article.source_id, article.side) == ("inbox", "company")
    (folder / "a.md").unlink()
    folder.rmdir()
    assert [outcome.reason for outcome in desk.run("inbox")] == ["not_found"]
    assert desk.ledger.source("inbox").failing


# ── options ───────────────────────────────────────────────────────────────────────────────────────


def test_limit_leaves_the_rest_for_the_next_run(desk: Desk, room: Newsroom) -> None:
    room.publish("a1", "a2", "a3", "a4")
    desk.add_source(room.url("/feed.xml"))
    outcomes = desk.run("room", options=replace(OPTIONS, limit=3))
    assert changes(outcomes) == ["-", "added", "added", "added"]
    assert desk.ledger.source("room").etag is None
    assert "room" in {str(target) for target in due_targets(desk.kb)}
    assert changes(desk.run("room")) == ["-", "added"]
    assert sorted(room.read()) == ["a1", "a2", "a3", "a4"]
    assert desk.ledger.source("room").etag is not None


def test_since_leaves_older_items_for_another_run(desk: Desk, room: Newsroom) -> None:
    room.publish("a1", "a2", "a3")
    desk.add_source(room.url("/feed.xml"))
    outcomes = desk.run("room", options=replace(OPTIONS, since=date(2024, 7, 2)))
    assert desk.titles == {title("a2"), title("a3")}
    assert outcomes[-1].message == "2 listed, 0 known, 1 older left out"
    assert changes(desk.run("room")) == ["-", "added"]
    assert desk.titles == {title("a1"), title("a2"), title("a3")}


def test_since_is_kept_where_only_the_page_knows_its_date(desk: Desk, room: Newsroom) -> None:
    dated = story("old").replace(b"</title>", b'</title><meta property="article:published_time" content="2019-05-01">')
    room.on("/news/old", page_of(dated))
    room.on("/sitemap.xml", reply(sitemap(room.base, ["old"]), content_type="application/xml"))
    desk.add_source(room.url("/sitemap.xml"), kind="sitemap")
    outcomes = desk.run("room", options=replace(OPTIONS, since=date(2024, 1, 1)))
    assert outcomes[0].message == "published 2019-05-01, before 2024-01-01; left out"
    assert all(outcome.ok for outcome in outcomes) and desk.titles == set()
    assert changes(desk.run("room")) == ["-", "added"]


# ── the record ────────────────────────────────────────────────────────────────────────────────────


def test_a_run_is_recorded_with_every_outcome(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    room.on("/feed.xml", tagged(rss(room, "chips", "gone"), "application/rss+xml"))
    desk.add_source(room.url("/feed.xml"))
    outcomes = desk.run("room")
    (run,) = desk.ledger.runs()
    assert (run.state, run.targets) == ("done", ("room",))
    assert run.counts == {"added": 1, "not_found": 1}
    assert sorted(desk.ledger.outcomes(run.id), key=str) == sorted(outcomes, key=str)


def test_refused_pages_are_replayed_without_the_network(
    desk: Desk, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.publish("chips")
    desk.add_source(room.url("/feed.xml"), side="company")
    monkeypatch.setattr("ingest.work.article_on", refuse_once)
    assert changes(desk.run("room")) == ["-", "too_short"]
    monkeypatch.undo()
    with pytest.raises(UsageError, match=r"reasons on record are: too_short \(1\)"):
        list(replay(desk.kb, "paywall", OPTIONS))
    asked = len(room.paths())
    (outcome,) = replay(desk.kb, "too_short", OPTIONS, bench=desk.bench())
    assert outcome.change is Change.ADDED
    assert len(room.paths()) == asked
    (article,) = desk.kb.catalog.articles()
    assert (article.title, article.source_id, article.side) == (title("chips"), "room", "company")
    assert article.published is not None and article.published.witness == "feed"
    assert desk.ledger.reasons() == {}


def test_recheck_finds_changes_and_pages_that_are_gone(desk: Desk, room: Newsroom) -> None:
    topics = ("same", "tagged", "changed", "gone", "walled")
    for topic in topics:
        room.on(f"/news/{topic}", page_of(story(topic)))
    room.on("/news/tagged", tagged(story("tagged"), "text/html"))
    desk.run(*(room.url(f"/news/{topic}") for topic in topics))
    room.on("/news/changed", page_of(story("changed", "A correction was added.")))
    room.on("/news/gone", reply(status=410))
    room.on("/news/walled", page_of(b"<html><title>Wall</title><body>Subscribe to continue reading</body></html>"))
    assert list(recheck(desk.kb, OPTIONS, bench=desk.bench())) == []
    with desk.kb.writing():
        for known in desk.ledger.items(room.url(f"/news/{topic}") for topic in topics).values():
            desk.ledger.save_item(replace(known, last=known.last - timedelta(hours=7)))
    outcomes = {
        outcome.target.rpartition("/")[2]: outcome
        for outcome in recheck(desk.kb, OPTIONS, desk.see, bench=desk.bench())
    }
    assert {name: outcome.change for name, outcome in outcomes.items()} == {
        "same": Change.UNCHANGED,
        "tagged": Change.UNCHANGED,
        "changed": Change.UPDATED,
        "gone": None,
        "walled": None,
    }
    assert outcomes["gone"].ok and "gone" in str(outcomes["gone"].message)
    assert outcomes["walled"].reason == "paywall"
    gone = {version.title: version.gone for version in desk.kb.catalog.articles()}
    assert gone == {title(topic): topic == "gone" for topic in topics}
    assert list(recheck(desk.kb, OPTIONS, bench=desk.bench())) == []


# ── stopping and dying ────────────────────────────────────────────────────────────────────────────


def test_a_stopped_run_keeps_what_is_done_and_says_how_to_go_on(desk: Desk, room: Newsroom) -> None:
    room.publish(*(f"a{number}" for number in range(20)))
    desk.add_source(room.url("/feed.xml"))
    stop, done = threading.Event(), list[Outcome]()
    with pytest.raises(Interrupted, match="To go on from there: lagebild ingest room") as caught:
        for outcome in desk.start("room", stop=stop):
            done.append(outcome)
            if len(done) == 3:
                stop.set()
    assert changes(done) == ["added"] * 3
    assert (caught.value.progress.done, caught.value.progress.total) == (3, 20)
    (run,) = desk.ledger.runs()
    assert (run.state, run.counts) == ("interrupted", {"added": 3})
    assert desk.ledger.source("room").etag is None
    with desk.kb.writing():
        pass
    assert changes(desk.run("room")) == ["-"] + ["added"] * 17
    assert desk.kb.catalog.counts()["articles"] == 20


def test_a_run_that_cannot_keep_pages_ends_with_the_cause_and_can_be_repeated(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    desk.add_source(room.url("/feed.xml"))
    in_the_way = desk.kb.settings.home / "snapshots"
    in_the_way.write_text("not a folder")
    with pytest.raises(HomeError, match="a snapshot could not be written"):
        desk.run("room")
    assert desk.ledger.runs()[0].state == "failed"
    assert desk.kb.catalog.counts()["articles"] == 0
    in_the_way.unlink()
    assert changes(desk.run("room")) == ["-", "added"]


def test_an_abandoned_run_gives_the_lock_back(desk: Desk, room: Newsroom) -> None:
    room.publish("chips", "models")
    run = desk.start(room.url("/feed.xml"))
    next(run)
    run.close()
    assert desk.ledger.runs()[0].state == "interrupted"
    assert changes(desk.run(room.url("/feed.xml"))) == ["-", "added"]


def test_a_second_run_at_once_is_refused_by_name(desk: Desk, room: Newsroom, tmp_path: Path) -> None:
    room.publish("chips", "models")
    run = desk.start(room.url("/feed.xml"))
    next(run)
    command = [sys.executable, "-c", PROCESS, str(desk.kb.settings.home), room.url("/feed.xml")]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    run.close()
    assert HomeLocked.__name__ in second.stderr and f"process {os.getpid()}" in second.stderr


PROCESS = """
import sys
from pathlib import Path
from ingest.children import Parser
from ingest.policy import FetchPolicy
from ingest.run import Options, ingest
from ingest.sources import load_sources
from ingest.targets import read_targets
from ingest.work import Bench
from kb.knowledge import open_kb
with open_kb(Path(sys.argv[1])) as kb:
    targets = read_targets(sys.argv[2:], load_sources(kb.settings.home))
    policy = FetchPolicy(allow_private=True, private_delay=0.0, tries=1, patience=0.5)
    for outcome in ingest(kb, targets, Options(policy=policy)):
        print(outcome.target, outcome.change, flush=True)
"""

POINTS = (
    "ingest.started",
    "ingest.fetched",
    "ingest.discovered",
    "ingest.expected",
    "ingest.snapshot:2",
    "ingest.added:2",
    "ingest.settled:2",
    "ingest.covered",
    "ingest.concluded",
    "ingest.ended",
)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_the_next_run_finishes(desk: Desk, room: Newsroom, point: str) -> None:
    room.publish("a1", "a2", "a3")
    desk.add_source(room.url("/feed.xml"))
    command = [sys.executable, "-c", PROCESS, str(desk.kb.settings.home), "room"]
    killed = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "LAGEBILD_FAULT": point}, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    acknowledged = [line.split()[0] for line in killed.stdout.splitlines() if line.endswith(" added")]
    stored = {version.url for version in desk.kb.catalog.articles()}
    assert set(acknowledged) <= stored
    desk.run("room")
    assert desk.titles == {title("a1"), title("a2"), title("a3")}
    assert desk.kb.catalog.counts()["versions"] == 3
    assert desk.kb.catalog.check() == []
    assert max(room.read().count(topic) for topic in ("a1", "a2", "a3")) <= 2
    assert sum(room.read().count(topic) for topic in acknowledged) <= len(acknowledged)
    assert desk.run("room")[-1].message == "not modified since the last time"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_run_between_two_articles(desk: Desk, room: Newsroom, number: signal.Signals) -> None:
    room.publish(*(f"a{number}" for number in range(200)))
    command = [sys.executable, "-c", PROCESS, str(desk.kb.settings.home), room.url("/feed.xml")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stderr is not None
        printed = [child.stdout.readline()]
        child.send_signal(number)
        printed += child.stdout.readlines()
        told = child.stderr.read()
    assert f"Interrupted: stopped after {len(printed)} of 200 items; all that was done is stored." in told
    assert desk.kb.catalog.counts()["articles"] == len(printed)
    assert desk.ledger.runs()[0].state == "interrupted"


def rss(room: Newsroom, *topics: str) -> bytes:
    items = "".join(
        f"<item><title>New rule on {topic} takes effect</title><link>{room.url(f'/news/{topic}')}</link>"
        "<pubDate>Mon, 01 Jul 2024 08:00:00 GMT</pubDate></item>"
        for topic in topics
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>{items}</channel></rss>'.encode()


def refuse_once(*_: object) -> None:
    from kb.errors import CollectError

    raise CollectError("too_short", "a mistake of the parser that is mended later")


def test_what_a_site_gives_for_pages_it_does_not_have_is_no_article(desk: Desk, room: Newsroom) -> None:
    room.publish("chips", "gas", "tin", "zinc")
    stock = page_of(story("everything we report"))
    for topic in ("gas", "tin", "zinc"):
        room.on(f"/news/{topic}", stock)
    outcomes = desk.run(room.url("/feed.xml"))
    assert changes(outcomes) == ["-", "added", "added", "soft_404", "soft_404"]
    refused = next(outcome for outcome in outcomes if outcome.reason == "soft_404")
    assert "gives the same title and text for" in (refused.message or "")
    # The first of them was stored before that could be known: its page is marked as gone.
    gone = {version.title: version.gone for version in desk.kb.catalog.articles()}
    assert gone == {title("chips"): False, title("everything we report"): True}
    assert len(desk.ledger.refused("soft_404")) == 2


def test_one_article_under_two_addresses_is_kept(desk: Desk, room: Newsroom) -> None:
    room.publish("chips", "gas")
    room.on("/tech/chips", page_of(story("chips")))
    outcomes = desk.run(room.url("/news/chips"), room.url("/tech/chips"), room.url("/news/gas"))
    assert changes(outcomes) == ["added", "added", "added"]


def test_a_stored_page_that_now_says_it_does_not_exist_is_marked_gone(desk: Desk, room: Newsroom) -> None:
    room.publish("chips")
    desk.run(room.url("/news/chips"))
    room.on("/news/chips", page_of(b"<html><title>Page not found</title><h1>Page not found</h1><p>Sorry.</p></html>"))
    (outcome,) = desk.run(room.url("/news/chips"))
    assert outcome.ok and "gone" in (outcome.message or "")
    (version,) = desk.kb.catalog.articles()
    assert (version.title, version.gone) == (title("chips"), True)


def test_a_file_that_was_refused_is_read_again_where_it_lies(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "späte Notiz.html"
    file.write_bytes(b"<html><title>Brief</title><p>Soon more.</p></html>")
    assert changes(desk.run(str(file))) == ["too_short"]
    file.write_bytes(story("chips"))
    (again,) = replay(desk.kb, "too_short", OPTIONS, bench=desk.bench())
    assert (again.change, desk.ledger.reasons()) == (Change.ADDED, {})
