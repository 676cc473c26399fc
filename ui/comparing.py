"""One question to several providers on the page: what has come so far, and how the comparison reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kb.answer.comparing import Comparison
from kb.answer.events import Event
from kb.answer.halting import Halt
from kb.knowledge import KnowledgeBase
from kb.models import Answer, Verdict
from ui.asking import Choices, Seen, seen
from ui.jobs import Job, steps
from ui.render import plain
from ui.wording import Words

FEWEST, MOST = 2, 4
"""Providers side by side: fewer are no comparison, more cannot be read."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of one of the providers, by the name it was asked under."""

    name: str
    event: Event


Step = Heard | Comparison


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison of the session, and the job that makes it."""

    number: int
    question: str
    names: tuple[str, ...]
    job: Job[Step]


def begun(kb: KnowledgeBase, number: int, question: str, names: Sequence[str], choices: Choices) -> Compared:
    """Start asking `names` (each `qwen` or `qwen:MODEL`) the same; stopping the job hangs up on all of them."""
    halt = Halt()
    job = Job(lambda: _compared(kb, question, names, choices, halt), halt.set)
    return Compared(number, question, tuple(names), job)


def _compared(kb: KnowledgeBase, question: str, names: Sequence[str], choices: Choices, halt: Halt) -> Iterator[Step]:
    def work(note: Callable[[Step], None]) -> None:
        found = kb.compare(
            question,
            names,
            answer_language=choices.answer_language,
            languages=choices.filters.languages,
            sources=choices.filters.sources,
            since=choices.filters.since,
            until=choices.filters.until,
            as_of=choices.filters.as_of,
            interface=choices.interface,
            strict=choices.strict,
            judge=choices.judge,
            own=choices.own(halt),
            told=lambda name, event: note(Heard(name, event)),
        )
        note(found)

    return steps(work)


def so_far(given: Iterable[Step], name: str) -> Seen:
    """What has come of one provider's answer."""
    return seen(step.event for step in given if isinstance(step, Heard) and step.name == name)


def result(given: Sequence[Step]) -> Comparison | None:
    """The comparison, once it is there."""
    last = given[-1] if given else None
    return last if isinstance(last, Comparison) else None


def outcome_of(answer: Answer) -> str:
    """How the last that was asked for this answer ended; that it was answered, where nothing had to be asked."""
    return answer.attempts[-1].outcome if answer.attempts else str(answer.status)


def rows(found: Comparison, names: Sequence[str], words: Words) -> list[dict[str, Any]]:
    """One row a provider for `ui.parts.table`: how it ended, what of it is carried, what it withheld, what it cost."""
    return [
        {"id": str(number), "cells": _cells(answer, name, words)}
        for number, (answer, name) in enumerate(zip(found.answers, names, strict=True))
    ]


def _cells(answer: Answer, name: str, words: Words) -> list[str]:
    verdicts = [sentence.verdict for sentence in answer.sentences]
    carried = sum(verdict in (Verdict.SUPPORTED, Verdict.PARTIAL) for verdict in verdicts)
    usage = answer.usage
    cost = "–"
    if usage.cost is not None and answer.answered_by:
        money = f"{usage.cost:.4f} {usage.currency or ''}".strip() if usage.currency else "0"
        cost = words("ask.cost", cost=money, day=usage.price_as_of) if usage.price_as_of else money
    cells = [
        f"{name} · {answer.model}" if answer.model else name,
        words.of("outcome", outcome_of(answer)),
        words("compare.carried", carried=carried, all=len(verdicts)) if verdicts else "–",
        str(len({citation.passage.chunk_id for citation in answer.citations})) if verdicts else "–",
        str(len(answer.withheld)),
        f"{usage.prompt_tokens:,} + {usage.completion_tokens:,}" if usage.prompt_tokens else "–",
        cost,
    ]
    return [plain(cell) for cell in cells]
