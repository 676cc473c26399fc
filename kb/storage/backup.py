"""Backup and restore: one zip file with the catalog and the snapshots. The index is derived and left out."""

from __future__ import annotations

import sqlite3
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from kb.errors import HomeError
from kb.search.generations import CURRENT
from kb.storage.catalog import Catalog

CATALOG = "catalog.sqlite"
SNAPSHOTS = "snapshots"
MAX_SNAPSHOT = 64 * 2**20
"""Bytes of one snapshot in a backup file; a larger one is not ours."""


def write_backup(catalog: Catalog, home: Path, target: Path, note: Callable[[str], None]) -> None:
    """Write the catalog as of now and every snapshot to `target`; an unfinished file never takes its name."""
    unfinished = target.with_name(target.name + ".part")
    try:
        with tempfile.TemporaryDirectory(dir=home) as folder:
            copy = Path(folder) / CATALOG
            note("copying the catalog")
            catalog.backup(copy)
            with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                archive.write(copy, CATALOG)
                for path in sorted((home / SNAPSHOTS).rglob("*")):
                    if path.is_file():
                        # Snapshots are compressed already.
                        archive.write(path, f"{SNAPSHOTS}/{path.relative_to(home / SNAPSHOTS)}", zipfile.ZIP_STORED)
        unfinished.replace(target)
    except OSError as error:
        raise HomeError(f"the backup {target} could not be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def restore_into(catalog: Catalog, home: Path, origin: Path, note: Callable[[str], None]) -> None:
    """Put the catalog and snapshots of a backup in place; nothing is touched if the file is not sound.

    Raises HomeError if `origin` is not a backup of ours or is damaged.
    """
    with tempfile.TemporaryDirectory(dir=home) as folder:
        copy = Path(folder) / CATALOG
        try:
            with zipfile.ZipFile(origin) as archive:
                note("reading the backup")
                if broken := archive.testzip():
                    raise HomeError(f"the backup {origin} is damaged at {broken}; nothing was changed")
                with archive.open(CATALOG) as packed, copy.open("wb") as unpacked:
                    while block := packed.read(1 << 20):
                        unpacked.write(block)
                problems = _problems(copy)
                if problems:
                    raise HomeError(f"the catalog in {origin} is not sound ({problems[0]}); nothing was changed")
                note("restoring")
                _unpack_snapshots(archive, home / SNAPSHOTS)
        except (OSError, zipfile.BadZipFile, KeyError) as error:
            raise HomeError(f"{origin} is not a backup of Lagebild ({error}); nothing was changed") from error
        _replace(copy, catalog.path)


def _problems(copy: Path) -> list[str]:
    database = Catalog(copy)
    try:
        return database.check()
    finally:
        database.close()


def _unpack_snapshots(archive: zipfile.ZipFile, target: Path) -> None:
    for entry in archive.infolist():
        if not entry.filename.startswith(f"{SNAPSHOTS}/") or entry.is_dir():
            continue
        path = (target / entry.filename.removeprefix(f"{SNAPSHOTS}/")).resolve()
        if not path.is_relative_to(target.resolve()) or entry.file_size > MAX_SNAPSHOT:
            raise HomeError(f"the backup holds {entry.filename!r}, which is not a snapshot; nothing was changed")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".part")
            part.write_bytes(archive.read(entry))
            part.replace(path)


def _replace(copy: Path, live: Path) -> None:
    """Copy one database over another in one transaction, so that open readers see before or after."""
    source, target = sqlite3.connect(copy), sqlite3.connect(live, timeout=30)
    try:
        source.execute("DELETE FROM meta WHERE key = ?", (CURRENT,))
        source.commit()
        source.backup(target)
    finally:
        source.close()
        target.close()
