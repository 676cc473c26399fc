"""A figure and what is beside it: its unit, its hedge, the scale it is given in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kb.verifying.units import ADJACENT, CURRENCY_BEFORE, HAN_UNITS, NOUNS, SCALES

_NUMBERED = re.compile(
    r"(?:\b(?:No|Nos|Nr|Number|Nummer|Section|Article|Artikel|Art|Annex|Anhang|Announcement|Order|EO|§)\.?\s*)$",
    re.IGNORECASE,
)

_ABOUT = (
    r"about|around|roughly|approximately|approx|circa|some|close to|an estimated|"
    r"rund|etwa|ungefähr|zirka|ca|annähernd|gut"
)
_UNDER = (
    r"almost|nearly|fewer than|less than|below|under|up to|at most|no more than|not more than|maximum of|"
    r"as much as|as many as|"
    r"knapp|fast|beinahe|weniger als|unter|bis zu|höchstens|maximal|nicht mehr als"
)
_OVER = (
    r"more than|over|at least|exceeding|above|upwards of|no less than|not less than|minimum of|"
    r"mehr als|über|mindestens|wenigstens|nicht weniger als"
)
_HEDGE = re.compile(
    rf"(?:\b(?:(?P<under>{_UNDER})|(?P<over>{_OVER})|(?P<about>{_ABOUT}))\.?(?:\s+(?:the|a|an|die|der|den|das))?"
    r"|(?P<hunder>不足|不到|少于|低于|最多|至多|多达|高达|近|将近|接近|不超过|不会超过|不得超过|以内)|(?P<hover>超过|超|逾|多于|高于|至少|不少于|不低于|大于)"
    r"|(?P<habout>约|大约|大概|左右|估计))\s*(?:US)?[$€£¥]?\s*$",
    re.IGNORECASE,
)
_HAN_HEDGE_AFTER = re.compile(r"(?P<about>左右|上下|前后)|(?P<over>以上|多|余|有余)|(?P<under>以下|以内)")
_STOPS = (
    "in on at by for from with to into over under since until which that who and or but as than were was is are had "
    "has have will would of the a an in im am an auf aus bei für mit nach seit von vom zu zum zur und oder aber die "
    "der das dem den des als wurden wurde sind ist war waren haben hat"
)
_STOP_WORDS = frozenset(_STOPS.split())

IMPLIED = "implied"
LOOSE = frozenset({"small", IMPLIED})
"""Kinds of figures that a text may name without counting anything."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as a text names it. `units` are those it may carry, `hedge` is about, over, under or "".

    `kind` is number, ordinal, small (a number word below four without a measure, often no count at all) or implied (the
    "a" of "a year", "halved": it carries a figure, and states none that would have to be carried).
    """

    start: int
    end: int
    value: float
    units: frozenset[str]
    kind: str = "number"
    hedge: str = ""
    scaled: bool = False

    @property
    def measured(self) -> bool:
        """Whether it has a unit that a figure cannot do without: money, percent, time, length."""
        return any(unit not in NOUNS.values() for unit in self.units)


def scale(word: str, language: str, after: str) -> float:
    """The factor of a scale word; 0 if it is none here. "Billion" is a thousand times more in German."""
    folded = word.lower().rstrip(".")
    if folded in ("billion", "billionen"):
        return 1e12 if folded == "billionen" or (language == "de" and word[:1].isupper()) else 1e9
    if folded == "trillion":
        return 1e18 if language == "de" and word[:1].isupper() else 1e12
    return SCALES.get(folded, 0.0)


def make(text: str, start: int, end: int, value: float, *, scaled: bool, language: str) -> Figure:
    """The figure at text[start:end], with what stands beside it."""
    kind = "ordinal" if _NUMBERED.search(text[max(0, start - 14) : start]) else "number"
    units, end, factor = _units(text, start, end)
    return Figure(start, end, value * factor, units, kind, hedge_at(text, start, end), scaled)


def _units(text: str, start: int, end: int) -> tuple[frozenset[str], int, float]:
    """The units beside a number, where they end, and the factor to the base unit (weeks are days, years months)."""
    before = text[max(0, start - 6) : start]
    for written, unit in CURRENCY_BEFORE:
        if before.rstrip().endswith(written):
            return frozenset({unit}), end, 1.0
    rest = text[end : end + 60]
    for pattern, unit, factor in ADJACENT:
        if match := pattern.match(rest):
            return frozenset({unit}), end + match.end(), factor
    for written, unit, factor in HAN_UNITS:
        skipped = re.match(r"\s*[多余]?", rest)
        width = skipped.end() if skipped else 0
        if rest.startswith(written, width):
            return frozenset({unit}) if unit else frozenset(), end + width + len(written), factor
    return frozenset(_nouns(rest)), end, 1.0


def _nouns(rest: str) -> Iterator[str]:
    """Counted things named within the next words: "150 million free tokens" → token."""
    rest = re.sub(r"^[多余]?[个项种款枚颗](?=[A-Za-z])", "", rest)
    if han := re.match(r"[多余]?[个项种款]?([\u3400-\u9fff]{1,8})", rest):
        yield from (unit for word, unit in NOUNS.items() if word in han[1])
        return
    for at, match in enumerate(re.finditer(r"[^\W\d_]+|[.,;:!?()]", rest)):
        word = match.group().lower()
        if at > 3 or not word[0].isalpha() or word in _STOP_WORDS:
            return
        for part in (word, word.rsplit("-", 1)[-1]):
            if part in NOUNS:
                yield NOUNS[part]


def hedge_at(text: str, start: int, end: int) -> str:
    """What qualifies the number at text[start:end]: about, over, under or ""."""
    before = text[max(0, start - 30) : start]
    if match := _HEDGE.search(before):
        name = match.lastgroup or ""
        return name.removeprefix("h") if name.startswith(("hunder", "hover", "habout")) else name
    window = text[end : end + 3]
    if match := _HAN_HEDGE_AFTER.match(window):
        return match.lastgroup or ""
    if re.search(r"[多余]", text[start:end]):
        return "over"
    return ""
