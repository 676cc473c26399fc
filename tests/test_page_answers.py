"""Answers on the page: follow-ups, sources that differ, what came later, strict and judged answers, earlier ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from kb.knowledge import open_kb
from tests.browser import PATIENCE, choose, chromium, evidence, executable, opened, put, served
from tests.conftest import make_article
from tests.fakeproviders import FakeProviders, Request
from tests.questions import ENGLISH_QUESTION, FALSE, TRUE, fill, number
from tests.test_answers import CUT, LIVE, differing, said
from tests.test_page import point

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="no Chromium on this machine; make chromium installs it"),
]

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def fake(home: Path) -> Iterator[FakeProviders]:
    with FakeProviders() as running, open_kb(home) as kb:
        fill(kb)
        differing(kb)
        point(home, running)
        yield running


@pytest.fixture(scope="module")
def url(home: Path, fake: FakeProviders) -> Iterator[str]:
    with served(home) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(fake: FakeProviders) -> None:
    fake.answer = both
    fake.scripts.clear()


def both(request: Request) -> str:
    """One true and one false sentence; a follow-up is not put into words, the first sentence judged in part."""
    if "You rewrite" in said(request):
        return ""
    if "You judge" in said(request):
        return "1: partly"
    place = number(request, "9 July 2024")
    return f"{TRUE} [{place}]. {FALSE} [{place}]."


def switch(page: Page, name: str) -> None:
    """Tick a box among the filters; the page must have been drawn anew for the provider chosen before."""
    expect(page.get_by_role("combobox", name="Model")).to_be_visible()
    page.get_by_role("button", name="Filters").click()
    page.get_by_test_id("stPopoverBody").get_by_text(name).click()
    expect(page.get_by_role("checkbox", name=name)).to_be_checked()
    page.keyboard.press("Escape")


def test_a_follow_up_is_understood_and_can_be_taken_as_written(url: str, browser: Browser) -> None:
    page = opened(browser, url)
    choose(page, "Evidence only")
    put(page, "How many free tokens did Alibaba offer developers?")
    expect(evidence(page).first).to_be_visible()
    put(page, "and Baidu?")
    line = page.locator(".lb-understood")
    expect(line).to_have_text("Understood as: How many free tokens did Baidu offer developers?")
    expect(evidence(page).filter(has_text="百度推出迁移计划")).to_be_visible()
    put(page, "那OpenAI呢？")
    expect(line).to_have_text("Understood as: How many free tokens did OpenAI offer developers?")
    page.get_by_role("button", name="Take it as I wrote it").click()
    expect(line).to_have_count(0)
    expect(page.locator(".lb-question")).to_have_text("那OpenAI呢？")


def test_strict_shows_only_what_is_carried(url: str, browser: Browser) -> None:
    page = opened(browser, url)
    choose(page, "Alibaba")
    put(page, ENGLISH_QUESTION)
    expect(page.locator(".sentence")).to_have_count(2)
    switch(page, "Strict: leave out what no passage carries")
    put(page, "Since when does OpenAI block its API for developers in China?")
    expect(page.locator(".mark")).to_have_text(["✓ supported"])
    expect(page.get_by_text("1 sentences that no passage carries were left out", exact=True)).to_be_visible()


def test_a_judge_lowers_and_is_named(url: str, browser: Browser) -> None:
    page = opened(browser, url)
    choose(page, "Alibaba")
    switch(page, "Let the model judge its sentences too")
    put(page, ENGLISH_QUESTION)
    expect(page.locator(".mark").first).to_have_text("≈ in part")
    expect(page.locator(".mark").nth(1)).to_have_text("✗ contradicted")
    expect(page.get_by_text(re.compile(r"Judge qwen.*: 0 confirmed, 1 lowered"))).to_be_visible()


def test_sources_that_differ_are_shown_with_their_words(url: str, browser: Browser, fake: FakeProviders) -> None:
    fake.answer = lambda request: (
        f"The Budget Committee cut the Lamp Subsidy by 14 percent [{number(request, '14 p')}]."
    )
    page = opened(browser, url)
    choose(page, "Alibaba")
    put(page, CUT)
    expect(page.locator(".lb-notice.warn strong")).to_have_text("Sources contradict each other")
    sides = page.get_by_role("list", name="Sources contradict each other").locator(".card")
    expect(sides).to_have_count(2)
    words = sides.filter(has_text="17 percent").locator(".text").inner_text()
    sides.filter(has_text="17 percent").locator(".open").click()
    expect(page.locator("dialog mark")).to_have_text(words)


def test_answers_of_another_process_open_and_are_asked_again(
    home: Path, url: str, fake: FakeProviders, browser: Browser
) -> None:
    title = f"OpenAI's API and China {LIVE}"
    with open_kb(home) as kb:
        asked = kb.ask(ENGLISH_QUESTION, provider="qwen", as_of=date(2024, 7, 1))
        day = date.today() - timedelta(days=1)
        text = "OpenAI goes on to block its API for developers in China."
        kb.add(make_article("later", text, title=title, day=day.isoformat()))
    page = opened(browser, url)
    choose(page, "Zhipu")
    page.get_by_text("Earlier answers").click()
    stored = page.get_by_role("list", name="Earlier answers").locator(".card")
    wanted = stored.filter(has_text=ENGLISH_QUESTION).first
    expect(wanted.locator(".meta")).to_contain_text("answered")
    wanted.locator(".open").click()
    expect(page.locator(".lb-question")).to_have_text(ENGLISH_QUESTION)
    expect(page.locator(".mark")).to_have_text(["✓ supported", "✗ contradicted"])
    expect(page.get_by_text("Known only after 2024-07-01")).to_be_visible()
    newer = page.get_by_role("list", name="Newer articles that fit the question").locator(".card .title")
    expect(newer).to_have_text([title])
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as Markdown").click()
    saved = Path(download.value.path()).read_text(encoding="utf-8")
    assert f"`{asked.id}`" in saved and "[^1]" in saved
    before = len(fake.asked("zhipu"))
    page.get_by_role("button", name=re.compile("Ask .* on the same evidence")).click()
    expect(page.get_by_text(f"On the evidence of answer {asked.id}")).to_be_visible()
    expect(page.locator(".mark")).to_have_text(["✓ supported", "✗ contradicted"])
    assert len(fake.asked("zhipu")) == before + 1
    assert "goes on to block" not in said(fake.asked("zhipu")[-1])
