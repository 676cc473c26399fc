"""Passages → a checked answer, step by step as a reader sees it.

    Evidence → Waiting, … → Text, Text, … → Done

Nothing a model writes is believed: markers are resolved while they stream (`kb.answer.asking`), every finished
sentence is checked against the passages it cites, what an article made it write is withheld
(`kb.answer.screening`), and each cited number ends as a verbatim span of a stored version.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime

from kb.answer import citing, prompting, screening
from kb.answer.asking import Asking, Prepared, Written, ask
from kb.answer.differing import contradicting
from kb.answer.events import Done, Event, Evidence, Question, Text, Thought
from kb.answer.judging import judged
from kb.answer.spend import added
from kb.errors import BadCitation
from kb.models import (
    Answer,
    Attempt,
    Citation,
    Contradiction,
    Coverage,
    Failing,
    Judgement,
    Passage,
    Sentence,
    Status,
    Usage,
    Verdict,
    Withheld,
)
from kb.providers import Completion, Failure, Outcome, explain
from kb.search.gate import Evidence as Level
from kb.show.wording import note
from kb.text.orders import told
from kb.text.sentences import sentences
from kb.verifying import best_span, check, share_told

__all__ = ["Done", "Event", "Evidence", "Question", "Text", "Thought", "answer", "coverage", "last", "today"]

Similarity = Callable[[str, str], float]

REFUSED = {Outcome.CONTENT_BLOCKED, Outcome.REFUSED_IN_WORDS, Outcome.REGION_BLOCKED}
"""Outcomes that are a provider's decision, not its failure."""

CARRIED = {Verdict.SUPPORTED, Verdict.PARTIAL}
"""Verdicts of sentences that a strict answer keeps, and one of which an answer needs to be one."""

RECITED = 0.75
"""Share of what a sentence says that a passage must tell to be cited in place of those that do not carry it. All of
them are tried, so that the bar is higher than the check's: right ones had .82 and more, chance finds .67 (XQuAD)."""

ODD = {Outcome.CUT_OFF, Outcome.WRONG_LANGUAGE}
"""Outcomes of an answer that is kept, with a word about it."""


def answer(
    question: Question,
    passages: Sequence[Passage],
    level: Level,
    asking: Asking | None,
    similarity: Similarity | None = None,
    language: str = "en",
    failing: Sequence[Failing] = (),
) -> Iterator[Event]:
    """Answer from the passages; the last event is Done, whatever happens.

    No model is asked when `level` finds no evidence or `asking` is None. `language` is that of messages. A strict
    answer comes whole: what is not checked yet is not shown.
    """
    found = coverage(passages, failing=failing)
    yield Evidence(tuple(passages), found)
    if level is Level.NONE or asking is None:
        none = level is Level.NONE
        status, key = (Status.NO_EVIDENCE, "nothing") if none else (Status.ANSWERED, "evidence")
        differ = () if none else contradicting(passages)
        yield Done(_record(question, passages, found, status, message=note(key, language), contradictions=differ))
        return
    writing = screening.Stream(passages)
    for event in ask(question, passages, asking):
        if isinstance(event, Text):
            yield from (Text(piece) for piece in [writing.feed(event.text)] if piece and not question.strict)
        elif isinstance(event, Prepared):
            numbered = _numbered(event.prompt, event.withheld)
            yield Evidence(numbered, coverage(numbered, event.left_out, failing))
        elif isinstance(event, Written):
            yield from (Text(piece) for piece in [writing.end()] if piece and not question.strict)
            yield Done(_finished(question, passages, event, similarity, asking, failing))
        else:
            yield event


def coverage(passages: Sequence[Passage], left_out: Sequence[str] = (), failing: Sequence[Failing] = ()) -> Coverage:
    """What stands behind an answer: passages by language and side, outlets, origins, the newest date."""
    versions = {passage.version.id: passage.version for passage in passages}
    dates = [version.published.iso() for version in versions.values() if version.published]
    articles = {version.article_id for version in versions.values()}
    articles |= {copy.article_id for passage in passages for copy in passage.also}
    return Coverage(
        passages=len(passages),
        by_language=dict(Counter(passage.version.language for passage in passages).most_common()),
        by_side=dict(Counter(passage.version.side or "unknown" for passage in passages).most_common()),
        sources=tuple(sorted({version.source for version in versions.values()})),
        origins=len({passage.origin or passage.version.article_id for passage in passages}),
        newest=max(dates, default=None),
        left_out=tuple(left_out),
        failing=tuple(failing),
        articles=len(articles),
    )


def _numbered(prompt: prompting.Prompt, withheld: Sequence[Withheld]) -> tuple[Passage, ...]:
    """All passages, those that were shown first, as they are numbered; what was withheld last."""
    last = [each.passage for each in withheld if each.passage not in prompt.shown]
    middle = [each for each in prompt.left_out if each not in last]
    return (*prompt.shown, *middle, *dict.fromkeys(last))


def _finished(
    question: Question,
    passages: Sequence[Passage],
    written: Written,
    similarity: Similarity | None,
    asking: Asking,
    failing: Sequence[Failing],
) -> Answer:
    language = asking.language
    numbered = _numbered(written.prompt, written.withheld) if written.prompt else tuple(passages)
    shown = written.prompt.shown if written.prompt else ()
    text, completion, notes = screening.defused(written.text.strip(), shown), written.completion, list(written.notes)
    checked: tuple[Sentence, ...] = ()
    dropped: tuple[Sentence, ...] = ()
    judgement, usage = None, written.usage
    if completion is None:
        status = Status.PROVIDER_REFUSED if written.errors[-1].outcome in REFUSED else Status.PROVIDER_FAILED
        if text and not question.strict:
            notes.append(note("partial", language, text=text))
    elif completion.outcome in REFUSED:
        status = Status.PROVIDER_REFUSED
        notes += [_told(completion, asking), text]
    elif written.prompt and screening.leaked(written.text, written.prompt):
        status = Status.THIN_EVIDENCE
        notes.append(note("leaked", language))
    elif prompting.NO_ANSWER in text:
        status = Status.THIN_EVIDENCE
        notes.append(note("thin", language))
    else:
        text = citing.carried_back(text)
        first = tuple(checked_sentences(text, shown, similarity, language))
        whole = tuple(_recited(each, shown, similarity, question.language, language) for each in first)
        checked = tuple(each for each in whole if not screening.strays(each, question.text, shown, language))
        if whole != checked:
            notes.append(note("strayed", language, count=len(whole) - len(checked)))
        if question.judge:
            checked, judgement, spent = judged(checked, shown, completion, asking)
            usage = added([usage, spent]) if spent else usage
            notes += [note("unjudged", language, reason=judgement.detail)] if judgement and judgement.detail else []
        if question.strict:
            dropped = tuple(each for each in checked if each.verdict not in CARRIED)
            checked = tuple(each for each in checked if each.verdict in CARRIED)
            notes += [note("dropped", language, count=len(dropped))] if dropped and checked else []
        if len(checked) < len(whole) or whole != first:
            text = _joined(checked, question.language)
        carried = any(item.verdict in CARRIED for item in checked)
        status = Status.ANSWERED if carried else Status.THIN_EVIDENCE
        notes += [] if carried else [note("unsupported", language)]
        notes += [_told(completion, asking)] if completion.outcome in ODD else []
    cites = citations(checked, shown, similarity)
    return _record(
        question,
        numbered,
        coverage(numbered, (*written.left_out, *_unread(written, language)), failing),
        status,
        text=text if checked else "",
        sentences=checked,
        citations=cites,
        answered_by=completion.provider if completion else None,
        model=completion.model if completion else None,
        attempts=written.attempts,
        usage=usage,
        withheld=written.withheld,
        message=" ".join(notes),
        dropped=dropped,
        contradictions=contradicting(shown, {each.n for each in cites}),
        judge=judgement,
    )


def _joined(sentences: Sequence[Sentence], language: str) -> str:
    return ("" if language == "zh" else " ").join(each.text.strip() for each in sentences)


def _unread(written: Written, language: str) -> list[str]:
    """What is said of passages that did not fit what the model may be given, unless it was said before."""
    if written.prompt is None or not written.prompt.left_out or written.left_out:
        return []
    count = len(written.prompt.left_out)
    return [note("unread", language, count=count, all=count + len(written.prompt.shown))]


def _told(completion: Completion, asking: Asking) -> str:
    failure = Failure(Outcome(completion.outcome), completion.provider, completion.model, completion.endpoint)
    return explain(failure, asking.opener.registry.get(completion.provider), asking.language)


def checked_sentences(
    text: str, shown: Sequence[Passage], similarity: Similarity | None, language: str
) -> Iterator[Sentence]:
    """Each sentence of an answer with the verdict on it, the reason in `language`; a sentence without a citation is
    unsupported."""
    for start, end in sentences(text):
        sentence = text[start:end]
        bare, numbers = citing.split(sentence)
        if not bare:
            continue
        citing.check(numbers, len(shown))
        finding = check(bare, [evidence(shown[number - 1]) for number in numbers], similarity=similarity)
        yield Sentence(sentence, numbers, finding.verdict, finding.reason.told(language))


def _recited(
    sentence: Sentence, shown: Sequence[Passage], similarity: Similarity | None, language: str, interface: str
) -> Sentence:
    """The sentence with the passage that carries it in place of those it cites, if they do not say it and one other in
    the language of the answer does: small models often write another passage's number. What a passage contradicts
    stays as it is."""
    if sentence.verdict is not Verdict.UNSUPPORTED or not sentence.citations:
        return sentence
    bare, numbers = citing.split(sentence.text)
    for number, passage in enumerate(shown, 1):
        if number in numbers or passage.version.language != language:
            continue
        said = evidence(passage)
        if share_told(bare, said) < RECITED:
            continue
        if check(bare, [said], similarity=similarity).verdict is Verdict.SUPPORTED:
            cited = "".join(f"[{each}]" for each in numbers)
            reason = note("recited", interface, cited=cited, carries=f"[{number}]")
            return Sentence(citing.recited(sentence.text, number), (number,), Verdict.SUPPORTED, reason)
    return sentence


def evidence(passage: Passage) -> str:
    """What a passage says for itself: what its text tells, under the headline and date of its article."""
    version = passage.version
    when = version.published.iso() if version.published else ""
    return f"{version.title}\n{when}\n{told(passage.text)}"


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


def _record(
    question: Question,
    passages: Sequence[Passage],
    found: Coverage,
    status: Status,
    *,
    text: str = "",
    sentences: tuple[Sentence, ...] = (),
    citations: tuple[Citation, ...] = (),
    answered_by: str | None = None,
    model: str | None = None,
    attempts: tuple[Attempt, ...] = (),
    usage: Usage | None = None,
    withheld: tuple[Withheld, ...] = (),
    message: str = "",
    dropped: tuple[Sentence, ...] = (),
    contradictions: tuple[Contradiction, ...] = (),
    judge: Judgement | None = None,
) -> Answer:
    return Answer(
        id=secrets.token_hex(8),
        question=question.written or question.text,
        status=status,
        text=text,
        sentences=sentences,
        citations=citations,
        passages=tuple(passages),
        asked=question.asked,
        answered_by=answered_by,
        model=model,
        attempts=attempts,
        usage=usage or Usage(),
        coverage=found,
        as_of=question.as_of,
        message=message,
        withheld=withheld,
        language=question.language,
        asked_at=datetime.now(UTC),
        prompt_version=prompting.PROMPT_VERSION if attempts else "",
        understood=question.text if question.written else "",
        of=question.of,
        strict=question.strict,
        dropped=dropped,
        contradictions=contradictions,
        judge=judge,
    )


def last(events: Iterable[Event]) -> Answer:
    """The answer that a stream of events ends with."""
    for event in events:
        if isinstance(event, Done):
            return event.answer
    raise AssertionError("a stream of events ends with Done")


def today() -> date:
    return datetime.now(UTC).date()
