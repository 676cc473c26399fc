"""Snapshots: pages as they were fetched, content-addressed and compressed, so that they can be read again offline.

A snapshot is named after what decides how the page reads (address, type, charset, status, bytes), not after
when it was fetched: an unchanged page is kept once. The place is a folder or any fsspec URL (s3://…, gs://…).

    zstd( one line of JSON about the page \\n its bytes )
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.errors import HomeError
from kb.models import Page

if TYPE_CHECKING:
    import fsspec

LARGEST = 64 * 2**20
"""Bytes of a snapshot unpacked; ingestion keeps no page that is larger (15 MB decoded)."""

LEVEL = 6
"""zstd level: HTML shrinks to a fifth, at about 100 MB/s."""

KEPT_HEADERS = frozenset(
    {"content-language", "content-type", "date", "etag", "last-modified", "link", "tdm-reservation", "x-robots-tag"}
)
"""Response headers that bear on how a page is read, or may be read."""


class Snapshots:
    """The snapshots of one home. Safe from any thread and, as names are content, from any process."""

    def __init__(self, place: str | Path) -> None:
        self._place = str(place)
        self._opened: tuple[fsspec.AbstractFileSystem, str] | None = None

    def put(self, page: Page) -> str:
        """Keep a page; its name. A page that reads the same is kept once, as it was first fetched.

        On a local disk a snapshot is there whole and durable when this returns. Raises HomeError.
        """
        import zstandard

        kept = {name: value for name, value in page.headers.items() if name in KEPT_HEADERS}
        page = replace(page, headers=kept)
        name = snapshot_name(page)
        packed = zstandard.ZstdCompressor(level=LEVEL).compress(_head(page) + b"\n" + page.content)
        try:
            self._write(name, packed)
        except OSError as error:
            raise HomeError(f"a snapshot could not be written to {self._place}: {error.strerror or error}") from error
        return name

    def get(self, name: str) -> Page:
        """The page of a snapshot. Raises HomeError if it is not there or is damaged."""
        import zstandard

        files, root = self._files()
        try:
            packed = files.cat_file(_path(root, name))
            raw = zstandard.ZstdDecompressor().decompress(packed, max_output_size=LARGEST)
            page = _page(raw)
        except FileNotFoundError as error:
            raise HomeError(f"the snapshot {name} is not in {self._place}; ingest its address again") from error
        except (OSError, ValueError, KeyError, zstandard.ZstdError) as error:
            raise HomeError(f"the snapshot {name} in {self._place} is damaged; ingest its address again") from error
        if snapshot_name(page) != name:
            raise HomeError(f"the snapshot {name} in {self._place} is damaged; ingest its address again")
        return page

    def __contains__(self, name: str) -> bool:
        files, root = self._files()
        return bool(files.exists(_path(root, name)))

    def __iter__(self) -> Iterator[str]:
        """The names of all snapshots."""
        files, root = self._files()
        for path in files.find(root) if files.exists(root) else ():
            name = Path(path).name.removesuffix(".zst")
            if path.endswith(".zst"):
                yield name

    def _files(self) -> tuple[fsspec.AbstractFileSystem, str]:
        if self._opened is None:
            import fsspec

            self._opened = fsspec.core.url_to_fs(self._place)
        return self._opened

    def _write(self, name: str, packed: bytes) -> None:
        files, root = self._files()
        path = _path(root, name)
        if files.exists(path):
            return
        if "file" in files.protocol:
            _write_durably(Path(path), packed)
        else:
            # An object store shows an object whole or not at all.
            files.pipe_file(path, packed)


def snapshot_name(page: Page) -> str:
    """160 bits of SHA-256 over what decides how a page reads."""
    told = json.dumps([page.url, page.final_url, page.media_type, page.charset, page.status], ensure_ascii=False)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass") + b"\n" + page.content).hexdigest()[:40]


def _path(root: str, name: str) -> str:
    return f"{root}/{name[:2]}/{name}.zst"


def _head(page: Page) -> bytes:
    told: dict[str, Any] = {
        "url": page.url,
        "final_url": page.final_url,
        "media_type": page.media_type,
        "charset": page.charset,
        "fetched": page.fetched.isoformat(),
        "status": page.status,
        "headers": dict(page.headers),
    }
    return json.dumps(told, ensure_ascii=True).encode("ascii")


def _page(raw: bytes) -> Page:
    head, _, content = raw.partition(b"\n")
    told = json.loads(head)
    told["fetched"] = datetime.fromisoformat(told["fetched"])
    return Page(content=content, **told)


def _write_durably(path: Path, content: bytes) -> None:
    """Write beside, sync, rename, sync the folder: there whole after a power cut, or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
