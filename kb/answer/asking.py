"""The course of a question: who is asked, with which passages, and what follows when one declines.

One provider after the other in the user's order, never after the first word; on a content block the
passages that trip this provider are found and left out; if it is too long, once more with fewer.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kb.answer import citing, prompting
from kb.answer.calling import Call, Opener
from kb.answer.events import Question, Text, Thought, Waiting
from kb.answer.spend import Purse, added
from kb.errors import ProviderError
from kb.models import Attempt, Passage, Usage, Withheld
from kb.providers import Budget, CallFailed, Completion, Failure, Message, Outcome, explain
from kb.providers.entries import ASSUMED_CONTEXT
from kb.providers.fallback import Move, Next, Tried, next_provider
from kb.providers.outcomes import Stage
from kb.providers.withholding import isolate
from kb.show.wording import note

if TYPE_CHECKING:
    from kb.local.turns import Turn

REQUESTS = 40
"""HTTP requests for one question, retries and probes of all its providers included."""

PROBES = 24
"""Requests to find the passages a filter blocks: enough for 4 of 12, which take at most 21."""

LOOK = 1.0
"""Seconds between two looks at the queue of the local model, and at whether the reader still waits."""

PROBE_TOKENS = 16
"""Tokens that a probe may write: whether the evidence passes is known before the first."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who may be asked, in this order (the first one is the user's choice, with its model), and within what.

    `consent`: what a filter refused may go to the next in the order. `language` is that of messages.
    """

    order: tuple[str, ...]
    opener: Opener
    purse: Purse
    model: str | None = None
    consent: bool = False
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The evidence has changed: these passages are shown now, in the order of their numbers."""

    prompt: prompting.Prompt
    withheld: tuple[Withheld, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """What came of asking. `completion` is None if nobody answered; then `errors` holds why, one a provider asked.

    `text` has only markers that resolve to `prompt.shown`. `notes` are for the reader.
    """

    text: str
    prompt: prompting.Prompt | None
    completion: Completion | None
    attempts: tuple[Attempt, ...]
    errors: tuple[ProviderError, ...]
    usage: Usage
    withheld: tuple[Withheld, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


Step = Waiting | Text | Thought | Prepared


def ask(question: Question, passages: Sequence[Passage], asking: Asking) -> Iterator[Step | Written]:
    """Ask for an answer from the passages; the last that comes is Written."""
    return _Course(question, passages, asking).run()


class _Course:
    def __init__(self, question: Question, passages: Sequence[Passage], asking: Asking) -> None:
        self._question = question
        self._passages = tuple(passages)
        self._asking = asking
        self._budget = Budget(REQUESTS)
        self._attempts: list[Attempt] = []
        self._tried: list[Tried] = []
        self._errors: list[ProviderError] = []
        self._used: list[tuple[str, Usage]] = []
        self._withheld: list[Withheld] = []
        self._left_out: list[str] = []
        self._written: list[str] = []
        self._prompt: prompting.Prompt | None = None

    def run(self) -> Iterator[Step | Written]:
        notes: list[str] = []
        provider = self._asking.order[0]
        while True:
            completion = yield from self._ask(provider)
            if completion is not None:
                break
            notes.append(self._told(self._errors[-1]))
            step = self._next()
            if step.move is Move.CONSENT:
                notes.append(self._say("consent", name=self._name(step.provider)))
            if step.move is not Move.ASK:
                break
            provider = step.provider
            notes.append(self._say("moved", name=self._name(provider)))
        yield Written(
            text="".join(self._written),
            prompt=self._prompt,
            completion=completion,
            attempts=tuple(self._attempts),
            errors=tuple(self._errors),
            usage=added([usage for who, usage in self._used if who == provider]),
            withheld=tuple(self._withheld),
            left_out=tuple(self._left_out),
            notes=tuple(notes),
        )

    def _next(self) -> Next:
        registry, path = self._asking.opener.registry, self._asking.opener.path
        windows = {id: registry[id].model(registry[id].default).context for id in registry}
        return next_provider(
            registry,
            self._asking.order[1:],
            self._tried,
            first_word_shown=bool(self._written),
            consent=self._asking.consent,
            data_path=path,
            contexts={id: window or ASSUMED_CONTEXT for id, window in windows.items()},
        )

    # ── one provider ──────────────────────────────────────────────────────────────────────────

    def _ask(self, provider: str) -> Generator[Step, None, Completion | None]:
        model = self._asking.model if provider == self._asking.order[0] else None
        window = 0
        try:
            call = self._asking.opener.open(provider, model)
            window = call.chat.context
            with call.turn() as turn:
                if turn is not None:
                    yield from self._wait(call, turn)
                return (yield from self._answer(call))
        except ProviderError as error:
            self._failed(provider, error, window)
            return None

    def _wait(self, call: Call, turn: Turn) -> Iterator[Waiting]:
        """Tells the place in the queue until it is the first. Raises CallFailed if the reader has left."""
        ahead = turn.wait(0)
        if not ahead:
            return
        while ahead:
            yield Waiting(ahead)
            self._go_on(call)
            ahead = turn.wait(LOOK)
        yield Waiting(0)

    def _go_on(self, call: Call) -> None:
        if self._asking.opener.own.halt:
            raise self._unfinished(call, Outcome.CANCELLED)

    def _answer(self, call: Call) -> Generator[Step, None, Completion]:
        prompt = self._build(call, self._passages)
        while True:
            self._prompt = prompt
            try:
                return (yield from self._stream(call, prompt))
            except CallFailed as error:
                fewer = None if self._written else self._without(call, prompt, error)
                if fewer is None:
                    raise
                prompt = fewer
                yield Prepared(prompt, tuple(self._withheld), tuple(self._left_out))

    def _build(self, call: Call, passages: Sequence[Passage]) -> prompting.Prompt:
        return built(self._question, passages, call)

    def _stream(self, call: Call, prompt: prompting.Prompt) -> Generator[Text | Thought, None, Completion]:
        markers, opening = citing.Markers(len(prompt.shown)), Opening()
        extra = call.extra(len(prompt.shown)) if call.extra else None
        messages = messages_of(prompt)
        self._go_on(call)
        line = self._asking.purse.reserve(call.chat, messages, call.max_tokens)
        stream = call.chat.stream(
            messages, max_tokens=call.max_tokens, extra=extra, language=self._question.language, budget=self._budget
        )
        failure: Failure | None = None
        try:
            with self._asking.opener.own.halt.ending(stream.close):
                for delta in stream:
                    if delta.thinking:
                        yield Thought(delta.thinking)
                    yield from self._show(opening.feed(markers.feed(delta.text)))
        except CallFailed as error:
            failure = error.failure
            raise
        finally:
            stream.close()
            used = stream.completion.usage if failure is None or failure.partial else None
            self._settle(call, line, used)
        yield from self._show(opening.end(markers.end()))
        completion = stream.completion
        if completion.outcome in (Outcome.EMPTY, Outcome.CANCELLED) or _torn(completion):
            raise self._unfinished(call, Outcome(completion.outcome), completion)
        outcome = Outcome.ANSWERED if prompting.NO_ANSWER in completion.text else completion.outcome
        self._attempts.append(Attempt(completion.provider, completion.model, str(outcome), completion.detail))
        if opening.held:
            self._written.append(opening.held)
        return completion

    def _show(self, text: str) -> Iterator[Text]:
        if text:
            self._written.append(text)
            yield Text(text)

    def _settle(self, call: Call, line: int | None, usage: Usage | None) -> None:
        self._asking.purse.settle(line, call.chat, usage)
        if usage is not None:
            self._used.append((call.chat.provider, usage))

    def _unfinished(self, call: Call, outcome: Outcome, completion: Completion | None = None) -> CallFailed:
        chat = call.chat
        failure = Failure(outcome, chat.provider, chat.model, chat.endpoint, chat.target.endpoint.host)
        if completion is not None:
            failure = replace(
                failure,
                vendor_text=completion.detail,
                request_id=completion.request_id,
                partial=completion.text,
            )
        return CallFailed(failure, explain(failure, call.chat.target.provider))

    # ── what does not fit, and what trips a filter ────────────────────────────────────────────

    def _without(self, call: Call, prompt: prompting.Prompt, error: CallFailed) -> prompting.Prompt | None:
        """The prompt to try instead, or None: fewer passages after a block, or once after "too long"."""
        again = any(each.provider == call.chat.provider and each.outcome == error.outcome for each in self._attempts)
        if again or not prompt.shown:
            return None
        if error.failure.outcome is Outcome.CONTEXT_TOO_LONG and len(prompt.shown) > 1:
            fewer = prompt.shown[: len(prompt.shown) // 2]
            name = self._name(call.chat.provider)
            self._left_out.append(
                self._say("shortened", name=name, count=len(prompt.shown) - len(fewer), all=len(prompt.shown))
            )
        elif error.failure.outcome is Outcome.CONTENT_BLOCKED:
            try:
                fewer = self._isolated(call, prompt.shown, error.failure)
            except CallFailed:
                self._note(error)
                raise
        else:
            return None
        if not fewer:
            return None
        self._note(error)
        built = self._build(call, fewer)
        rest = tuple(each for each in self._passages if each not in built.shown)
        return replace(built, left_out=rest)

    def _isolated(self, call: Call, passages: Sequence[Passage], failure: Failure) -> tuple[Passage, ...]:
        """The passages that this provider lets through together; the others are withheld, and named."""
        tokens = call.max_tokens if failure.stage is Stage.OUTPUT else PROBE_TOKENS

        def blocked(part: Sequence[int]) -> bool:
            try:
                self._probe(call, self._build(call, [passages[place] for place in part]), tokens)
            except CallFailed as error:
                if error.failure.outcome is Outcome.CONTENT_BLOCKED:
                    return True
                raise
            return False

        found = isolate(len(passages), blocked, PROBES)
        if found.question or not found.clean:
            return ()
        name = self._name(call.chat.provider)
        for key, places in (("withheld", found.blocked), ("untested", found.suspects)):
            if not places:
                continue
            left = [passages[place] for place in places]
            self._withheld += [Withheld(call.chat.provider, each, certain=key == "withheld") for each in left]
            titles = "; ".join(f"“{each.version.title}” ({each.version.source})" for each in left)
            self._left_out.append(self._say(key, name=name, count=len(left), all=len(passages), titles=titles))
        return tuple(passages[place] for place in found.clean)

    def _probe(self, call: Call, prompt: prompting.Prompt, tokens: int) -> None:
        self._go_on(call)
        messages = messages_of(prompt)
        line = self._asking.purse.reserve(call.chat, messages, tokens)
        used = None
        try:
            used = call.chat.complete(messages, max_tokens=tokens, budget=self._budget).usage
        finally:
            self._settle(call, line, used)

    # ── words ─────────────────────────────────────────────────────────────────────────────────

    def _note(self, error: CallFailed) -> None:
        """Keep what the same provider goes on after: the record shows it, and a block keeps needing consent."""
        self._attempts.append(Attempt(error.provider, error.model, error.outcome, error.detail))
        self._tried.append(Tried(error.provider, error.failure.outcome))

    def _failed(self, provider: str, error: ProviderError, window: int) -> None:
        self._errors.append(error)
        self._attempts.append(Attempt(error.provider or provider, error.model, error.outcome, error.detail))
        self._tried.append(Tried(provider, Outcome(error.outcome), window))

    def _told(self, error: ProviderError) -> str:
        """What happened and what to do, in the reader's language."""
        language = self._asking.language
        if language == "en" or not isinstance(error, CallFailed):
            return str(error)
        told = explain(error.failure, self._asking.opener.registry.get(error.provider), language)
        return f"{told} ({error.detail})" if error.failure.outcome is Outcome.CAP_REACHED else told

    def _say(self, key: str, /, **values: object) -> str:
        return note(key, self._asking.language, **values)

    def _name(self, provider: str) -> str:
        entry = self._asking.opener.registry[provider]
        return entry.name_zh if self._asking.language == "zh" and entry.name_zh else entry.name


class Opening:
    """Holds back the first words of an answer while they may be NO_ANSWER, which is no text for a reader."""

    def __init__(self) -> None:
        self.held = ""
        self._open = False

    def feed(self, text: str) -> str:
        """The text that can be shown now."""
        if self._open:
            return text
        self.held += text
        start = self.held.lstrip()
        if prompting.NO_ANSWER.startswith(start) or start.startswith(prompting.NO_ANSWER):
            return ""
        self._open = True
        shown, self.held = self.held, ""
        return shown

    def end(self, text: str) -> str:
        """What can be shown when the answer has ended; only NO_ANSWER itself stays `held`."""
        shown = self.feed(text)
        if self._open or self.held.lstrip().startswith(prompting.NO_ANSWER):
            return shown
        shown, self.held = self.held, ""
        return shown


def built(question: Question, passages: Sequence[Passage], call: Call) -> prompting.Prompt:
    """The prompt for a question: as many of the passages as the call can take."""
    day = question.today.isoformat()
    return prompting.build(question.text, passages, question.language, call.budget, call.tokens, day)


def messages_of(prompt: prompting.Prompt) -> list[Message]:
    """A prompt as the messages of a chat."""
    return [Message("system", prompt.system), Message("user", prompt.user)]


def _torn(completion: Completion) -> bool:
    """True if the connection ended in the middle, rather than the length that was allowed."""
    return completion.outcome == Outcome.CUT_OFF and completion.finish_reason != "length"


def order(first: str, fallback: Sequence[str]) -> tuple[str, ...]:
    """The first asked, then the user's order without it."""
    return (first, *(id for id in dict.fromkeys(fallback) if id != first))
