"""PDF bytes → text and what the file says of itself. To be called through `ingest.children`."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest.cleaning import clean, one_line
from kb.errors import CollectError

if TYPE_CHECKING:
    from pypdf import PdfReader

MOST_PAGES = 500
MOST_TEXT = 3_000_000
"""Characters; a book of 500 pages has about a million."""

_HYPHEN = re.compile(r"(\w{2,})[\u00ad\u2010-]\n[^\S\n]*([a-zäöüß]\w+)")
_NOT_CUT = re.compile(r"(?:und|oder|bzw|and|or|to)\b")
_SENTENCE_END = re.compile(r"[.!?:;。！？：；”’\"')\]]\s*$")
_PAGE_NUMBER = re.compile(
    r"^\s*(?:(?:page|seite|第)?\s*[-–—]?\s*\d{1,4}\s*(?:页|/\s*\d+|of \d+|von \d+)?\s*[-–—]?)\s*$", re.I
)


@dataclass(frozen=True, slots=True)
class PdfText:
    """A PDF's text, a paragraph a line, with its own title, authors and creation time as far as it states them."""

    text: str
    title: str
    authors: tuple[str, ...]
    created: datetime | None
    pages: int


def read(content: bytes, name: str) -> PdfText:
    """The text of a PDF. Raises CollectError with encrypted, no_text (scanned pages), too_large or unreadable."""
    from pypdf import PdfReader
    from pypdf.errors import FileNotDecryptedError, PyPdfError

    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise CollectError("encrypted", f"{name}: the PDF asks for a password; save it without one")
        if len(reader.pages) > MOST_PAGES:
            raise CollectError("too_large", f"{name}: the PDF has {len(reader.pages)} pages, more than {MOST_PAGES}")
        pages = [page.extract_text() or "" for page in reader.pages]
        about = _about(reader)
    except FileNotDecryptedError:
        raise CollectError("encrypted", f"{name}: the PDF asks for a password; save it without one") from None
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, NotImplementedError) as error:
        raise CollectError("unreadable", f"{name}: the PDF cannot be read ({type(error).__name__}: {error})") from None
    text = paragraphs(pages)[:MOST_TEXT]
    if len(text) < 20:
        raise CollectError(
            "no_text", f"{name}: the PDF holds no text; if it is scanned, run text recognition on it first"
        )
    return PdfText(text, _title(about.titles, pages), about.authors, about.created, len(pages))


@dataclass(frozen=True, slots=True)
class _About:
    titles: tuple[str, ...]
    authors: tuple[str, ...]
    created: datetime | None


def _about(reader: PdfReader) -> _About:
    """What a PDF says of itself, in its information dictionary and, where that is silent, in its XMP packet."""
    info = reader.metadata
    try:
        xmp = reader.xmp_metadata
        titles, creators = (xmp.dc_title or {}, xmp.dc_creator or []) if xmp is not None else ({}, [])
        stated = xmp.xmp_create_date if xmp is not None else None
    except Exception:  # noqa: BLE001  a packet that is no XML says nothing
        titles, creators, stated = {}, [], None
    if stated is not None and (stated.hour, stated.minute, stated.second) != (0, 0, 0):
        # pypdf gives these times in UTC without saying so; midnight stands for a day without a time.
        stated = stated.replace(tzinfo=UTC)
    author = (info.author if info is not None else None) or ";".join(map(str, creators))
    return _About(
        titles=((info.title or "") if info is not None else "", *map(str, titles.values())),
        authors=tuple(part for one in re.split(r"[;,、]|\band\b|\bund\b", author) if (part := one_line(one, 100))),
        created=(info.creation_date if info is not None else None) or stated,
    )


def paragraphs(pages: list[str]) -> str:
    """Lines joined to paragraphs: running heads and page numbers dropped, hyphenation mended."""
    repeated = _running(pages)
    kept = [
        "\n".join(line for line in page.split("\n") if not _PAGE_NUMBER.match(line) and line.strip() not in repeated)
        for page in pages
    ]
    text = _HYPHEN.sub(_mended, "\n".join(kept))
    lines = [line.strip() for line in text.split("\n")]
    width = sorted(map(len, lines))[int(len(lines) * 0.8)] if lines else 0
    joined: list[str] = []
    for line in lines:
        if not line:
            joined.append("")
        elif joined and joined[-1] and _continues(joined[-1], line, width):
            joined[-1] += line if _is_han(joined[-1][-1]) and _is_han(line[0]) else f" {line}"
        else:
            joined.append(line)
    return clean("\n".join(joined))


def _mended(match: re.Match[str]) -> str:
    """A word cut at the end of a line; `Im- und Export` stays."""
    return match[0] if _NOT_CUT.match(match[2]) else match[1] + match[2]


def _running(pages: list[str]) -> set[str]:
    """First and last lines that half the pages share: running heads and feet."""
    counts: dict[str, int] = {}
    for page in pages:
        lines = [line.strip() for line in page.split("\n") if line.strip()]
        for line in {*lines[:2], *lines[-2:]}:
            counts[line] = counts.get(line, 0) + 1
    return {line for line, count in counts.items() if len(pages) >= 4 and count >= len(pages) / 2}


def _continues(before: str, line: str, width: int) -> bool:
    """Whether a line goes on with the paragraph before it: that one was full and had not come to its end."""
    last = len(before) % (width + 1) if len(before) > width else len(before)
    if _SENTENCE_END.search(before) and (len(before) < 0.8 * width or (last and last < 0.8 * width)):
        return False
    return len(before) >= 0.6 * width or line[:1].islower()


def _is_han(char: str) -> bool:
    return "\u3000" <= char <= "\u9fff" or "\uff00" <= char <= "\uffef"


def _title(stated: Sequence[str], pages: list[str]) -> str:
    """The first of the file's own titles that is no file name; else the first line that reads like one."""
    for title in (one_line(one, 300) for one in stated):
        if len(title) > 5 and not _FILE_NAME.search(title):
            return title
    first = next((line for page in pages for line in page.split("\n") if len(line.strip()) > 8), "")
    return one_line(first, 200)


_FILE_NAME = re.compile(r"\.(?:docx?|pdf|indd|qxd|tex|pptx?)$|^microsoft word|^untitled|^slide \d", re.I)
