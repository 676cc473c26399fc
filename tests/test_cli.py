"""The contract of the command line: names, JSON keys, exit codes."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from ingest import cli
from ingest.cli.app import app
from tests.conftest import ROOT

PASSAGE = {
    "rank", "score", "article_id", "version_id", "chunk_id", "url", "title", "source", "language", "published",
    "first_seen", "text", "start", "end", "gives_orders", "origin", "also", "credits",
}  # fmt: skip
ANSWER = {"question", "status", "answer", "sentences", "citations", "provider", "usage", "coverage", "as_of"}

ROWS = [
    {
        "url": "https://news.example/block",
        "title": "OpenAI blocks China",
        "text": "OpenAI blocks API traffic from China from 9 July 2024. " + "Developers look for other models. " * 10,
        "published": "2024-07-09",
        "source": "Example",
    },
    {"title": "Gallium", "text": "China put export licences on gallium and germanium in August 2023. " * 8},
]


def lagebild(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ingest.cli", "--home", str(home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    file = folder / "articles.jsonl"
    file.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    done = lagebild(folder / "home", "ingest", str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"] == {"added": 2}
    return folder / "home"


def test_search_json_has_the_promised_keys(filled: Path) -> None:
    done = lagebild(filled, "search", "Ab wann sperrt OpenAI China?", "--json", "-k", "1")
    result = json.loads(done.stdout)
    assert result["query"] == "Ab wann sperrt OpenAI China?"
    (passage,) = result["passages"]
    assert passage.keys() == PASSAGE
    assert (passage["url"], passage["rank"], passage["published"]) == ("https://news.example/block", 1, "2024-07-09")
    assert passage["end"] - passage["start"] == len(passage["text"])


def test_ask_without_a_model_gives_the_evidence_alone(filled: Path) -> None:
    done = lagebild(filled, "ask", "When does OpenAI block China?", "--provider", "none", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result.keys() >= ANSWER
    assert (result["status"], result["answer"], result["sentences"]) == ("answered", "", [])
    assert result["provider"] == {"asked": "none", "answered_by": None, "model": None, "attempts": []}
    assert result["passages"][0]["url"] == "https://news.example/block"


def test_partial_failure_is_exit_3_and_names_the_item(tmp_path: Path) -> None:
    file = tmp_path / "mixed.jsonl"
    file.write_text(json.dumps(ROWS[0]) + "\nnot json\n", encoding="utf-8")
    done = lagebild(tmp_path / "home", "ingest", str(file), "--json")
    assert done.returncode == 3
    result = json.loads(done.stdout)
    assert result["counts"] == {"added": 1}
    (bad,) = [outcome for outcome in result["outcomes"] if outcome["reason"]]
    assert "mixed.jsonl" in bad["target"] and "2" in bad["target"] + bad["message"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ingest", "no-such-thing"], 2, "no-such-thing"),
        (["search", "x", "--since", "yesterday"], 2, "--since yesterday"),
        (["search", "   "], 2, "empty"),
        (["ask", "What?", "--provider", "nobody"], 1, "nobody"),
        (["restore", "no-such-file.zip"], 1, "no-such-file.zip"),
        (["eval", "retrieval", "nowhere"], 2, "nowhere"),
    ],
)
def test_errors_name_the_item_and_the_exit_code_fits(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    done = lagebild(tmp_path / "home", *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert message in done.stderr.replace("\n", " ")
    assert done.stdout == ""


def test_status_and_rebuild(filled: Path) -> None:
    assert lagebild(filled, "rebuild").returncode == 0
    result = json.loads(lagebild(filled, "status", "--json").stdout)
    assert (result["articles"], result["waiting"], result["problems"]) == (2, 0, [])
    assert result["by_language"] == {"en": 2}


def test_an_unknown_setting_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAGEBILD_PROVIDR", "qwen")
    done = lagebild(tmp_path / "home", "status")
    assert done.returncode == 2
    assert "LAGEBILD_PROVIDR" in done.stderr and "LAGEBILD_PROVIDER" in done.stderr


def test_every_command_has_help_and_stands_in_the_readme() -> None:
    for module in pkgutil.iter_modules(cli.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"ingest.cli.{module.name}")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    names = list(group.commands)  # type: ignore[attr-defined]
    assert len(names) > 8
    for name in names:
        assert group.commands[name].get_short_help_str(), name  # type: ignore[attr-defined]
        assert f"lagebild {name}" in readme, name
