"""The ledger of token use, and the purse that stops a call before it passes the daily cap.

A call is entered at the most it can cost before anything is sent, and settled when it has ended. So
two questions at once, in two processes too, cannot pass the cap together; a process that dies leaves the
higher figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection, RowMapping

from kb.models import Usage
from kb.providers import Chat, Message, Provider
from kb.providers.cost import QuotaLeft, Spent, quotas_left
from kb.providers.spending import check_cap, estimate
from kb.storage.catalog import Catalog
from kb.storage.schema import spend, spend_price


@dataclass(frozen=True, slots=True)
class DaySpent:
    """What one provider used on one day of local time; `cost` is None where no price is known.

    `price_as_of` is the oldest date of the prices it was reckoned with.
    """

    day: str
    provider: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    currency: str | None
    estimated: bool
    price_as_of: str = ""


class Purse:
    """The ledger of a home with its daily caps by currency. Safe to share by threads."""

    def __init__(self, catalog: Catalog, caps: Mapping[str, float]) -> None:
        self._catalog = catalog
        self._caps = dict(caps)

    def reserve(self, chat: Chat, messages: Sequence[Message], max_tokens: int) -> int | None:
        """Enter a call at the most it can cost; its line, or None without a cap. Raises CallFailed (cap_reached)."""
        if not self._caps:
            return None
        now = datetime.now().astimezone()
        most = estimate(chat, messages, max_tokens)
        usage = Usage(most.prompt_tokens, most.max_tokens, most.cost, most.currency, estimated=True)
        line = self._enter(Spent(now, chat.provider, chat.model, usage))
        try:
            # Entered first, looked at second: of two at once each sees the other.
            check_cap(chat, most, self._caps, self._today(now, line), now)
        except BaseException:
            self.settle(line, chat, None)
            raise
        return line

    def settle(self, line: int | None, chat: Chat, usage: Usage | None) -> None:
        """Enter what a call used, in place of what was reserved for it; None for one that used nothing."""
        if usage is None or not (usage.prompt_tokens or usage.completion_tokens):
            if line is not None:
                with self._catalog.writing() as db:
                    db.execute(delete(spend_price).where(spend_price.c.spend_id == line))
                    db.execute(delete(spend).where(spend.c.id == line))
            return
        if line is None:
            self._enter(Spent(datetime.now(UTC), chat.provider, chat.model, usage))
            return
        with self._catalog.writing() as db:
            db.execute(update(spend).where(spend.c.id == line).values(**_usage_row(usage)))
            _date(db, line, usage)

    def _enter(self, spent: Spent) -> int:
        at = spent.at.astimezone(UTC).isoformat()
        row = {"at": at, "provider": spent.provider, "model": spent.model, **_usage_row(spent.usage)}
        with self._catalog.writing() as db:
            line = int(db.execute(insert(spend).values(**row).returning(spend.c.id)).scalar_one())
            _date(db, line, spent.usage)
            return line

    def _today(self, now: datetime, without: int) -> list[Spent]:
        start = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return _read(self._catalog, start, without)


def _date(db: Connection, line: int, usage: Usage) -> None:
    """Enter from when the price of a line is."""
    db.execute(delete(spend_price).where(spend_price.c.spend_id == line))
    if usage.price_as_of:
        db.execute(insert(spend_price).values(spend_id=line, as_of=usage.price_as_of))


def _usage_row(usage: Usage) -> dict[str, object]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cost": usage.cost,
        "currency": usage.currency,
        "estimated": usage.estimated,
    }


def _read(catalog: Catalog, since: datetime, without: int = -1) -> list[Spent]:
    dated = spend.outerjoin(spend_price, spend.c.id == spend_price.c.spend_id)
    query = (
        select(spend, spend_price.c.as_of)
        .select_from(dated)
        .where(spend.c.at >= since.astimezone(UTC).isoformat(), spend.c.id != without)
    )
    with catalog.reading() as db:
        return [_spent(row) for row in db.execute(query.order_by(spend.c.id)).mappings()]


def _spent(row: RowMapping) -> Spent:
    usage = Usage(
        row["prompt_tokens"],
        row["completion_tokens"],
        row["cost"],
        row["currency"],
        row["estimated"],
        row["as_of"] or "",
    )
    return Spent(datetime.fromisoformat(row["at"]), row["provider"], row["model"], usage)


def ledger(catalog: Catalog, days: int = 30) -> list[Spent]:
    """The calls of the last `days` days, the oldest first."""
    return _read(catalog, datetime.now(UTC) - timedelta(days=days))


QUOTA_DAYS = 180
"""Days of the ledger that free quotas are counted over: no longer one is known."""


def past_calls(home: Path) -> list[Spent]:
    """The calls of a home that free quotas are counted over; none if there is no catalog yet."""
    path = home / "catalog.sqlite"
    if not path.exists():
        return []
    catalog = Catalog(path)
    try:
        return ledger(catalog, QUOTA_DAYS)
    finally:
        catalog.close()


def free_left(provider: Provider, past: Sequence[Spent], now: datetime | None = None) -> list[QuotaLeft]:
    """What is left of a provider's free quotas for its default model, as far as the calls of this home tell."""
    return quotas_left(provider, provider.default, past, now or datetime.now(UTC))


def by_day(lines: Sequence[Spent]) -> tuple[DaySpent, ...]:
    """Sums by day of local time, provider and currency, the newest day first."""
    groups: dict[tuple[str, str, str | None], list[Usage]] = {}
    for line in lines:
        day = line.at.astimezone().date().isoformat()
        groups.setdefault((day, line.provider, line.usage.currency), []).append(line.usage)
    found = [_sum(day, provider, currency, usages) for (day, provider, currency), usages in groups.items()]
    return tuple(sorted(found, key=lambda one: (one.day, one.provider), reverse=True))


def _sum(day: str, provider: str, currency: str | None, usages: Sequence[Usage]) -> DaySpent:
    total = added(usages)
    return DaySpent(
        day,
        provider,
        len(usages),
        total.prompt_tokens,
        total.completion_tokens,
        total.cost,
        currency,
        total.estimated,
        total.price_as_of,
    )


def added(usages: Sequence[Usage]) -> Usage:
    """The sum of usages in one currency; without a cost as soon as one has none."""
    costs = [usage.cost for usage in usages]
    known = [cost for cost in costs if cost is not None]
    return Usage(
        prompt_tokens=sum(usage.prompt_tokens for usage in usages),
        completion_tokens=sum(usage.completion_tokens for usage in usages),
        cost=sum(known) if usages and len(known) == len(costs) else None,
        currency=next((usage.currency for usage in usages if usage.currency), None),
        estimated=any(usage.estimated for usage in usages),
        price_as_of=min((usage.price_as_of for usage in usages if usage.price_as_of), default=""),
    )
