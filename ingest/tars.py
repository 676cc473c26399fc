"""Tar archives, plain or with gzip, read member by member and never unpacked to a disk.

`tarfile` reads the headers, and only those: what it asks for is bounded here, as it would read a name of any length,
follow a size below zero backwards for ever, and search a long row of digits for hours (CVE-2025-8194, CVE-2024-6232).
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from ingest.archives import LIMITS, STEP, Budget, Limits, Member, Unread, is_outside
from kb.errors import CollectError

HEADERS = 65_536
"""Bytes of the headers of a member: names and times."""

_ROW_OF_DIGITS = re.compile(rb"\d{300}")


def is_tar(name: str) -> bool:
    return name.lower().endswith((".tar", ".tar.gz", ".tgz"))


def names(path: Path, limits: Limits = LIMITS) -> list[str]:
    """The names of the files in a tar archive. Raises CollectError as `members` does."""
    with _opened(path, limits) as (archive, _):
        return [_name(info) for info in _infos(archive, path, limits) if info.isfile()]


def members(path: Path, wanted: Callable[[str], bool], limits: Limits = LIMITS) -> Iterator[Member | Unread]:
    """The wanted files of a tar archive, in its order; what is refused of them is an `Unread`.

    `wanted` judges names; what it does not want is passed over. Raises CollectError for an archive that is none, or
    that is built to do harm.
    """
    with _opened(path, limits) as (archive, stream):
        for info in _infos(archive, path, limits):
            name = _name(info)
            if info.isdir() or not wanted(name):
                continue
            target = f"{path}: {name}"
            if refusal := _refusal(info, limits):
                yield Unread(target, refusal[0], f"{target} {refusal[1]}")
                continue
            stream.seek(info.offset_data)
            yield Member(name, stream.content(info.size))


def _name(info: tarfile.TarInfo) -> str:
    return str(PurePosixPath(info.name)) if not is_outside(info.name) else info.name


def _infos(archive: tarfile.TarFile, path: Path, limits: Limits) -> Iterator[tarfile.TarInfo]:
    entries = 0
    while (info := archive.next()) is not None:
        entries += 1
        if entries > limits.entries:
            raise CollectError("too_large", f"{path} has more than {limits.entries:,} entries; split it")
        yield info


def _refusal(info: tarfile.TarInfo, limits: Limits) -> tuple[str, str] | None:
    """Why a member is not read, by what its header says."""
    if is_outside(info.name):
        return "outside", "is named as if it lay outside of the archive; it is not read"
    if info.issym() or info.islnk():
        return "outside", "is a link; it is not followed"
    if not info.isfile() or info.issparse():
        return "unreadable", "is no plain file (a device, a pipe, or one with holes)"
    if info.size > limits.entry:
        return "too_large", f"has {info.size:,} bytes, more than {limits.entry:,}; ingest it as a file of its own"
    return None


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[tuple[tarfile.TarFile, _Stream]]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        inner: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
        try:
            stream = _Stream(inner, raw if packed else None, Budget(str(path), limits))
            with tarfile.TarFile(fileobj=stream, encoding="utf-8", errors="replace") as archive:  # type: ignore[arg-type]
                yield archive, stream
        except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, ValueError, RecursionError) as error:
            message = f"{path} is not a tar archive that can be read to its end: {error}"
            raise CollectError("unreadable", message) from None
        finally:
            inner.close()


class _Stream(io.RawIOBase):
    """The bytes of an archive, front to back. What comes out of `packed` is counted, skipped or not."""

    def __init__(self, inner: IO[bytes], packed: IO[bytes] | None, budget: Budget) -> None:
        self._inner = inner
        self._packed = packed
        self._budget = budget
        self._at = 0

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        """A piece of a header."""
        if not 0 <= size <= HEADERS:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        found = self._taken(size)
        if _ROW_OF_DIGITS.search(found):
            raise tarfile.ReadError("a header with a number without end")
        return found

    def content(self, size: int) -> bytes:
        """The content of a member."""
        found = self._taken(size)
        if len(found) < size:
            raise tarfile.ReadError("it breaks off inside of a file")
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset < self._at or whence:
            raise tarfile.ReadError("a header that points backwards")
        if self._packed is None:
            self._at = self._inner.seek(offset)
        while self._at < offset and self._piece(offset - self._at):
            pass
        return self._at

    def _taken(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size and (piece := self._piece(size - len(found))):
            found += piece
        return bytes(found)

    def _piece(self, size: int) -> bytes:
        piece = self._inner.read(min(size, STEP))
        self._at += len(piece)
        # A plain archive is as large as it is.
        self._budget.spend(len(piece), self._packed.tell() if self._packed is not None else self._at)
        return piece
