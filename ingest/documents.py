"""Files on disk → articles: saved pages, PDFs, Markdown with front matter, plain text, JSON Lines, archives of these.

A file is never trusted more than a page: it is read whole only up to a limit, parsed in a child, and its text cleaned.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from ingest import dates, tars
from ingest.archives import Unread, members, opened
from ingest.children import Parser
from ingest.cleaning import clean
from ingest.decode import decode
from ingest.files import LINES, MHTML, PACKED, articles_among, files_below, leads_out
from ingest.kinds import kind_of
from ingest.pages import stated
from ingest.records import LARGEST, LOCAL, described, records
from kb.errors import CollectError
from kb.models import Article, Page
from kb.text.language import detect

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
class _File:
    """A file that is read whole: how messages call it, its name, its URI, its bytes."""

    called: str
    name: PurePosixPath
    address: str
    content: bytes


def read_file(path: Path, parser: Parser | None = None, fetched: datetime | None = None) -> Iterator[Article | Unread]:
    """The articles in a file: one, or those of JSON Lines or of an archive. What cannot be read is an `Unread`,
    never an error.

    `parser` is where pages and PDFs are parsed; without one, one is started for this file.
    """
    fetched = fetched or datetime.now(UTC)
    try:
        if path.suffix.lower() in LINES:
            with path.open("rb") as file:
                yield from records(file, str(path), path.resolve().as_uri(), fetched)
            return
        if parser is not None:
            yield from _parsed(path, parser, fetched)
            return
        with Parser() as own:
            yield from _parsed(path, own, fetched)
    except CollectError as error:
        yield Unread(str(path), error.reason, str(error))
    except OSError as error:
        yield Unread(str(path), "unreadable", f"{path} cannot be read: {error.strerror or error}")


def read_folder(
    folder: Path, parser: Parser | None = None, fetched: datetime | None = None
) -> Iterator[Article | Unread]:
    """The articles in all readable files below a folder, in order of their names; links that lead out of the folder
    are named and not followed."""
    with Parser() as own:
        for path in files_below(folder.resolve()):
            if leads_out(path, folder):
                yield Unread(str(path), "outside", f"{path} is a link that leads out of {folder}; copy the file there")
            else:
                yield from read_file(path, parser or own, fetched)


def _parsed(path: Path, parser: Parser, fetched: datetime) -> Iterator[Article | Unread]:
    if path.suffix.lower() == ".zip" or tars.is_tar(path.name):
        yield from _archive(path, parser, fetched)
        return
    size = path.stat().st_size
    if not path.is_file() or size > LARGEST:
        raise CollectError("too_large", f"{path} has {size:,} bytes, more than {LARGEST:,}; split it")
    file = _File(str(path), PurePosixPath(path.name), path.resolve().as_uri(), path.read_bytes())
    yield from _one(file, parser, fetched)


def _archive(path: Path, parser: Parser, fetched: datetime) -> Iterator[Article | Unread]:
    """The articles in the files of an archive; each has an address of its own below that of the archive."""
    if tars.is_tar(path.name):
        found = tars.members(path, articles_among(tars.names(path)))
    else:
        with opened(path) as (_, infos):
            wanted = articles_among(info.filename for info in infos)
        found = members(path, wanted)
    address = path.resolve().as_uri()
    for member in found:
        if isinstance(member, Unread):
            yield member
            continue
        called = f"{path}: {member.name}"
        if member.name.lower().endswith(PACKED):
            yield Unread(called, "nested", f"{called} is an archive inside of an archive; ingest it by itself")
            continue
        file = _File(called, PurePosixPath(member.name), f"{address}#{quote(member.name)}", member.content)
        try:
            yield from _one(file, parser, fetched)
        except CollectError as error:
            yield Unread(called, error.reason, str(error))


def _one(file: _File, parser: Parser, fetched: datetime) -> Iterator[Article | Unread]:
    # The kind of a file that is nothing else is told by the ending of its name.
    page = Page(f"file:///{quote(str(file.name))}", "", file.content, "", None, fetched)
    kind = kind_of(page)
    if file.name.suffix.lower() in MHTML and not file.content.lstrip().startswith(b"<"):
        main = parser.mhtml(file.content, file.called)
        yield _page(file, main.content, main.url, main.charset, parser, fetched)
    elif kind == "pdf":
        yield _pdf(file, parser, fetched)
    elif kind in ("html", "feed", "sitemap"):
        yield _html(file, parser, fetched)
    elif kind in ("jsonl", "json"):
        yield from records(io.BytesIO(file.content), file.called, file.address, fetched)
    elif kind in ("markdown", "text"):
        yield _prose(file, fetched)
    else:
        message = f"{file.called} is {kind}; HTML, PDF, Markdown, text and JSON Lines can be read"
        raise CollectError("not_readable", message)


def _html(file: _File, parser: Parser, fetched: datetime) -> Article:
    text = decode(file.content, None, "text/html").text[:200_000]
    saved = next((match[1] for pattern in _SAVED_FROM if (match := pattern.search(text))), None)
    return _page(file, file.content, saved, None, parser, fetched)


def _page(
    file: _File, content: bytes, saved: str | None, charset: str | None, parser: Parser, fetched: datetime
) -> Article:
    """The article of a page that was saved from an address, or from one that is not known."""
    url = saved or file.address
    page = Page(url, url, content, "text/html", charset, fetched)
    # Who saved a page for himself is not bound by what its publisher asks of robots.
    return parser.extract(page, outlet=None if saved else LOCAL, ignore_optout=True)


def _pdf(file: _File, parser: Parser, fetched: datetime) -> Article:
    found = parser.pdf(file.content, file.called)
    said = stated(found)
    published = dates.choose([dates.Said(said, said.day)], fetched).published if said else None
    return Article(
        url=file.address,
        title=found.title or file.name.stem,
        text=found.text,
        language=detect(found.text),
        source=LOCAL,
        fetched=fetched,
        published=published,
        authors=found.authors,
    )


def _prose(file: _File, fetched: datetime) -> Article:
    decoded = decode(file.content, None, "text/plain")
    if decoded.unreadable:
        raise CollectError(
            "bad_encoding", f"{file.called}: {decoded.damage:.0%} of the characters cannot be read; save it as UTF-8"
        )
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    markdown = file.name.suffix.lower() in (".md", ".markdown")
    front, body = _front_matter(file.called, text) if markdown or text.startswith("---\n") else ({}, text)
    heading = re.search(r"^#\s+(.+?)\s*#*$", body, re.M) if markdown else None
    if heading and "title" not in front:
        body = body[: heading.start()] + body[heading.end() :]
    plain = _SKIP_LINK.sub("", clean(_unmarked(body) if markdown else body))
    first = plain.split("\n", 1)[0]
    title = heading[1] if heading else first if not markdown and len(first) <= 200 else file.name.stem
    return described({"title": title, **front, "text": plain}, file.address, fetched)


def _front_matter(called: str, text: str) -> tuple[dict[str, Any], str]:
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
            "bad_front_matter", f"{called}: the block between the --- lines is not YAML ({line})"
        ) from None
    if front is None:
        return {}, text[match.end() :]
    if not isinstance(front, dict):
        raise CollectError(
            "bad_front_matter", f"{called}: the block between the --- lines should hold `key: value` lines"
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
