"""An answer as a Markdown file with footnotes: every sentence with its verdict, every number with its quotation.

All that articles, models and readers wrote is escaped (`kb.text.inert`); the only links are those of cited or listed
articles, to the addresses the catalog has for them.
"""

from __future__ import annotations

from collections.abc import Iterator

from kb.answer import citing
from kb.models import Answer, Changes, Contradiction, Passage, Sentence, Status, Verdict, Version
from kb.show.views import web_address
from kb.show.wording import words
from kb.text.inert import inert, link

Words = dict[str, str]


def markdown(answer: Answer, language: str = "en") -> str:
    """The answer as Markdown (CommonMark with footnotes); `language` is that of the words around it."""
    text = words(language)
    parts = [f"# {inert(answer.question)}", *_head(answer, text), *_body(answer, text)]
    parts += [_section(text["differ"], (_difference(each, answer) for each in answer.contradictions))]
    if not answer.citations:
        near = answer.status in (Status.NO_EVIDENCE, Status.THIN_EVIDENCE)
        heading = text["nearest" if near else "coverage"]
        parts += [_section(heading, (f"- {_article(each.version, text)}" for each in answer.passages))]
    parts += [_section(text["dropped"], (f"- {inert(_bare(each))}" for each in answer.dropped))]
    if answer.changes:
        heading = text["changed"].format(day=answer.changes.day)
        parts += [_section(heading, (f"- {line}" for line in _changes(answer.changes, text)))]
    elif answer.as_of and answer.changes is not None:
        parts += [f"{text['unchanged']}."]
    parts += ["\n".join(_footnotes(answer, text)), "---", "\n".join(f"- {line}" for line in _record(answer, text))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(answer: Answer, text: Words) -> Iterator[str]:
    if answer.understood:
        yield f"*{text['understood']}:* {inert(answer.understood)}"
    when = f"{answer.asked_at:%Y-%m-%d %H:%M} UTC" if answer.asked_at else ""
    by = f"{answer.answered_by}, {answer.model}" if answer.answered_by else text["nobody"]
    known = f"{text['as_of']} {answer.as_of}" if answer.as_of else ""
    said = [f"{text['asked']} {when}" if when else "", known, f"{text['by']}: {inert(by)}", text[answer.status]]
    yield " · ".join(each for each in said if each)


def _body(answer: Answer, text: Words) -> Iterator[str]:
    for sentence in answer.sentences:
        marks = "".join(f"[^{number}]" for number in sentence.citations)
        yield f"{inert(_bare(sentence))}{marks}{_verdict(sentence, text)}"
    if answer.message:
        yield f"> {inert(answer.message)}"


def _bare(sentence: Sentence) -> str:
    return citing.split(sentence.text)[0]


def _verdict(sentence: Sentence, text: Words) -> str:
    if sentence.verdict is Verdict.SUPPORTED:
        return ""
    reason = f": {inert(sentence.reason)}" if sentence.reason else ""
    return f" **({text[sentence.verdict]}{reason})**"


def _difference(found: Contradiction, answer: Answer) -> str:
    sides = (
        f"“{inert(each.quote)}” ({inert(answer.passages[each.n - 1].version.source)}, {each.n})"
        for each in (found.first, found.second)
    )
    return "- " + " ≠ ".join(sides)


def _changes(changes: Changes, text: Words) -> Iterator[str]:
    for each in changes.reworded:
        stands = text["stands" if each.stands else "fallen"]
        yield f"{each.n}: {text['reworded']} ({each.version.first_seen:%Y-%m-%d}); {stands}"
    for number in changes.gone:
        yield f"{number}: {text['gone']}"
    for version in changes.newer:
        yield f"{text['newer']}: {_article(version, text)}"


def _footnotes(answer: Answer, text: Words) -> Iterator[str]:
    for each in answer.citations:
        passage = each.passage
        where = f"version `{passage.version.id}`, chunk `{passage.chunk_id}`, {each.start}–{each.end}"
        yield f"[^{each.n}]: {_article(passage.version, text)}: “{inert(each.quote)}” ({where})"


def _article(version: Version, text: Words) -> str:
    when = version.published.iso() if version.published else text["no_date"]
    named = link(version.title or version.url, web_address(version))
    return f"{named}, {inert(version.source)}, {inert(when)}, {inert(version.language)}"


def _record(answer: Answer, text: Words) -> Iterator[str]:
    yield f"{text['record']}: `{answer.id}`"
    if answer.of:
        yield f"{text['of']}: `{answer.of}`"
    if answer.prompt_version:
        yield f"{text['prompt']}: {answer.prompt_version}"
    for attempt in answer.attempts:
        yield f"{text['attempts']}: {inert(f'{attempt.provider}, {attempt.model}: {attempt.outcome}')}"
    if answer.judge:
        yield f"{text['judge']}: {inert(f'{answer.judge.provider}, {answer.judge.model}: {answer.judge.outcome}')}"
    if answer.usage.prompt_tokens or answer.usage.completion_tokens:
        yield f"{text['tokens']}: {answer.usage.prompt_tokens} + {answer.usage.completion_tokens}"
    for passage in answer.passages:
        yield f"{text['coverage']}: {_evidence(passage)}"


def _evidence(passage: Passage) -> str:
    return f"version `{passage.version.id}`, chunk `{passage.chunk_id}`, {passage.start}–{passage.end}"


def _section(heading: str, lines: Iterator[str]) -> str:
    body = "\n".join(lines)
    return f"## {heading}\n\n{body}" if body else ""
