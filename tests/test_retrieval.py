"""Search over several languages and parts, and what a reranker or an LLM adds if the user names one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from kb.embedding import Embedder
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Filters
from kb.search.hints import Hints
from kb.search.merging import Candidate, Hit, merge, together
from kb.search.rephrased import NOTHING, Rephrased
from kb.search.rephrasing import read
from kb.search.searching import Query
from kb.settings import Settings
from tests.conftest import make_article
from tests.fakeproviders import FakeProviders, error

CHIPS = "The export rule covers chips and tools. "


@pytest.fixture
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as server:
        yield server


def opened(
    home: Path, embedder: Embedder, fake: FakeProviders, patch: pytest.MonkeyPatch, **chosen: str
) -> KnowledgeBase:
    for name, key in fake.env().items():
        patch.setenv(name, key)
    kb = open_kb(settings=replace(Settings(home=home), **chosen), embedder=embedder)  # type: ignore[arg-type]
    kb.__dict__["registry"] = fake.registry()
    return kb


def test_marks_lift_a_language_and_words_order_it() -> None:
    pools = {
        "en": [Candidate(1, 3.0, 0.0, 0.0), Candidate(2, 2.9, 1.0, 0.0), Candidate(5, 0.0, 0.0, 0.0)],
        "zh": [Candidate(3, 2.5, 0.0, 4.0), Candidate(4, 2.4, 0.0, 0.0)],
    }
    found = merge(pools)
    assert [hit.seq for hit in found] == [3, 2, 1, 4, 5]
    assert [round(hit.score, 2) for hit in found] == [3.1, 3.0, 2.9, 2.4, 0.0]


def test_the_first_of_each_part_stand_in_front() -> None:
    first = [Hit(number, 9.0 - number, 0.0, "en") for number in range(1, 5)]
    second = [Hit(7, 90.0, 0.0, "en"), Hit(2, 60.0, 0.0, "en"), Hit(8, 50.0, 0.0, "en")]
    assert {hit.seq for hit in together([first, second])[:2]} == {1, 7}
    assert together([]) == []


def test_two_events_are_both_in_front(kb: KnowledgeBase) -> None:
    for number in range(8):
        kb.add(
            make_article(
                f"n{number}", f"荷兰政府第{number}次讨论光刻机出口许可，涉及阿斯麦的浸润式设备。", language="zh"
            )
        )
    kb.add(make_article("rice", "农业部公布今年水稻产量创下新高，南方各省均有增长。", language="zh"))
    found = kb.search("荷兰政府讨论光刻机出口许可和农业部公布水稻产量，哪个事件更早发生？", 3)
    assert any(passage.version.url.endswith("rice") for passage in found)


def test_the_day_of_one_event_finds_the_other(kb: KnowledgeBase) -> None:
    kb.add(make_article("offer", "2024年7月9日，智谱宣布为迁移用户提供一亿令牌。", language="zh"))
    for day in range(10, 22):
        kb.add(make_article(f"d{day}", f"2024年7月{day}日，相关部门发布例行通报。", language="zh"))
    kb.add(make_article("day", "2024年7月9日，相关部门发布例行通报。", language="zh"))
    found = kb.search("相关部门发布例行通报当天，智谱宣布为迁移用户提供什么？", 3)
    assert {passage.version.url.rpartition("/")[2] for passage in found} >= {"offer", "day"}


def test_a_reranker_orders_what_was_found(
    home: Path, embedder: Embedder, fake: FakeProviders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(home, embedder, fake, monkeypatch, reranker="siliconflow") as kb:
        for number in range(4):
            kb.add(make_article(f"n{number}", CHIPS * 2 + "zebra " * (number == 3), day="2024-01-01"))
        found = kb.search("zebra rule", 4)
        assert found[0].version.url.endswith("n3")
        (asked,) = (request for request in fake.requests if request.endpoint == "rerank")
        assert asked.body["query"] == "zebra rule" and asked.body["top_n"] == len(asked.body["documents"])


def test_a_reranker_that_fails_costs_its_order_only(
    home: Path, embedder: Embedder, fake: FakeProviders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(home, embedder, fake, monkeypatch, reranker="siliconflow") as kb:
        kb.add(make_article("one", CHIPS))
        fake.script("siliconflow", *[error(500, {"message": "broken"})] * 8)
        found = kb.found("What does the export rule cover?", Filters(), 2)
        assert len(found.passages) == 1 and "siliconflow" in found.trouble["reranker"].lower()


def test_a_reader_is_told_that_a_search_went_without_its_helpers(
    home: Path, embedder: Embedder, fake: FakeProviders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(home, embedder, fake, monkeypatch, reranker="siliconflow", rephrase="qwen") as kb:
        kb.add(make_article("one", CHIPS))
        fake.script("siliconflow", *[error(500, {"message": "broken"})] * 20)
        fake.script("qwen", *[error(401, {"message": "no"})] * 20)
        given = kb.ask("What does the export rule cover?", provider="none", interface="de")
        compared = kb.compare("What does the export rule cover?", ["zhipu"])
    for coverage, words in ((given.coverage, "Reihenfolge der Suche"), (compared.answers[0].coverage, "order of the")):
        assert any(words in line for line in coverage.left_out)
        assert any("rephrase" in line or "Umformulieren" in line for line in coverage.left_out)


def test_last_week_counts_from_the_day_that_is_given(tmp_path: Path, embedder: Embedder) -> None:
    with open_kb(tmp_path, embedder=embedder) as kb:
        for day in ("2024-03-05", "2024-06-05"):
            kb.add(make_article(day, CHIPS, day=day))
        for today, first in ((date(2024, 3, 12), "2024-03-05"), (date(2024, 6, 12), "2024-06-05")):
            found = kb.search("Which export rule was published last week?", 2, today=today)
            assert found[0].version.url.endswith(first)


def test_the_data_path_keeps_a_reranker(
    home: Path, embedder: Embedder, fake: FakeProviders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(home, embedder, fake, monkeypatch, reranker="siliconflow", data_path="local") as kb:
        kb.add(make_article("one", CHIPS))
        found = kb.found("What does the export rule cover?", Filters(), 2)
        assert len(found.passages) == 1
        assert fake.requests == [] and found.trouble["reranker"]


def test_what_a_model_says_is_read_as_data() -> None:
    answer = {
        "parts": ["When did A?", "When did B?"],
        "en": "x",
        "de": "Wann?",
        "zh": "何时？ " + "长" * 400,
        "more": 1,
    }
    found = read(f"Sure! {json.dumps(answer)}", "en")
    assert found.parts == ("When did A?", "When did B?")
    assert dict(found.translations)["de"] == "Wann?" and len(dict(found.translations)["zh"]) == 300
    for said in ("no idea", "{not json}", "[1]", '{"parts": "all", "de": 7}'):
        assert read(said, "en") == NOTHING
    assert read('{"parts": ["only one"]}', "en") == Rephrased()


def test_a_model_may_put_the_question_into_other_languages(
    home: Path, embedder: Embedder, fake: FakeProviders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(home, embedder, fake, monkeypatch, rephrase="qwen") as kb:
        kb.add(make_article("wheat", "Der Weizenpreis stieg im Mai auf einen Höchststand.", language="de"))
        kb.add(make_article("chips", CHIPS))
        fake.answer = lambda request: json.dumps(
            {"parts": [], "en": "x", "de": "Weizenpreis im Mai", "zh": "五月小麦价格"}
        )
        assert kb.search("zzz qqq", 1)[0].version.url.endswith("wheat")
        sent = [request for request in fake.requests if request.endpoint != "rerank"]
        assert json.loads(sent[0].body["messages"][-1]["content"]) == {"question": "zzz qqq"}


def test_a_stray_word_does_not_lead_a_store_without_the_language_of_the_question(
    tmp_path: Path, embedder: Embedder
) -> None:
    with open_kb(tmp_path, embedder=embedder) as kb:
        kb.add(make_article("cook", "Ein Koch kaufte für seine Werke ein Geschenk einer teuren Marke.", language="de"))
        kb.add(
            make_article(
                "fire", "Der Brand ist aus, das Gift entfernt, sagt der Chef; die Art blieb offen.", language="de"
            )
        )
        for number in range(12):
            kb.add(
                make_article(f"n{number}", f"Die Behörde hat Bescheid {number} zur Ausfuhr erlassen.", language="de")
            )
        found = kb.search("Which brand of gift did the chef buy for his art?", 2)
    assert found[0].version.url.endswith("cook")


def test_a_name_crosses_languages_and_other_words_do_not() -> None:
    understood = Hints()
    asked = Query("Who is Mira Tannwald, and what was she in the war?", "en", np.zeros(3), (), understood)
    assert asked.words_in("de") == ["who", "mira", "tannwald"]
    assert "war" in asked.words_in("en")
    chinese = Query("Tannwald公司在哪个城市设厂？", "zh", np.zeros(3), (), understood)
    assert chinese.words_in("en") == ["tannwald"]
