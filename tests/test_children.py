"""Hostile pages end their worker, and nothing else."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO

import pytest

from ingest.children import JOBS, Parser, _Answer, serve
from kb.errors import CollectError
from kb.models import Page

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROSE = "The office granted the request after a hearing, and it named the conditions in a letter to both parties. " * 6
TITLE = "A rule and its reasons"
GOOD = f"<html><title>{TITLE}</title><body><article><p>{PROSE}</p></article></body></html>".encode()


def page(content: bytes, url: str = "https://www.example.org/a/one") -> Page:
    return Page(url, url, content, "text/html", None, NOW, headers={"content-type": "text/html"})


@pytest.fixture(scope="module")
def shared() -> Iterator[Parser]:
    with Parser() as parser:
        yield parser


def feed(author: bytes) -> Page:
    item = b"<item><title>t</title><link>https://a.org/1</link>" + author + b"</item>"
    return page(b"<rss version='2.0'><channel><title>f</title>" + item + b"</channel></rss>")


def test_one_worker_reads_pages_feeds_and_passes_errors_on(shared: Parser) -> None:
    article = shared.extract(page(GOOD), outlet="The Ledger")
    assert (article.title, article.source, article.fetched) == (TITLE, "The Ledger", NOW)
    assert shared.discover(feed(b"")).links[0].url == "https://a.org/1"
    with pytest.raises(CollectError, match="the page is empty") as refused:
        shared.extract(page(b""))
    assert refused.value.reason == "no_text"
    assert shared.extract(page(GOOD)).title == TITLE


def test_a_feed_that_burns_time_is_stopped_and_the_next_is_read() -> None:
    # feedparser's issue 562: an expression that takes quadratic time and more on this author.
    burning = feed(b"<author>" + b"a." * 20_000 + b"</author>")
    with Parser(cpu=1.0) as parser:
        with pytest.raises(CollectError) as refused:
            parser.discover(burning)
        assert refused.value.reason == "timeout"
        assert parser.extract(page(GOOD)).title == TITLE


def test_the_wall_clock_ends_a_worker() -> None:
    with Parser(wall=0.05) as parser:
        with pytest.raises(CollectError) as refused:
            parser.extract(page(GOOD))
        assert refused.value.reason == "timeout"


def test_memory_is_bounded() -> None:
    heavy = b"<html><body>" + b"<p>a</p>" * 1_700_000 + b"</body></html>"
    with Parser(memory=200 << 20, cpu=60.0, wall=120.0) as parser:
        with pytest.raises(CollectError) as refused:
            parser.extract(page(heavy))
        assert refused.value.reason in ("hostile", "unreadable", "timeout")
        assert parser.extract(page(GOOD)).title == TITLE


NESTED = [
    b"<html><body>" + b"<div>" * 50_000 + GOOD,
    b"<html><body>" + b"<table><tr><td>" * 20_000,
    b"<html><body>" + b"<b><i>" * 30_000 + b"x" * 500,
    b"<html><head>" + b'<script type="application/ld+json">' + b"[" * 100_000 + b"</script></head>" + GOOD,
    b"<html>" + b"<p style='" * 20_000,
    b"<html><body>" + b"<ul><li>" * 20_000 + b"word, word. " * 200,
    b"\xff\xfe" + os.urandom(50_000),
]


@pytest.mark.parametrize("content", NESTED, ids=range(len(NESTED)))
def test_nested_and_broken_pages_are_values(content: bytes, shared: Parser) -> None:
    try:
        assert shared.extract(page(content)).text
    except CollectError as error:
        assert error.reason
    assert shared.extract(page(GOOD)).title == TITLE


def test_threads_share_a_pool() -> None:
    titles: list[str] = []
    with Parser(workers=2) as parser:

        def read() -> None:
            titles.extend(parser.extract(page(GOOD)).title for _ in range(5))

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert titles == [TITLE] * 20


def test_a_worker_cannot_make_its_parent_run_anything() -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("true",)

    with pytest.raises(pickle.UnpicklingError, match=r"(?:posix|nt)\.system"):
        _Answer(BytesIO(pickle.dumps(("done", Evil())))).load()


def test_all_jobs_exist() -> None:
    assert callable(serve) and set(JOBS) == {name for name in vars(Parser) if name in JOBS}
