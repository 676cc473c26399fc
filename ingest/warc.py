"""Web archives (WARC, and WACZ which packs them) → pages as they were captured. ISO 28500, versions 0.18 to 1.1.

    WARC/1.1 ␍␊ headers ␍␊ ␍␊ block ␍␊ ␍␊        a record; with gzip each is a member of its own

A response is the block of a record: status line, headers, body. What holds no page is passed over and counted.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ingest.archives import LIMITS, STEP, Budget, Limits, Unread, opened, refusal_of
from ingest.inflate import Inflater
from ingest.policy import FetchPolicy
from kb.errors import CollectError
from kb.models import Page

PAGES = frozenset({"text/html", "application/xhtml+xml", "application/pdf"})
"""Media types that may hold an article."""

HEADERS = 65_536
"""Bytes of the headers of a record, and of a response."""

RECORDS_A_PAGE = 10
"""Records that an archive may hold for each page it may hold: requests, images, scripts."""

USUAL_PAGE = 30_000
"""Packed bytes for each page, images and all, to guess how many there are."""

_VERSION = re.compile(rb"WARC/\d+\.\d+\s*\Z")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Passed:
    """A record that holds no page, and what it holds instead."""

    kind: str


@dataclass(frozen=True, slots=True)
class _Record:
    headers: dict[str, str]
    length: int

    @property
    def kind(self) -> str:
        return self.headers.get("warc-type", "unknown").lower()


def is_web_archive(path: Path) -> bool:
    return path.name.lower().endswith((".warc", ".warc.gz", ".wacz"))


def captured(path: Path, limits: Limits = LIMITS) -> Iterator[Page | Unread | Passed]:
    """The pages of a web archive, in its order; what cannot be read of it is an `Unread`, never an error."""
    try:
        if path.name.lower().endswith(".wacz"):
            yield from _packed(path, limits)
            return
        with path.open("rb") as file:
            yield from _unfolded(file, str(path), limits)
    except CollectError as error:
        yield Unread(str(path), error.reason, str(error))
    except OSError as error:
        yield Unread(str(path), "unreadable", f"{path} cannot be read: {error.strerror or error}")


def _packed(path: Path, limits: Limits) -> Iterator[Page | Unread | Passed]:
    """A WACZ is a ZIP file with web archives below `archive/`: the one nesting that is followed."""
    with opened(path, limits) as (archive, infos):
        inner = [info for info in infos if re.fullmatch(r"archive/[^/]+\.warc(?:\.gz)?", info.filename, re.I)]
        if not inner:
            raise CollectError("unreadable", f"{path} holds no web archive below archive/; it is no WACZ file")
        for info in inner:
            # However large it is: its pages are measured one by one.
            if (refusal := refusal_of(info, replace(limits, entry=info.file_size))) is not None:
                yield Unread(f"{path}: {info.filename}", refusal[0], f"{path}: {info.filename} {refusal[1]}")
                continue
            with archive.open(info) as file:
                yield from _unfolded(file, f"{path}: {info.filename}", limits)


def _unfolded(file: IO[bytes], name: str, limits: Limits) -> Iterator[Page | Unread | Passed]:
    counted = _Counted(file)
    packed = counted.peek() == b"\x1f\x8b"
    if not packed:
        yield from _Reader(counted.read, counted, name, limits).pages()
        return
    with gzip.GzipFile(fileobj=counted) as stream:
        # `read` would lose what came before a damaged member.
        yield from _Reader(stream.read1, counted, name, limits).pages()


class _Counted(io.RawIOBase):
    """A file that knows how many bytes were taken from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ahead = b""
        self.taken = 0

    def readable(self) -> bool:
        return True

    def peek(self) -> bytes:
        self._ahead = self._file.read(2)
        return self._ahead

    def read(self, size: int = -1) -> bytes:
        ahead, self._ahead = self._ahead, b""
        got = ahead + self._file.read(size - len(ahead) if size >= 0 else STEP)
        self.taken += len(got)
        return got


class _Reader:
    """The records of one stream, read once and within limits."""

    def __init__(self, read: Callable[[int], bytes], counted: _Counted, name: str, limits: Limits) -> None:
        self._read = read
        self._counted = counted
        self._name = name
        self._limits = limits
        self._budget = Budget(name, limits)
        self._buffer = bytearray()

    def pages(self) -> Iterator[Page | Unread | Passed]:
        pages = records = 0
        limits = self._limits
        try:
            while (record := self._next()) is not None:
                found = self._page(record)
                records += 1
                pages += not isinstance(found, Passed)
                if pages > limits.entries or records > RECORDS_A_PAGE * limits.entries:
                    raise CollectError("too_large", f"{self._name} holds more than {limits.entries:,} pages; split it")
                yield found
        except (zlib.error, EOFError, gzip.BadGzipFile) as error:
            message = f"{self._name} breaks off or is damaged after {records} records ({error}); those were read"
            raise CollectError("unreadable", message) from None

    def _next(self) -> _Record | None:
        """The headers of the next record; None at the end."""
        line = self._line()
        while line in (b"\r\n", b"\n"):
            line = self._line()
        if not line:
            return None
        if not _VERSION.match(line):
            raise CollectError("unreadable", f"{self._name} is no web archive, or is damaged: {line[:40]!r}")
        headers = _headers(self._head())
        length = headers.get("content-length", "")
        if not length.isdigit() or len(length) > 15:
            raise CollectError("unreadable", f"{self._name}: a record does not say how long it is; not read on")
        return _Record(headers, int(length))

    def _page(self, record: _Record) -> Page | Unread | Passed:
        """The page of a record; its block is read or skipped to its end."""
        if record.kind not in ("response", "resource"):
            self._skip(record.length)
            return Passed(record.kind)
        url = record.headers.get("warc-target-uri", "").strip("<> ")
        start = self._take(min(record.length, HEADERS))
        rest = record.length - len(start)
        status, headers, body = _response(start) if record.kind == "response" else (200, {}, start)
        stated = headers.get("content-type") or (record.headers.get("content-type", "") if not headers else "")
        media_type = stated.partition(";")[0].strip().lower()
        other = "" if url.lower().startswith(("http://", "https://")) else "another protocol"
        other = other or ("" if status == 200 else f"status {status}")
        other = other or ("" if media_type in PAGES else media_type or "no media type")
        if other:
            self._skip(rest)
            return Passed(other)
        if record.length > self._limits.entry:
            self._skip(rest)
            return Unread(url, "too_large", f"{url} has {record.length:,} bytes, more than {self._limits.entry:,}")
        body += self._take(rest)
        at = _instant(record.headers.get("warc-date", ""))
        if at is None:
            return Unread(url, "bad_record", f"{url}: the archive does not say when it was captured")
        try:
            content = _decoded(body, headers, self._limits)
        except CollectError as error:
            return Unread(url, error.reason, f"{url}: {error}")
        charset = match[1] if (match := _CHARSET.search(stated)) else None
        return Page(url, url, content, media_type, charset, at, status, headers)

    # ── the stream ────────────────────────────────────────────────────────────────────────────

    def _fill(self) -> bool:
        piece = self._read(STEP)
        self._budget.spend(len(piece), self._counted.taken)
        self._buffer += piece
        return bool(piece)

    def _line(self) -> bytes:
        while (at := self._buffer.find(b"\n")) < 0 and len(self._buffer) <= HEADERS:
            if not self._fill():
                at = len(self._buffer) - 1
                break
        if at < 0 and self._buffer:
            raise CollectError("unreadable", f"{self._name}: a header goes on for more than {HEADERS:,} bytes")
        return self._cut(at + 1)

    def _head(self) -> bytes:
        lines = bytearray()
        while (line := self._line()) not in (b"\r\n", b"\n"):
            lines += line
            if not line or len(lines) > HEADERS:
                raise EOFError("the headers of a record do not end")
        return bytes(lines)

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._fill():
                raise EOFError("a record is shorter than it says")
        return self._cut(size)

    def _skip(self, size: int) -> None:
        while size > len(self._buffer):
            size -= len(self._buffer)
            self._buffer.clear()
            if not self._fill():
                raise EOFError("a record is shorter than it says")
        self._cut(size)

    def _cut(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def _response(block: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an HTTP response; status 0 for what is none."""
    match = re.match(rb"HTTP/[\d.]+\s+(\d{3})[^\n]*\n", block)
    if match is None:
        return 0, {}, b""
    end = re.compile(rb"\r?\n\r?\n").search(block, match.end() - 2)
    head = block[match.end() : end.start() if end else len(block)]
    return int(match[1]), _headers(head), block[end.end() :] if end else b""


def _headers(head: bytes) -> dict[str, str]:
    """Headers by lower-case name; of several of one name all, joined, as one would read them."""
    found: dict[str, str] = {}
    for line in re.sub(rb"\r?\n[ \t]+", b" ", head).splitlines():
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if colon:
            name, value = name.strip().lower(), value.strip()
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _decoded(body: bytes, headers: dict[str, str], limits: Limits) -> bytes:
    """A body without its transfer and content codings. Raises CollectError.

    Some crawlers store what came from the wire, others what they decoded, and leave the headers as they were: a
    coding is undone only where the bytes are in it.
    """
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _unchunked(body)
    coding = headers.get("content-encoding", "").lower()
    if "gzip" in coding and not body.startswith(b"\x1f\x8b"):
        return body
    if coding and "gzip" not in coding and re.match(rb"\s*(?:<|%PDF)", body):
        return body
    policy = FetchPolicy(
        wire_bytes=limits.entry, decoded_bytes=limits.entry, ratio=limits.ratio, ratio_from=limits.ratio_from
    )
    inflater = Inflater(coding, policy)
    for start in range(0, len(body), STEP):
        inflater.feed(body[start : start + STEP])
    return inflater.finish()


def _unchunked(body: bytes) -> bytes:
    """The chunks joined; the body as it is if it does not consist of chunks (any more)."""
    whole, at = bytearray(), 0
    while match := re.compile(rb"([0-9a-fA-F]{1,8})[^\r\n]{0,200}\r\n").match(body, at):
        size = int(match[1], 16)
        if size == 0:
            return bytes(whole)
        whole += body[match.end() : match.end() + size]
        at = match.end() + size + 2
        if body[at - 2 : at] != b"\r\n":
            break
    return body


def _instant(value: str) -> datetime | None:
    """When a record was captured; a clock that ran ahead is set to now."""
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return min(at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC), datetime.now(UTC))
