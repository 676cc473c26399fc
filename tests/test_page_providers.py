"""Providers on the page: compared, keys and data paths of two sessions, a key tested, what a filter withheld."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kb.knowledge import open_kb
from kb.providers import load_registry
from tests.browser import PATIENCE, choose, chromium, executable, opened, put, served, shown
from tests.fakeproviders import FakeProviders, Request, key_of
from tests.questions import ENGLISH_QUESTION, TRUE, fill, lines

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="no Chromium on this machine; make chromium installs it"),
]

expect.set_options(timeout=PATIENCE)

ASKED = ("qwen", "zhipu", "tencent", "deepseek")
LETTERS = "OpenAI sent letters to the accounts concerned"
OTHER_DAY = TRUE.replace("9 July", "11 July")
WRONG = "sk-planted-wrong-on-the-page-0123456789"


def written(request: Request) -> str:
    if "<passages-" not in str(request.body):
        return "yes"
    place = next((line["passage"] for line in lines(request) if "9 July 2024" in line["text"]), None)
    if place is None:
        return "NO_ANSWER"
    said = {"qwen": f"{TRUE} [{place}]. {LETTERS} [{place}].", "tencent": f"{OTHER_DAY} [{place}]."}
    return said.get(request.provider, f"{TRUE} [{place}].")


@dataclass(frozen=True)
class Site:
    """A page that is being served, and the providers behind it. Its home holds no key."""

    url: str
    home: Path
    fake: FakeProviders


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("providers")
    with FakeProviders() as fake:
        with open_kb(home) as kb:
            fill(kb)
        shipped, blocks = load_registry(), []
        for id in ASKED:
            rows = [
                f'{{ id = "{each.id}", url = "{fake.url(id, each.id, each.url)}" }}'
                for each in shipped[id].endpoints
                if each.usable
            ]
            blocks.append(f"[providers.{id}]\nendpoints = [{', '.join(rows)}]")
        (home / "providers.toml").write_text("\n".join(blocks), encoding="utf-8")
        with served(home) as url:
            yield Site(url, home, fake)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(site: Site) -> None:
    site.fake.answer = written
    site.fake.blocked.clear()
    site.fake.requests.clear()


def bring(page: Page, provider: str, key: str) -> None:
    """Give this session a key of its own, on the page Models."""
    page.get_by_role("link", name="Models").click()
    expect(page.get_by_test_id("stExpander").first).to_be_visible()
    form = page.get_by_test_id("stForm")
    if not form.is_visible():
        page.get_by_text("Store or remove a key").click()
    choose(page, provider)
    form.get_by_label("Key (leave empty to remove it)").fill(key)
    form.get_by_text("for this session alone").click()
    form.get_by_role("button", name="Save").click()
    expect(page.locator(".lb-notice.good")).to_contain_text("in this session alone")
    expect(page.locator("summary").filter(has_text=provider)).to_contain_text("key of this session")


def ask(page: Page, provider: str) -> None:
    page.get_by_role("link", name="Ask").click()
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_visible()
    choose(page, provider)
    put(page, ENGLISH_QUESTION)


def sentence(page: Page, said: str) -> Locator:
    """A sentence of the answer that is shown now."""
    return page.locator(".answer .sentence p", has_text=said).filter(visible=True).first


def test_two_sessions_with_providers_and_keys_of_their_own_do_not_cross(site: Site, browser: Browser) -> None:
    first, second = opened(browser, site.url), opened(browser, site.url)
    bring(first, "Alibaba", key_of("qwen"))
    bring(second, "Zhipu", key_of("zhipu"))
    bring(second, "Alibaba", WRONG)
    ask(first, "Alibaba")
    ask(second, "Zhipu")
    for page, said in ((first, LETTERS), (second, TRUE)):
        expect(sentence(page, said)).to_be_visible()
    ask(second, "Alibaba")
    expect(second.locator(".lb-notice.bad")).to_contain_text("rejected the key")
    ask(first, "Alibaba")
    until = time.monotonic() + PATIENCE / 1000
    while len(site.fake.requests) < 4 and time.monotonic() < until:
        first.wait_for_timeout(100)
    expect(sentence(first, LETTERS)).to_be_visible()
    sent = [
        (request.provider, request.headers["authorization"].removeprefix("Bearer ")) for request in site.fake.requests
    ]
    assert sorted(sent) == sorted(
        [("qwen", key_of("qwen")), ("zhipu", key_of("zhipu")), ("qwen", WRONG), ("qwen", key_of("qwen"))]
    )
    third = opened(browser, f"{site.url}/providers")
    expect(third.locator("summary").filter(has_text="Alibaba")).to_contain_text("no key")
    for page in (first, second, third):
        assert not [key for key in (WRONG, key_of("qwen"), key_of("zhipu")) if key in shown(page)]
    written_down = [file for file in site.home.rglob("*") if file.is_file()]
    assert not (site.home / "keys.toml").exists()
    assert not [file for file in written_down if b"planted" in file.read_bytes()]
    for page in (first, second, third):
        page.context.close()


def test_providers_are_compared_side_by_side(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url, viewport={"width": 1280, "height": 2000})
    for provider, id in (("Alibaba", "qwen"), ("Tencent", "tencent"), ("DeepSeek", "deepseek")):
        bring(page, provider, key_of(id))
    site.fake.blocked["deepseek"] = {"Question:"}
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    box = page.get_by_test_id("stMultiSelect").locator("input")
    for provider in ("Alibaba", "Tencent", "DeepSeek"):
        box.click()
        box.fill(provider)
        # The first is the provider with its default, the others are its further models.
        own = re.compile(rf"^{provider}")  # others offer DeepSeek's models as well
        page.get_by_role("option", name=own).nth(int(provider == "DeepSeek")).click()
    page.keyboard.press("Escape")
    field = page.get_by_label("Question", exact=True)
    field.fill(ENGLISH_QUESTION)
    field.press("Enter")
    expect(page.get_by_text("At most: Alibaba")).to_contain_text("CNY (price of")
    assert site.fake.requests == []
    page.get_by_role("button", name="Compare").click()
    rows = page.locator("table.box tbody tr")
    expect(rows).to_have_count(3)
    cells = [row.split("\n") for row in rows.all_inner_texts()]
    assert ["answered" in " ".join(row) for row in cells] == [True, True, False]
    assert "content blocked" in " ".join(cells[2]) and "DeepSeek · deepseek-" in " ".join(cells[2])
    expect(page.locator(".lb-list li").filter(has_text="≠")).to_contain_text("11 July 2024")
    alone = page.locator(".lb-list li").filter(has_text=LETTERS)
    expect(alone).to_contain_text("Alibaba")
    expect(page.locator(".lb-notice.warn")).to_contain_text("content blocked")
    page.get_by_text("cited by nobody)").click()
    expect(page.locator(".card .note").first).to_have_text("cited by nobody")
    first = [lines(site.fake.asked(id)[0]) for id in ("qwen", "tencent")]
    assert first[0] == first[1]
    page.context.close()


def test_a_session_narrows_its_data_path(site: Site, browser: Browser) -> None:
    page, other = opened(browser, site.url), opened(browser, site.url)
    for each in (page, other):
        bring(each, "Alibaba", key_of("qwen"))
    page.get_by_role("link", name="Ask").click()
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("combobox", name=re.compile("Data path")).click()
    page.get_by_role("option", name="this machine and its network only").click()
    page.keyboard.press("Escape")
    ask(page, "Alibaba")
    expect(page.locator(".lb-notice.bad")).to_contain_text("Nothing was sent")
    assert site.fake.requests == []
    ask(other, "Alibaba")
    expect(sentence(other, LETTERS)).to_be_visible()
    for each in (page, other):
        each.context.close()


def test_a_key_is_tested_without_being_shown(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url)
    for key, kind, said in ((WRONG, "bad", "key rejected"), (key_of("zhipu"), "good", "It answers")):
        bring(page, "Zhipu", key)
        entry = page.get_by_test_id("stExpander").filter(has_text="Zhipu AI")
        if not entry.get_by_role("button", name="Test", exact=True).is_visible():
            entry.locator("summary").click()
        entry.get_by_role("button", name="Test", exact=True).click()
        expect(entry.locator(f".lb-notice.{kind}")).to_contain_text(said)
        assert key not in shown(page)
    assert len(site.fake.requests) == 2
    page.context.close()


def test_withheld_passages_are_named_and_can_be_read(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url)
    bring(page, "Tencent", key_of("tencent"))
    site.fake.answer = lambda request: written(request).replace("11 July", "9 July")
    site.fake.blocked["tencent"] = {"22 Millionen"}
    ask(page, "Tencent")
    held = page.locator(".card").filter(has_text="Withheld by tencent")
    expect(held).to_have_count(1)
    expect(held.locator(".title")).to_have_text("Alibaba wirbt um Entwickler")
    held.get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_contain_text("22 Millionen kostenlose Token")
    with open_kb(site.home) as kb:
        (stored,) = kb.answers(limit=1)
        assert [each.provider for each in kb.answer(stored.id).withheld] == ["tencent"]
    page.context.close()
