"""One question, one frozen set of passages, several providers: what each made of it, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from kb.answer import citing
from kb.models import Answer, Passage, Sentence, Verdict
from kb.show.contract import answer_json, passage_json
from kb.show.views import citations_html, sentences_html
from kb.verifying import check, contradictions

if TYPE_CHECKING:
    import pandas

SAID = frozenset({Verdict.SUPPORTED, Verdict.PARTIAL})
"""Verdicts on a sentence, read against another answer, that mean the other says it too."""


@dataclass(frozen=True, slots=True)
class Alone:
    """A sentence that no other provider's answer says."""

    provider: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Difference:
    """Two answers that give another figure or date for the same matter; `kind` is number or date."""

    kind: str
    first: str
    first_says: str
    first_sentence: str
    second: str
    second_says: str
    second_sentence: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answers in the order asked, and how they differ. `unused` are passages that no answer cites."""

    question: str
    passages: tuple[Passage, ...]
    answers: tuple[Answer, ...]
    alone: tuple[Alone, ...]
    unused: tuple[Passage, ...]
    differences: tuple[Difference, ...]

    def frame(self) -> pandas.DataFrame:
        """One row a provider: how it ended, what it said, what it cost."""
        import pandas

        return pandas.DataFrame([_row(self, answer) for answer in self.answers])

    def json(self) -> dict[str, Any]:
        """What `lagebild compare --json` prints."""
        return {
            "question": self.question,
            "passages": [passage_json(passage) for passage in self.passages],
            "answers": [answer_json(answer) for answer in self.answers],
            "alone": [{"provider": each.provider, "text": each.sentence.text} for each in self.alone],
            "unused": [passage.chunk_id for passage in self.unused],
            "differences": [asdict(each) for each in self.differences],
        }

    def _repr_html_(self) -> str:
        heads = "".join(f"<th style='text-align:left'>{escape(label(answer))}</th>" for answer in self.answers)
        cell = "style='text-align:left;vertical-align:top'"
        ends = "".join(f"<td {cell}>{escape(_end(answer))}</td>" for answer in self.answers)
        said = "".join(f"<td {cell}>{sentences_html(each)}{citations_html(each)}</td>" for each in self.answers)
        lists = {
            "Figures and dates that differ": [
                f"{each.first}: {each.first_says} ≠ {each.second}: {each.second_says}" for each in self.differences
            ],
            "Only one says": [f"{each.provider}: {each.sentence.text}" for each in self.alone],
            f"Cited by nobody, of {len(self.passages)} passages": [each.version.title for each in self.unused],
        }
        return (
            f"<p><b>{escape(self.question)}</b></p>"
            f"<table><tr>{heads}</tr><tr>{ends}</tr><tr>{said}</tr></table>"
            + "".join(_listed(heading, lines) for heading, lines in lists.items() if lines)
        )


def _end(answer: Answer) -> str:
    """How it ended with one provider, what it withheld and what it cost."""
    parts = [answer.attempts[-1].outcome if answer.attempts else str(answer.status)]
    if answer.withheld:
        parts.append(f"{len(answer.withheld)} withheld")
    if answer.usage.cost:
        since = f" (price of {answer.usage.price_as_of})" if answer.usage.price_as_of else ""
        parts.append(f"{answer.usage.cost:.4f} {answer.usage.currency or ''}{since}")
    return " · ".join(parts)


def _listed(heading: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<p><b>{escape(heading)}</b></p><ul>{items}</ul>"


def label(answer: Answer) -> str:
    """Who was asked; the model too, if one answered."""
    return f"{answer.asked} ({answer.model})" if answer.model else answer.asked


def compare(question: str, passages: Sequence[Passage], answers: Sequence[Answer]) -> Comparison:
    """How answers to one question from the same passages differ. No model is asked for it."""
    given = [answer for answer in answers if answer.sentences]
    cited = {citation.passage.chunk_id for answer in given for citation in answer.citations}
    return Comparison(
        question=question,
        passages=tuple(passages),
        answers=tuple(answers),
        alone=tuple(_alone(given)),
        unused=tuple(passage for passage in passages if given and passage.chunk_id not in cited),
        differences=tuple(_differences(given)),
    )


def _alone(given: Sequence[Answer]) -> list[Alone]:
    if len(given) < 2:
        return []
    bare = [_bare(answer) for answer in given]
    found = []
    for place, answer in enumerate(given):
        others = [text for number, text in enumerate(bare) if number != place]
        for sentence in answer.sentences:
            said = citing.split(sentence.text)[0]
            if not any(check(said, [other]).verdict in SAID for other in others):
                found.append(Alone(label(answer), sentence))
    return found


def _differences(given: Sequence[Answer]) -> list[Difference]:
    texts = [_bare(answer) for answer in given]
    return [
        Difference(
            kind=each.code,
            first=label(given[each.first]),
            first_says=each.first_says,
            first_sentence=texts[each.first][slice(*each.first_span)].strip(),
            second=label(given[each.second]),
            second_says=each.second_says,
            second_sentence=texts[each.second][slice(*each.second_span)].strip(),
        )
        for each in contradictions(texts)
    ]


def _bare(answer: Answer) -> str:
    return " ".join(citing.split(sentence.text)[0] for sentence in answer.sentences)


def _row(comparison: Comparison, answer: Answer) -> dict[str, object]:
    verdicts = [sentence.verdict for sentence in answer.sentences]
    return {
        "provider": answer.asked,
        "model": answer.model,
        "status": str(answer.status),
        "outcome": answer.attempts[-1].outcome if answer.attempts else None,
        "answer": answer.text,
        "sentences": len(verdicts),
        "supported": verdicts.count(Verdict.SUPPORTED),
        "contradicted": verdicts.count(Verdict.CONTRADICTED),
        "cited": len(answer.citations),
        "alone": sum(each.provider == label(answer) for each in comparison.alone),
        "withheld": len(answer.withheld),
        "prompt_tokens": answer.usage.prompt_tokens,
        "completion_tokens": answer.usage.completion_tokens,
        "cost": answer.usage.cost,
        "currency": answer.usage.currency,
        "message": answer.message,
    }


def named(given: str) -> tuple[str, str | None]:
    """Provider and model of `qwen` or `qwen:qwen-plus`; only the first colon parts them."""
    provider, _, model = given.partition(":")
    return provider.strip(), model.strip() or None
