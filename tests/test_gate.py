"""The decision before any model is asked, and what a question shares with a passage."""

from __future__ import annotations

import pytest

from kb.knowledge import KnowledgeBase
from kb.models import Filters
from kb.search.gate import ENOUGH_FROM, Evidence, Signal, decide
from kb.text.language import detect
from tests.conftest import make_article

ARTICLES = [
    ("block", "en", "OpenAI will cut off API users in China on 9 July 2024. Developers there were told by e-mail."),
    ("asml", "en", "The Netherlands extended licence duties to two older machines that ASML makes."),
    ("omnibus", "de", "Der Rat billigte den Digital-Omnibus; Pflichten für Hochrisiko-Systeme gelten später."),
    ("gallium", "zh", "中国商务部宣布对镓和锗实施出口许可管理，自2023年8月1日起施行。"),
    ("tiktok", "en", "TikTok signed agreements for a joint venture in the United States."),
]


@pytest.mark.parametrize(
    ("signal", "language", "level"),
    [
        (Signal(3.0, 0.8), "en", Evidence.ENOUGH),
        (Signal(ENOUGH_FROM["en"], 0.0), "en", Evidence.ENOUGH),
        (Signal(3.0, 0.5), "de", Evidence.ENOUGH),
        (Signal(3.0, 0.5), "en", Evidence.THIN),
        (Signal(0.0, 0.5), "en", Evidence.THIN),
        (Signal(3.0, 0.2), "zh", Evidence.THIN),
        (Signal(3.0, 0.8, chunks=100_000), "en", Evidence.THIN),
        (Signal(3.0, 0.0), "en", Evidence.NONE),
        (Signal(0.0, 0.0), "fr", Evidence.NONE),
    ],
)
def test_levels(signal: Signal, language: str, level: Evidence) -> None:
    assert decide(signal, language) is level


def test_the_best_of_more_chunks_must_fit_better() -> None:
    assert Signal(5.0, 0.5).value == 9.0
    assert Signal(5.0, 0.5, chunks=6_200).value == pytest.approx(9.0 - 3 * 1.144, abs=0.01)
    assert Signal(5.0, 0.5, chunks=0).value == Signal(5.0, 0.5, chunks=50).value == 9.0


@pytest.fixture
def small(kb: KnowledgeBase) -> KnowledgeBase:
    for name, language, text in ARTICLES:
        kb.add(make_article(name, text, language=language))
    return kb


def level(kb: KnowledgeBase, question: str) -> Evidence:
    return kb.retriever.find(question, detect(question), Filters(), 8).evidence


@pytest.mark.parametrize(
    "question",
    [
        "When does OpenAI cut off China?",
        "Ab wann sperrt OpenAI Entwickler in China aus?",
        "OpenAI 从何时起切断中国用户？",
        "Seit wann gilt die Exportlizenz für Gallium und Germanium in China?",
    ],
)
def test_a_small_store_answers_across_languages(small: KnowledgeBase, question: str) -> None:
    assert level(small, question) is not Evidence.NONE


@pytest.mark.parametrize("question", ["How do I bake an apple pie?", "Wie wird das Wetter morgen?", "如何煮米饭？"])
def test_nothing_is_nothing(small: KnowledgeBase, question: str) -> None:
    assert level(small, question) is Evidence.NONE
