"""Many readers and one writer, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kb.embedding import Embedder
from kb.errors import HomeLocked
from kb.knowledge import KnowledgeBase, open_kb
from kb.settings import Settings
from kb.storage.catalog import Catalog
from tests.conftest import make_article
from tests.test_index import fill

READER = """
import json, sys, time
from kb.knowledge import open_kb
searches = errors = newest = 0
with open_kb(sys.argv[1]) as kb:
    print("ready", flush=True)
    end = time.monotonic() + 300
    while time.monotonic() < end:
        try:
            found = kb.search("case decided by the office", 50)
            newest = max([newest, *(int(one.version.url.rsplit("-", 1)[1]) for one in found)])
            done = any(one.version.title == "The end" for one in kb.search("the end of the test", 5))
        except Exception as error:
            errors += 1
            print("error", repr(error), file=sys.stderr)
            done = errors > 3
        searches += 1
        if done:
            break
print(json.dumps({"searches": searches, "errors": errors, "newest": newest}))
"""


@pytest.mark.slow
def test_two_processes_read_while_one_writes(kb: KnowledgeBase, home: Path) -> None:
    fill(kb, 10)
    kb.publish(force=True)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout is not None and reader.stdout.readline() == "ready\n"
    for number in range(10, 40, 5):
        fill(kb, 5, start=number)
        kb.publish(force=True)
    kb.add(make_article("last-40", "This is the end of the test, the very end.", title="The end"))
    for reader in readers:
        out, err = reader.communicate(timeout=300)
        result = json.loads(out)
        assert result["errors"] == 0, err
        assert result["searches"] > 0
        assert result["newest"] >= 39


def test_a_second_writer_is_refused_and_told_who_writes(kb: KnowledgeBase, home: Path, embedder: Embedder) -> None:
    script = (
        "import sys\nfrom kb.knowledge import open_kb\nwith open_kb(sys.argv[1]) as kb, kb.writing():\n"
        "    print('held', flush=True)\n    sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", script, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None and other.stdout.readline() == "held\n"
            with pytest.raises(HomeLocked, match=f"process {other.pid}"):
                kb.add(make_article("chips", "New licence duties. " * 20))
            assert kb.search("chips") == []
        finally:
            other.kill()
    kb.add(make_article("chips", "New licence duties. " * 20))
    assert len(kb.search("chips")) == 1


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    from kb.errors import HomeError

    place = tmp_path / "file"
    place.write_text("not a folder")
    with pytest.raises(HomeError, match="choose another with --home"):
        open_kb(settings=Settings(home=place / "home"))


def test_a_damaged_catalog_is_said(home: Path, kb: KnowledgeBase, embedder: Embedder) -> None:
    from kb.errors import CatalogDamaged

    fill(kb, 3)
    kb.close()
    (home / "catalog.sqlite").write_bytes(b"not a database at all" * 1000)
    for extra in ("catalog.sqlite-wal", "catalog.sqlite-shm"):
        (home / extra).unlink(missing_ok=True)
    with pytest.raises(CatalogDamaged, match="lagebild restore"):
        open_kb(settings=Settings(home=home), embedder=embedder)
    assert os.path.getsize(home / "catalog.sqlite") == 21000


def test_a_new_home_is_opened_by_many_at_once(tmp_path: Path) -> None:
    for number in range(5):
        with ThreadPoolExecutor(8) as pool:
            catalogs = list(pool.map(Catalog, [tmp_path / str(number) / "catalog.sqlite"] * 8))
        assert [catalog.check() for catalog in catalogs] == [[]] * 8
        for catalog in catalogs:
            catalog.close()
