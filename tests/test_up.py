"""The first start without the page, and how the page is served."""

from __future__ import annotations

from pathlib import Path

from ingest.up import page_options, start
from kb.knowledge import open_kb
from kb.settings import Settings


def test_a_first_start_without_a_model_says_so_and_fills_the_home(tmp_path: Path) -> None:
    said: list[str] = []
    settings = Settings(home=tmp_path / "home", model="none")
    start(settings, model=None, port=8501, serve=False, say=said.append)
    assert said[0] == f"home: {tmp_path / 'home'}"
    assert "local model: none wanted" in said[-1]
    with open_kb(settings=settings) as kb:
        assert kb.status().articles == 80
    again: list[str] = []
    start(settings, model=None, port=8501, serve=False, say=again.append)
    assert len(again) == 2


def test_without_any_channel_it_says_so_and_goes_on(tmp_path: Path) -> None:
    said: list[str] = []
    settings = Settings(home=tmp_path / "home", model=str(tmp_path / "mine.gguf"), provider="none")
    start(settings, model=None, port=8501, serve=False, say=said.append)
    assert any("mine.gguf" in line for line in said)


def test_the_page_is_served_to_this_machine_alone() -> None:
    options = page_options(8501)
    pairs = list(zip(options[::2], options[1::2], strict=True))
    assert ("--server.address", "127.0.0.1") in pairs
    assert [host for name, host in pairs if name == "--server.allowedHosts"] == ["localhost", "127.0.0.1"]
    assert ("--browser.gatherUsageStats", "false") in pairs
