"""What may import what, and which module alone knows which library."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

MAY_IMPORT = {"kb": {"kb"}, "ingest": {"kb", "ingest"}, "ui": {"kb", "ingest", "ui"}}
OURS = {"kb", "ingest", "ui", "tests"}

BORDERS = {
    "chromadb": {"kb/search/index.py"},
    "trafilatura": {"ingest/extract", "ingest/evaluation.py"},
    "streamlit": {"ui"},
    "feedparser": {"ingest/discover.py"},
    "xllamacpp": {"kb/local"},
    "onnxruntime": {"kb/embedding"},
    "llama_index": {"kb/embedding", "kb/providers", "kb/foreign.py"},
    "jieba": {"kb/text/words.py"},
    "openai": {"kb/providers", "kb/embedding/remote.py"},
    "protego": {"ingest/robots.py"},
}

SLOW = ("chromadb", "llama_index", "streamlit", "trafilatura", "onnxruntime", "xllamacpp", "pandas", "openai", "jieba")


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_import_directions(package: str) -> None:
    files = sources(package)
    assert len(files) > 3
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imports(path)
        if name.split(".")[0] in OURS - MAY_IMPORT[package]
    }
    assert wrong == set()


@pytest.mark.parametrize("library", sorted(BORDERS))
def test_one_place_knows_each_library(library: str) -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in MAY_IMPORT
        for path in sources(package)
        for name in imports(path)
        if name.split(".")[0] == library
    }
    allowed = BORDERS[library]
    outside = {path for path in found if not any(path == place or path.startswith(f"{place}/") for place in allowed)}
    assert found, f"nothing imports {library}; take it off the list"
    assert outside == set()


@pytest.mark.parametrize("arguments", [["--help"], ["ask", "--help"], ["ingest", "--help"]])
def test_help_imports_nothing_slow(arguments: list[str]) -> None:
    script = (
        "import sys\nsys.argv = ['lagebild', *sys.argv[1:]]\nfrom ingest.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rsplit("LOADED", 1)[1].split())
    assert "typer" in loaded
    assert loaded & set(SLOW) == set()
