"""The frozen types of the straight line, one a stage.

    Link → Page → Article → (catalog) → Chunk → Passage → Answer

Times are timezone-aware UTC `datetime`s, days are `date`s, texts are NFC-normalised `str`s without
surrogates, offsets count code points of `Version.text`.
"""

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


class Status(StrEnum):
    """How a question ended."""

    ANSWERED = "answered"
    NO_EVIDENCE = "no_evidence"
    THIN_EVIDENCE = "thin_evidence"
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_FAILED = "provider_failed"


class Verdict(StrEnum):
    """What the check found of one sentence."""

    SUPPORTED = "supported"
    PARTIAL = "partial"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer, the citation numbers it carries, and what the check says of it."""

    text: str
    citations: tuple[int, ...]
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A number in an answer and the verbatim span it stands for: `version.text[start:end] == quote`."""

    n: int
    passage: Passage
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One provider that was asked, and how it ended."""

    provider: str
    model: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A passage that a provider's filter did not let through; not `certain` if the probes ran out before it."""

    provider: str
    passage: Passage
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and cost of an answer; `estimated` when the provider did not report them.

    `price_as_of` is the day, month or year from which the price is, "" where there is none.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    currency: str | None = None
    estimated: bool = False
    price_as_of: str = ""


@dataclass(frozen=True, slots=True)
class Failing:
    """A source that cannot be collected from now: its id, since when (ISO 8601), and why."""

    source: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What stood behind an answer, computed without a model.

    `left_out` says which passages were not shown to the model, and why; `failing` are the sources that have given
    articles of these languages or sides, and give none now. `articles` counts the copies of a story too, `origins`
    each story once. `wished` is what of time and outlets the question was read to name, which lifts passages.
    """

    passages: int
    by_language: Mapping[str, int]
    by_side: Mapping[str, int]
    sources: tuple[str, ...]
    origins: int
    newest: str | None
    left_out: tuple[str, ...] = ()
    failing: tuple[Failing, ...] = ()
    articles: int = 0
    wished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quoted:
    """What passage `n` says of a matter: the figure or date, and its sentence, `version.text[start:end] == quote`."""

    n: int
    says: str
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two passages that give another figure or date for the same matter; `kind` is number or date."""

    kind: str
    first: Quoted
    second: Quoted


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model asked as judge made of the sentences that the check let pass. `outcome` is that of the call."""

    provider: str
    model: str
    outcome: str
    detail: str = ""
    confirmed: int = 0
    lowered: int = 0


@dataclass(frozen=True, slots=True)
class Reworded:
    """Passage `n` was replaced: by which version, and whether the quoted words still stand in it."""

    n: int
    version: Version
    stands: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What became known after `day`, the day of an answer. No part of the answer: no model has seen it.

    `reworded` and `gone` (numbers) are cited passages; `newer` are articles on the same matter, the best first.
    """

    day: date
    reworded: tuple[Reworded, ...] = ()
    gone: tuple[int, ...] = ()
    newer: tuple[Version, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.reworded or self.gone or self.newer)


@dataclass(frozen=True, slots=True)
class Answer:
    """A question's end: checked sentences with their citations, or a plain statement of why there are none.

    `understood` is how a follow-up was read (empty where the question stands as it was written); `dropped` are
    sentences that a strict answer leaves out; `of` is the answer whose evidence was asked of another model.
    `changes` is what came after the day of the answer: shown apart, in no record.
    """

    id: str
    question: str
    status: Status
    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    asked: str
    answered_by: str | None
    model: str | None
    attempts: tuple[Attempt, ...]
    usage: Usage
    coverage: Coverage
    as_of: date | None = None
    message: str = ""
    withheld: tuple[Withheld, ...] = ()
    language: str = "en"
    asked_at: datetime | None = None
    prompt_version: str = ""
    understood: str = ""
    of: str = ""
    strict: bool = False
    dropped: tuple[Sentence, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    judge: Judgement | None = None
    changes: Changes | None = None

    def _repr_html_(self) -> str:
        from kb.show.views import answer_html

        return answer_html(self)
