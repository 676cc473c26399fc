"""Stated articles → articles: JSON Lines, JSON, and the fields that front matter gives.

Every value is checked: a field that cannot be used is named with its place in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import IO, Any
from urllib.parse import urlsplit

from ingest import dates
from ingest.archives import Unread
from ingest.canonical import canonical
from ingest.cleaning import clean, one_line
from kb.errors import CollectError
from kb.models import Article, Precision, Published, digest
from kb.text.language import detect

LOCAL = "local file"
"""The outlet of a file that names none."""

LARGEST = 100_000_000
"""Bytes of one file; JSON Lines are read line by line and may be longer."""
LONGEST_LINE = 20_000_000


def records(file: IO[bytes], name: str, address: str, fetched: datetime) -> Iterator[Article | Unread]:
    """The articles of a JSON Lines file, one a line; a file that is one JSON array or object is taken for its items.

    `name` is what the file is called in messages, `address` its URI. Raises CollectError for what is no JSON at all.
    """
    start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    file.seek(0)
    if start.startswith(b"[") or name.lower().endswith(".json"):
        yield from _document(name, file.read(LARGEST + 1), address, fetched)
        return
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if line.strip():
            yield _json_article(line.removeprefix(b"\xef\xbb\xbf"), f"{name}:{number}", address, fetched)


def _document(name: str, content: bytes, address: str, fetched: datetime) -> Iterator[Article | Unread]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CollectError("bad_json", f"{name} is not JSON: {error}") from None
    for number, item in enumerate(document if isinstance(document, list) else [document], 1):
        yield _from_record(item, f"{name}[{number}]", address, fetched)


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
        return described(record, address, fetched, single=False)
    except CollectError as error:
        return Unread(target, error.reason, f"{target}: {error}")


def described(about: Mapping[str, Any], address: str, fetched: datetime, *, single: bool = True) -> Article:
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
