"""Tokens and money: what an answer cost, by the price of the day it was asked.

Tokens are the provider's where it reports them, else estimated, and said to be. An amount is in the provider's
own currency and never converted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from kb.models import Usage
from kb.providers.dialect import Tokens
from kb.providers.entries import FreeQuota, Kind, Model, Peak, Price, Provider

WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3040-\u30ff\uac00-\ud7af]")
TOKENS_PER_WIDE = 0.8
CHARACTERS_PER_TOKEN = 3.5
TOKENS_PER_MESSAGE = 4
"""An estimate on the high side: Qwen's own tokeniser needs 0.6 to 0.7 tokens for a Chinese character and one
for 3.5 to 4.5 characters of English or German."""


def estimate_tokens(text: str) -> int:
    """Tokens of `text`, estimated; no tokeniser is loaded for it."""
    wide = len(WIDE.findall(text))
    return math.ceil(wide * TOKENS_PER_WIDE + (len(text) - wide) / CHARACTERS_PER_TOKEN)


def estimate_prompt(texts: Iterable[str]) -> int:
    """Tokens of the messages of a request, estimated."""
    return sum(estimate_tokens(text) + TOKENS_PER_MESSAGE for text in texts)


def price_of(model: Model, endpoint: str, prompt_tokens: int) -> Price | None:
    """The price row that holds for an input of that length at that endpoint, or None if none is known."""
    rows = [row for row in model.prices if not row.endpoints or endpoint in row.endpoints]
    fitting = [row for row in rows if row.up_to is None or prompt_tokens <= row.up_to]
    return min(fitting, key=lambda row: (row.up_to is None, row.up_to or 0), default=None)


def in_peak(peak: Peak | None, at: datetime) -> bool:
    """True if peak prices hold at `at` (timezone-aware)."""
    if peak is None:
        return False
    there = at.astimezone(timezone(timedelta(hours=peak.utc_offset)))
    return there.isoweekday() in peak.days and any(start <= there.hour < end for start, end in peak.hours)


def amount(tokens: Tokens, price: Price, *, peak: bool = False) -> float:
    """Money for `tokens` in the price's currency."""
    per_input = price.peak_input if peak and price.peak_input is not None else price.input
    per_output = price.peak_output if peak and price.peak_output is not None else price.output
    cached = min(tokens.cached, tokens.prompt) if price.cached is not None else 0
    paid = (tokens.prompt - cached) * per_input + cached * (price.cached or 0.0) + tokens.completion * per_output
    return paid / 1_000_000


def usage_of(
    provider: Provider, model: Model, endpoint: str, tokens: Tokens, *, estimated: bool, at: datetime
) -> Usage:
    """Tokens with their cost and the date of the price; no cost and no date where no price is known.

    A local model costs nothing, in no currency.
    """
    if provider.kind is Kind.LOCAL:
        return Usage(tokens.prompt, tokens.completion, cost=0.0, estimated=estimated)
    price = price_of(model, endpoint, tokens.prompt)
    if price is None:
        return Usage(tokens.prompt, tokens.completion, estimated=estimated)
    cost = amount(tokens, price, peak=in_peak(provider.peak, at))
    return Usage(tokens.prompt, tokens.completion, cost, price.currency, estimated, price.as_of)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one call used: the line of a ledger. `at` is timezone-aware."""

    at: datetime
    provider: str
    model: str
    usage: Usage


def spent_on(ledger: Iterable[Spent], day: datetime, provider: str | None = None) -> dict[str, float]:
    """Money by currency on the calendar day of `day`, in that day's own time zone."""
    total: dict[str, float] = {}
    for line in ledger:
        if line.at.astimezone(day.tzinfo).date() != day.date() or provider not in (None, line.provider):
            continue
        if line.usage.cost is not None and line.usage.currency:
            total[line.usage.currency] = total.get(line.usage.currency, 0.0) + line.usage.cost
    return total


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that may be spent in a day, in one currency."""

    limit: float
    currency: str


def fits_cap(cap: Cap, spent: float, next_call: float | None) -> bool:
    """True if a call that costs at most `next_call` stays within the cap. An unknown cost never fits."""
    return next_call is not None and spent + next_call <= cap.limit


def most_it_can_cost(
    provider: Provider, model: Model, endpoint: str, prompt_tokens: int, max_tokens: int, at: datetime
) -> float | None:
    """Money for a call that writes all it may; None if no price is known. For estimates and for the cap."""
    return usage_of(provider, model, endpoint, Tokens(prompt_tokens, max_tokens), estimated=True, at=at).cost


@dataclass(frozen=True, slots=True)
class QuotaLeft:
    """What is left of a free quota as far as this program's own calls tell."""

    quota: FreeQuota
    used: int

    @property
    def left(self) -> int:
        return max(0, self.quota.amount - self.used)


def quotas_left(provider: Provider, model: str, ledger: Sequence[Spent], now: datetime) -> list[QuotaLeft]:
    """The free quotas of a provider for a model, counted down by the ledger. Credits are not ours to count."""
    found = []
    for quota in provider.quotas:
        if quota.unit not in ("tokens", "requests"):
            continue
        hours = quota.hours or (quota.days or 0) * 24
        since = now - timedelta(hours=hours) if hours else None
        lines = [
            line
            for line in ledger
            if line.provider == provider.id
            and (since is None or line.at >= since)
            and (quota.per == "account" or line.model == model)
        ]
        used = (
            len(lines)
            if quota.unit == "requests"
            else sum(line.usage.prompt_tokens + line.usage.completion_tokens for line in lines)
        )
        found.append(QuotaLeft(quota, used))
    return found
