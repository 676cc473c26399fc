"""No key that any test planted stands in anything the suite wrote, printed or showed. Runs last."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests import planted
from tests.fakeproviders import FakeProviders, key_of


def test_every_planted_key_is_told_by_its_looks() -> None:
    with FakeProviders() as fake:
        for key in fake.env().values():
            assert planted.KEY.search(f"says {key}!".encode())
    assert not planted.KEY.search(b"a zebra was planted; sk-other")


def test_the_search_finds_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "seen", [])
    key = key_of("qwen")
    (tmp_path / "keys.toml").write_text(f'qwen = "{key}"')
    (tmp_path / "clean.log").write_text("nothing")
    assert list(planted.files_with_keys(tmp_path)) == []
    (tmp_path / "page.log").write_text(f"Bearer {key}")
    with zipfile.ZipFile(tmp_path / "backup.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("catalog.sqlite", f"x{key}x" * 9)
    found = list(planted.files_with_keys(tmp_path))
    assert [file.name for file in found] == ["backup.zip", "page.log"]
    planted.look("here", f"the key is {key}")
    assert planted.seen == ["here"]
    for file in found:
        file.unlink()


def test_no_planted_key_is_left_anywhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert planted.seen == []
    assert list(planted.files_with_keys(tmp_path_factory.getbasetemp())) == []
