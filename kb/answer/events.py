"""What a reader sees of a question, step by step: Understood, Evidence, Waiting, Text (and Thought), then Done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kb.models import Answer, Coverage, Passage


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, in which language to answer, of which provider, and as of which day.

    `text` is the question as it is understood, `written` as its reader put it, where that differs. With `strict`
    sentences that nothing carries are left out; with `judge` the model that answered judges those that the check let
    pass. `of` is the id of the stored answer whose evidence is asked again.
    """

    text: str
    language: str
    asked: str
    as_of: date | None
    today: date
    written: str = ""
    strict: bool = False
    judge: bool = False
    of: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """How a follow-up is read: the whole question that is looked for and asked. Comes first, if it comes."""

    question: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The passages found. It comes again, in the order of the numbers, if some of them had to be left out."""

    passages: tuple[Passage, ...]
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Waiting:
    """The local model is busy with others: so many are served first. 0 when that is over."""

    ahead: int


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer; its markers resolve to passages shown."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of a model's thinking: shown folded, never cited, no part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end: the whole answer, checked."""

    answer: Answer


Event = Understood | Evidence | Waiting | Text | Thought | Done
