"""The measures themselves: metrics against values worked out by hand, and a small folder in BEIR layout."""

from __future__ import annotations

import json
from math import log2
from pathlib import Path

import pytest

from kb.embedding import Embedder
from kb.errors import UsageError
from kb.knowledge import KnowledgeBase
from kb.measure.evaluation import evaluate_retrieval
from kb.measure.grading import evaluate_answers
from kb.measure.metrics import mean_metrics, ranking_metrics
from kb.settings import Settings
from tests.conftest import make_article
from tests.fakeproviders import FakeProviders, Request
from tests.questions import asking, number

CORPUS = [
    ("en1", "en", "OpenAI blocks API traffic from China from 9 July 2024."),
    ("de1", "de", "OpenAI sperrt den API-Verkehr aus China ab dem 9. Juli 2024."),
    ("zh1", "zh", "OpenAI 自2024年7月9日起封锁来自中国的API访问。"),
    ("en2", "en", "The Netherlands extended licence duties to older ASML machines."),
    ("de2", "de", "Italien sperrte die App von DeepSeek wegen des Datenschutzes."),
    ("zh2", "zh", "中国商务部对七种重稀土实施出口许可。"),
]


def test_metrics_are_those_of_the_literature() -> None:
    found = ranking_metrics(["x", "a", "y", "b"], {"a", "b", "c"})
    ideal = 1 + 1 / log2(3) + 1 / log2(4)
    assert found["ndcg@10"] == pytest.approx((1 / log2(3) + 1 / log2(5)) / ideal)
    assert found["mrr@10"] == 0.5
    assert found["map@10"] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert (found["hits@4"], found["recall@4"], found["recall@100"]) == (
        1.0,
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
    )
    assert ranking_metrics(["x"] * 10 + ["a"], {"a"})["hits@10"] == 0.0
    assert mean_metrics([{"m": 1.0}, {"m": 0.0}]) == {"m": 0.5}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "qrels").mkdir()
    rows = [{"_id": name, "title": "", "text": text, "language": language} for name, language, text in CORPUS]
    (tmp_path / "corpus.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    query = {"_id": "q1", "text": "Ab wann sperrt OpenAI China?", "language": "de"}
    (tmp_path / "queries.jsonl").write_text(json.dumps(query), encoding="utf-8")
    lines = ["query-id\tcorpus-id\tscore", *(f"q1\t{name}\t1" for name in ("en1", "de1", "zh1"))]
    (tmp_path / "qrels" / "test.tsv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_retrieval_over_a_beir_folder(folder: Path, tmp_path: Path) -> None:
    result = evaluate_retrieval(folder, Settings(home=tmp_path / "unused"))
    assert (result["documents"], result["queries"]) == (6, 1)
    assert result["metrics"]["recall@4"] == 1.0
    assert result["by_pair"].keys() == {"de-de", "de-en", "de-zh"}
    assert all(pair["hits@4"] == 1.0 for pair in result["by_pair"].values())
    assert result["seconds"].keys() == {"ingest", "search_p50", "search_p95"}
    assert not (tmp_path / "unused").exists()


def test_a_folder_that_is_not_in_that_layout_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"corpus\.jsonl"):
        evaluate_retrieval(tmp_path, Settings(home=tmp_path))


def test_answers_by_the_gate_alone(kb: KnowledgeBase, tmp_path: Path) -> None:
    for name, language, text in CORPUS:
        kb.add(make_article(name, text * 4, language=language))
    rows = [
        {"question": "When does OpenAI block China?", "answers": ["9 July 2024"], "answerable": True},
        {"question": "How do I bake an apple pie?", "answers": [], "answerable": False},
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    result = evaluate_answers(kb, file, provider="none")
    tally = {"asked": 2, "answerable": 1, "answered": 1, "correct": 1, "wrong": 0, "invented": 0, "refused": 0}
    assert result["by_language"]["en"] == tally
    rates = {"correct": 1.0, "wrong": 0.0, "invented": 0.0, "refused": 0.0}
    assert result["rates"]["en"] == {**rates, "citation_recall": None, "citation_precision": None}


LAMP = "The lamp tax of Example Town was raised to 7 percent on 3 May 2024."
PIER = "The old pier of Example Town was closed for repairs in March 2023."


def test_answers_from_passages_and_their_citations(
    home: Path, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted by hand: four of five sentences are carried, and four of six citations needed."""
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"_id": "1", "text": PIER}), encoding="utf-8")
    table = [
        {"question": "To how much was the lamp tax raised?", "answers": ["7 percent"], "passages": [LAMP, PIER]},
        {"question": "When was the lamp tax raised?", "answers": ["4 May"], "passages": [{"text": LAMP}]},
        {"question": "When was the old pier closed?", "answers": ["March 2023"], "corpus": "corpus.jsonl"},
        {"question": "When was the old pier painted?", "answerable": False, "corpus": "corpus.jsonl"},
        {"question": "How is rye bread baked?", "passages": [LAMP], "answers": ["slowly"]},
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(json.dumps({"answerable": True, **row}) for row in table), encoding="utf-8")

    def answer(request: Request) -> str:
        said = str(request.body["messages"][-1]["content"])
        if "To how much" in said:
            lamp, pier = number(request, "lamp"), number(request, "pier")
            return f"The lamp tax was raised to 7 percent on 3 May 2024 [{lamp}][{pier}]. It was 5 percent [{pier}]."
        if "lamp" in said.split("Question:")[1]:
            return f"The lamp tax was raised on 3 May 2024 [{number(request, 'lamp')}]."
        return f"The old pier was closed in March 2023 [{number(request, 'pier')}]."

    with FakeProviders() as fake, asking(home, embedder, fake, monkeypatch) as kb:
        fake.answer = answer
        before = kb.catalog.counts()["articles"]
        result = evaluate_answers(kb, file, provider="qwen")
        assert kb.catalog.counts()["articles"] == before
    tally = {"asked": 5, "answerable": 4, "answered": 4, "correct": 2, "wrong": 1, "invented": 1, "refused": 1}
    assert result["by_language"] == {"en": tally}
    rates = result["rates"]["en"]
    assert (rates["wrong"], rates["invented"], rates["refused"]) == (0.25, 1.0, 0.25)
    assert (rates["citation_recall"], rates["citation_precision"]) == (0.8, 0.6667)
