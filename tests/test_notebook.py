"""The notebook runs from its first cell to its last, draws what it should, and is stored without results."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import ui
from kb.knowledge import open_kb
from kb.models import Article, Precision, Published
from kb.providers import load_registry

NOTEBOOK = Path(ui.__file__).parent / "explore.ipynb"
ROOT = NOTEBOOK.parent.parent

ARTICLES = (
    (
        "en",
        "Exports of two metals need a licence",
        "From 1 August 2023 exports of gallium and germanium need a licence. <b>",
    ),
    (
        "de",
        "OpenAI sperrt den Zugang",
        "OpenAI blockiert den Zugang zu seiner Schnittstelle in China seit dem 9. Juli 2024.",
    ),
    ("zh", "镓和锗实行出口管制", "自2023年8月1日起，镓和锗相关物项的出口须获得许可。未经许可不得出口。"),
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("home")
    with open_kb(home) as kb:
        for number, (language, title, text) in enumerate(ARTICLES):
            at = Published(datetime(2023 + number // 2, 8, 1, tzinfo=UTC), Precision.DAY, "given")
            url = f"https://news.example/{number}"
            kb.add(Article(url, title, text, language, "Example Wire", datetime.now(UTC), at))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAGEBILD_HOME", str(home))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.delenv("LAGEBILD_PROVIDER", raising=False)
        for name in (name for id in ("qwen", "zhipu") for name in load_registry()[id].auth.env):
            patch.delenv(name, raising=False)
        return NotebookClient(notebook, timeout=300, kernel_name="python3").execute()


def drawn(notebook: Any, source: str, kind: str) -> str:
    """What the cell that contains `source` shows as `kind`."""
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code" and source in cell.source)
    return "\n".join(str(output.data[kind]) for output in cell.outputs if kind in output.get("data", {}))


def test_status_search_and_articles_show_what_is_stored(executed: Any) -> None:
    assert "3 (" in drawn(executed, "kb.status()", "text/html")
    found = drawn(executed, "kb.search", "text/html")
    assert found.index("镓和锗实行出口管制") < found.index("OpenAI sperrt")
    assert "&lt;b&gt;" in found and "<b>" not in found
    table = drawn(executed, ".head(10)", "text/html")
    assert all(title in table for _, title, _ in ARTICLES)
    assert "OpenAI sperrt den Zugang" in drawn(executed, "kb.timeline", "text/html")


def test_asking_without_a_model_shows_the_evidence(executed: Any) -> None:
    shown = drawn(executed, "kb.ask", "text/html")
    assert "Ab wann blockiert OpenAI den Zugang in China?" in shown
    assert "no model" in shown
    assert "OpenAI sperrt den Zugang" in drawn(executed, "answer.passages", "text/plain")


def test_a_comparison_says_of_each_how_it_ended(executed: Any) -> None:
    shown = drawn(executed, "kb.compare", "text/html")
    assert shown.count("auth_missing") == 2
    for id in ("qwen", "zhipu"):
        assert f">{id}</th>" in shown
        assert load_registry()[id].auth.env[0] in shown


def test_a_chat_and_the_stored_answers_draw_themselves(executed: Any) -> None:
    turn = drawn(executed, "kb.chat", "text/html")
    assert "and Tencent?" in turn
    assert "What did Tencent offer to developers who lost OpenAI&#x27;s API?" in turn
    stored = drawn(executed, "kb.answers", "text/html")
    assert stored.count("<tr>") == 4
    assert stored.index("What did Tencent offer") < stored.index("Ab wann blockiert OpenAI")


def test_the_plot_counts_articles_by_quarter(executed: Any) -> None:
    drawing = drawn(executed, "altair.Chart", "image/svg+xml")
    bars = re.findall(r'aria-label="quarter: ([^;"]+); articles: (\d+); language: (\w+)"', drawing)
    assert sorted(bars) == [("Jul 01, 2023", "1", "de"), ("Jul 01, 2023", "1", "en"), ("Jul 01, 2024", "1", "zh")]
    assert not re.search(r"(?:href|src)=.https?:", drawing)


def test_the_notebook_is_stored_without_results() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) == 10
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
