"""What a question says beside its matter: when, and in which outlet. A wish that lifts passages, never a filter."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from kb.models import Filters
from kb.search.timing import Stretch, stretches

OUTLET_LIFT, MONTH_LIFT, LONG_LIFT = 2.0, 1.5, 0.5
"""Standard deviations that a passage gains which was published by an outlet, in a month or less, or in a longer time
that the question names (MultiHop-RAG, sample: Recall@4/@10 .774/.866 without, .825/.915 with 1.5 and 1.0, .833/.921
with these)."""

_SUBTITLE = re.compile(r"\s+[|·–—-]\s+|\s*[（(]")
_SHORTEST = 3
"""Characters of an outlet's name that is looked for in a question."""


@dataclass(frozen=True, slots=True)
class Hints:
    """The stretches of time a question names, and the outlets of the store it names."""

    times: tuple[Stretch, ...] = ()
    outlets: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.times or self.outlets)

    def told(self) -> tuple[str, ...]:
        """What was read, for a reader: a stretch of days behind the words it was read from, the outlets by name."""
        return (*(f"“{time.words.strip()}” → {time}" for time in self.times), *sorted(self.outlets))

    def lifts(self, described: Mapping[int, tuple[str, int]]) -> dict[int, float]:
        """What outlet and day (YYYYMMDD, 0 for none) of each chunk add to its score; chunks that gain nothing are
        left out."""
        found = {}
        for seq, (outlet, day) in described.items():
            lift = OUTLET_LIFT * (outlet in self.outlets) + (self._timely(day) if day else 0.0)
            if lift:
                found[seq] = lift
        return found

    def narrowed(self, filters: Filters) -> Iterator[Filters]:
        """The filters of a search that finds what the lift is for, so that it need not be near the top without it."""
        if self.outlets and not filters.sources:
            yield replace(filters, sources=tuple(sorted(self.outlets)))
        if self.times and not filters.since and not filters.until:
            yield replace(filters, since=self.times[0].first, until=self.times[0].last)

    def _timely(self, day: int) -> float:
        published = date(day // 10000, day // 100 % 100, day % 100)
        lifts = (MONTH_LIFT if time.short else LONG_LIFT for time in self.times if time.holds(published))
        return max(lifts, default=0.0)


NOTHING = Hints()


def hints(question: str, today: date, outlets: Collection[str]) -> Hints:
    """What a question asked on the day `today` says of time and outlets, of those that the store has."""
    return Hints(stretches(question, today), frozenset(_named(question, frozenset(outlets))))


def _named(question: str, outlets: frozenset[str]) -> set[str]:
    pattern, by_name = _pattern(outlets)
    return {outlet for match in pattern.finditer(question.casefold()) for outlet in by_name[match.group()]}


@lru_cache(maxsize=8)
def _pattern(outlets: frozenset[str]) -> tuple[re.Pattern[str], dict[str, list[str]]]:
    """What finds any outlet's name in folded text, the longest first, and the outlets by name."""
    by_name: dict[str, list[str]] = {}
    for outlet in sorted(outlets):
        for name in {outlet, _SUBTITLE.split(outlet)[0]}:
            if len(name) >= _SHORTEST:
                by_name.setdefault(name.casefold(), []).append(outlet)
    names = "|".join(re.escape(name) for name in sorted(by_name, key=len, reverse=True))
    return re.compile(rf"(?<![a-z0-9])(?:{names})(?![a-z0-9])" if names else "(?!)"), by_name
