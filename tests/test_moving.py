"""A story that keeps its name in the feed and changes its address stays one article; a name alone moves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ingest.children import Parser
from ingest.discover import discover
from ingest.policy import FetchPolicy
from ingest.run import Options, ingest
from ingest.sources import add_sources, load_sources, new_source
from ingest.targets import read_targets
from ingest.work import Bench
from kb.embedding import Embedder, load_embedder
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Link, Outcome, Page
from kb.origins.likeness import Told, continued
from kb.storage.ledger import Ledger
from tests.faultserver import reply
from tests.newsroom import Newsroom, page_of, story

OPTIONS = Options(policy=FetchPolicy(allow_private=True, private_delay=0.0, tries=1, patience=0.5))

HARVEST = (
    "Growers along the river brought in a tenth more barley than a year ago, the farmers' union reports, and sold most"
    " of it before the rain set in. Mills had asked for dry grain early this summer.",
    "Prices at the regional exchange slipped a little all the same. Buyers from the coast had covered their needs with"
    " cargoes from overseas, and the warehouses near the port are still well filled, a trader said by telephone.",
)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("e5")


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser(2) as started:
        yield started


@pytest.fixture
def room() -> Iterator[Newsroom]:
    with Newsroom() as server:
        yield server


class Desk:
    """A home with one source, the feed of a newsroom."""

    def __init__(self, home: Path, embedder: Embedder, parser: Parser, room: Newsroom) -> None:
        self.home, self.embedder, self.parser, self.room = home, embedder, parser, room
        self.kb = self.opened()

    def opened(self) -> KnowledgeBase:
        kb = open_kb(self.home)
        kb.__dict__["embedder"] = self.embedder
        return kb

    def add_source(self, id: str, path: str = "/feed.xml") -> None:
        source = new_source(self.room.url(path), load_sources(self.home), id=id, name=f"{id}: all", language="en")
        add_sources(self.home, [source])

    def visit(self, *items: tuple[str, str], id: str = "room", path: str = "/feed.xml") -> list[Outcome]:
        """Read the feed with these items (guid, address), and tell what became of its pages."""
        rows = "".join(f"<item><guid isPermaLink='false'>{g}</guid><link>{u}</link></item>" for g, u in items)
        feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>Room</title>{rows}</channel></rss>'
        self.room.on(path, reply(feed.encode(), content_type="application/rss+xml"))
        bench = Bench.of(self.kb, OPTIONS.fetching(), self.parser)
        try:
            found = list(ingest(self.kb, read_targets([id], load_sources(self.home)), OPTIONS, bench=bench))
        finally:
            bench.close()
        return [one for one in found if one.target != id]

    def page(self, path: str, content: bytes) -> str:
        self.room.on(path, page_of(content))
        return self.room.url(path)


@pytest.fixture
def desk(
    tmp_path: Path, embedder: Embedder, parser: Parser, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setattr(KnowledgeBase, "publish", lambda *_: False)
    made = Desk(tmp_path / "home", embedder, parser, room)
    made.add_source("room")
    yield made
    made.kb.close()


def harvest(note: str = "") -> bytes:
    page = "".join(f"<p>{each}</p>" for each in (*HARVEST, note) if each)
    head = "<title>A good year for barley</title>"
    return (
        f"<!doctype html><html lang=en><head>{head}</head><body><article><h1>A good year for barley</h1>{page}".encode()
    )


def test_a_story_that_moves_keeps_its_id_and_is_found_by_both_addresses(desk: Desk, room: Newsroom) -> None:
    old = desk.page("/news/chips", story("chips"))
    (first,) = desk.visit(("g1", old))
    new = desk.page("/2024/chips", story("chips", "The ministry corrected the date on Friday."))
    (second,) = desk.visit(("g1", new))
    assert (second.change, second.article_id) == ("updated", first.article_id)
    assert (second.message or "").startswith(f"moved here from {old}: ")
    (current,) = desk.kb.catalog.articles()
    assert (current.url, current.number, "corrected" in current.text) == (new, 2, True)
    assert desk.kb.search("rule on chips")[0].version.url == new
    for name in (old, new, current.article_id, current.id):
        assert [one.number for one in desk.kb.history(name)] == [1, 2]
    # The address that it left is gone; the article is not.
    room.on("/news/chips", reply(b"gone", status=404))
    later = datetime.now(UTC) + timedelta(days=1)
    due = Ledger(desk.kb.catalog).stored_since(later - timedelta(days=14), later, later)
    assert [item.url for item in due] == [new]
    # It may move once more; and the addresses that it left may be named by a person.
    third = desk.page("/2025/chips", story("chips", "The ministry corrected the date on Friday."))
    (moved,) = desk.visit(("g1", third))
    assert (moved.change, moved.article_id) == ("unchanged", first.article_id)
    bench = Bench.of(desk.kb, OPTIONS.fetching(), desk.parser)
    (named,) = ingest(desk.kb, read_targets([old], load_sources(desk.home)), OPTIONS, bench=bench)
    bench.close()
    (current,) = desk.kb.catalog.articles()
    assert (named.reason, current.url, current.gone, current.number) == ("not_found", third, False, 2)
    assert desk.visit(("g1", third)) == []
    assert desk.kb.catalog.check() == []


def test_a_name_that_is_used_again_for_another_text_moves_nothing(desk: Desk) -> None:
    desk.visit(("1", desk.page("/a", story("chips"))))
    (other,) = desk.visit(("1", desk.page("/b", harvest())))
    assert other.change == "added"
    assert "an article of its own" in (other.message or "") and "agree" in (other.message or "")
    # From now on the name means the newer one.
    (again,) = desk.visit(("1", desk.page("/c", harvest("It rained later."))))
    assert (again.change, again.article_id) == ("updated", other.article_id)
    assert len(list(desk.kb.catalog.articles())) == 2


def test_a_series_under_one_name_stays_a_series(desk: Desk) -> None:
    desk.visit(("daily", desk.page("/12", story("the 12th package"))))
    (other,) = desk.visit(("daily", desk.page("/13", story("the 13th package"))))
    assert other.change == "added" and "two numbers of a series" in (other.message or "")


def test_nobody_moves_an_article_to_another_site_or_that_of_another_source(desk: Desk) -> None:
    url = desk.page("/news/chips", story("chips"))
    desk.visit(("g1", url))
    with Newsroom() as elsewhere:
        elsewhere.on("/news/chips", page_of(story("chips", "Send money.")))
        (copied,) = desk.visit(("g1", elsewhere.url("/news/chips")))
    assert copied.change == "added" and "different sites" in (copied.message or "")
    desk.add_source("other", "/other.xml")
    assert desk.visit(("g1", url), id="other", path="/other.xml") == []
    (forged,) = desk.visit(("g1", desk.page("/forged", story("chips", "Buy now."))), id="other", path="/other.xml")
    assert forged.change == "added" and "another source" in (forged.message or "")


def test_a_page_stored_from_elsewhere_stays_what_it_is(desk: Desk) -> None:
    both = desk.page("/a", story("chips")), desk.page("/b", story("chips", "One more line."))
    desk.visit(("g1", both[0]), ("g2", both[1]))
    assert desk.visit(("g2", both[0]), ("g1", both[1])) == []
    assert {one.url for one in desk.kb.catalog.articles()} == set(both)


def test_a_home_made_before_learns_the_names_at_the_next_visit(desk: Desk) -> None:
    old = desk.page("/news/chips", story("chips"))
    desk.visit(("g1", old))
    with desk.kb.catalog.writing() as db:
        db.execute(text("DROP TABLE guid"))
        db.execute(text("DROP TABLE alias"))
    desk.kb.close()
    desk.kb = desk.opened()
    assert desk.visit(("g1", old)) == []
    (moved,) = desk.visit(("g1", desk.page("/2024/chips", story("chips", "More."))))
    assert moved.change == "updated" and len(list(desk.kb.catalog.articles())) == 1


def test_a_run_that_died_after_the_move_goes_on_with_it(desk: Desk) -> None:
    old = desk.page("/news/chips", story("chips"))
    (first,) = desk.visit(("g1", old))
    new = desk.page("/2024/chips", story("chips", "More."))
    assert first.article_id is not None
    Ledger(desk.kb.catalog).expect({new: Link(new, "room", guid="g1")}, datetime.now(UTC))
    desk.kb.catalog.move(first.article_id, new)
    (second,) = desk.visit(("g1", new))
    assert (second.change, second.article_id) == ("updated", first.article_id)
    assert Ledger(desk.kb.catalog).named("room", ["g1"]) == {"g1": new}


def test_a_moved_article_keeps_its_id_when_the_store_is_bound_anew(desk: Desk) -> None:
    desk.visit(("g1", desk.page("/news/chips", story("chips"))))
    desk.visit(("g1", desk.page("/2024/chips", story("chips", "More."))))
    desk.kb.catalog.set_meta("binding", "another/1/0")
    desk.kb._rebind(lambda _: None)
    assert desk.kb.catalog.check() == []
    assert {row["version_id"] for row in desk.kb.catalog.chunks_at(range(1, 9)).values()} == {
        one.id for one in desk.kb.catalog.all_versions()
    }


def test_a_name_that_items_of_a_feed_share_names_none_of_them() -> None:
    def named(*guids: str) -> list[str | None]:
        rows = "".join(
            f"<item><title>t{n}</title><guid isPermaLink='false'>{guid}</guid><link>/{n}</link></item>"
            for n, guid in enumerate(guids)
        )
        content = f'<?xml version="1.0"?><rss version="2.0"><channel>{rows}</channel></rss>'.encode()
        url = "https://www.example.org/feed"
        return [link.guid for link in discover(Page(url, url, content, "", None, datetime.now(UTC))).links]

    assert named("a", "b") == ["a", "b"]
    assert named("1", "1", "b") == [None, None, "b"]
    assert named("x" * 3_000) == [None]


def test_what_is_told_of_two_texts_under_one_name() -> None:
    def told(title: str, *paragraphs: str) -> Told:
        return Told(title, "\n".join(paragraphs), "Room", ())

    short, whole = told("Barley", HARVEST[0]), told("A good year", *HARVEST, *(f"Line {n} is new." for n in range(90)))
    assert continued(short, short) == (True, "the text is the same")
    assert continued(short, whole)[0] and continued(whole, short)[0]
    assert continued(short, told("Barley", HARVEST[1])) == (False, "1% of both texts and 3% of the shorter one agree")
    assert continued(told("a", "Soon."), told("b", "Later."))[1] == "the texts are too short to compare"
    assert continued(short, told("大麦", "今年大麦丰收" * 20))[1] == "the texts are in different scripts"
