"""What asking will cost at most, before anything is sent: for a comparison, for a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.answer.asking import Asking, built, messages_of
from kb.answer.calling import BUILT_IN
from kb.answer.events import Question
from kb.errors import ProviderError
from kb.models import Passage
from kb.providers.entries import Kind
from kb.providers.spending import Estimate, estimate


@dataclass(frozen=True, slots=True)
class Expected:
    """The most a provider can cost for so many calls; no `estimate` where it cannot be asked (`problem` says why)."""

    provider: str
    model: str
    estimate: Estimate | None
    free: bool = False
    problem: str = ""


def expected(question: Question, passages: Sequence[Passage], asking: Asking, calls: int = 1) -> Expected:
    """What asking `question` so many times will cost at most with the first of the order. No model is loaded."""
    provider = asking.order[0]
    if provider == BUILT_IN:
        return Expected(provider, asking.opener.settings.model, None, free=True)
    try:
        call = asking.opener.open(provider, asking.model)
    except ProviderError as error:
        return Expected(provider, error.model or asking.model or "", None, problem=str(error))
    free = asking.opener.registry[provider].kind is Kind.LOCAL
    messages = messages_of(built(question, passages, call))
    return Expected(provider, call.chat.model, estimate(call.chat, messages, call.max_tokens).times(calls), free)


def told(found: Sequence[Expected]) -> str:
    """One line: money by currency with the oldest date of its prices, and those whose price nobody knows."""
    sums: dict[str, tuple[float, str]] = {}
    unknown = []
    for each in found:
        asked = each.estimate
        if each.free or asked is None:
            continue
        if asked.cost is None or asked.currency is None:
            unknown.append(each.provider)
            continue
        cost, since = sums.get(asked.currency, (0.0, asked.price_as_of))
        sums[asked.currency] = (cost + asked.cost, min(since, asked.price_as_of))
    parts = [f"{cost:.4f} {currency} (prices of {since})" for currency, (cost, since) in sums.items()]
    parts += [f"no price known for {', '.join(unknown)}"] if unknown else []
    return "at most " + "; ".join(parts) if parts else "costs nothing"
