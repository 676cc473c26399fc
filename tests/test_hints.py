"""Days and outlets that a question names: they lift passages, and never hide one."""

from __future__ import annotations

from datetime import date

from kb.knowledge import KnowledgeBase
from kb.models import Filters
from kb.search.hints import LONG_LIFT, MONTH_LIFT, OUTLET_LIFT, hints
from tests.conftest import make_article

TODAY = date(2026, 11, 25)
OUTLETS = {"Reuters", "Xinhua", "The Verge", "Cnbc | World News"}


def test_outlets_are_found_by_their_names() -> None:
    assert hints("What did Reuters and the Verge write?", TODAY, OUTLETS).outlets == {"Reuters", "The Verge"}
    assert hints("According to CNBC, who paid?", TODAY, OUTLETS).outlets == {"Cnbc | World News"}
    assert not hints("What do reutersinfo and others say?", TODAY, OUTLETS)


def test_what_fits_is_lifted() -> None:
    found = hints("What did Reuters report in June 2024?", TODAY, OUTLETS)
    described = {1: ("Reuters", 20240610), 2: ("Xinhua", 20240630), 3: ("Reuters", 0), 4: ("Xinhua", 20240701)}
    assert found.lifts(described) == {1: OUTLET_LIFT + MONTH_LIFT, 2: MONTH_LIFT, 3: OUTLET_LIFT}
    assert hints("What happened in 2024?", TODAY, OUTLETS).lifts({1: ("x", 20240610)}) == {1: LONG_LIFT}


def test_the_named_month_comes_first_and_the_others_stay(kb: KnowledgeBase) -> None:
    text = "The ministry of commerce published a notice on export licences for chips."
    for month in range(1, 7):
        kb.add(make_article(f"m{month}", f"{text} It is number {month}.", day=f"2024-{month:02d}-15"))
    found = kb.search("Which notice on export licences did the ministry publish in March 2024?", 6)
    assert found[0].version.url.endswith("m3")
    assert len(found) == 6


def test_last_month_counts_from_the_day_asked_about(kb: KnowledgeBase) -> None:
    text = "The ministry of commerce published a notice on export licences for chips."
    for month in range(1, 7):
        kb.add(make_article(f"m{month}", f"{text} It is number {month}.", day=f"2024-{month:02d}-15"))
    question = "Which notice on export licences did the ministry publish last month?"
    for today, wanted in ((date(2024, 5, 20), "m4"), (date(2024, 6, 20), "m5")):
        found = kb.retriever.find(question, "en", Filters(), 6, today=today)
        assert found.passages[0].version.url.endswith(wanted)
        assert (
            str(found.hints.times[0]) == f"2024-0{wanted[1]}-01 – 2024-0{wanted[1]}-{'30' if wanted == 'm4' else '31'}"
        )


def test_a_reader_is_told_what_was_read(kb: KnowledgeBase) -> None:
    kb.add(make_article("block", "OpenAI blocks its API in China.", day="2024-07-09", source="Example News"))
    answer = kb.ask("Was schrieb Example News im Juli 2024 über OpenAI?", provider="none")
    assert answer.coverage.wished == ("“Juli 2024” → 2024-07-01 – 2024-07-31", "Example News")
    assert kb.answer(answer.id).coverage == answer.coverage
    assert kb.ask("What does OpenAI block?", provider="none").coverage.wished == ()
