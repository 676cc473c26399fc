"""Stored answers on the command line: listed, shown, exported, asked again, gone on from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingest.cli.app import app
from kb.embedding import Embedder
from tests.fakeproviders import FakeProviders
from tests.questions import ENGLISH_QUESTION, FALSE, TRUE, asking, number
from tests.test_answers import said

Run = Callable[..., Result]


@pytest.fixture
def run(home: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command line over a filled base, whose providers lead to a fake server."""
    import ingest.cli.answers
    import ingest.cli.ask

    assert ingest.cli.answers and ingest.cli.ask
    with FakeProviders() as fake, asking(home, embedder, fake, monkeypatch) as kb:
        fake.answer = lambda request: (
            "" if "You rewrite" in said(request) else f"{TRUE} [{number(request, 'July')}]. {FALSE}."
        )
        monkeypatch.setattr("kb.knowledge.open_kb", lambda **_: kb)
        monkeypatch.setattr(kb, "close", lambda: None)
        yield lambda *arguments: CliRunner().invoke(app, ["--home", str(home), *arguments])


def test_an_answer_is_listed_shown_exported_and_asked_again(run: Run, tmp_path: Path) -> None:
    asked = json.loads(run("ask", ENGLISH_QUESTION, "--as-of", "2024-07-01", "--json").stdout)
    assert asked["changed_since"] == {"day": "2024-07-01", "reworded": [], "gone": [], "newer": []}
    (row,) = json.loads(run("answers", "list", "--json").stdout)
    assert (row["id"], row["question"], row["status"]) == (asked["id"], ENGLISH_QUESTION, "answered")
    assert json.loads(run("answers", "show", asked["id"], "--json").stdout) == asked
    shown = run("answers", "show", asked["id"][:8]).stdout
    assert (
        ENGLISH_QUESTION in shown
        and "as known on 2024-07-01, nothing newer is stored" in shown
        and "✗" not in shown
        and "? unsupp" in shown
    )
    panel = " ".join(line.strip("│ ") for line in shown.splitlines() if line.startswith("│"))
    assert all(each["quote"] in panel for each in asked["citations"]), "a quotation is shown whole"
    file = tmp_path / "answer.md"
    assert run("answers", "export", asked["id"], str(file)).exit_code == 0
    assert run("answers", "export", asked["id"]).stdout == file.read_text(encoding="utf-8")
    assert file.read_text(encoding="utf-8").startswith(f"# {ENGLISH_QUESTION}")
    again = json.loads(run("answers", "again", asked["id"], "-p", "zhipu", "--strict", "--json").stdout)
    assert (again["of"], again["provider"]["answered_by"], again["strict"]) == (asked["id"], "zhipu", True)
    assert [each["chunk_id"] for each in again["passages"]] == [each["chunk_id"] for each in asked["passages"]]
    assert [len(again["sentences"]), len(again["dropped"])] == [1, 1]
    assert [each["id"] for each in json.loads(run("answers", "list", "--json").stdout)] == [again["id"], asked["id"]]


def test_a_follow_up_goes_on_from_a_stored_answer(run: Run) -> None:
    first = json.loads(run("ask", ENGLISH_QUESTION, "-p", "none", "--json").stdout)
    done = run("ask", "and Alibaba?", "-p", "none", "--after", first["id"])
    assert "understood as: When does Alibaba block its API for developers in China?" in done.output
    assert run("ask", "and Alibaba?", "--after", "nothing").exit_code == 1


def test_the_kinds_of_no_are_told_apart(run: Run) -> None:
    nothing = run("ask", "Wie backt man Sauerteigbrot mit Roggenmehl?")
    assert nothing.exit_code == 0
    assert "Nothing in the knowledge base fits" in nothing.output and "nearest articles" in nothing.output
    assert "no_evidence" in nothing.output
    alone = run("ask", ENGLISH_QUESTION, "-p", "none").output
    assert "No model was asked" in alone and "nearest articles" not in alone
