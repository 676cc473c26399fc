"""What a TARGET of `lagebild ingest` is taken for, and what is said of one that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.sources import load_sources
from ingest.targets import FileTarget, FolderTarget, SourceTarget, UrlTarget, read_target, read_targets
from kb.errors import UsageError

SOURCES = load_sources()


def test_sources_addresses_files_and_folders(tmp_path: Path) -> None:
    page = tmp_path / "a page.html"
    page.write_text("<p>x")
    assert read_target("de-heise", SOURCES) == SourceTarget(SOURCES["de-heise"])
    assert read_target(" https://example.org/a ", SOURCES) == UrlTarget("https://example.org/a")
    assert read_target("HTTP://example.org", SOURCES) == UrlTarget("HTTP://example.org")
    assert read_target(str(page), SOURCES) == FileTarget(page)
    assert read_target(page.as_uri(), SOURCES) == FileTarget(page)
    assert read_target(str(tmp_path), SOURCES) == FolderTarget(tmp_path)


def test_a_source_goes_before_a_file_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "de-heise").write_text("text")
    assert read_target("de-heise", SOURCES) == SourceTarget(SOURCES["de-heise"])
    assert read_target("./de-heise", SOURCES) == FileTarget(tmp_path / "de-heise")


def test_each_target_once() -> None:
    assert len(read_targets(["de-heise", "https://e.org/", "de-heise"], SOURCES)) == 2


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("", "an empty TARGET"),
        ("de-heisse", "did you mean de-heise"),
        ("ftp://example.org/a", "ftp addresses are not fetched"),
        ("https:///a", "is not an address that can be fetched"),
        ("http://[::1", "is not an address that can be fetched"),
        ("example.org/news", "write https://example.org/news"),
        ("no/such/file.html", "there is no such file or folder"),
        ("file:///no/such/file.html", "there is no such file or folder"),
        ("agg-gdelt", "which is not read"),
        ("a\x00b.html", "there is no such file or folder"),
    ],
)
def test_what_is_no_target_is_named(given: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as caught:
        read_target(given, SOURCES)
    assert given in str(caught.value)


def test_a_file_of_another_type_is_refused_before_the_run(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x")
    with pytest.raises(UsageError, match=r"files named \.mp4 are not read; readable are \.htm"):
        read_target(str(film), SOURCES)
