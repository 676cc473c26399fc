"""Passages → a checked answer, step by step as a reader sees it.

    Evidence → Text, Text, … → Done

Nothing a model writes is believed: markers are resolved while they stream, every finished sentence is
checked against the passages it cites, and each cited number ends as a verbatim span of a stored
version.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from kb import citing, prompting
from kb.errors import BadCitation, ProviderError
from kb.gate import Evidence as Level
from kb.models import Answer, Attempt, Citation, Coverage, Passage, Sentence, Status, Usage, Verdict
from kb.providers import Chat, Completion, Message
from kb.sentences import sentences
from kb.verifying import best_span, check

Similarity = Callable[[str, str], float]

REFUSED = {"content_blocked", "refused_in_words", "region_blocked"}
"""Outcomes that are a provider's decision, not its failure."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The passages found, before any model is asked."""

    passages: tuple[Passage, ...]
    coverage: Coverage


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


Event = Evidence | Text | Thought | Done


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, in which language to answer, of which provider, and as of which day."""

    text: str
    language: str
    asked: str
    as_of: date | None
    today: date


@dataclass(frozen=True, slots=True)
class Call:
    """An open chat and what it may be given: `budget` tokens of evidence, `max_tokens` of answer."""

    chat: Chat
    budget: int
    max_tokens: int
    tokens: Callable[[str], int]
    extra: Callable[[int], dict[str, object]] | None = None


def answer(
    question: Question,
    passages: Sequence[Passage],
    level: Level,
    open_call: Callable[[], Call] | None,
    similarity: Similarity | None = None,
) -> Iterator[Event]:
    """Answer from the passages; the last event is Done, whatever happens.

    No model is asked when `level` finds no evidence or `open_call` is None.
    """
    found = coverage(passages)
    yield Evidence(tuple(passages), found)
    if level is Level.NONE:
        yield Done(_without_model(question, passages, found, Status.NO_EVIDENCE, NOTHING))
        return
    if open_call is None:
        yield Done(_without_model(question, passages, found, Status.ANSWERED, EVIDENCE_ONLY))
        return
    try:
        call = open_call()
    except ProviderError as error:
        yield Done(_failed(question, passages, found, error))
        return
    prompt = prompting.build(
        question.text, passages, question.language, call.budget, call.tokens, question.today.isoformat()
    )
    markers = citing.Markers(len(prompt.shown))
    written: list[str] = []
    extra = call.extra(len(prompt.shown)) if call.extra else None
    stream = call.chat.stream(
        [Message("system", prompt.system), Message("user", prompt.user)], max_tokens=call.max_tokens, extra=extra
    )
    try:
        for delta in stream:
            if delta.thinking:
                yield Thought(delta.thinking)
            if text := markers.feed(delta.text):
                written.append(text)
                yield Text(text)
        completion = stream.completion
    except ProviderError as error:
        yield Done(_failed(question, passages, found, error, partial="".join(written)))
        return
    finally:
        stream.close()
    if text := markers.end():
        written.append(text)
        yield Text(text)
    yield Done(_finished(question, prompt, found, "".join(written), completion, similarity))


NOTHING = "Nothing in the knowledge base fits this question; no model was asked."
EVIDENCE_ONLY = "No model was asked; these are the passages that fit best."
THIN = "The passages found do not answer this question."
UNSUPPORTED = "No sentence of the model's answer is carried by the passages it cites."


def coverage(passages: Sequence[Passage], left_out: Sequence[str] = ()) -> Coverage:
    """What stands behind an answer: passages by language and side, outlets, origins, the newest date."""
    versions = {passage.version.id: passage.version for passage in passages}
    dates = [version.published.iso() for version in versions.values() if version.published]
    return Coverage(
        passages=len(passages),
        by_language=dict(Counter(passage.version.language for passage in passages).most_common()),
        by_side=dict(Counter(passage.version.side or "unknown" for passage in passages).most_common()),
        sources=tuple(sorted({version.source for version in versions.values()})),
        origins=len({version.article_id for version in versions.values()}),
        newest=max(dates, default=None),
        left_out=tuple(left_out),
    )


def _finished(
    question: Question,
    prompt: prompting.Prompt,
    found: Coverage,
    text: str,
    completion: Completion,
    similarity: Similarity | None,
) -> Answer:
    attempt = Attempt(completion.provider, completion.model, completion.outcome)
    text = text.strip()
    if completion.outcome in REFUSED:
        status, message, checked = Status.PROVIDER_REFUSED, text, ()
    elif prompting.NO_ANSWER in text or not text:
        status, message, checked = Status.THIN_EVIDENCE, THIN, ()
    else:
        checked = tuple(checked_sentences(text, prompt.shown, similarity))
        carried = any(item.verdict in (Verdict.SUPPORTED, Verdict.PARTIAL) for item in checked)
        status, message = (Status.ANSWERED, "") if carried else (Status.THIN_EVIDENCE, UNSUPPORTED)
    if completion.outcome == "cut_off":
        message = f"{message} The answer was cut off.".strip()
    return Answer(
        id=secrets.token_hex(8),
        question=question.text,
        status=status,
        text=text if checked else "",
        sentences=checked,
        citations=citations(checked, prompt.shown, similarity),
        passages=prompt.shown + prompt.left_out,
        asked=question.asked,
        answered_by=completion.provider,
        model=completion.model,
        attempts=(attempt,),
        usage=completion.usage,
        coverage=found,
        as_of=question.as_of,
        message=message,
    )


def checked_sentences(
    text: str, shown: Sequence[Passage], similarity: Similarity | None = None
) -> Iterator[Sentence]:
    """Each sentence of an answer with the verdict on it; a sentence without a citation is unsupported."""
    for start, end in sentences(text):
        sentence = text[start:end]
        bare, numbers = citing.split(sentence)
        if not bare:
            continue
        citing.check(numbers, len(shown))
        finding = check(bare, [evidence(shown[number - 1]) for number in numbers], similarity=similarity)
        yield Sentence(sentence, numbers, finding.verdict, finding.reason)


def evidence(passage: Passage) -> str:
    """What a passage says for itself: its text under the headline and date of its article."""
    version = passage.version
    when = version.published.iso() if version.published else ""
    return f"{version.title}\n{when}\n{passage.text}"


def citations(
    checked: Sequence[Sentence], shown: Sequence[Passage], similarity: Similarity | None = None
) -> tuple[Citation, ...]:
    """One citation for each number used, with the span of the passage that carries its first sentence best."""
    found = []
    for number in citing.cited(sentence.citations for sentence in checked):
        passage = shown[number - 1]
        first = next(sentence for sentence in checked if number in sentence.citations)
        start, end = best_span(citing.split(first.text)[0], passage.text, similarity=similarity)
        start, end = passage.start + start, passage.start + end
        quote = passage.version.text[start:end]
        if not quote:
            raise BadCitation([number])
        found.append(Citation(number, passage, quote, start, end))
    return tuple(found)


def _without_model(
    question: Question, passages: Sequence[Passage], found: Coverage, status: Status, message: str
) -> Answer:
    return Answer(
        id=secrets.token_hex(8),
        question=question.text,
        status=status,
        text="",
        sentences=(),
        citations=(),
        passages=tuple(passages),
        asked=question.asked,
        answered_by=None,
        model=None,
        attempts=(),
        usage=Usage(),
        coverage=found,
        as_of=question.as_of,
        message=message,
    )


def _failed(
    question: Question, passages: Sequence[Passage], found: Coverage, error: ProviderError, partial: str = ""
) -> Answer:
    status = Status.PROVIDER_REFUSED if error.outcome in REFUSED else Status.PROVIDER_FAILED
    base = _without_model(question, passages, found, status, str(error))
    attempt = Attempt(error.provider or question.asked, error.model, error.outcome, error.detail)
    message = f"{error} It had written, unchecked: “{partial.strip()}”" if partial.strip() else str(error)
    return replace(base, attempts=(attempt,), message=message)


def today() -> date:
    return datetime.now(UTC).date()
