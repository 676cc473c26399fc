"""`eval refusal`: what the measure counts, over stores of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kb.errors import UsageError
from kb.measure.refusing import evaluate_refusal
from kb.settings import Settings
from tests.conftest import ROOT

DOCUMENTS = [
    {"text": "OpenAI blocks its API for developers in China from 9 July 2024. Letters went out in June."},
    {"text": "The zoo of Example Town counted 12 zebras in March 2023. Two were born there."},
    {"text": "百度智能云在2024年6月宣布为开发者提供5000万免费令牌。"},
]
QUESTIONS = [
    {"question": "From when does OpenAI block its API for developers in China?", "answerable": True},
    {"question": "How many zebras did the zoo of Example Town count?", "answerable": True},
    {"question": "How long is yeast dough left to rise before baking?", "answerable": False},
    {"question": "百度智能云提供多少免费令牌？", "answerable": True},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "small.jsonl").write_text("\n".join(map(json.dumps, DOCUMENTS)), encoding="utf-8")
    file = tmp_path / "cases.jsonl"
    rows = [{**row, "corpus": "small.jsonl"} for row in QUESTIONS]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return file


def test_the_gate_alone_is_counted_by_corpus_and_language(file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ingest.cli", "--home", str(tmp_path / "home"), "eval", "refusal", str(file)]
    store = ["--store", str(tmp_path / "stores"), "--json"]
    done = subprocess.run([*command, *store], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    english = {"answerable": 2, "refused": 0, "unanswerable": 1, "invented": 0}
    chinese = {"answerable": 1, "refused": 0, "unanswerable": 0, "invented": 0}
    assert (result["questions"], result["provider"]) == (4, "none")
    assert result["by_corpus"] == {
        "small.jsonl en": {**english, "refused_rate": 0.0, "invented_rate": 0.0},
        "small.jsonl zh": {**chinese, "refused_rate": 0.0, "invented_rate": None},
    }
    assert result["by_language"]["en"] == result["by_corpus"]["small.jsonl en"]
    again = evaluate_refusal(file, Settings(home=tmp_path / "home"), store=tmp_path / "stores", limit=1)
    assert again["questions"] == 3


def test_a_file_without_questions_is_named(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"none\.jsonl"):
        evaluate_refusal(tmp_path / "none.jsonl", Settings(home=tmp_path))
