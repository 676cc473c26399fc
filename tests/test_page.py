"""The page in a browser: what a reader sees, and that nothing of what articles and models say is obeyed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kb.knowledge import open_kb
from kb.local.catalogue import catalogue
from kb.models import Article, Precision, Published
from kb.providers import Secret, load_registry
from kb.providers.keys import store_key
from tests.browser import PATIENCE, Canary, choose, chromium, evidence, executable, opened, put, served
from tests.fakeproviders import FakeProviders, Hold, chunk, error, events, key_of

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, Page, expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="no Chromium on this machine; make chromium installs it"),
]

expect.set_options(timeout=PATIENCE)

FETCHED = datetime(2024, 7, 10, 8, tzinfo=UTC)
QUESTION = "When did the block of the lamp interface begin?"
TRUE = "The block of the lamp interface began on 9 July 2024 [1]."
FALSE = "It ended on 1 May 2031 after 777 protests [1]."


def article(name: str, title: str, text: str, language: str = "en", day: str = "2024-07-09", **more: object) -> Article:
    at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return Article(
        url=f"https://news.example/{name}",
        title=title,
        text=text,
        language=language,
        source=str(more.pop("source", "Example Wire")),
        fetched=FETCHED,
        published=Published(at, Precision.DAY, "given"),
        **more,  # type: ignore[arg-type]
    )


BLOCK = article(
    "lamp-block",
    "Lamp interface is blocked",
    "The block of the lamp interface began on 9 July 2024. Its maker had warned users by letter in June.\n\n"
    "Rivals offered free oil to those who lost it. Nobody was asked to pay for moving.",
    references=("https://primary.example/notice",),
    side="us-gov",
)
GERMAN = article(
    "lampe",
    "Lampenschnittstelle gesperrt",
    "Die Sperre der Lampenschnittstelle begann am 9. Juli 2024. Die Firma hatte zuvor Briefe verschickt.",
    "de",
    source="Beispiel Zeitung",
)
CHINESE = article(
    "deng",
    "灯具接口被封锁",
    "灯具接口自2024年7月9日起被封锁。该公司此前曾发信通知用户。竞争对手提供了免费灯油。",
    "zh",
    "2024-07-10",
    source="示例日报",
)


def payloads(canary: str) -> list[str]:
    """What an article or a model could write to be obeyed; `canary` is an address nobody may ask."""
    return [
        f'<img src="{canary}/img" onerror="window.hit=1">',
        f"![picture]({canary}/md)",
        f"[click]({canary}/link) [run](javascript:window.hit=2)",
        f"<script>window.hit=3;fetch('{canary}/script')</script>",
        f"<svg onload='window.hit=4'><image href='{canary}/svg'/></svg>",
        f"<iframe src='{canary}/frame'></iframe><link rel=stylesheet href='{canary}/css'>",
        f"<style>@import url({canary}/import);</style>",
        f'"><input autofocus onfocus="window.hit=5"><video src="{canary}/video">',
        "$\\\\frac{1}{2}$ $$x^2$$ :red[red] :material/home: :smile: :blue-badge[b] :streamlit:",
        "data:text/html,<script>window.hit=6</script> <a href='data:text/html;base64,PHNjcmlwdD4='>d</a>",
        f"{canary}/bare www.example.org <{canary}/auto> user@example.org",
        "# heading\n- list\n> quote\n```python\ncode\n```\n|a|b|\n|-|-|",
        f"[ref]: {canary}/ref\n![ref]",
        "</p></div></article></dialog><h1 id=root>forged</h1>{{constructor.constructor('window.hit=7')()}}",
    ]


@dataclass(frozen=True)
class Site:
    """A page that is being served, with the servers it knows."""

    url: str
    home: Path
    fake: FakeProviders
    canary: Canary


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("home")
    with Canary() as canary, FakeProviders() as fake:
        hostile = payloads(canary.url)
        with open_kb(home) as kb:
            for each in (BLOCK, GERMAN, CHINESE):
                kb.add(each)
            for number, payload in enumerate(hostile):
                text = f"The zebra report number {number} says: {payload}\n\n{payload}\n\nEnd of the zebra report."
                kb.add(article(f"zebra{number}", f"Zebra {payload}", text, day="2023-01-05", source=f"Out {payload}"))
            changed = "Rivals offered cheap oil to those who lost it. The change is stored."
            kb.add(article("versions", "Oil prices", "Rivals offered dear oil to those who lost it.", day="2024-01-02"))
            kb.add(article("versions", "Oil prices", changed, day="2024-01-02"))
        point(home, fake)
        with served(home) as url:
            yield Site(url, home, fake, canary)


FORGED_NAME = ":material/home: **b** [x](http://e.example/) ![i](http://e.example/i) <b> $x$ :red[r] www.e.example"


def point(home: Path, fake: FakeProviders) -> None:
    """Let the home's registry point three providers at the fake server, with keys of theirs."""
    shipped = load_registry()
    lines = []
    for id in ("qwen", "zhipu", "moonshot"):
        rows = [
            f'{{ id = "{each.id}", url = "{fake.url(id, each.id, each.url)}" }}'
            for each in shipped[id].endpoints
            if not each.template
        ]
        name = f"{shipped[id].name} {FORGED_NAME}" if id == "moonshot" else shipped[id].name
        lines.append(f"[providers.{id}]\nname = '{name}'\nendpoints = [{', '.join(rows)}]")
        store_key(home, shipped[id], Secret(key_of(id)))
    (home / "providers.toml").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(site: Site) -> None:
    site.fake.answer = lambda request: f"{TRUE} {FALSE}"
    site.fake.blocked.clear()
    site.fake.scripts.clear()
    site.fake.thought.clear()


def ask(page: Page, question: str = QUESTION, provider: str = "Alibaba") -> None:
    choose(page, provider)
    put(page, question)


# ── asking ────────────────────────────────────────────────────────────────────────────────────────


def test_evidence_comes_before_the_model_writes(site: Site, browser: Browser) -> None:
    hold = Hold()
    written = events(
        chunk("The block of the lamp interface "),
        hold,
        chunk("began on 9 July 2024 [1]."),
        chunk("", finish_reason="stop"),
    )
    site.fake.script("qwen", written)
    page = opened(browser, site.url)
    ask(page)
    expect(evidence(page).locator(".title").first).to_have_text(re.compile("amp"))
    expect(page.locator(".lb-written")).to_contain_text("The block of the lamp interface")
    assert page.locator(".mark").count() == 0, "the verdict comes at the end only"
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    hold.released.set()
    expect(page.locator(".sentence.supported p")).to_have_text(
        "The block of the lamp interface began on 9 July 2024 1."
    )
    expect(page.locator(".mark")).to_have_text(["✓ supported"])
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_each_sentence_has_its_verdict_and_reason(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url)
    ask(page)
    expect(page.locator(".sentence")).to_have_count(2)
    expect(page.locator(".sentence").first).to_have_class("sentence supported")
    second = page.locator(".sentence").nth(1)
    expect(second).to_have_class(re.compile("sentence (unsupported|contradicted)"))
    mark = second.locator(".mark")
    reason = mark.get_attribute("title") or ""
    assert "777" in reason or "2031" in reason
    mark.click()
    expect(second.locator(".reason")).to_have_text(reason)
    expect(page.get_by_text(re.compile(r"Answered by Alibaba .*, qwen.* tokens read"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ passages, \d+ articles, \d+ independent origins"))).to_be_visible()


def test_citation_opens_its_passage_in_the_article(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url)
    ask(page)
    number = page.locator(".sentence .cite").first
    expect(page.locator(".mark")).to_have_count(2)
    number.focus()
    page.keyboard.press("Enter")
    sheet = page.locator("dialog")
    expect(sheet.locator("h2")).to_have_text(re.compile("Lamp|灯具"))
    marked = sheet.locator("mark").first
    expect(marked).to_be_in_viewport()
    with open_kb(site.home) as kb:
        stored = {each.title: each.text for each in kb.catalog.articles()}
    assert marked.inner_text() in stored[sheet.locator("h2").inner_text()]
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(number).to_be_focused()


def test_sheet_names_outlet_day_version_and_primary_source(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url)
    ask(page, provider="Evidence only")
    evidence(page).filter(has_text="Lamp interface is blocked").locator(".open").click()
    sheet = page.locator("dialog")
    expect(sheet.locator(".meta")).to_have_text("Example Wire · 2024-07-09 · English · US government · version 1")
    primary = sheet.get_by_role("link", name="https://primary.example/notice")
    assert primary.get_attribute("href") == "https://primary.example/notice"
    assert (primary.get_attribute("rel"), primary.get_attribute("target")) == ("noreferrer noopener", "_blank")
    sheet.get_by_role("button", name="Close").click()
    expect(page.locator("dialog")).to_have_count(0)


def test_stop_ends_an_answer(site: Site, browser: Browser) -> None:
    site.fake.script("qwen", events(chunk("The block "), Hold()))
    page = opened(browser, site.url)
    ask(page)
    expect(page.locator(".lb-written")).to_contain_text("The block")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(evidence(page).first).to_be_visible()


def test_thinking_is_folded_and_no_part_of_the_answer(site: Site, browser: Browser) -> None:
    site.fake.thought["qwen"] = "Passage one has the day."
    page = opened(browser, site.url)
    ask(page)
    expect(page.locator(".mark")).to_have_count(2)
    thinking = page.locator(".thinking")
    expect(thinking.locator("p")).not_to_be_visible()
    thinking.locator("summary").click()
    expect(thinking.locator("p")).to_have_text("Passage one has the day.")
    assert "Passage one" not in page.locator(".answer").inner_text()


def test_evidence_alone_asks_nobody(site: Site, browser: Browser) -> None:
    before = len(site.fake.requests)
    page = opened(browser, site.url)
    ask(page, provider="Evidence only")
    expect(page.get_by_text("No model was asked; these are the passages that fit best.")).to_be_visible()
    expect(evidence(page).locator(".text").first).to_be_visible()
    assert len(site.fake.requests) == before


def test_three_kinds_of_no_are_told_apart(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url)
    site.fake.answer = lambda request: "NO_ANSWER"
    ask(page)
    expect(page.locator(".lb-notice.warn strong")).to_have_text("The evidence does not carry an answer")
    expect(page.get_by_role("heading", name="Nearest articles")).to_be_visible()
    expect(evidence(page).locator(".text").first).to_be_visible()

    site.fake.blocked["qwen"].add("lamp")
    put(page, "Who blocked the lamp interface?")
    expect(page.locator(".lb-notice.warn strong")).to_have_text("The provider declined")

    site.fake.blocked.clear()
    choose(page, "Moonshot")  # one that no other test asks: an empty account is not asked again for a while
    site.fake.script("moonshot", error(402, {"error": {"message": "pay first", "type": "insufficient_quota"}}))
    put(page, "Why was the lamp interface blocked?")
    expect(page.locator(".lb-notice.bad strong")).to_have_text("The provider did not answer")
    expect(page.get_by_text(re.compile("moonshot · .* · balance used up"))).to_be_visible()
    expect(evidence(page).locator(".text").first).to_be_visible()

    page.get_by_role("button", name="Filters").click()
    page.get_by_test_id("stPopoverBody").get_by_text("Languages of the articles").wait_for()
    outlets = page.get_by_test_id("stPopoverBody").get_by_test_id("stMultiSelect").nth(1)
    outlets.click()
    page.get_by_role("option", name="Beispiel Zeitung").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    put(page, "Qwertz zuiop asdf yxcv 42?")
    expect(page.locator(".lb-notice.info strong")).to_have_text("Nothing in the knowledge base fits this question")


def test_past_questions_of_the_session_open_again(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url)
    ask(page, provider="Evidence only")
    put(page, "What did rivals offer?")
    expect(page.get_by_role("heading", name="Earlier questions")).to_be_visible()
    page.locator(".card .open", has_text=QUESTION).click()
    expect(page.locator(".lb-question")).to_have_text(QUESTION)
    expect(page.locator(".card .open", has_text="What did rivals offer?")).to_have_count(1)


def test_two_sessions_do_not_mix(site: Site, browser: Browser) -> None:
    site.fake.answer = lambda request: f"{request.provider} says so [1]."
    first, second = opened(browser, site.url), opened(browser, site.url, locale="de-DE")
    ask(first)
    choose(second, "Zhipu", "Wer antwortet")
    put(second, "Wann begann die Sperre der Lampenschnittstelle?")
    expect(first.locator(".sentence p")).to_contain_text("qwen says so")
    expect(second.locator(".sentence p")).to_contain_text("zhipu says so")
    for page, other in ((first, "Wann begann"), (second, "When did the block")):
        assert other not in page.locator("body").inner_text()
    expect(first.get_by_role("heading", name="Evidence")).to_be_visible()
    expect(second.get_by_role("heading", name="Belege")).to_be_visible()


def test_language_follows_the_browser_until_one_is_chosen(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url, locale="zh-CN")
    expect(page.get_by_role("heading", name="最新文章")).to_be_visible()
    choose(page, "Deutsch", "界面语言")
    expect(page.get_by_role("heading", name="Neueste Artikel")).to_be_visible()


# ── nothing foreign is obeyed ─────────────────────────────────────────────────────────────────────


def test_payloads_of_articles_models_and_providers_stay_text(site: Site, browser: Browser) -> None:
    hostile = payloads(site.canary.url)
    page = opened(browser, site.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))

    for payload in hostile:
        site.fake.answer = lambda request, payload=payload: f"The zebra report says {payload} [1]."
        site.fake.thought["qwen"] = f"thought {payload}"
        if page.locator(".lb-question").count() == 0:
            choose(page, "Alibaba")
        put(page, f"What does the zebra report say? {' '.join(payload.split())}")
        expect(page.get_by_role("button", name="Stop")).to_have_count(0)
        expect(page.locator(".answer, .lb-notice").first).to_be_visible()
        harmless(page)
    evidence(page).locator(".number").first.click()
    expect(page.locator("dialog .body")).to_contain_text("End of the zebra report.")
    harmless(page)
    page.keyboard.press("Escape")

    site.fake.script("qwen", error(400, {"error": {"message": " ".join(hostile), "type": "x", "code": "y"}}))
    put(page, "And what does the zebra provider say?")
    expect(page.locator(".lb-notice details")).to_be_attached()
    harmless(page)

    for path in ("library", "sources", "status"):
        page.goto(f"{site.url}/{path}")
        page.locator(".lb-masthead").wait_for()
        expect(page.locator('[data-testid="stApp"]')).to_have_attribute("data-test-script-state", "notRunning")
        harmless(page)
    page.goto(f"{site.url}/library")
    page.locator("td .open", has_text="Zebra").first.click()
    expect(page.locator("article .body")).to_contain_text("End of the zebra report.")
    harmless(page)

    assert site.canary.asked == []
    own = (site.url, site.url.replace("http", "ws"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []


FORGED = "img[src^='http'], iframe, script:not([src]):not([type]), svg image, video, h1#root, .katex, input[autofocus]"


LOOK = r"""(forged) => {
  const found = [];
  const allowed = /^https?:\/\/(news|primary)\.example\//;
  const look = (root) => {
    const places = root === document ? root.querySelectorAll('[data-testid="stMain"]') : [root];
    for (const place of places) {
      for (const node of place.querySelectorAll(forged)) found.push(node.outerHTML.slice(0, 99));
      for (const node of place.querySelectorAll('a[href]'))
        if (!allowed.test(node.href) && !node.href.startsWith(location.origin)) found.push(node.outerHTML.slice(0, 99));
    }
    for (const node of root.querySelectorAll('*')) if (node.shadowRoot) look(node.shadowRoot);
  };
  look(document);
  return found;
}"""


def harmless(page: Page) -> None:
    """Nothing ran, and no element stands on the page or in its parts that a payload asked for."""
    assert page.evaluate("window.hit") is None
    assert page.evaluate(LOOK, FORGED) == []


# ── library ───────────────────────────────────────────────────────────────────────────────────────


def test_library_narrows_sorts_and_opens(site: Site, browser: Browser) -> None:
    page = opened(browser, f"{site.url}/library")
    expect(page.locator("td .open").first).to_have_text("灯具接口被封锁")
    page.get_by_label("Title or outlet").fill("lamp")
    page.get_by_label("Title or outlet").press("Enter")
    expect(page.get_by_text("2 articles", exact=True)).to_be_visible()
    expect(page.locator("td .open")).to_have_text(["Lamp interface is blocked", "Lampenschnittstelle gesperrt"])
    page.locator("th button", has_text="Article").click()
    expect(page.locator("th[aria-sort='ascending']")).to_have_text("Article ↑")
    page.locator("th button", has_text="Article").click()
    expect(page.locator("td .open")).to_have_text(["Lampenschnittstelle gesperrt", "Lamp interface is blocked"])
    page.locator("td .open").first.click()
    expect(page.locator("article h2")).to_have_text("Lampenschnittstelle gesperrt")
    expect(page.locator("article .meta")).to_have_text("Beispiel Zeitung · 2024-07-09 · German · version 1")
    assert page.locator("article .body").inner_text() == GERMAN.text
    page.get_by_role("button", name="Back to the list").click()
    expect(page.locator("td .open").first).to_be_visible()


def test_versions_show_what_changed(site: Site, browser: Browser) -> None:
    with open_kb(site.home) as kb:
        id = next(each.article_id for each in kb.catalog.articles() if each.title == "Oil prices")
    page = opened(browser, f"{site.url}/library?article={id}")
    expect(page.locator("article .meta")).to_contain_text("version 2")
    choose(page, "^1$", "Mark what changed since version")
    expect(page.locator("article del")).to_have_text(["dear"])
    expect(page.locator("article ins")).to_have_text(["cheap", " The change is stored."])


# ── sources ───────────────────────────────────────────────────────────────────────────────────────


def test_upload_is_read_whatever_its_name(site: Site, browser: Browser) -> None:
    page = opened(browser, f"{site.url}/sources")
    page.get_by_role("tab", name="File").click()
    text = "---\ntitle: Handed in by hand\nlanguage: en\n---\n" + "A reader handed in this report on lamps. " * 20
    page.locator('input[type="file"]').set_input_files(
        {"name": "../../../escaped.md", "mimeType": "text/markdown", "buffer": text.encode()}
    )
    page.get_by_role("tabpanel", name="File").get_by_role("button", name="Collect").click()
    expect(page.locator(".lb-notice.good strong")).to_have_text("Done")
    expect(page.locator("td .open", has_text="Handed in by hand").first).to_be_visible()
    assert not list(site.home.parent.rglob("*escaped*"))
    with open_kb(site.home) as kb:
        stored = [each for each in kb.catalog.articles() if each.title == "Handed in by hand"]
    assert len(stored) == 1


def test_files_and_private_addresses_are_not_fetched(site: Site, browser: Browser) -> None:
    page = opened(browser, f"{site.url}/sources")
    page.get_by_role("tab", name="Address").click()
    for address, said in (
        ("file:///etc/passwd", "write the whole address"),
        ("/etc/passwd", "write the whole address"),
        (f"{site.canary.url}/private", None),
    ):
        page.get_by_label("Address of an article").fill(address)
        page.get_by_role("tabpanel", name="Address").get_by_role("button", name="Collect").click()
        if said:
            expect(page.locator(".lb-notice.warn")).to_contain_text(said)
        else:
            expect(page.locator(".lb-notice.warn strong")).to_have_text("Done")
            expect(page.locator("details", has_text="private address (1)").first).to_be_visible()
    assert site.canary.asked == []
    # It stays listed, with its reason, and can be tried again from what was kept of it: nothing.
    expect(page.get_by_role("heading", name="Left out")).to_be_visible()
    page.get_by_role("button", name="Read again from what was kept").click()
    expect(page.locator("details", has_text="no snapshot was kept").first).to_be_attached()


def test_another_writer_is_named(site: Site, browser: Browser) -> None:
    script = (
        "import sys; from kb.knowledge import open_kb\n"
        "with open_kb(sys.argv[1]) as kb, kb.writing():\n    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(site.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        page = opened(browser, f"{site.url}/sources")
        page.get_by_role("tab", name="File").click()
        page.locator('input[type="file"]').set_input_files(
            {"name": "late.txt", "mimeType": "text/plain", "buffer": b"Too late. " * 200}
        )
        page.get_by_role("tabpanel", name="File").get_by_role("button", name="Collect").click()
        expect(page.locator(".lb-notice.warn strong")).to_have_text("Another process is writing")
        expect(page.locator(".lb-notice.warn")).to_contain_text(f"process {holder.pid}")
    finally:
        holder.communicate("")


# ── providers, status ─────────────────────────────────────────────────────────────────────────────


def test_keys_are_stored_but_never_shown(site: Site, browser: Browser) -> None:
    planted = "sk-planted-on-the-page-0123456789"
    page = opened(browser, f"{site.url}/providers")
    page.get_by_text("Store or remove a key").click()
    choose(page, "DeepSeek", "Who answers")
    page.get_by_label("Key (leave empty to remove it)").fill(planted)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".lb-notice.good")).to_contain_text("The key is stored")
    file = site.home / "keys.toml"
    assert planted in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    page.reload()
    expect(page.get_by_text("DeepSeek — key from keys.toml")).to_be_visible()
    page.get_by_text("DeepSeek — key from keys.toml").click()
    shown = page.content() + page.evaluate("[...document.querySelectorAll('input')].map(each => each.value).join()")
    for key in (planted, key_of("qwen"), key_of("zhipu")):
        assert key not in shown


def test_labels_of_widgets_are_text(site: Site, browser: Browser) -> None:
    page = opened(browser, site.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.url}/providers")
    labels = page.get_by_test_id("stExpander").locator("summary")
    forged = labels.filter(has_text="Moonshot")
    expect(forged).to_have_count(1)
    assert FORGED_NAME in forged.inner_text().replace("\u2060", "")
    assert forged.locator("img, a, strong, em, b, .katex, [data-testid='stMarkdownColoredText']").count() == 0
    assert [url for url in asked if "e.example" in url] == []


def test_weights_are_offered_not_fetched(site: Site, browser: Browser) -> None:
    page = opened(browser, f"{site.url}/providers")
    expect(page.get_by_role("button", name="Download")).to_have_count(len(catalogue()))
    assert not (site.home / "models").exists()


def test_status_counts_what_is_stored(site: Site, browser: Browser) -> None:
    with open_kb(site.home) as kb:
        counts = kb.catalog.counts()
    page = opened(browser, f"{site.url}/status")
    facts = page.locator(".lb-facts div")
    expect(facts.filter(has_text="Articles").locator("dd")).to_have_text(str(counts["articles"]))
    expect(facts.filter(has_text="Versions").locator("dd")).to_have_text(str(counts["versions"]))
    expect(page.get_by_text("The store is sound.")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
