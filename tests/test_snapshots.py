"""Snapshots: content-addressed, whole or absent, on a disk or in an object store."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from kb.errors import HomeError
from kb.models import Page
from kb.storage.snapshots import Snapshots, snapshot_name

PAGE = Page(
    url="https://example.org/a?x=1",
    final_url="https://example.org/a",
    content="<p>路透社 Größe".encode("gb18030") * 50,
    media_type="text/html",
    charset="gb2312",
    fetched=datetime(2024, 7, 9, 8, 30, tzinfo=UTC),
    status=200,
    headers={"content-type": "text/html; charset=gb2312", "etag": '"1"', "set-cookie": "secret=1"},
)


def test_a_page_comes_back_as_it_was(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    name = snapshots.put(PAGE)
    assert snapshots.get(name) == replace(PAGE, headers={"content-type": "text/html; charset=gb2312", "etag": '"1"'})
    assert name in snapshots and "0" * 40 not in snapshots
    assert list(snapshots) == [name]


def test_the_same_page_fetched_again_is_kept_once(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    first = snapshots.put(PAGE)
    again = snapshots.put(replace(PAGE, fetched=datetime(2025, 1, 1, tzinfo=UTC), headers={"etag": '"2"'}))
    assert again == first
    assert snapshots.get(first).fetched == PAGE.fetched


@pytest.mark.parametrize(
    "change",
    [{"content": b"other"}, {"charset": None}, {"media_type": "text/plain"}, {"final_url": "https://example.org/b"}],
)
def test_what_reads_differently_is_another_snapshot(change: dict[str, object]) -> None:
    assert snapshot_name(replace(PAGE, **change)) != snapshot_name(PAGE)  # type: ignore[arg-type]


def test_empty_and_binary_content(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    for content in (b"", b"\n\n", bytes(range(256)) * 4):
        assert snapshots.get(snapshots.put(replace(PAGE, content=content))).content == content


def test_blobs_are_compressed_and_no_part_is_left(tmp_path: Path) -> None:
    name = Snapshots(tmp_path).put(replace(PAGE, content=b"<p>again and again</p>" * 5_000))
    (blob,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert blob == tmp_path / name[:2] / f"{name}.zst"
    assert blob.stat().st_size < 2_000


def test_damage_is_noticed(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    name = snapshots.put(PAGE)
    blob = tmp_path / name[:2] / f"{name}.zst"
    good = blob.read_bytes()
    for bad in (
        good[: len(good) // 2],
        b"",
        b"not zstd",
        zstandard.compress(b"no head"),
        zstandard.compress(b'{"url": 1}\nx'),
    ):
        blob.write_bytes(bad)
        with pytest.raises(HomeError, match="is damaged"):
            snapshots.get(name)
    other = Snapshots(tmp_path / "other")
    swapped = other.put(replace(PAGE, content=b"another page"))
    blob.write_bytes((tmp_path / "other" / swapped[:2] / f"{swapped}.zst").read_bytes())
    with pytest.raises(HomeError, match="is damaged"):
        snapshots.get(name)


def test_a_bomb_in_a_blob_is_not_unpacked(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    name = snapshots.put(PAGE)
    packer = zstandard.ZstdCompressor().compressobj()
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(80)) + packer.flush()
    (tmp_path / name[:2] / f"{name}.zst").write_bytes(bomb)
    with pytest.raises(HomeError, match="is damaged"):
        snapshots.get(name)


def test_a_missing_snapshot_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="ingest its address again"):
        Snapshots(tmp_path).get("ab" * 20)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(HomeError, match="could not be written"):
        Snapshots(tmp_path / "snapshots").put(PAGE)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "snapshots").write_text("in the way")
    with pytest.raises(HomeError, match="could not be written"):
        Snapshots(tmp_path / "snapshots").put(PAGE)


def test_an_object_store_is_a_url_away() -> None:
    place = f"memory://{uuid.uuid4()}/snapshots"
    name = Snapshots(place).put(PAGE)
    assert Snapshots(place).get(name).content == PAGE.content
    assert list(Snapshots(place)) == [name]
