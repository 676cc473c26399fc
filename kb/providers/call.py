"""The course of one call, apart from its sockets: attempts, what arrived, and how it ended.

The sync and the async client are two thin loops around `Call`, which decides everything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from kb.models import Usage
from kb.providers.cost import estimate_prompt, estimate_tokens, usage_of
from kb.providers.datapath import DataPath
from kb.providers.dialect import Exchange, Tokens
from kb.providers.entries import Endpoint, Model, Provider
from kb.providers.keys import Secret, redact
from kb.providers.outcomes import CallFailed, ErrorRule, Failure, Outcome, Stage, classify
from kb.providers.refusals import in_wrong_language, refused_in_words
from kb.providers.request import Message
from kb.providers.retry import Breaker, Budget, Timing, delay_before_retry
from kb.providers.texts import explain
from kb.providers.thinking import Flow


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer as it came. `requests` counts HTTP requests, retries included.

    `outcome` is answered, cut_off, refused_in_words, empty, wrong_language or cancelled; everything else is
    raised. `detail` is the vendor's own text where something went wrong, redacted.
    """

    text: str
    thinking: str
    finish_reason: str
    usage: Usage
    provider: str
    model: str
    endpoint: str
    request_id: str
    requests: int
    outcome: str
    detail: str = ""
    quota: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """Everything a call needs to know of whom it asks; what `open_chat` decided."""

    provider: Provider
    endpoint: Endpoint
    model: Model
    rules: tuple[ErrorRule, ...]
    path: DataPath
    timing: Timing
    key: Secret | None
    known: frozenset[Secret]
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a target."""

    messages: tuple[Message, ...]
    max_tokens: int
    extra: Mapping[str, object]
    language: str | None
    budget: Budget | None


class Call:
    """The course of one call, apart from its sockets: attempts, what arrived, and how it ended."""

    def __init__(self, target: Target, ask: Ask, streaming: bool) -> None:
        self.target = target
        self.ask = ask
        self.streaming = streaming
        self.exchange = Exchange(target.known)
        self.requests = 0
        self.retries = 0
        self.flow = Flow()
        self.due_at = 0.0
        self.completion: Completion | None = None

    def begin(self) -> Exchange:
        """Starts an attempt; the clock starts with the first one.

        Raises CallFailed if this provider is known to fail, or no request is left in the budget.
        """
        target = self.target
        if not self.due_at:
            self.due_at = time.monotonic() + (target.timing.first_word if self.streaming else target.timing.total)
        standing = target.breaker.standing(target.provider.id, target.endpoint.id, _fingerprint(target.key))
        if standing is not None:
            raise self.failed(replace(standing, requests=self.requests, model=target.model.id))
        if self.ask.budget is not None and not self.ask.budget.take():
            raise self.failed(self._failure(Outcome.TIMEOUT, "the requests allowed for this question are used up"))
        self.exchange = Exchange(target.known)
        self.flow = Flow()
        return self.exchange

    def end_attempt(self) -> None:
        self.requests += self.exchange.sent

    def after_error(self, error: Exception) -> float | Completion:
        """What follows an error: seconds to wait before the next attempt, or the part of an answer that came.

        Raises CallFailed if it is final.
        """
        failure = self._read(error)
        if failure.partial and failure.outcome is not Outcome.CONTENT_BLOCKED:
            return self._completion(Outcome.CUT_OFF, failure.vendor_text)
        if not self.flow.shown:
            delay = self._delay(failure)
            if delay is not None:
                return delay
        raise self.failed(failure)

    def after_end(self) -> float | Completion:
        """What follows a reply that ended by itself: its completion, or seconds to wait if it was empty.

        Raises CallFailed if a filter ended it.
        """
        exchange, params = self.exchange, self.target.provider.params
        if exchange.finish_reason in params.blocked_finish_reasons:
            failure = self._failure(Outcome.CONTENT_BLOCKED, f"finish_reason: {exchange.finish_reason}")
            raise self.failed(replace(failure, stage=Stage.OUTPUT))
        outcome = self._outcome()
        if outcome is Outcome.EMPTY and not self.flow.shown and exchange.finish_reason != "length":
            delay = self._delay(self._failure(outcome, ""))
            if delay is not None:
                return delay
        return self._completion(outcome, "")

    def _outcome(self) -> Outcome:
        exchange, text = self.exchange, self.flow.text
        if not text.strip():
            return Outcome.EMPTY
        ended = bool(exchange.finish_reason) or exchange.done
        if exchange.finish_reason == "length" or not ended:
            return Outcome.CUT_OFF
        if refused_in_words(text):
            return Outcome.REFUSED_IN_WORDS
        if self.ask.language is not None and in_wrong_language(text, self.ask.language):
            return Outcome.WRONG_LANGUAGE
        return Outcome.ANSWERED

    def cancelled(self) -> Completion:
        return self._completion(Outcome.CANCELLED, "")

    def failed(self, failure: Failure) -> CallFailed:
        """The error to raise, after the breaker has seen it."""
        target = self.target
        target.breaker.note(failure, _fingerprint(target.key))
        prefix = target.provider.auth.key_prefix
        odd = bool(prefix and target.key and not target.key.reveal().startswith(prefix))
        return CallFailed(failure, explain(failure, target.provider, odd_prefix=odd))

    def _delay(self, failure: Failure) -> float | None:
        delay = delay_before_retry(failure, self.retries, self.due_at - time.monotonic(), self.target.timing)
        if delay is not None:
            self.retries += 1
        return delay

    def _read(self, error: Exception) -> Failure:
        exchange, target = self.exchange, self.target
        if exchange.forbidden:
            return replace(self._failure(Outcome.PATH_FORBIDDEN, ""), host=exchange.forbidden)
        if exchange.malformed or (exchange.error is not None and 300 <= exchange.error.status < 400):
            return self._failure(Outcome.BAD_RESPONSE, exchange.error.message if exchange.error else "")
        if exchange.error is not None:
            outcome, stage = classify(exchange.error, target.provider.errors, target.rules)
            if outcome is Outcome.CONTENT_BLOCKED and stage is Stage.UNKNOWN and self.flow.text:
                stage = Stage.OUTPUT
            return replace(self._failure(outcome, exchange.error.message), stage=stage)
        return self._failure(_from_exception(error), _words_of(error))

    def _failure(self, outcome: Outcome, words: str) -> Failure:
        exchange, target = self.exchange, self.target
        return Failure(
            outcome=outcome,
            provider=target.provider.id,
            model=target.model.id,
            endpoint=target.endpoint.id,
            host=target.endpoint.host,
            status=exchange.error.status if exchange.error else exchange.status,
            code=exchange.error.code if exchange.error else "",
            vendor_text=redact(words, target.known),
            request_id=exchange.request_id,
            retry_after=exchange.retry_after,
            requests=self.requests,
            partial=redact(self.flow.text, target.known),
        )

    def _completion(self, outcome: Outcome, words: str) -> Completion:
        target, exchange, text = self.target, self.exchange, self.flow.text
        estimated = exchange.usage is None
        tokens = exchange.usage or Tokens(
            estimate_prompt(each.content for each in self.ask.messages) if self.requests or exchange.sent else 0,
            estimate_tokens(text) + estimate_tokens(self.flow.thinking),
        )
        now = datetime.now(UTC)
        usage = usage_of(target.provider, target.model, target.endpoint.id, tokens, estimated=estimated, at=now)
        return Completion(
            text=text,
            thinking=self.flow.thinking,
            finish_reason=exchange.finish_reason,
            usage=usage,
            provider=target.provider.id,
            model=target.model.id,
            endpoint=target.endpoint.id,
            request_id=exchange.request_id,
            requests=self.requests,
            outcome=str(outcome),
            detail=words,
            quota=dict(exchange.headers),
        )


def _fingerprint(key: Secret | None) -> str:
    return key.fingerprint() if key else ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _from_exception(error: Exception) -> Outcome:
    """The outcome of an error without a reply: from the exception's own chain."""
    import httpx

    for cause in _causes(error):
        if isinstance(cause, httpx.ConnectTimeout | httpx.ConnectError):
            return Outcome.NETWORK
        if isinstance(cause, httpx.TimeoutException):
            return Outcome.TIMEOUT
        if isinstance(cause, httpx.HTTPError):
            return Outcome.NETWORK
    return Outcome.BAD_RESPONSE


def _words_of(error: Exception) -> str:
    return next((f"{type(cause).__name__}: {cause}" for cause in reversed(list(_causes(error)))), "")
