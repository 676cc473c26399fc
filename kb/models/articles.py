"""From a link to a passage: what is collected, stored and found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TypedDict, Unpack

LANGUAGES = ("en", "de", "zh")
"""The languages Lagebild reads with words of their own; others are kept and searched by vector."""


def digest(*parts: str) -> str:
    """128 bits of SHA-256 over the parts, as 32 hexadecimal digits: the identity of content."""
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:32]


def article_id(url: str) -> str:
    """The id of the article that was first found at this canonical URL."""
    return digest("article", url)


class Precision(StrEnum):
    """How exactly a publication date is known."""

    TIME = "time"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Published:
    """When something was published, how exactly that is known, and which witness said so.

    `witness` is one of feed, sitemap, json-ld, meta, time-tag, url, text, file, given.
    """

    at: datetime
    precision: Precision
    witness: str

    @property
    def day(self) -> date:
        return self.at.date()

    def iso(self) -> str:
        """ISO 8601, cut to what is known: 2024, 2024-07, 2024-07-09 or 2024-07-09T08:00:00+00:00."""
        lengths = {Precision.YEAR: 4, Precision.MONTH: 7, Precision.DAY: 10, Precision.TIME: 25}
        return self.at.isoformat(timespec="seconds")[: lengths[self.precision]]


@dataclass(frozen=True, slots=True)
class Link:
    """Something discovery found worth fetching, with what the feed or sitemap said of it.

    `guid` is the name by which a feed knows the story, whatever its address (RSS guid, Atom id).
    """

    url: str
    source_id: str | None = None
    title: str | None = None
    published: Published | None = None
    summary: str | None = None
    guid: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Bytes as they were fetched or read, and where from. `headers` has lower-case names."""

    url: str
    final_url: str
    content: bytes
    media_type: str
    charset: str | None
    fetched: datetime
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Article:
    """What a reader would call the article, before it is stored. Identity is the canonical URL.

    `source` is the outlet's name as a reader knows it; `source_id` the registry's entry, if one led here.
    `language` is a BCP 47 primary tag, or "und" when it cannot be told. `references` are primary
    sources that the article itself names.
    """

    url: str
    title: str
    text: str
    language: str
    source: str
    fetched: datetime
    published: Published | None = None
    authors: tuple[str, ...] = ()
    source_id: str | None = None
    side: str | None = None
    references: tuple[str, ...] = ()
    snapshot: str | None = None

    @property
    def id(self) -> str:
        return article_id(self.url)

    @property
    def content_hash(self) -> str:
        return digest("content", self.title, self.text)

    @property
    def version_id(self) -> str:
        return digest("version", self.id, self.content_hash)


@dataclass(frozen=True, slots=True)
class Version:
    """An article as it read when it was fetched: what citations point to.

    `number` counts from 1 within the article. `first_seen` is when this content was first stored.
    """

    id: str
    article_id: str
    number: int
    url: str
    title: str
    text: str
    language: str
    source: str
    source_id: str | None
    side: str | None
    authors: tuple[str, ...]
    published: Published | None
    first_seen: datetime
    fetched: datetime
    references: tuple[str, ...]
    snapshot: str | None
    gone: bool = False
    current: bool = True


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a version's text, small enough to embed. `text == version.text[start:end]`."""

    id: str
    version_id: str
    position: int
    start: int
    end: int
    text: str
    language: str

    @property
    def text_hash(self) -> str:
        return digest("text", self.text)


@dataclass(frozen=True, slots=True)
class Copy:
    """Another article that tells the same story: a copy, or in another language a translation. `published` is ISO
    8601, cut to what is known."""

    article_id: str
    version_id: str
    url: str
    title: str
    source: str
    language: str
    published: str | None


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk found for a question, with all a reader needs to judge it.

    `score` is calibrated across languages (see `kb.search.retrieval`); larger is better. `origin` is the id of
    the article that told this story first (`kb.origins`), empty for one that stands alone; `also` are the others that
    tell it.
    """

    rank: int
    score: float
    chunk_id: str
    start: int
    end: int
    text: str
    version: Version
    origin: str = ""
    also: tuple[Copy, ...] = ()


class Narrowing(TypedDict, total=False):
    """The keywords by which every search can be narrowed down; see Filters for what they mean."""

    languages: Sequence[str]
    sources: Sequence[str]
    since: date | None
    until: date | None
    as_of: date | None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search may return. `since` and `until` are inclusive days of publication; `as_of` asks for
    what was known at the end of that day: published or first seen by then, in the wording of then."""

    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    as_of: date | None = None

    @classmethod
    def of(cls, **given: Unpack[Narrowing]) -> Filters:
        """The filters of a search's keywords. Raises TypeError for a keyword that is not one of them."""
        lists = {"languages": tuple(given.get("languages", ())), "sources": tuple(given.get("sources", ()))}
        return cls(**(given | lists))  # type: ignore[arg-type]


class Change(StrEnum):
    """What storing an article did."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one target of an ingestion run: a change, or the reason there is none."""

    target: str
    change: Change | None = None
    article_id: str | None = None
    title: str | None = None
    reason: str | None = None
    message: str | None = None
    source_id: str | None = None
    snapshot: str | None = None

    @property
    def ok(self) -> bool:
        return self.reason is None
