"""Files on disk → articles: saved pages, PDFs, Markdown with front matter, plain text, JSON Lines.

A file is never trusted more than a page: it is read whole only up to a limit, parsed in a child, and its text cleaned.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ingest import dates
from ingest.canonical import canonical
from ingest.children import Parser
from ingest.cleaning import clean, one_line
from ingest.decode import decode
from ingest.discover import kind_of
from kb.errors import CollectError
from kb.language import detect
from kb.models import Article, Page, Precision, Published, digest

LARGEST = 100_000_000
"""Bytes of one file; JSON Lines are read line by line and may be longer."""
LONGEST_LINE = 20_000_000
SUFFIXES = {".html", ".htm", ".xhtml", ".pdf", ".md", ".markdown", ".txt", ".jsonl", ".ndjson", ".json"}
LOCAL = "local file"
"""The outlet of a file that names none."""

_SKIP_LINK = re.compile(
    r"\A(?:skip (?:links|to (?:main )?content|navigation)|(?:zum|direkt zum) (?:haupt)?inhalt(?: springen)?"
    r"|跳(?:转|到|至)[^\n]{0,8})\s*\n\s*",
    re.IGNORECASE,
)
"""The link for screen readers that begins a page whose text was copied by hand; it is no title."""

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.S)
_SAVED_FROM = (
    re.compile(r"<!--\s*saved from url=\(\d+\)(https?://\S+?)\s*-->"),
    re.compile(r"<!--[^>]{0,200}?\burl:\s*(https?://\S+)", re.S),
    re.compile(r"<link\b[^>]*\brel=[\"']?canonical[\"']?[^>]*\bhref=[\"']?(https?://[^\"'\s>]+)", re.I),
    re.compile(r"<link\b[^>]*\bhref=[\"']?(https?://[^\"'\s>]+)[\"']?[^>]*\brel=[\"']?canonical", re.I),
    re.compile(r"<meta\b[^>]*\bproperty=[\"']og:url[\"'][^>]*\bcontent=[\"'](https?://[^\"'\s>]+)", re.I),
)


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or a line of one, that did not become an article."""

    target: str
    reason: str
    message: str


def read_file(path: Path, parser: Parser | None = None, fetched: datetime | None = None) -> Iterator[Article | Unread]:
    """The articles in a file: one, or one a line for JSON Lines. What cannot be read is an `Unread`, never an error.

    `parser` is where pages and PDFs are parsed; without one, one is started for this file.
    """
    fetched = fetched or datetime.now(UTC)
    try:
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            yield from _json_lines(path, fetched)
            return
        if parser is not None:
            yield from _one(path, parser, fetched)
            return
        with Parser() as own:
            yield from _one(path, own, fetched)
    except CollectError as error:
        yield Unread(str(path), error.reason, str(error))
    except OSError as error:
        yield Unread(str(path), "unreadable", f"{path} cannot be read: {error.strerror or error}")


def read_folder(
    folder: Path, parser: Parser | None = None, fetched: datetime | None = None
) -> Iterator[Article | Unread]:
    """The articles in all files below a folder whose type is known, in order of their names.

    Hidden files, and the folders browsers save beside a page, are passed over; links that lead out of the folder are
    named and not followed.
    """
    root = folder.resolve()
    with Parser() as own:
        for path in _files(root):
            if not path.resolve().is_relative_to(root):
                yield Unread(str(path), "outside", f"{path} is a link that leads out of {folder}; copy the file there")
            elif path.suffix.lower() in SUFFIXES:
                yield from read_file(path, parser or own, fetched)


def _files(root: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not name.endswith(("_files", "-Dateien"))
        )
        yield from (Path(place) / name for name in sorted(names) if not name.startswith("."))


def _one(path: Path, parser: Parser, fetched: datetime) -> Iterator[Article | Unread]:
    size = path.stat().st_size
    if not path.is_file() or size > LARGEST:
        raise CollectError("too_large", f"{path} has {size:,} bytes, more than {LARGEST:,}; split it")
    content = path.read_bytes()
    page = Page(path.as_uri() if path.is_absolute() else path.resolve().as_uri(), "", content, "", None, fetched)
    kind = kind_of(page)
    if kind == "pdf":
        yield _pdf(path, content, parser, fetched)
    elif kind in ("html", "feed", "sitemap"):
        yield _html(path, content, parser, fetched)
    elif kind in ("jsonl", "json"):
        yield from _json_lines(path, fetched)
    elif kind in ("markdown", "text"):
        yield _prose(path, content, fetched)
    else:
        raise CollectError("not_readable", f"{path} is {kind}; HTML, PDF, Markdown, text and JSON Lines can be read")


def _html(path: Path, content: bytes, parser: Parser, fetched: datetime) -> Article:
    text = decode(content, None, "text/html").text[:200_000]
    saved = next((match[1] for pattern in _SAVED_FROM if (match := pattern.search(text))), None)
    url = saved or path.resolve().as_uri()
    page = Page(url, url, content, "text/html", None, fetched)
    # Who saved a page for himself is not bound by what its publisher asks of robots.
    return parser.extract(page, outlet=None if saved else LOCAL, ignore_optout=True)


def _pdf(path: Path, content: bytes, parser: Parser, fetched: datetime) -> Article:
    found = parser.pdf(content, str(path))
    published = None
    if found.created is not None:
        at = found.created if found.created.tzinfo else found.created.replace(tzinfo=UTC)
        said = Published(at.astimezone(UTC), Precision.TIME if found.created.tzinfo else Precision.DAY, "file")
        published = dates.choose([dates.Said(said, said.day)], fetched).published
    return Article(
        url=path.resolve().as_uri(),
        title=found.title or path.stem,
        text=found.text,
        language=detect(found.text),
        source=LOCAL,
        fetched=fetched,
        published=published,
        authors=found.authors,
    )


def _prose(path: Path, content: bytes, fetched: datetime) -> Article:
    decoded = decode(content, None, "text/plain")
    if decoded.unreadable:
        raise CollectError(
            "bad_encoding", f"{path}: {decoded.damage:.0%} of the characters cannot be read; save it as UTF-8"
        )
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    markdown = path.suffix.lower() in (".md", ".markdown")
    front, body = _front_matter(path, text) if markdown or text.startswith("---\n") else ({}, text)
    heading = re.search(r"^#\s+(.+?)\s*#*$", body, re.M) if markdown else None
    if heading and "title" not in front:
        body = body[: heading.start()] + body[heading.end() :]
    plain = _SKIP_LINK.sub("", clean(_unmarked(body) if markdown else body))
    first = plain.split("\n", 1)[0]
    title = heading[1] if heading else first if not markdown and len(first) <= 200 else path.stem
    return _described({"title": title, **front, "text": plain}, path.resolve().as_uri(), fetched)


def _front_matter(path: Path, text: str) -> tuple[dict[str, Any], str]:
    """The YAML between the first two `---` lines, and what follows them."""
    match = _FRONT.match(text)
    if match is None:
        return {}, text
    import yaml

    try:
        front = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = " ".join(str(error).split())
        raise CollectError(
            "bad_front_matter", f"{path}: the block between the --- lines is not YAML ({line})"
        ) from None
    if front is None:
        return {}, text[match.end() :]
    if not isinstance(front, dict):
        raise CollectError(
            "bad_front_matter", f"{path}: the block between the --- lines should hold `key: value` lines"
        )
    return {str(key): value for key, value in front.items()}, text[match.end() :]


_MARKS = (
    (re.compile(r"<!--.*?-->", re.S), ""),
    (re.compile(r"!\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"]*\")?\)"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\[[^\]]*\]"), r"\1"),
    (re.compile(r"^\[[^\]]+\]:\s+\S+.*$", re.M), ""),
    (re.compile(r"<(https?://[^>\s]+)>"), r"\1"),
    (re.compile(r"</?[a-zA-Z][^<>\n]{0,300}>"), ""),
    (re.compile(r"^\s{0,3}#{1,6}\s+(.+?)\s*#*\s*$", re.M), r"\1"),
    (re.compile(r"^\s{0,3}(?:>\s?)+", re.M), ""),
    (re.compile(r"^\s{0,3}(?:[-*_]\s*){3,}$", re.M), ""),
    (re.compile(r"^```.*$|^~~~.*$", re.M), ""),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"\1"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!|>~-])"), r"\1"),
)
_WRAPPED = re.compile(r"(?<=\S)\n(?=[^\s\-*+>|#\d])")


def _unmarked(text: str) -> str:
    """Markdown as plain text: its marks gone, wrapped lines joined, lists and tables left a row a line."""
    joined = _WRAPPED.sub(" ", text)
    for pattern, replacement in _MARKS:
        joined = pattern.sub(replacement, joined)
    return joined


def _json_lines(path: Path, fetched: datetime) -> Iterator[Article | Unread]:
    """One article a line; a file that is one JSON array or object is taken for its items."""
    address = path.resolve().as_uri()
    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        file.seek(0)
        if start.startswith(b"[") or path.suffix.lower() == ".json":
            yield from _json_document(path, file.read(LARGEST + 1), address, fetched)
            return
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if line.strip():
                yield _json_article(line.removeprefix(b"\xef\xbb\xbf"), f"{path}:{number}", address, fetched)


def _json_document(path: Path, content: bytes, address: str, fetched: datetime) -> Iterator[Article | Unread]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CollectError("bad_json", f"{path} is not JSON: {error}") from None
    for number, item in enumerate(document if isinstance(document, list) else [document], 1):
        yield _from_record(item, f"{path}[{number}]", address, fetched)


def _json_article(line: bytes, target: str, address: str, fetched: datetime) -> Article | Unread:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Unread(target, "bad_line", f"{target} is not JSON: {error}")
    return _from_record(record, target, address, fetched)


def _from_record(record: Any, target: str, address: str, fetched: datetime) -> Article | Unread:
    if not isinstance(record, dict):
        return Unread(target, "bad_line", f"{target} should be an object with title and text")
    try:
        return _described(record, address, fetched, single=False)
    except CollectError as error:
        return Unread(target, error.reason, f"{target}: {error}")


def _described(about: Mapping[str, Any], address: str, fetched: datetime, *, single: bool = True) -> Article:
    """An article of stated fields. Raises CollectError with the key that cannot be used."""
    title, text = one_line(_string(about, "title")), clean(_string(about, "text"))
    if not title and not text:
        raise CollectError("no_text", "neither title nor text is there")
    title = title or one_line(text.split("\n", 1)[0], 200)
    url = _string(about, "url")
    if url and not urlsplit(url).scheme:
        raise CollectError("bad_value", f"url: {url!r} is no address")
    return Article(
        url=canonical(url) if url else address if single else f"{address}#{digest(title, text)[:12]}",
        title=title,
        text=text or title,
        language=(_string(about, "language").lower().split("-")[0] or detect(f"{title}\n{text}")),
        source=one_line(_string(about, "source"), 200) or (urlsplit(url).hostname or LOCAL if url else LOCAL),
        fetched=fetched,
        published=_stated_date(about.get("published")),
        authors=_names(about.get("authors") or about.get("author"), "authors"),
        side=one_line(_string(about, "side"), 40) or None,
        references=_names(about.get("references"), "references", 2_000),
    )


def _string(about: Mapping[str, Any], key: str) -> str:
    value = about.get(key)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise CollectError("bad_value", f"{key} should be text, not {type(value).__name__}")


def _names(value: Any, key: str, limit: int = 200) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(one, str) for one in values):
        raise CollectError("bad_value", f"{key} should be a list of texts")
    return tuple(dict.fromkeys(name for one in values if (name := one_line(one, limit))))


def _stated_date(value: Any) -> Published | None:
    """A date as a person or a program wrote it: YAML's own dates, ISO 8601, or as newspapers do."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        at = value if value.tzinfo else value.replace(tzinfo=UTC)
        return Published(at.astimezone(UTC), Precision.TIME, "given")
    if isinstance(value, date):
        return Published(datetime(value.year, value.month, value.day, tzinfo=UTC), Precision.DAY, "given")
    if isinstance(value, (str, int)) and not isinstance(value, bool) and (said := dates.parse(str(value), "given")):
        return said
    raise CollectError("bad_value", f"published: {value!r} is no date; write 2024-07-09 or 2024-07-09T08:30:00+08:00")
