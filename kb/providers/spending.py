"""What a question will cost at most, and the daily cap that stops it before it is passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kb.providers.client import Chat
from kb.providers.cost import Cap, Spent, estimate_prompt, fits_cap, most_it_can_cost, price_of, spent_on
from kb.providers.entries import Kind
from kb.providers.outcomes import CallFailed, Failure, Outcome
from kb.providers.request import Message
from kb.providers.texts import explain


@dataclass(frozen=True, slots=True)
class Estimate:
    """The most a call can cost: tokens, and money where a price is known (with the price's date)."""

    prompt_tokens: int
    max_tokens: int
    cost: float | None
    currency: str | None
    price_as_of: str = ""

    def times(self, calls: int) -> Estimate:
        """The same for a batch of so many calls."""
        cost = None if self.cost is None else self.cost * calls
        return Estimate(self.prompt_tokens * calls, self.max_tokens * calls, cost, self.currency, self.price_as_of)


def estimate(chat: Chat, messages: Sequence[Message], max_tokens: int, at: datetime | None = None) -> Estimate:
    """What asking `messages` will cost at most. Nothing is sent."""
    target = chat.target
    prompt = estimate_prompt(each.content for each in messages)
    wanted = min(max_tokens, chat.max_output)
    when = at or datetime.now(UTC)
    cost = most_it_can_cost(target.provider, target.model, target.endpoint.id, prompt, wanted, when)
    price = price_of(target.model, target.endpoint.id, prompt)
    return Estimate(prompt, wanted, cost, price.currency if price else None, price.as_of if price else "")


def check_cap(chat: Chat, wanted: Estimate, caps: Mapping[str, float], ledger: Iterable[Spent], now: datetime) -> None:
    """Raises CallFailed (cap_reached) if the call could take today's spending over its cap.

    `caps` are limits a day by currency; none means no cap. Amounts are never converted, so a provider that is
    paid in a currency without a cap is refused as soon as there is one, and so is one without a known price.
    """
    if not caps or chat.target.provider.kind is Kind.LOCAL:
        return
    limit = caps.get(wanted.currency or "")
    if wanted.currency is None:
        why = f"no price is known for {chat.model}; add its prices to providers.toml, or lift the cap"
    elif limit is None:
        why = f"{chat.model} is paid in {wanted.currency}, the cap is in {', '.join(sorted(caps))}; set one for both"
    else:
        spent = spent_on(ledger, now).get(wanted.currency, 0.0)
        if fits_cap(Cap(limit, wanted.currency), spent, wanted.cost):
            return
        most = wanted.cost or 0.0
        why = f"{spent:.4f} of {limit:.4f} {wanted.currency} are spent today; this call can cost {most:.4f}"
    failure = Failure(Outcome.CAP_REACHED, chat.provider, chat.model, chat.endpoint, vendor_text=why)
    raise CallFailed(failure, f"{explain(failure, chat.target.provider)} ({why})")
