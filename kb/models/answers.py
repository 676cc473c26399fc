"""What becomes of a question: sentences with verdicts, citations, coverage, the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from kb.models.articles import Passage, Version


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
