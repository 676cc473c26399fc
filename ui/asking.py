"""The questions of one session: what was chosen, what has come so far, and how it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kb.answer.calling import Own, OwnKey
from kb.answer.citing import MARKER
from kb.answer.events import Done, Event, Evidence, Text, Thought, Understood, Waiting
from kb.answer.halting import Halt
from kb.knowledge import KnowledgeBase
from kb.models import Answer, Coverage, Filters, Judgement, Passage, Sentence, Verdict, Withheld
from kb.providers import DataPath
from kb.show.views import elsewhere, shortened
from kb.text.language import detect
from kb.text.orders import gives_orders
from ui.jobs import Job
from ui.reading import date_of, outlet
from ui.render import Safe, fill, join, plain
from ui.wording import Words

SIGNS = {
    Verdict.SUPPORTED: "✓",
    Verdict.PARTIAL: "≈",
    Verdict.UNSUPPORTED: "?",
    Verdict.CONTRADICTED: "✗",
    Verdict.UNCHECKED: "·",
}

FAILING = 3
"""Failing sources that the line under an answer names; the page Status has them all."""

UNKNOWN = "unknown"
"""The side of passages whose article names none; not worth a word when it is that of all."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Who is asked, and of what; no model means the provider's default, no language that of the question.

    `fallback` are asked after `provider`, in this order; with `consent` also what its filter refused. `path`
    narrows that of the settings; `keys` are those of this session alone.
    """

    provider: str
    model: str | None = None
    answer_language: str | None = None
    filters: Filters = field(default_factory=Filters)
    fallback: tuple[str, ...] = ()
    consent: bool = False
    interface: str = "en"
    strict: bool = False
    judge: bool = False
    path: DataPath = DataPath.ANY
    keys: Mapping[str, OwnKey] = field(default_factory=dict)

    def own(self, halt: Halt | None = None) -> Own:
        """What this session brings to a question."""
        return Own(self.path, self.keys, halt or Halt())


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the session, and the job that answers it in `language`."""

    number: int
    question: str
    choices: Choices
    language: str
    job: Job[Event]


@dataclass(frozen=True, slots=True)
class Seen:
    """What has come of an answer so far; `turn` counts how often the passages came, in an order of their own.

    `understood` is how a follow-up was read, empty for a question that stands as it was written. `ahead` are
    the questions that the local model answers before this one.
    """

    turn: int = 0
    passages: tuple[Passage, ...] | None = None
    coverage: Coverage | None = None
    text: str = ""
    thought: str = ""
    answer: Answer | None = None
    understood: str = ""
    ahead: int = 0


@dataclass(slots=True)
class Reading:
    """The passage a reader has opened; `token` tells one opening from the next."""

    version_id: str
    spans: tuple[tuple[int, int], ...]
    token: str


@dataclass(slots=True)
class Desk:
    """All questions of a session, the one that is shown, and the passage that is open."""

    asked: list[Asked] = field(default_factory=list)
    shown: int | None = None
    reading: Reading | None = None
    opened: int = 0

    @property
    def current(self) -> Asked | None:
        return None if self.shown is None else self.asked[self.shown]

    def ask(self, kb: KnowledgeBase, question: str, choices: Choices, *, alone: bool = False) -> Asked:
        """Put a question; one that is still being answered is stopped.

        It is read with the question that is shown, unless it shall stand `alone`.
        """
        before = () if alone or self.current is None else (whole(self.current),)
        language = choices.answer_language or detect(question)
        return self._put(question, choices, language, lambda halt: stream(kb, question, choices, before, halt))

    def again(self, kb: KnowledgeBase, answer: Answer, choices: Choices) -> Asked:
        """Ask an answer's question of the provider chosen now, on the same passages."""
        wanted = {"provider": choices.provider, "model": choices.model, "interface": choices.interface}
        strictly = {"strict": choices.strict, "judge": choices.judge}

        def events(halt: Halt) -> Iterator[Event]:
            return kb.stream_again(answer.id, **wanted, **strictly, own=choices.own(halt))

        return self._put(answer.question, choices, answer.language, events)

    def reopen(self, kb: KnowledgeBase, id: str, choices: Choices) -> Asked:
        """Show a stored answer as it was."""
        stored = kb.answer(id)
        events = (Understood(stored.understood),) if stored.understood else ()
        return self._put(stored.question, choices, stored.language, lambda _: iter((*events, Done(stored))))

    def _put(self, question: str, choices: Choices, language: str, events: Callable[[Halt], Iterator[Event]]) -> Asked:
        for earlier in self.asked:
            earlier.job.stop()
        halt = Halt()
        job = Job(lambda: events(halt), halt.set)
        asked = Asked(len(self.asked), question, choices, language, job)
        self.asked.append(asked)
        self.shown, self.reading = asked.number, None
        return asked

    def open(self, version_id: str, *spans: tuple[int, int]) -> None:
        self.opened += 1
        self.reading = Reading(version_id, spans, str(self.opened))

    def close(self, token: object) -> None:
        if self.reading is not None and self.reading.token == token:
            self.reading = None


def whole(asked: Asked) -> str:
    """The question as it was understood, for the one that follows it."""
    return seen(asked.job.events).understood or asked.question


def stream(kb: KnowledgeBase, question: str, choices: Choices, before: Sequence[str], halt: Halt) -> Iterator[Event]:
    return kb.stream(
        question,
        provider=choices.provider,
        model=choices.model,
        answer_language=choices.answer_language,
        languages=choices.filters.languages,
        sources=choices.filters.sources,
        since=choices.filters.since,
        until=choices.filters.until,
        as_of=choices.filters.as_of,
        fallback=choices.fallback,
        consent=choices.consent,
        interface=choices.interface,
        strict=choices.strict,
        judge=choices.judge,
        before=before,
        own=choices.own(halt),
    )


def seen(events: Iterable[Event]) -> Seen:
    """What the events come to."""
    turn, passages, coverage, answer, understood, ahead = 0, None, None, None, "", 0
    text: list[str] = []
    thought: list[str] = []
    for event in events:
        match event:
            case Evidence():
                turn, passages, coverage = turn + 1, event.passages, event.coverage
            case Waiting():
                ahead = event.ahead
            case Understood():
                understood = event.question
            case Text():
                text.append(event.text)
            case Thought():
                thought.append(event.text)
            case Done():
                answer = event.answer
    # An answer knows what stood behind it in the end; a stored one comes alone.
    coverage = answer.coverage if answer else coverage
    return Seen(turn, passages, coverage, "".join(text), "".join(thought), answer, understood, ahead)


def written(shown: Seen, words: Words) -> Safe:
    """The answer while it is written; nothing of it is checked yet, so nothing leads anywhere."""
    parts = (
        fill("<sup>[{n}]</sup>", n=part["n"]) if "n" in part else fill("{t}", t=part["t"])
        for part in pieces(shown.text, words)
    )
    return fill('<div class="lb-written">{parts}</div>', parts=join(parts))


def sentences(shown: Seen, words: Words) -> list[dict[str, Any]]:
    """The checked sentences for `ui.parts.answer`; of an answer that was stopped, what had been written."""
    if shown.answer is not None:
        return [_checked(sentence, words) for sentence in shown.answer.sentences]
    if shown.text.strip():
        return [_checked(Sentence(shown.text.strip(), (), Verdict.UNCHECKED, words("ask.broken_off")), words)]
    return []


def _checked(sentence: Sentence, words: Words) -> dict[str, Any]:
    return {
        "parts": pieces(sentence.text, words),
        "verdict": str(sentence.verdict),
        "word": words.of("verdict", sentence.verdict),
        "sign": SIGNS[sentence.verdict],
        "reason": plain(sentence.reason),
    }


def pieces(text: str, words: Words) -> list[dict[str, Any]]:
    """A text with its markers apart: {"t": text} and {"n": number, "name": what the button is called}."""
    parts: list[dict[str, Any]] = []
    end = 0
    for marker in MARKER.finditer(text):
        if between := plain(text[end : marker.start()]):
            parts.append({"t": between})
        parts.append({"n": int(marker[1]), "name": words("ask.cite", number=marker[1])})
        end = marker.end()
    if rest := plain(text[end:]):
        parts.append({"t": rest})
    return parts


def span_of(shown: Seen, number: int) -> tuple[str, tuple[int, int]] | None:
    """Version and span that a citation number stands for; None for a number that stands for nothing."""
    if shown.answer is not None:
        for citation in shown.answer.citations:
            if citation.n == number:
                return citation.passage.version.id, (citation.start, citation.end)
    passages = shown.answer.passages if shown.answer else shown.passages or ()
    if not 1 <= number <= len(passages):
        return None
    passage = passages[number - 1]
    return passage.version.id, (passage.start, passage.end)


def passage_cards(shown: Seen, words: Words) -> list[dict[str, Any]]:
    """The passages for `ui.parts.cards`, numbered as the answer cites them; cited ones are active."""
    passages: Sequence[Passage] = shown.answer.passages if shown.answer else shown.passages or ()
    cited = {citation.n for citation in shown.answer.citations} if shown.answer else set()
    withheld = {each.passage.chunk_id: each for each in shown.answer.withheld} if shown.answer else {}
    return [
        {
            "id": number,
            "n": number,
            "title": plain(passage.version.title),
            "language": passage.version.language,
            "meta": byline(passage, words),
            "note": passage_note(passage, withheld.get(passage.chunk_id), words),
            "text": shortened(" ".join(plain(passage.text).split()), 360),
            "active": number in cited,
        }
        for number, passage in enumerate(passages, 1)
    ]


def passage_note(passage: Passage, withheld: Withheld | None, words: Words) -> str:
    """What a reader should be warned of: that a passage gives orders, that a filter kept it from the answer."""
    notes = [words("ask.gives_orders")] if gives_orders(passage.text) else []
    if withheld is not None:
        notes.append(words("ask.withheld" if withheld.certain else "ask.untested", provider=withheld.provider))
    return plain(" · ".join(notes))


def byline(passage: Passage, words: Words) -> str:
    """Outlet, agency, date and language of a passage, and where else its story stands."""
    version = passage.version
    parts = [outlet(version, words), date_of(version, words), words.of("language", version.language)]
    if passage.also:
        parts.append(words("ask.also", where=elsewhere(passage)))
    return plain(" · ".join(parts))


def coverage_line(coverage: Coverage, words: Words) -> str:
    """What stands behind the answer, in one line."""
    languages = ", ".join(f"{words.of('language', name)} {count}" for name, count in coverage.by_language.items())
    sides = ", ".join(
        f"{words.of('side', name)} {count}"
        for name, count in coverage.by_side.items()
        if coverage.by_side.keys() != {UNKNOWN}
    )
    parts = [
        words(
            "ask.passages",
            count=coverage.passages,
            articles=coverage.articles or coverage.origins,
            origins=coverage.origins,
        ),
        languages,
        sides,
        words("ask.newest", day=coverage.newest[:10]) if coverage.newest else "",
        words("ask.wished", read="; ".join(coverage.wished)) if coverage.wished else "",
        *coverage.left_out,
        *(words("ask.failing", source=each.source, day=each.since[:10]) for each in coverage.failing[:FAILING]),
        words("ask.failing_more", count=len(coverage.failing) - FAILING) if len(coverage.failing) > FAILING else "",
    ]
    return plain(" · ".join(part for part in parts if part))


def usage_line(answer: Answer, words: Words, provider: str) -> str:
    """Who answered (`provider` is its name), and what it took."""
    if answer.answered_by is None:
        return words("ask.nobody")
    usage = answer.usage
    parts = [words("ask.answered_by", provider=provider, model=answer.model or "")]
    if usage.prompt_tokens or usage.completion_tokens:
        tokens = words("ask.tokens", read=usage.prompt_tokens, written=usage.completion_tokens)
        parts.append(f"{tokens} {words('ask.estimated')}" if usage.estimated else tokens)
    if usage.cost:
        cost = f"{usage.cost:.4f} {usage.currency or ''}".strip()
        parts.append(words("ask.cost", cost=cost, day=usage.price_as_of) if usage.price_as_of else cost)
    return plain(" · ".join(parts))


def judge_line(judge: Judgement, words: Words) -> str:
    """What the judge made of the sentences, or that it said nothing."""
    if judge.confirmed or judge.lowered:
        return plain(words("ask.judged", model=judge.model, confirmed=judge.confirmed, lowered=judge.lowered))
    return plain(words("ask.not_judged", model=judge.model, outcome=words.of("outcome", judge.outcome)))


def attempt_lines(answer: Answer, words: Words) -> list[str]:
    """Each provider that was asked, and how it ended."""
    return [plain(f"{each.provider} · {each.model} · {words.of('outcome', each.outcome)}") for each in answer.attempts]
