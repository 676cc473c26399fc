"""The course of a question through a knowledge base: understood, searched, asked, checked, recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kb.answer import answers
from kb.answer.answering import answer, last, today
from kb.answer.asking import Asking
from kb.answer.calling import BUILT_IN
from kb.answer.changes import with_changes
from kb.answer.comparing import Comparison, named
from kb.answer.comparing import compare as compared
from kb.answer.events import Done, Event, Evidence, Question, Understood
from kb.answer.failing import failing
from kb.answer.spend import added
from kb.answer.understanding import understood
from kb.errors import UsageError
from kb.models import Answer, Coverage, Filters, Status
from kb.search.gate import Evidence as Level
from kb.search.neighbours import joined
from kb.show.wording import note
from kb.text.language import detect

if TYPE_CHECKING:
    from kb.answer.calling import Own
    from kb.knowledge import KnowledgeBase
    from kb.search.retrieval import Found

NOBODY = "none"
"""The provider that is no provider: the evidence alone."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a question is to be answered; the keywords of `KnowledgeBase.stream` say what each means."""

    provider: str
    model: str | None = None
    answer_language: str | None = None
    k: int = 8
    filters: Filters = field(default_factory=Filters)
    fallback: Sequence[str] | None = None
    consent: bool = False
    interface: str = "en"
    strict: bool = False
    judge: bool = False
    own: Own | None = None


def stream(kb: KnowledgeBase, question: str, wish: Wish, before: Sequence[str]) -> Iterator[Event]:
    """Answer a question as it comes, and keep the answer; what `before` holds was asked before it."""
    kb.keep_to(wish.own)
    asking = _asking(kb, wish)
    text, spent = understood(question, before, asking)
    if text != question:
        yield Understood(text)
    found = kb.found(text, wish.filters, wish.k)
    # The built-in model is given little: two joined passages would be too long for it.
    passages = found.passages if wish.provider in (BUILT_IN, NOBODY) else joined(found.passages)
    wanted = Question(
        text,
        wish.answer_language or detect(question),
        wish.provider,
        wish.filters.as_of,
        wish.filters.as_of or today(),
        question if text != question else "",
        wish.strict,
        wish.judge,
    )
    sick = failing(kb.catalog, passages, wish.filters)
    events = answer(wanted, passages, found.evidence, asking, kb.similarity, wish.interface, sick)
    for event in _searched(events, found, wish.interface):
        if isinstance(event, Done) and spent:
            event = Done(replace(event.answer, usage=added([spent, event.answer.usage])))
        yield _kept(kb, event)


def stream_again(kb: KnowledgeBase, id: str, wish: Wish) -> Iterator[Event]:
    """Ask the question of a stored answer of another model, on the passages that are stored with it."""
    kb.keep_to(wish.own)
    earlier = answers.opened(kb.catalog, id)
    asking = _asking(kb, wish)
    written = earlier.question if earlier.understood else ""
    day = earlier.as_of or (earlier.asked_at.date() if earlier.asked_at else today())
    wanted = Question(
        earlier.understood or earlier.question,
        wish.answer_language or earlier.language,
        wish.provider,
        earlier.as_of,
        day,
        written,
        wish.strict,
        wish.judge,
        earlier.id,
    )
    level = Level.NONE if earlier.status is Status.NO_EVIDENCE else Level.ENOUGH
    sick = earlier.coverage.failing
    for event in answer(wanted, earlier.passages, level, asking, kb.similarity, wish.interface, sick):
        yield _kept(kb, event)


def compare(
    kb: KnowledgeBase,
    question: str,
    providers: Sequence[str],
    wish: Wish,
    told: Callable[[str, Event], None] = lambda *_: None,
) -> Comparison:
    """Ask several providers the same on the same passages; `told` is given what comes, and of whom."""
    if not providers or len(set(providers)) != len(providers):
        raise UsageError("name the providers to compare, each once, like -p qwen -p zhipu")
    wishes = [replace(wish, provider=id, model=model) for id, model in map(named, providers)]
    kb.keep_to(wish.own)
    askings = [
        kb.asking(each.provider, each.model, fallback=(), interface=wish.interface, own=wish.own) for each in wishes
    ]
    found = kb.found(question, wish.filters, wish.k)
    as_of = wish.filters.as_of
    sick = failing(kb.catalog, found.passages, wish.filters)

    def heard(name: str, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            told(name, event)
            yield event

    def one(name: str, asking: Asking) -> Answer:
        language = wish.answer_language or detect(question)
        asked = Question(question, language, asking.order[0], as_of, as_of or today())
        events = answer(asked, found.passages, found.evidence, asking, kb.similarity, wish.interface, sick)
        given = last(heard(name, _searched(events, found, wish.interface)))
        answers.save(kb.catalog, given)
        return given

    with ThreadPoolExecutor(max_workers=4) as pool:
        return compared(question, found.passages, list(pool.map(one, providers, askings)))


def _searched(events: Iterator[Event], found: Found, interface: str) -> Iterator[Event]:
    """The events, with what the search understood of the question and could not do in their coverage."""
    wished = found.hints.told()
    trouble = tuple(note(who, interface, reason=why) for who, why in found.trouble.items())

    def told(coverage: Coverage) -> Coverage:
        return replace(coverage, wished=wished, left_out=(*coverage.left_out, *trouble))

    for event in events:
        if isinstance(event, Evidence):
            event = replace(event, coverage=told(event.coverage))
        elif isinstance(event, Done):
            event = Done(replace(event.answer, coverage=told(event.answer.coverage)))
        yield event


def _asking(kb: KnowledgeBase, wish: Wish) -> Asking | None:
    if wish.provider == NOBODY:
        return None
    return kb.asking(
        wish.provider,
        wish.model,
        fallback=wish.fallback,
        consent=wish.consent,
        interface=wish.interface,
        own=wish.own,
    )


def _kept(kb: KnowledgeBase, event: Event) -> Event:
    """The event; the end of an answer is recorded, and what came after its day is told beside it."""
    if not isinstance(event, Done):
        return event
    answers.save(kb.catalog, event.answer)
    return Done(with_changes(kb, event.answer)) if event.answer.as_of else event
