"""What is no article is refused with the right reason, and an article is taken: over pages of our own."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from ingest import walls
from ingest.extract import extract
from kb.errors import CollectError
from kb.models import Page
from tests import nopages
from tests.nopages import NoPage

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STORED = "stored"


def verdict(page: NoPage) -> str:
    try:
        extract(Page(page.url, page.url, page.content, page.media_type, None, NOW, headers=page.headers))
    except CollectError as error:
        return error.reason
    return STORED


def test_no_page_is_stored_as_an_article_and_each_is_refused_for_what_it_is() -> None:
    pages = nopages.refused()
    verdicts = {page.name: verdict(page) for page in pages}
    assert len(pages) >= 100
    assert [name for name, given in verdicts.items() if given == STORED] == []
    wrong = {page.name: verdicts[page.name] for page in pages if verdicts[page.name] not in page.reasons}
    assert len(wrong) <= 0.05 * len(pages), wrong
    kinds = Counter(name.partition("-")[0] for name in verdicts)
    assert min(kinds["soft_404"], kinds["paywall"]) >= 40


def test_articles_in_the_same_frames_are_taken() -> None:
    assert {page.name: given for page in nopages.articles() if (given := verdict(page)) != STORED} == {}


@pytest.mark.parametrize(
    "title",
    [
        "404",
        "Page not found | Northern Post",
        "Error 404",
        "Diese Seite existiert nicht",
        "页面不存在_北方观察网",
        "找不到網頁",
    ],
)
def test_titles_of_error_pages(title: str) -> None:
    assert walls.is_error(title)


@pytest.mark.parametrize(
    "title",
    [
        "Page 404 of the report was not found in the archive, court says",
        "Missing page found in Berlin archive",
        "Ministry: article on chips removed from draft law",
        "Seite an Seite: China und Russland",
        "错误的出口数据引发争议",
        "网页游戏公司被罚款",
    ],
)
def test_headlines_that_speak_of_pages_and_errors(title: str) -> None:
    assert not walls.is_error(title)
