"""Whether one text is a translation of another: near in meaning, equally long, and of the same facts in the same order.

Two reports of one event are as near in meaning as a translation, and name the same figures and actors; what tells
them apart is that a translation carries the facts of its original over in their order. (Measured: independent briefs
on one event share up to 0.59 of their facts in order, parallel paragraphs mostly more than 0.75.) A text with few
facts is never taken for a translation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.models import Version
from kb.verifying.reading import read

NEAR = 0.5
"""Cosine of the mean vectors, with their languages taken off, from which two texts are read side by side."""

SPAN = 4
"""Days between a text and its translation."""

LENGTHS = {"en": 1.0, "de": 0.88, "zh": 3.15}
"""Characters of English that a character of the language stands for (median of 240 parallel paragraphs of XQuAD)."""

AS_LONG = 0.7
"""Length of the shorter text as a share of the longer one, in English characters."""

FEWEST = 5
"""Facts that the texts must share in order."""

AGREEING = 0.65
"""Share of the facts of both texts that they share in order."""

MOST = 250
"""Facts of a text that are compared."""

HEAD = 12_000
"""Characters of English that are read."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a text does not change with its language, in order: figures, days and years, models and entities it
    names. `length` is that of the text, in English characters."""

    order: tuple[str, ...]
    length: float


@lru_cache(maxsize=1024)
def facts(title: str, text: str, language: str) -> Facts:
    factor = LENGTHS.get(language, 1.0)
    # `read` keeps what it read for the checks of answers; whole articles are not to push those out.
    found = read.__wrapped__(f"{title}\n{text[: int(HEAD / factor)]}")
    order = [(each.start, f"figure {each.value:g}") for each in found.figures if each.kind != "small"]
    for day in found.days:
        if day.month and day.day:
            order.append((day.start, f"day {day.month}-{day.day}"))
        elif day.year:
            order.append((day.start, f"year {day.year}"))
    order += [(each.start, " ".join(sorted(each.ids))) for each in found.mentions if not each.ambiguous]
    order += [(start, found.text[start:end].casefold()) for start, end in found.models]
    return Facts(tuple(fact for _, fact in sorted(order)[:MOST]), len(text) * factor)


def translated(one: Version, other: Version, cosine: float) -> bool:
    """Whether two versions in different languages, whose vectors have this cosine, are translations of one text."""
    return cosine >= NEAR and carried_over(
        facts(one.title, one.text, one.language), facts(other.title, other.text, other.language)
    )


def carried_over(one: Facts, other: Facts) -> bool:
    """Whether two texts are about equally long and name the same facts in the same order."""
    if min(one.length, other.length) < AS_LONG * max(one.length, other.length):
        return False
    both = len(one.order) + len(other.order)
    # What is not there cannot be there in order.
    if 2 * (Counter(one.order) & Counter(other.order)).total() < max(AGREEING * both, 2 * FEWEST):
        return False
    return 2 * in_order(one.order, other.order) >= max(AGREEING * both, 2 * FEWEST)


def in_order(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    before = [0] * (len(other) + 1)
    for item in one:
        row = [0]
        for place, fact in enumerate(other):
            row.append(before[place] + 1 if item == fact else max(before[place + 1], row[-1]))
        before = row
    return before[-1]
