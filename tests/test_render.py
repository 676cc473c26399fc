"""What the page is made of: escaping, reading, asking, the shelf, jobs and words, without a browser."""

from __future__ import annotations

import hashlib
import re
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ui
from ingest.sources import Kind, Source, Sources
from kb.answer.answering import coverage
from kb.answer.events import Done, Evidence, Text, Thought
from kb.errors import UsageError
from kb.local.catalogue import LocalModel, WebChannel
from kb.models import (
    Answer,
    Article,
    Attempt,
    Citation,
    Copy,
    Outcome,
    Passage,
    Precision,
    Published,
    Sentence,
    Status,
    Usage,
    Verdict,
    Version,
)
from kb.providers import load_registry
from kb.settings import Settings
from kb.storage.catalog import Catalog, Entry
from kb.storage.ledger import SourceState
from tests.test_local_weights import Site, tiny_gguf
from ui import asking, choosing, collecting, reading, shelf
from ui.jobs import Job
from ui.render import Safe, anchor, fill, join, label, notice, plain, show, web_link
from ui.screens import providers
from ui.wording import TEXTS, spoken, words_of

EN = words_of("en")
NOW = datetime(2024, 7, 10, 8, tzinfo=UTC)


# ── render ────────────────────────────────────────────────────────────────────────────────────────


class Parsed(HTMLParser):
    """The elements and the text that a browser would make of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_what_is_filled_in_is_text_and_nothing_else(foreign: str) -> None:
    body = Parsed(fill('<p title="{value}">{value}</p>', value=foreign))
    assert body.tags == ["p"]
    assert body.text == plain(foreign)
    assert body.attributes == [("title", plain(foreign))]


def test_safe_parts_are_not_escaped_twice() -> None:
    item = fill("<li>{name}</li>", name="<b>")
    assert fill("<ul>{items}</ul>", items=join([item, item])) == "<ul><li>&lt;b&gt;</li><li>&lt;b&gt;</li></ul>"


def test_only_safe_text_is_shown_as_html() -> None:
    with pytest.raises(TypeError, match="only Safe text"):
        show("<b>foreign</b>")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://news.example/a?b=c#d", True),
        ("http://news.example", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("https://user:pass@news.example/", False),
        ("https://", False),
        ("//news.example/a", False),
        ("https://news.example/a b", False),
        ("https://news.example/\u202eexe", False),
        ("https://[broken", False),
        ("urn:lagebild:brief:1", False),
    ],
)
def test_only_addresses_of_the_web_become_links(address: str, allowed: bool) -> None:
    assert web_link(address) == (address if allowed else None)
    assert ("a" in Parsed(anchor(address, "text")).tags) is allowed


def test_a_link_says_nothing_to_the_other_side() -> None:
    attributes = dict(Parsed(anchor("https://news.example/?a=1&b=2", "<text>")).attributes)
    assert attributes == {
        "href": "https://news.example/?a=1&b=2",
        "target": "_blank",
        "rel": "noreferrer noopener",
    }


def test_plain_drops_what_cannot_be_seen() -> None:
    hidden = "a\u200bb\u202ec\u2066d\x00e\x1b[31mf\ufeffg" + chr(0xE0041) + "h\tand\nmore\r\n"
    assert plain(hidden) == "abcde[31mfgh\tand\nmore\n"


@pytest.mark.parametrize(
    "foreign",
    ["**b**", "[x](http://e.example)", "![x](y)", "`c`", ":red[r]", ":material/home:", "$x$", "<b>", "www.e.example",
     "https://e.example", "a@e.example", ":smile:", "# h", "1. x", "a_b_c", "~~s~~"],
)  # fmt: skip
def test_labels_read_as_they_stand_and_hold_no_markup(foreign: str) -> None:
    made = label(foreign)
    bare = re.sub(r"\\(.)", r"\1", made).replace("\u2060", "")
    assert bare == foreign
    unescaped = re.sub(r"\\.", "", made)
    assert not re.search(r"[*`\[\]()<>$#_~!]", unescaped)
    assert not re.search(r":(?!\u2060)|@(?!\u2060)|(?i:www|https?)(?!\u2060)", made)


def test_notice_folds_the_particulars() -> None:
    made = Parsed(notice("bad", "It failed", "Do <this>", "their own words"))
    assert made.tags == ["div", "strong", "p", "details", "summary", "p"]
    assert made.text == "It failedDo <this>…their own words"


# ── reading ───────────────────────────────────────────────────────────────────────────────────────


def version(**more: object) -> Version:
    values: dict[str, object] = {
        "id": "v1",
        "article_id": "a1",
        "number": 1,
        "url": "https://news.example/a",
        "title": "Title",
        "text": "First line here.\nSecond 行 line.",
        "language": "en",
        "source": "Wire",
        "source_id": None,
        "side": None,
        "authors": (),
        "published": Published(datetime(2024, 7, 9, tzinfo=UTC), Precision.DAY, "given"),
        "first_seen": NOW,
        "fetched": NOW,
        "references": (),
        "snapshot": None,
    }
    return Version(**(values | more))  # type: ignore[arg-type]


def test_spans_are_marked_exactly_also_over_lines() -> None:
    text = "First line here.\nSecond 行 line."
    start, end = text.index("here"), text.index(" line.")
    blocks = list(reading.paragraphs(text, [(start, end)]))
    assert blocks == [
        [{"t": "First line "}, {"t": "here.", "as": "mark"}],
        [{"t": "Second 行", "as": "mark"}, {"t": " line."}],
    ]


@given(st.text(alphabet="ab 中\n.<&", max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_marked_text_is_the_span(text: str, one: int, other: int) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    blocks = list(reading.paragraphs(text, [(start, end)]))
    assert [piece["t"] for block in blocks for piece in block] or not text.strip("\n")
    assert "".join(piece["t"] for block in blocks for piece in block) == text.replace("\n", "")
    marked = "".join(piece["t"] for block in blocks for piece in block if piece.get("as") == "mark")
    assert marked == text[start:end].replace("\n", "")


def test_difference_marks_words_and_chinese_characters() -> None:
    assert list(reading.difference("The price is 5 dollars.", "The price is 7 dollars.")) == [
        [{"t": "The price is "}, {"t": "5", "as": "del"}, {"t": "7", "as": "ins"}, {"t": " dollars."}]
    ]
    assert list(reading.difference("共五家公司", "共六家公司")) == [
        [{"t": "共"}, {"t": "五", "as": "del"}, {"t": "六", "as": "ins"}, {"t": "家公司"}]
    ]


def test_a_changed_title_stands_before_the_changed_text() -> None:
    drawn = reading.changes(version(title="A rule", text="Same."), version(title="A new rule", text="Same."), EN)
    assert drawn["blocks"] == [[{"t": "A "}, {"t": "new ", "as": "ins"}, {"t": "rule"}], [{"t": "Same."}]]


def test_an_article_names_its_origin_and_links_only_to_the_web() -> None:
    drawn = reading.article(
        version(url="urn:brief:1", references=("https://primary.example/x", "javascript:x"), side="eu-gov", gone=True),
        EN,
    )
    assert drawn["meta"] == "Wire · 2024-07-09 · English · EU · version 1"
    assert drawn["links"] == [{"name": "Primary source:", "address": "https://primary.example/x"}]
    assert drawn["notes"] == ["The page is gone; this is the stored text."]


# ── asking ────────────────────────────────────────────────────────────────────────────────────────


def passage(rank: int = 1, **more: object) -> Passage:
    found = version(**more)
    return Passage(rank, 1.0, f"c{rank}", 0, 16, found.text[:16], found)


def answered(**more: object) -> Answer:
    one = passage()
    values: dict[str, object] = {
        "id": "x",
        "question": "q",
        "status": Status.ANSWERED,
        "text": "It is so [1].",
        "sentences": (Sentence("It is so [1].", (1,), Verdict.PARTIAL, "two of three"),),
        "citations": (Citation(1, one, "line", 6, 10),),
        "passages": (one,),
        "asked": "qwen",
        "answered_by": "qwen",
        "model": "m",
        "attempts": (Attempt("qwen", "m", "answered"),),
        "usage": Usage(12, 3, 0.25, "CNY", estimated=True),
        "coverage": coverage([one]),
    }
    return Answer(**(values | more))  # type: ignore[arg-type]


def test_events_add_up_to_what_is_shown() -> None:
    one = passage()
    shown = asking.seen([Evidence((one,), coverage([one])), Thought("hm"), Text("It "), Text("is so [1].")])
    assert (shown.text, shown.thought, shown.passages, shown.answer) == ("It is so [1].", "hm", (one,), None)
    assert asking.written(shown, EN) == '<div class="lb-written">It is so <sup>[1]</sup>.</div>'


def test_a_checked_sentence_has_sign_word_and_reason() -> None:
    shown = asking.seen([Done(answered())])
    sentence = asking.sentences(shown, EN)[0]
    assert (sentence["verdict"], sentence["sign"], sentence["word"], sentence["reason"]) == (
        "partial",
        "≈",
        "in part",
        "two of three",
    )


def test_a_citation_number_opens_its_quote_and_others_nothing() -> None:
    one = passage()
    assert asking.span_of(asking.seen([Done(answered())]), 1) == ("v1", (6, 10))
    assert asking.span_of(asking.seen([Evidence((one,), coverage([one]))]), 1) == ("v1", (0, 16))
    assert asking.span_of(asking.seen([Evidence((one,), coverage([one]))]), 2) is None
    assert asking.span_of(asking.seen([]), 0) is None


def test_what_broke_off_is_shown_as_unchecked() -> None:
    sentence = asking.sentences(asking.seen([Text("Half a sen")]), EN)[0]
    assert (sentence["parts"], sentence["verdict"]) == ([{"t": "Half a sen"}], "unchecked")
    thin = answered(status=Status.THIN_EVIDENCE, sentences=(), citations=(), text="")
    assert asking.sentences(asking.seen([Text("NO_ANSWER"), Done(thin)]), EN) == []


def test_lines_under_an_answer() -> None:
    assert asking.usage_line(answered(), EN, "Qwen") == (
        "Answered by Qwen, m · 12 tokens read, 3 written (estimated) · 0.2500 CNY"
    )
    assert asking.usage_line(answered(answered_by=None), EN, "") == "No model was asked"
    both = coverage([passage(1, side="us-gov"), passage(2, id="v2", article_id="a2", language="zh", side="cn-gov")])
    assert asking.coverage_line(both, EN) == (
        "2 passages, 2 articles, 2 independent origins · English 1, Chinese 1 · "
        "US government 1, Chinese government 1 · newest 2024-07-09"
    )


def test_a_passage_says_who_wrote_its_story_and_where_else_it_stands() -> None:
    printed = passage(1, text="BEIJING, July 9 (Reuters) - The bureau said so.", source="Example Post")
    copy = Copy("a3", "v3", "https://b.example", "Same", "Blatt <b>", "de", "2024-07-10")
    told = replace(printed, origin="a3", also=(copy,))
    assert asking.byline(told, EN).startswith("Example Post (via Reuters) · 2024-07-09 · English · ")
    assert asking.byline(told, EN).endswith("Also in: Blatt <b>, 2024-07-10")
    several = coverage([told, passage(2, id="v2", article_id="a2")])
    assert (several.articles, several.origins) == (3, 2)


# ── choosing ──────────────────────────────────────────────────────────────────────────────────────


def test_those_who_can_answer_stand_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-test-0123456789")
    registry, settings = load_registry(), Settings(home=tmp_path)
    offered = choosing.options(registry, settings)
    assert [option.id for option in offered[:2]] == ["local", "none"]
    assert offered[0].lacks == "weights"
    lacking = {option.id: option.lacks for option in offered}
    assert (lacking["qwen"], lacking["deepseek"], lacking["vllm"]) == ("", "key", "models")
    order = [option.id for option in offered]
    assert order.index("qwen") < order.index("deepseek")
    qwen = next(option for option in offered if option.id == "qwen")
    assert qwen.models[0] == registry["qwen"].default
    assert choosing.first(offered, settings) == "none"
    assert choosing.first(offered, Settings(home=tmp_path, provider="qwen")) == "qwen"


def test_local_weights_of_a_users_own_are_found(tmp_path: Path) -> None:
    assert not choosing.weights_here(Settings(home=tmp_path, model="none"))
    assert not choosing.weights_here(Settings(home=tmp_path, model="no-such-model"))
    assert not choosing.weights_here(Settings(home=tmp_path, model=str(tmp_path / "absent.gguf")))


# ── collecting ────────────────────────────────────────────────────────────────────────────────────


class Unused:
    """A knowledge base that must not be reached."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was used")


@pytest.mark.parametrize(
    "address", ["", "/etc/passwd", "file:///etc/passwd", "us-fr-bis-rules", "~/x.html", "ftp://e.example/", "https://"]
)
def test_only_addresses_of_the_web_are_collected_from_the_page(address: str) -> None:
    with pytest.raises(UsageError, match="whole address"):
        collecting.collect_address(Unused(), address, Sources([]))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["x.exe", "x", "../../x.py", "x.html.so", ".md/..", "x.rar"])
def test_other_files_are_not_taken(name: str) -> None:
    with pytest.raises(UsageError, match="not read"):
        collecting.collect_upload(Unused(), name, b"x")  # type: ignore[arg-type]


def test_files_that_are_too_large_are_not_taken() -> None:
    with pytest.raises(UsageError, match="20 MB"):
        collecting.collect_upload(Unused(), "x.txt", bytes(collecting.LARGEST + 1))  # type: ignore[arg-type]


def test_sources_that_need_a_look_come_first() -> None:
    sources = Sources(
        [Source(id, id, Kind.FEED, f"https://{id}.example/", enabled=id != "off") for id in ["off", "new", "bad", "ok"]]
    )
    later = datetime(2024, 7, 10, 9, tzinfo=UTC)
    states = {
        "bad": SourceState("bad", last_attempt=NOW, failing_since=NOW, reason="timeout", next_try=later),
        "ok": SourceState("ok", last_attempt=NOW, last_success=NOW, next_try=later),
    }
    found = collecting.health(sources, states, NOW)
    assert [(each.source.id, each.state) for each in found] == [
        ("bad", "failing"),
        ("new", "never"),
        ("ok", "fine"),
        ("off", "off"),
    ]
    assert collecting.health(sources, states, datetime(2024, 7, 10, 10, tzinfo=UTC))[1].state == "due"


def test_outcomes_are_grouped_by_reason() -> None:
    found = [Outcome("a", reason="paywall"), Outcome("b"), Outcome("c", reason="gone"), Outcome("d", reason="paywall")]
    assert {reason: [each.target for each in group] for reason, group in collecting.by_reason(found).items()} == {
        "paywall": ["a", "d"],
        "gone": ["c"],
    }


# ── shelf ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog(tmp_path / "catalog.sqlite")
    for number in range(120):
        language = ("en", "de", "zh")[number % 3]
        day = datetime(2024, 1 + number % 12, 1 + number % 28, tzinfo=UTC)
        published = (
            Published(day, Precision.MONTH if number % 10 == 0 else Precision.DAY, "given") if number % 7 else None
        )
        made = Article(
            f"https://e.example/{number}",
            f"Title {number:03} 5%_",
            "text",
            language,
            f"Outlet {number % 5}",
            NOW,
            published,
        )
        opened.commit(Entry(made, (), (), (), {}, "none"))
    again = Article("https://e.example/1", "Title 001 again", "text", "de", "Outlet 1", NOW)
    opened.commit(Entry(again, (), (), (), {}, "none"))
    yield opened
    opened.close()


def test_pages_hold_every_article_once_in_its_current_version(catalog: Catalog) -> None:
    wanted = shelf.Wanted(sort="title", descending=False)
    assert shelf.count(catalog, wanted) == 120
    pages = [shelf.lines(catalog, wanted, page) for page in range(3)]
    assert [len(page) for page in pages] == [50, 50, 20]
    titles = [line.title for page in pages for line in page]
    assert titles == sorted(titles)
    assert titles[1] == "Title 001 again"
    assert len({line.article_id for page in pages for line in page}) == 120


def test_undated_articles_come_last_in_both_orders(catalog: Catalog) -> None:
    for descending in (True, False):
        days = [
            line.day for page in range(3) for line in shelf.lines(catalog, shelf.Wanted(descending=descending), page)
        ]
        dated = [day for day in days if day]
        assert len(dated) == 101
        assert days[len(dated) :] == [None] * 19
        assert [day[:7] for day in dated] == sorted((day[:7] for day in dated), reverse=descending)


def test_filters_narrow(catalog: Catalog) -> None:
    def count(**wanted: object) -> int:
        return shelf.count(catalog, shelf.Wanted(**wanted))  # type: ignore[arg-type]

    assert count(languages=("zh",)) == 40
    assert count(sources=("Outlet 0", "Outlet 1")) == 48
    assert count(text="title 00") == 11
    assert count(text="%_ 01") == 11, "percent and underscore are looked for as they stand"
    assert count(text="OUTLET title 119") == 1, "every word, in title or outlet"
    assert count(since=date(2024, 12, 1), until=date(2024, 12, 31)) == sum(
        1 for number in range(120) if number % 12 == 11 and number % 7
    )


def test_counts_by_language_and_month(catalog: Catalog) -> None:
    assert shelf.counted(catalog, "language") == {"de": 40, "en": 40, "zh": 40}
    months = shelf.by_month(catalog)
    assert sum(row["articles"] for row in months) == 101
    assert {row["month"] for row in months} == {f"2024-{month:02}" for month in range(1, 13)}


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_keeps_what_it_was_given() -> None:
    job = Job(lambda: iter([1, 2, 3]))
    job.wait(4, 10)
    assert (job.events, job.running, job.error, job.broken, job.stopped) == ((1, 2, 3), False, None, False, False)
    job.stop()
    assert not job.stopped, "what has ended cannot be stopped"


def test_a_stopped_job_takes_nothing_more_and_closes_its_iterator() -> None:
    go, closed = threading.Event(), threading.Event()

    def steps() -> Iterator[int]:
        try:
            yield 1
            go.wait(10)
            yield 2
            yield 3
        finally:
            closed.set()

    job = Job(steps)
    job.wait(1, 10)
    job.stop()
    assert not job.running
    go.set()
    assert closed.wait(10)
    assert job.events == (1,)


def test_an_error_of_ours_is_kept_and_another_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def fails(error: Exception) -> Iterator[int]:
        yield 1
        raise error

    ours, other = UsageError("no"), ValueError("x")
    job, broken = Job(lambda: fails(ours)), Job(lambda: fails(other))
    job.wait(9, 10)
    broken.wait(9, 10)
    assert (job.error, job.broken, job.events) == (ours, False, (1,))
    assert (broken.error, broken.broken) == (None, True)


# ── words ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_languages_have_the_same_texts_with_the_same_blanks() -> None:
    blanks = {
        file.stem: {
            f"{table}.{name}": sorted(re.findall(r"{(\w+)", text))
            for table, row in tomllib.loads(file.read_text(encoding="utf-8")).items()
            for name, text in row.items()
        }
        for file in TEXTS.glob("*.toml")
    }
    assert sorted(blanks) == ["de", "en", "zh"]
    assert blanks["en"] == blanks["de"] == blanks["zh"]
    assert len(blanks["en"]) > 200


def test_every_text_the_page_asks_for_is_there() -> None:
    folder = Path(ui.__file__).parent
    asked = {
        name
        for file in folder.rglob("*.py")
        for name in re.findall(
            r"""(?:words|text|words\(\))\(\s*"([a-z_]+\.[a-z_0-9]+)\"""", file.read_text(encoding="utf-8")
        )
    }
    assert len(asked) > 80
    assert asked - EN.texts.keys() == set()


@pytest.mark.parametrize(
    ("locale", "chosen", "language"),
    [
        ("de-CH", "", "de"),
        ("zh-Hant-TW", "", "zh"),
        ("fr", "", "en"),
        (None, "", "en"),
        ("de", "zh", "zh"),
        ("de", "xx", "de"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_browsers(locale: str | None, chosen: str, language: str) -> None:
    assert spoken(locale, chosen) == language


def test_no_script_of_ours_parses_html() -> None:
    scripts = list((Path(ui.__file__).parent / "parts").glob("*.js"))
    assert len(scripts) == 5
    for script in scripts:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|DOMParser|srcdoc", script.read_text()
        )


def test_nothing_but_render_shows_html_or_markdown() -> None:
    calls = re.compile(
        r"\bst\.(?:markdown|html|write|error|warning|info|success|caption|title|header|toast|components\.v1)\b|unsafe_allow"
    )
    folder = Path(ui.__file__).parent
    found = [
        f"{file.relative_to(folder)}: {call}"
        for file in folder.rglob("*.py")
        if file.name != "render.py"
        for call in calls.findall(file.read_text(encoding="utf-8"))
    ]
    assert found == []
    assert isinstance(fill("<p>{x}</p>", x="y"), Safe)


# ── downloads ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mirror() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


def tiny(site: Site, data: bytes) -> LocalModel:
    site.files["/tiny.gguf"] = data
    channel = WebChannel("mirror", f"{site.url}/tiny.gguf")
    sum = hashlib.sha256(data).hexdigest()
    return LocalModel("tiny", "Tiny", "Tiny", "tiny.gguf", len(data), sum, "MIT", 512, 0.1, (channel,))


def test_a_download_tells_how_far_it_is_and_leaves_the_file(mirror: Site, tmp_path: Path) -> None:
    model = tiny(mirror, tiny_gguf(300_000))
    steps = list(providers.pulled(model, Settings(home=tmp_path)))
    assert steps[-1].note == "done"
    assert {step.total for step in steps} == {300_000}
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert (tmp_path / "models" / "tiny.gguf").stat().st_size == 300_000


def test_a_download_that_cannot_be_had_says_why(mirror: Site, tmp_path: Path) -> None:
    model = tiny(mirror, tiny_gguf(300_000))
    mirror.files.clear()
    job = Job(lambda: providers.pulled(model, Settings(home=tmp_path)))
    job.wait(10_000, 30)
    assert "mirror" in str(job.error)
    assert not (tmp_path / "models" / "tiny.gguf").exists()
