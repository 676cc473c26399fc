"""A stored version as a reader sees it: paragraphs with spans marked, where it comes from, what changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from kb.models import Version
from kb.show.views import via
from kb.storage import differences
from ui.render import plain, web_link
from ui.wording import Words

Segment = dict[str, str]
"""{"t": text} or, marked, {"t": text, "as": "mark" | "ins" | "del"}."""

LINE = re.compile(r"[^\n]+")
MARKS = {differences.Kind.SAME: "", differences.Kind.ADDED: "ins", differences.Kind.REMOVED: "del"}


def article(version: Version, words: Words, spans: Sequence[tuple[int, int]] = (), token: str = "") -> dict[str, Any]:
    """What `ui.parts.reader` draws of a version, with the spans (code points of its text) marked."""
    return _drawn(version, words, list(paragraphs(version.text, spans)), token)


def changes(old: Version, new: Version, words: Words) -> dict[str, Any]:
    """What `ui.parts.reader` draws of `new`, with what it says otherwise than `old` marked."""
    retitled = difference(old.title, new.title) if old.title != new.title else ()
    return _drawn(new, words, [*retitled, *difference(old.text, new.text)], "")


def _drawn(version: Version, words: Words, blocks: list[list[Segment]], token: str) -> dict[str, Any]:
    notes = [words("read.gone")] if version.gone else []
    if not version.current:
        notes.append(words("read.superseded"))
    return {
        "title": plain(version.title) or version.url,
        "meta": meta(version, words),
        "language": version.language,
        "links": links(version, words),
        "notes": notes,
        "blocks": blocks,
        "token": token,
    }


def meta(version: Version, words: Words) -> str:
    """Outlet, date, language, side, version and authors in one line."""
    parts = [
        outlet(version, words),
        date_of(version, words),
        words.of("language", version.language),
        words.of("side", version.side) if version.side else "",
        words("read.version", number=version.number),
        ", ".join(version.authors),
    ]
    return plain(" · ".join(part for part in parts if part))


def outlet(version: Version, words: Words) -> str:
    """Who printed an article, and the agency it credits."""
    agencies = via(version)
    return f"{version.source} ({words('read.via', agencies=agencies)})" if agencies else version.source


def date_of(version: Version, words: Words) -> str:
    """The day of publication as far as it is known."""
    return version.published.iso()[:10] if version.published else words("read.undated")


def links(version: Version, words: Words) -> list[dict[str, str]]:
    """The addresses a reader may open: the article's own, then the primary sources it names."""
    named = [(words("read.original"), version.url), *((words("read.primary"), url) for url in version.references)]
    return [{"name": name, "address": url} for name, url in named if web_link(url)]


def paragraphs(text: str, spans: Sequence[tuple[int, int]] = ()) -> Iterator[list[Segment]]:
    """The lines of a text as segments; what lies in a span is marked, also over several lines."""
    for line in LINE.finditer(text):
        edges = {line.start(), line.end()}
        for start, end in spans:
            edges |= {edge for edge in (start, end) if line.start() < edge < line.end()}
        cuts = sorted(edges)
        yield [
            _segment(text[start:end], "mark" if any(low <= start and end <= high for low, high in spans) else "")
            for start, end in pairwise(cuts)
        ]


def difference(old: str, new: str) -> Iterator[list[Segment]]:
    """The lines of both texts as segments, with what came in and what went marked in its place."""
    for line in differences.lines(old, new):
        yield [_segment(piece.text, MARKS[piece.kind]) for piece in line]


def _segment(text: str, kind: str = "") -> Segment:
    return {"t": plain(text), "as": kind} if kind else {"t": plain(text)}
