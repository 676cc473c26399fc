"""The keys that the suite plants, and where they must not turn up: in whatever is written, printed or shown.

Tests give keys that can be told by their looks. While they run, what they print and what the commands they start
print is looked through; at the end (`tests/test_planted.py`), every file they left behind.
"""

from __future__ import annotations

import re
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

KEY = re.compile(rb"(?:sk|ms|ALTAK)-planted[\w-]*|plantedZhipuKey1|plantedSparkPassword")

OURS = re.compile(r"keys\.toml|\.keys-\w+|.*\.env")
"""Files that hold keys because keys are kept, or given, in them."""

LARGEST = 200_000_000

seen: list[str] = []
"""Where planted keys were printed or shown so far."""


def look(where: str, said: str | bytes | None) -> None:
    """Remember `where` if a planted key stands in what was said."""
    text = said.encode("utf-8", "replace") if isinstance(said, str) else said or b""
    if KEY.search(text):
        seen.append(where)


def watch_commands() -> None:
    """From now on, what any command prints to a test is looked through, too."""
    communicate = subprocess.Popen.communicate

    def watched(self: subprocess.Popen[Any], *given: Any, **named: Any) -> Any:
        told = communicate(self, *given, **named)
        for text in told:
            look(f"output of {self.args!r}"[:200], text)
        return told

    subprocess.Popen.communicate = watched  # type: ignore[method-assign]


def files_with_keys(folder: Path) -> Iterator[Path]:
    """The files under a folder in which a planted key stands; archives are opened."""
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() or not file.is_file() or OURS.fullmatch(file.name) or file.stat().st_size > LARGEST:
            continue
        if any(KEY.search(content) for content in _contents(file)):
            yield file


def _contents(file: Path) -> Iterator[bytes]:
    raw = file.read_bytes()
    yield raw
    if raw[:2] == b"\x1f\x8b":
        yield _unpacked(raw)
    elif zipfile.is_zipfile(file):
        yield from _members(file)


DAMAGED = (zipfile.BadZipFile, OSError, EOFError, zlib.error, RuntimeError, NotImplementedError)
"""What tests of archives leave raises one of these: broken off, encrypted, packed unusually."""


def _members(file: Path) -> Iterator[bytes]:
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGED:
        return
    with archive:
        for member in archive.infolist():
            if not OURS.fullmatch(Path(member.filename).name) and member.file_size < LARGEST:
                with suppress(*DAMAGED):
                    yield archive.read(member)


def _unpacked(raw: bytes) -> bytes:
    """What a gzip file holds, as far as it can be read: tests of archives leave damaged ones."""
    found = []
    while raw[:2] == b"\x1f\x8b":
        member = zlib.decompressobj(wbits=31)
        try:
            found.append(member.decompress(raw, LARGEST))
        except zlib.error:
            break
        raw = member.unused_data
    return b"".join(found)
