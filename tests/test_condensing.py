"""What a model that is given little is given: of each passage the sentences that speak to the question."""

from __future__ import annotations

import json

from kb.answer.condensing import SHARES, excerpts
from kb.answer.prompting import FRAME, build
from kb.knowledge import KnowledgeBase
from kb.models import Passage
from kb.show.views import versions
from tests.conftest import make_article

FILLER = "The weather in Example Town was mild. Nobody expected anything else. The market square was full."
FACT = "The lamp ministry issued licence 4711 on 9 July 2024."
GERMAN = "Das Wetter war mild. Das Lampenamt erteilte am 9. Juli 2024 die Lizenz 4711. Der Marktplatz war voll."
QUESTION = "When did the lamp ministry issue licence 4711?"


def words(text: str) -> int:
    return len(text.split())


def found(kb: KnowledgeBase) -> list[Passage]:
    kb.add(make_article("lamps", f"{FILLER} {FACT} {FILLER}"))
    kb.add(make_article("lampen", GERMAN, language="de"))
    kb.add(make_article("market", FILLER))
    return list(kb.search(QUESTION, 8))


def test_the_sentence_that_answers_is_kept_in_either_language(kb: KnowledgeBase) -> None:
    passages = found(kb)
    texts = excerpts(QUESTION, [(each, each.text) for each in passages], 40, words)
    by_language = {each.version.language: text for each, text in zip(passages[:2], texts, strict=False)}
    assert FACT in by_language["en"]
    assert "Das Lampenamt erteilte am 9. Juli 2024 die Lizenz 4711." in by_language["de"]


def test_each_excerpt_is_a_run_of_whole_sentences_within_its_share(kb: KnowledgeBase) -> None:
    passages = found(kb)
    budget = 60
    for passage, text, share in zip(
        passages, excerpts(QUESTION, [(each, each.text) for each in passages], budget, words), SHARES, strict=False
    ):
        assert text in passage.text
        assert text.endswith(".")
        assert words(text) <= share * budget


def test_the_prompt_holds_three_short_passages_rather_than_one_long(kb: KnowledgeBase) -> None:
    passages = found(kb)
    prompt = build(QUESTION, passages, "en", 3 * FRAME + 40, words, "2026-11-25")
    shown = [json.loads(line) for line in prompt.user.splitlines() if line.startswith('{"passage"')]
    assert [row["passage"] for row in shown] == [1, 2, 3]
    assert prompt.shown == tuple(passages[:3])
    english = next(row["text"] for row in shown if row["title"] == "Lamps")
    assert FACT in english and FILLER not in english


def test_what_fits_is_shown_whole(kb: KnowledgeBase) -> None:
    passages = found(kb)
    prompt = build(QUESTION, passages, "en", 12_000, words, "2026-11-25")
    assert prompt.left_out == ()
    assert len(versions(prompt.shown)) == 3
    for passage in passages:
        assert json.dumps(passage.text, ensure_ascii=False) in prompt.user
