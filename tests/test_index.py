"""Generations of the index: what is committed is found at once, Chroma agrees with the exact scan, damage heals."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from kb.embedding import Embedder
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Filters
from kb.search import generations
from kb.search.index import VectorStore
from kb.settings import Settings
from tests.conftest import make_article

TOPICS = ("chips", "gallium", "tariffs", "Huawei", "open models", "licences", "rare earths", "data transfers")


def fill(kb: KnowledgeBase, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        topic = TOPICS[number % len(TOPICS)]
        text = f"Report {number} on {topic}. " + f"The office decided case {number} about {topic} in Berlin. " * 4
        kb.add(
            make_article(f"report-{number}", text, day=f"2024-{number % 12 + 1:02d}-10", source=f"Outlet {number % 3}")
        )


def urls(kb: KnowledgeBase, query: str, k: int = 10, **filters: object) -> list[str]:
    return [passage.version.url for passage in kb.search(query, k, **filters)]  # type: ignore[arg-type]


def test_committed_is_found_before_and_after_publishing(kb: KnowledgeBase) -> None:
    fill(kb, 12)
    before = urls(kb, "case 7 data transfers")
    assert before[0] == "https://news.example/report-7"
    assert kb.publish(force=True)
    assert urls(kb, "case 7 data transfers") == before
    fill(kb, 1, start=12)
    assert "https://news.example/report-12" in urls(kb, "case 12 rare earths", 3)
    state = kb.index.state()
    assert (state["indexed"], state["since"]) == (12, 1)


def test_chroma_agrees_with_the_exact_scan(kb: KnowledgeBase, embedder: Embedder) -> None:
    fill(kb, 60)
    kb.publish(force=True)
    index = kb.index
    index.refresh()
    store, base = index._store, index._base
    assert store is not None
    for topic in TOPICS:
        vector = embedder.query(topic)
        exact = base.nearest(vector, base.rows(Filters(), "en"), 10)
        found = store.nearest("en", vector, Filters(), 10)
        assert [seq for seq, _ in found] == [seq for seq, _ in exact]
        assert np.allclose([score for _, score in found], [score for _, score in exact], atol=1e-4)
    narrow = Filters(since=date(2024, 3, 1), until=date(2024, 3, 31), sources=("Outlet 2",))
    vector = embedder.query("chips")
    exact = base.nearest(vector, base.rows(narrow, "en"), 10)
    assert exact
    assert {seq for seq, _ in store.nearest("en", vector, narrow, 10)} == {seq for seq, _ in exact}


def test_filters_are_pushed_down(kb: KnowledgeBase) -> None:
    fill(kb, 24)
    kb.publish(force=True)
    fill(kb, 6, start=24)
    for passage in kb.search("decision on chips", 50, since=date(2024, 5, 1), until=date(2024, 6, 30)):
        assert passage.version.published is not None
        assert date(2024, 5, 1) <= passage.version.published.day <= date(2024, 6, 30)
    assert {passage.version.source for passage in kb.search("decision", 50, sources=["Outlet 1"])} == {"Outlet 1"}
    assert kb.search("decision", 50, languages=["zh"]) == []


def test_an_update_takes_the_old_text_out(kb: KnowledgeBase) -> None:
    fill(kb, 5)
    kb.publish(force=True)
    kb.add(make_article("report-3", "Nothing of the sort: the case was about shipping containers. " * 5))
    for _ in range(2):
        texts = [passage.text for passage in kb.search("case 3 about Huawei", 50) if passage.version.url.endswith("-3")]
        assert texts and all("containers" in text for text in texts)
        kb.publish(force=True)


def test_only_two_generations_are_kept(kb: KnowledgeBase, home: Path) -> None:
    for number in range(4):
        fill(kb, 1, start=number)
        kb.publish(force=True)
    now = generations.current(kb.catalog)
    assert now is not None
    fill(kb, 1, start=9)
    kb.publish(force=True)
    assert len(list((home / "index").iterdir())) == 3
    generations.clear(kb.catalog, home / "index")
    after = generations.current(kb.catalog)
    assert after is not None
    assert {entry.name for entry in (home / "index").iterdir()} == {after.name, now.name}


def damage(folder: Path, dice: random.Random) -> str:
    """Harm one file of a generation: cut it, zero it, flip a byte in it, or remove it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = dice.choice(files)
    how = dice.choice(["cut", "zero", "flip", "remove"])
    content = bytearray(path.read_bytes())
    if how == "remove":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "zero":
        path.write_bytes(bytes(len(content)))
    elif content:
        content[dice.randrange(len(content))] ^= 0xFF
        path.write_bytes(content)
    return f"{how} {path.name}"


def test_damaged_generations_still_answer_and_are_rebuilt(home: Path, embedder: Embedder, tmp_path: Path) -> None:
    settings = Settings(home=home)
    with open_kb(settings=settings, embedder=embedder) as kb:
        fill(kb, 40)
        kb.publish(force=True)
    dice = random.Random(7)
    saved = tmp_path / "saved"
    shutil.copytree(home, saved)
    for _ in range(4):
        shutil.rmtree(home)
        shutil.copytree(saved, home)
        with open_kb(settings=settings, embedder=embedder) as kb:
            now = generations.current(kb.catalog)
            assert now is not None
            what = damage(home / "index" / now.name, dice)
            fill(kb, 1, start=90)
            kb.publish(force=True)
            after = generations.current(kb.catalog)
            assert after is not None and after.name != now.name, what
            assert len(urls(kb, "case 5 licences", 30)) == 30, what
            assert kb.index.trouble == "", what


def test_a_missing_generation_falls_back_to_the_exact_scan(home: Path, embedder: Embedder) -> None:
    with open_kb(settings=Settings(home=home), embedder=embedder) as kb:
        fill(kb, 10)
        kb.publish(force=True)
    shutil.rmtree(home / "index")
    with open_kb(settings=Settings(home=home), embedder=embedder) as kb:
        assert urls(kb, "case 7 data transfers", 1) == ["https://news.example/report-7"]
        assert "lagebild rebuild" in kb.index.trouble
        kb.rebuild()
        assert urls(kb, "case 7 data transfers", 1) == ["https://news.example/report-7"]
        assert kb.index.trouble == ""


def test_verification_ends_with_an_error_for_a_store_that_lacks_chunks(kb: KnowledgeBase, home: Path) -> None:
    fill(kb, 6)
    kb.publish(force=True)
    now = generations.current(kb.catalog)
    assert now is not None
    folder = home / "index" / now.name
    check = [sys.executable, "-m", "kb.search.index", str(folder)]
    assert subprocess.run(check, capture_output=True).returncode == 0
    copy = home / "copy"
    shutil.copytree(folder, copy)
    store = VectorStore(copy / "chroma")
    store.delete([min(kb.catalog.current_chunks())])
    store.close()
    done = subprocess.run([*check[:-1], str(copy)], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (1, "1 chunks missing, 0 too many")


@pytest.mark.slow
def test_a_chroma_server_takes_the_same_path(home: Path, embedder: Embedder, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("chroma")
    server = subprocess.Popen(
        [program, "run", "--path", tmp_path / "server", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        settings = Settings(home=home, chroma=f"http://127.0.0.1:{port}")
        with open_kb(settings=settings, embedder=embedder) as kb:
            fill(kb, 10)
            kb.publish(force=True)
            assert urls(kb, "case 7 data transfers", 1) == ["https://news.example/report-7"]
            fill(kb, 1, start=10)
            kb.rebuild()
            assert kb.index.state()["indexed"] == 11
            assert kb.index.trouble == ""
    finally:
        server.terminate()
        server.wait(20)


def test_backup_and_restore_while_in_use(kb: KnowledgeBase, home: Path, embedder: Embedder, tmp_path: Path) -> None:
    fill(kb, 8)
    kb.publish(force=True)
    file = tmp_path / "backup.zip"
    kb.backup(file)
    with open_kb(settings=Settings(home=home), embedder=embedder) as reader:
        assert urls(reader, "case 7 data transfers", 1)
        fill(kb, 4, start=8)
        kb.restore(file)
        assert reader.catalog.counts()["articles"] == 8
        assert urls(reader, "case 7 data transfers", 1) == ["https://news.example/report-7"]
        assert "https://news.example/report-10" not in urls(reader, "case 10 tariffs", 8)
    assert kb.catalog.check() == []


def test_a_damaged_backup_changes_nothing(kb: KnowledgeBase, tmp_path: Path) -> None:
    from kb.errors import HomeError

    fill(kb, 3)
    file = tmp_path / "backup.zip"
    kb.backup(file)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    before = kb.catalog.counts()
    with pytest.raises(HomeError, match="nothing was changed"):
        kb.restore(file)
    (tmp_path / "other.zip").write_text(json.dumps({"not": "a zip"}))
    with pytest.raises(HomeError, match="not a backup"):
        kb.restore(tmp_path / "other.zip")
    assert kb.catalog.counts() == before
