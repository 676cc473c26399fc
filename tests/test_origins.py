"""Copies and translations are one origin, numbers of a series are not; what a reader sees of it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select, text

from kb.answer.answering import coverage
from kb.embedding import Embedder
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Article, Change
from kb.origins.credit import read_credits
from kb.origins.groups import Origin, firsts, origins
from kb.origins.likeness import Told, copied, trace
from kb.origins.series import another_number, conflicts
from kb.origins.shingles import enough, estimate, overlap, shingle_size, shingles, signature
from kb.origins.translation import carried_over, facts, in_order
from kb.settings import Settings
from kb.show.contract import passage_json
from kb.show.views import elsewhere
from kb.storage import schema
from tests.bench import duplicates
from tests.conftest import ROOT, make_article

WIRE = """BRUSSELS, July 9 (Reuters) - The European Commission opened a consultation on export licences for chip tools
on Tuesday. Companies have until 30 September to comment, and 27 member states take part.

The draft names 14 kinds of equipment. Licences would be needed for ASML machines that are sold to China, and for
their spare parts. Nvidia and SMIC declined to comment.

Officials said that a decision was expected in 2025. The rule would replace national lists in Germany and Japan,
which differ in more than 40 places.
"""
GERMAN = """Die Europäische Kommission hat am 9. Juli eine Konsultation zu Ausfuhrgenehmigungen für Chipmaschinen
eröffnet. Unternehmen haben bis zum 30. September Zeit für Stellungnahmen, 27 Mitgliedstaaten nehmen teil.

Der Entwurf nennt 14 Arten von Geräten. Genehmigungen bräuchten Maschinen von ASML, die nach China verkauft werden,
und ihre Ersatzteile. Nvidia und SMIC wollten sich nicht äußern.

Beamten zufolge wird eine Entscheidung 2025 erwartet. Die Regel würde nationale Listen in Deutschland und Japan
ersetzen, die an mehr als 40 Stellen voneinander abweichen.
"""
OTHER = """Fabs in Dresden hire more engineers than ever, and still cannot fill every shift. Schools in Saxony have
opened new courses, and a programme brings technicians from Taiwan for two years at a time.

The mayor speaks of housing first. Rents have risen, and the tram line to the north of the city is late.
"""


def story(name: str, body: str = WIRE, day: str = "2024-07-09", **more: str) -> Article:
    return make_article(name, body, day=day, **more)


def edited(body: str, share: float, seed: int = 1) -> str:
    return duplicates.edited(body, share, random.Random(seed), ["notice", "supplier", "window", "harbour"])


# ── texts ─────────────────────────────────────────────────────────────────────────────────────────


def test_signatures_estimate_the_likeness() -> None:
    sets = [np.arange(start, start + 3000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) for start in (0, 600, 2900)]
    one, *others = (shingles("".join(chr(0x4E00 + int(each) % 20000) for each in found), 3) for found in sets)
    for other in others:
        exact, _ = overlap(one, other)
        assert abs(estimate(signature(one), signature(other)[None])[0] - exact) < 0.15
    assert estimate(signature(one), signature(one)[None])[0] == 1.0


def test_case_punctuation_and_width_make_no_difference() -> None:
    assert np.array_equal(shingles("Exports, of CHIPS!", 5), shingles("exports of ｃｈｉｐｓ", 5))
    assert shingle_size("商务部公告 on chips 第46号") == 3
    assert shingle_size("MOFCOM (商务部) published a notice on exports today") == 5
    assert not enough(shingles("Too short to tell.", 5), 5)


def test_copies_merge_and_series_do_not() -> None:
    found = duplicates.measure(3, 7, None, stories=15)
    recall, precision, holds = duplicates.verdict(found)
    assert holds, (recall, precision, {name: counted.wrong for name, counted in found.items()})
    assert found["series"].pairs == 102 and found["series"].merged == 0
    assert found["copies"].pairs == 90 and found["different"].merged == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("EU adopts its 12th sanctions package", "EU adopts its 13th sanctions package"),
        ("EU adopts twelfth sanctions package", "Council: thirteenth package is agreed"),
        ("EU beschließt 12. Sanktionspaket", "EU beschließt 13. Sanktionspaket"),
        ("EU beschließt das zwölfte Sanktionspaket", "Das dreizehnte Sanktionspaket kommt"),
        ("欧盟通过第十二轮制裁", "欧盟通过第十三轮制裁"),
        ("商务部公告2025年第61号", "商务部公告2025年第62号"),
        ("MOFCOM Announcement No. 61 of 2025", "MOFCOM Announcement No. 62 of 2025"),
        ("US adds Huawei to the Entity List", "US adds SMIC to the Entity List"),
        ("Market report for 8 July", "Market report for 9 July"),
    ],
)
def test_headlines_of_a_series_keep_the_same_text_apart(one: str, other: str) -> None:
    body = OTHER * 2
    assert another_number(one, body, other, body)
    assert another_number(other, body, one, body)
    assert copied(Told(one, body, "A", ()), Told(other, body, "B", ())) is None
    assert copied(Told(one, body, "A", ()), Told(one, body, "B", ())) == 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nvidia expects a charge of 5.5 billion dollars", "US restricts exports of the H20"),
        ("EU adopts sanctions package", "EU adopts its 13th sanctions package"),
        ("", "Brussels asks about chip tools"),
    ],
)
def test_another_headline_is_no_other_story(one: str, other: str) -> None:
    assert not another_number(one, WIRE, other, WIRE)


def test_figures_are_compared_where_they_stand() -> None:
    found = conflicts("It lists 28 firms and 4 people as of 9 July.", "It lists 15 firms and 4 people as of 10 July.")
    assert (found.figures, found.days, found.agreed) == (1, 1, 1)
    assert found.rate == pytest.approx(2 / 3)


def test_a_stub_that_one_outlet_prints_under_many_headlines_is_no_story() -> None:
    stub = "Subscribers read this article in full. Sign in or choose an offer to go on reading on all your devices."
    assert copied(Told("Chips", stub, "A", ()), Told("Tariffs on steel", stub, "A", ())) is None
    assert copied(Told("Chips", stub, "A", ()), Told("Chips", stub, "A", ())) == 1.0


def test_an_excerpt_is_a_copy_and_a_quoted_note_is_not() -> None:
    whole = f"{WIRE}\n{OTHER}"
    assert copied(Told("a", whole, "A", ()), Told("b", WIRE, "B", ())) is not None
    assert copied(Told("a", whole, "A", ()), Told("b", WIRE[:300], "B", ())) is None


def test_a_trace_does_not_depend_on_what_was_traced_before() -> None:
    first = trace(WIRE)
    trace(OTHER)
    assert first.signature is not None
    assert np.array_equal(first.signature, trace(WIRE).signature)


# ── credits ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("BEIJING, July 9 (Reuters) - OpenAI blocks", ("Reuters",)),
        ("WASHINGTON (AP) — The department", ("AP",)),
        ("Berlin (dpa/lnw) - Die Regierung", ("dpa",)),
        ("Brüssel (AFP) Die Kommission", ("AFP",)),
        ("新华社北京7月9日电（记者王某）商务部", ("Xinhua",)),
        ("路透社华盛顿9日电 美国商务部", ("Reuters",)),
        ("中新网8月2日电 据外交部网站消息", ("China News Service",)),
        ("A text.\nReporting by A. Writer in Beijing; Editing by B. Reader", ("Reuters",)),
        ("Ein Text.\nQuelle: dpa/Reuters", ("Reuters", "dpa")),
        ("正文。（新华社）", ("Xinhua",)),
        ("正文。\n来源：共同社", ("Kyodo",)),
        ("【环球网报道】据路透社报道，美国官员表示", ()),
        ("Reuters reported on Tuesday that the bureau", ()),
        ("The map app (beta) shows AP courses", ()),
    ],
)
def test_credits_are_read_where_agencies_write_them(body: str, wanted: tuple[str, ...]) -> None:
    assert read_credits(body) == wanted


def test_bylines_and_agencies_themselves_are_credits() -> None:
    assert read_credits("x", ("Jane Doe, Associated Press", "新华社记者 王某")) == ("AP", "Xinhua")
    assert read_credits("x", (), "Bloomberg") == ("Bloomberg",)
    assert read_credits("x", ("Jane Apple",), "Example News") == ()


# ── translations ──────────────────────────────────────────────────────────────────────────────────


def test_a_translation_carries_the_facts_over_in_order() -> None:
    english, german = facts("", WIRE, "en"), facts("", GERMAN, "de")
    assert in_order(english.order, german.order) >= 12
    assert carried_over(english, german) and carried_over(german, english)


def test_the_same_facts_in_another_order_are_another_report() -> None:
    paragraphs = GERMAN.strip().split("\n\n")
    for order in permutations(paragraphs):
        if list(order) != paragraphs and list(order) != [paragraphs[0], paragraphs[2], paragraphs[1]]:
            sentences = ". ".join(reversed("\n\n".join(order).split(". ")))
            assert not carried_over(facts("", WIRE, "en"), facts("", sentences, "de"))


def test_few_facts_are_never_a_translation() -> None:
    assert not carried_over(facts("", "China bans exports.", "en"), facts("", "China verbietet Ausfuhren.", "de"))


def test_starter_briefs_on_one_event_stay_apart(embedder: Embedder) -> None:
    briefs = [brief for brief in duplicates.briefs() if brief.published]
    near = [
        (one, other)
        for at, one in enumerate(briefs)
        for other in briefs[:at]
        if one.language != other.language
        and one.published
        and other.published
        and abs((one.published.day - other.published.day).days) <= 4
    ]
    assert len(near) > 10
    taken = [
        (one.url, other.url)
        for one, other in near
        if carried_over(*(facts(each.title, each.text, each.language) for each in (one, other)))
    ]
    assert taken == []


# ── the store ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def news() -> list[Article]:
    """A wire story, an edited copy with another headline, a later one, a translation, and two other articles."""
    return [
        story("wire", title="EU consults on chip tools", source="Reuters"),
        story("copy", edited(WIRE, 0.06), title="What the Commission plans", source="Example Post", day="2024-07-10"),
        story("late", edited(WIRE, 0.04, 2), title="Chip tools: EU asks", source="Late Herald", day="2024-07-12"),
        story("german", GERMAN, title="EU fragt zu Chipmaschinen", language="de", source="Beispielblatt"),
        story("other", OTHER, title="Dresden seeks engineers", source="Example Post"),
        story("old", WIRE, title="EU consults on chip tools", source="Archive", day="2023-01-09"),
    ]


def grouped(kb: KnowledgeBase, as_of: date | None = None) -> set[frozenset[str]]:
    """The stories of a store as sets of outlets."""
    versions = kb.catalog.known_by(as_of) if as_of else list(kb.catalog.articles())
    found = origins(kb.catalog, [each.id for each in versions], as_of)
    return {frozenset(copy.source for copy in origin.members) for origin in found.values()}


STORY = frozenset({"Reuters", "Example Post", "Late Herald", "Beispielblatt"})


def test_a_story_is_one_origin_in_whatever_order_it_came(
    tmp_path: Path, embedder: Embedder, news: Sequence[Article]
) -> None:
    ids = set()
    for number, order in enumerate((news, news[::-1], [*news[3:], *news[:3]])):
        with open_kb(settings=Settings(home=tmp_path / str(number)), embedder=embedder) as kb:
            for article in order:
                kb.add(article)
            assert grouped(kb) == {STORY}
            found = origins(kb.catalog, [each.id for each in kb.catalog.articles()])
            ids |= {origin.id for origin in found.values()}
    assert len(ids) == 1


def test_a_second_run_changes_nothing(kb: KnowledgeBase, news: Sequence[Article]) -> None:
    for article in news:
        kb.add(article)
    before = _derived(kb)
    assert len(before[0]) == len(news)
    assert [kb.add(article) for article in news] == [Change.UNCHANGED] * len(news)
    kb.trace()
    assert _derived(kb) == before


def _derived(kb: KnowledgeBase) -> tuple[list[object], list[object]]:
    with kb.catalog.reading() as db:
        ties = select(schema.tie).order_by(schema.tie.c.one, schema.tie.c.other)
        return [tuple(row) for row in db.execute(select(schema.trace))], [tuple(row) for row in db.execute(ties)]


def test_a_home_of_an_older_lagebild_is_traced_by_the_next_writer(
    home: Path, embedder: Embedder, news: Sequence[Article]
) -> None:
    with open_kb(settings=Settings(home=home), embedder=embedder) as kb:
        for article in news:
            kb.add(article)
        ties = _derived(kb)[1]
        with kb.catalog.writing() as db:
            db.execute(text("DROP TABLE tie"))
            db.execute(text("DROP TABLE trace"))
            db.execute(delete(schema.meta).where(schema.meta.c.key == "origins"))
    with open_kb(settings=Settings(home=home), embedder=embedder) as kb:
        assert grouped(kb) == set()
        assert {passage.origin for passage in kb.search("chip tools", 8)} == {""}
        kb.add(story("new", OTHER * 2, title="Tram line is late"))
        assert grouped(kb) == {STORY, frozenset({"Example Post", "Example News"})}
        assert set(ties) <= set(_derived(kb)[1])


def test_killed_between_commit_and_trace_is_healed(home: Path, embedder: Embedder) -> None:
    script = (
        "import sys\nfrom tests.test_origins import story, edited, WIRE\nfrom kb.knowledge import open_kb\n"
        "kb = open_kb(sys.argv[1])\nkb.add(story('wire', source='Reuters'))\n"
        "kb.add(story('copy', edited(WIRE, 0.05), source='Example Post'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(home)],
        env=os.environ | {"LAGEBILD_FAULT": "tracing:2"},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == -9
    with open_kb(settings=Settings(home=home), embedder=embedder) as kb:
        assert kb.catalog.counts()["versions"] == 2 and grouped(kb) == set()
        kb.publish()
        assert grouped(kb) == {frozenset({"Reuters", "Example Post"})}


def test_what_is_derived_does_not_wait_for_the_disk_and_articles_do(kb: KnowledgeBase) -> None:
    with kb.catalog.deriving() as db:
        assert db.scalar(text("PRAGMA synchronous")) == 1
    with kb.catalog.reading() as db:
        assert db.scalar(text("PRAGMA synchronous")) == 2


def test_as_of_knows_no_later_member(kb: KnowledgeBase, news: Sequence[Article]) -> None:
    for article in news:
        kb.add(article)
    assert grouped(kb, date(2024, 7, 9)) == {frozenset({"Reuters", "Beispielblatt"})}
    assert grouped(kb, date(2024, 7, 11)) == {STORY - {"Late Herald"}}
    for day in (date(2024, 7, 9), date(2024, 7, 11)):
        for passage in kb.search("chip tools consultation", 8, as_of=day):
            assert all(copy.published and copy.published <= day.isoformat() for copy in passage.also)


def test_a_version_that_tells_something_else_leaves_its_story(kb: KnowledgeBase, news: Sequence[Article]) -> None:
    for article in news[:3]:
        kb.add(article)
    kb.add(replace(news[1], text=OTHER))
    assert grouped(kb) == {frozenset({"Reuters", "Late Herald"})}


def test_many_versions_of_one_article_do_not_hide_its_copies(kb: KnowledgeBase) -> None:
    for number in range(15):
        kb.add(story("live", f"{WIRE}\nUpdate {number}: nothing new.", source="Reuters"))
    kb.add(story("copy", edited(WIRE, 0.05), source="Example Post"))
    kb.add(story("live", f"{WIRE}\nUpdate 16: nothing new.", source="Reuters"))
    assert grouped(kb) == {frozenset({"Reuters", "Example Post"})}
    kb.add(story("second", edited(WIRE, 0.05, 3), source="Late Herald"))
    assert grouped(kb) == {frozenset({"Reuters", "Example Post", "Late Herald"})}


# ── what a reader sees ────────────────────────────────────────────────────────────────────────────


def test_search_shows_one_article_of_an_origin_first(kb: KnowledgeBase, news: Sequence[Article]) -> None:
    for article in news:
        kb.add(article)
    found = kb.search("chip tools consultation of the Commission", 6)
    first = list(dict.fromkeys(passage.origin or passage.version.article_id for passage in found[:3]))
    assert len(first) == 3
    assert [passage.rank for passage in found] == [1, 2, 3, 4, 5, 6]
    told = next(passage for passage in found if passage.origin)
    assert {copy.source for copy in told.also} | {told.version.source} == STORY
    assert "Late Herald, 2024-07-12" in elsewhere(told) or told.version.source == "Late Herald"
    row = passage_json(told)
    assert row["origin"] == told.origin and len(row["also"]) == 3
    assert row["credits"] == (["Reuters"] if told.version.language == "en" else [])
    line = coverage(found)
    assert (line.articles, line.origins) == (6, 3)
    frame = kb.articles()
    assert frame.groupby("origin").size().max() == 4 and frame["origin"].nunique() == 3
    assert "also in:" in found._repr_html_()


def test_repetitions_go_behind_everything_else() -> None:
    group = Origin("a", ())
    found = {"v1": group, "v2": group}
    items = ["v1", "v2", "v1", "v1", "v3", "v2", "v3", "v3"]
    assert firsts(items, str, found) == ["v1", "v1", "v3", "v3", "v2", "v1", "v2", "v3"]
    assert firsts(items, str, {}) == ["v1", "v2", "v1", "v3", "v2", "v3", "v1", "v3"]
