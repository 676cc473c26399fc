"""ZIP archives, read within bounds and never unpacked to a disk: an archive is hostile until it is read.

What is counted is what really comes out, not what the archive says of itself.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kb.errors import CollectError

STEP = 65_536
_END = struct.Struct("<4s4H2LH")
"""The end of a central directory: mark, disks, entries, size, offset, length of the comment."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an archive is read: entries, bytes of one and of all when unpacked; `ratio` (unpacked to packed) is
    judged once `ratio_from` bytes came out."""

    entries: int = 10_000
    entry: int = 20_000_000
    total: int = 1_000_000_000
    ratio: int = 100
    ratio_from: int = 1_000_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or a part of one, that did not become an article."""

    target: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its name in there, and its bytes."""

    name: str
    content: bytes


class Budget:
    """What may still come out of one archive. `name` is what it is called in messages."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self._limits = limits
        self._unpacked = 0

    def spend(self, size: int, packed: int) -> None:
        """Count `size` more bytes, out of `packed` so far. Raises CollectError `bomb` or `too_large`."""
        self._unpacked += size
        limits = self._limits
        if self._unpacked > limits.ratio_from and self._unpacked > limits.ratio * packed:
            message = f"{self.name}: {packed:,} bytes unpack to more than {self._unpacked:,}: a bomb, not read on"
            raise CollectError("bomb", message)
        if self._unpacked > limits.total:
            message = f"{self.name} unpacks to more than {limits.total:,} bytes; split it, the part so far was read"
            raise CollectError("too_large", message)


def members(path: Path, wanted: Callable[[str], bool], limits: Limits = LIMITS) -> Iterator[Member | Unread]:
    """The wanted files of a ZIP archive, in order of their names; what is refused of them is an `Unread`.

    `wanted` judges names; what it does not want is passed over. Raises CollectError for an archive that is none, or
    that is built to do harm.
    """
    with opened(path, limits) as (archive, infos):
        budget, packed = Budget(str(path), limits), 0
        for info in sorted(infos, key=lambda info: info.filename):
            if info.is_dir() or not wanted(info.filename):
                continue
            target = f"{path}: {info.filename}"
            if refusal := refusal_of(info, limits):
                yield Unread(target, refusal[0], f"{target} {refusal[1]}")
                continue
            packed += info.compress_size
            try:
                yield Member(info.filename, _content(archive, info, limits, budget, packed))
            except _Entry as error:
                yield Unread(target, error.reason, f"{target} {error}")


@contextmanager
def opened(path: Path, limits: Limits = LIMITS) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """A ZIP archive and its entries, once its directory is known to be sound. Raises CollectError."""
    try:
        _judge_end(path, limits)
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            _judge_layout(path, infos, limits)
            yield archive, infos
    except (zipfile.BadZipFile, UnicodeDecodeError, struct.error, NotImplementedError, EOFError) as error:
        raise CollectError("unreadable", f"{path} is not a ZIP archive that can be read: {error}") from None


def _judge_end(path: Path, limits: Limits) -> None:
    """Refuse a directory that would take much memory before `zipfile` reads it whole."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_557))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise zipfile.BadZipFile("it has no directory")
    _, _, _, _, entries, length, _, _ = _END.unpack_from(tail, at)
    # 0xFFFF and 0xFFFFFFFF mean that the figures stand elsewhere, as they are larger than fits here.
    if entries > limits.entries or length > limits.entries * 1_000:
        raise CollectError("too_large", f"{path} has more than {limits.entries:,} entries; split it")


def _judge_layout(path: Path, infos: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(infos) > limits.entries:
        raise CollectError("too_large", f"{path} has {len(infos):,} entries, more than {limits.entries:,}; split it")
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise CollectError("bomb", f"{path}: its entries lie over one another: a bomb, not read")
        end = info.header_offset + info.compress_size


def is_outside(name: str) -> bool:
    """Whether the name of an entry leads out of its archive."""
    name = name.replace("\\", "/")
    return name.startswith("/") or name[1:2] == ":" or ".." in PurePosixPath(name).parts


def refusal_of(info: zipfile.ZipInfo, limits: Limits) -> tuple[str, str] | None:
    """Why an entry is not read, by what the directory says of it."""
    if is_outside(info.filename):
        return "outside", "is named as if it lay outside of the archive; it is not read"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "outside", "is a link; it is not followed"
    if info.flag_bits & 1:
        return "encrypted", "asks for a password; pack it without one"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Python unpacks the others a block at a time, however large it comes out.
        return "unreadable", "is packed otherwise than by deflate; pack it anew"
    if info.file_size > limits.entry:
        return "too_large", f"has {info.file_size:,} bytes, more than {limits.entry:,}; ingest it as a file of its own"
    return None


class _Entry(CollectError):
    """One entry that cannot be read; the others may be."""


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits, budget: Budget, packed: int) -> bytes:
    content = bytearray()
    try:
        with archive.open(info) as file:
            while piece := file.read(STEP):
                content += piece
                budget.spend(len(piece), packed)
                # A bomb among honest files, whose size is a lie.
                if len(content) > limits.ratio_from and len(content) > limits.ratio * max(info.compress_size, 1):
                    raise CollectError("bomb", f"{archive.filename}: {info.filename} is a bomb; not read on")
                if len(content) > limits.entry:
                    raise _Entry("too_large", f"has more than {limits.entry:,} bytes")
    except (zlib.error, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise _Entry("unreadable", f"cannot be unpacked ({error})") from None
    return bytes(content)
