"""Whether one text is a translation of another: near in meaning, equally long, and of the same figures, dates, names.

Two reports of one event are as near in meaning as a translation; what tells them apart is that a translation
carries the facts of its original over, all of them and no others. So all three witnesses must agree, and a text
with few facts is never taken for a translation.
"""

from __future__ import annotations

from dataclasses import dataclass

from kb.models import Version
from kb.verifying.reading import read

NEAR = 0.6
"""Cosine of the mean vectors, with their languages taken off, from which two texts are read side by side."""

SPAN = 4
"""Days between a text and its translation; a calendar day of it is the date line."""

LENGTHS = {"en": 1.0, "de": 0.88, "zh": 2.9}
"""Characters of English that a character of the language stands for (240 parallel paragraphs of XQuAD)."""

AS_LONG = 0.7
"""Length of the shorter text as a share of the longer one, in English characters."""

FEWEST = 5
"""Facts that the texts must share."""

AGREEING = 0.55
"""Share of all facts of both texts that they share."""

HEAD = 6000
"""Characters of English that are read."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a text does not change with its language: figures, days and years, and the entities it names."""

    all: frozenset[tuple[str, str]]
    length: float


def facts(title: str, text: str, language: str) -> Facts:
    factor = LENGTHS.get(language, 1.0)
    # `read` keeps what it read for the checks of answers; whole articles are not to push those out.
    found = read.__wrapped__(f"{title}\n{text[: int(HEAD / factor)]}")
    kept = {("figure", f"{each.value:g}") for each in found.figures if each.kind != "small"}
    for day in found.days:
        if day.month and day.day:
            kept.add(("day", f"{day.month}-{day.day}"))
        elif day.year:
            kept.add(("year", str(day.year)))
    kept |= {("name", id) for mention in found.mentions if not mention.ambiguous for id in mention.ids}
    kept |= {("model", found.text[start:end].casefold()) for start, end in found.models}
    return Facts(frozenset(kept), len(text) * factor)


def agreement(one: Facts, other: Facts) -> tuple[int, float]:
    """How many facts two texts share, and which share of all."""
    shared = len(one.all & other.all)
    return shared, shared / max(len(one.all | other.all), 1)


def translated(one: Version, other: Version, cosine: float) -> bool:
    """Whether two versions in different languages, whose vectors have this cosine, are translations of one text."""
    left = facts(one.title, one.text, one.language)
    right = facts(other.title, other.text, other.language)
    if min(left.length, right.length) < AS_LONG * max(left.length, right.length):
        return False
    shared, share = agreement(left, right)
    return cosine >= NEAR and shared >= FEWEST and share >= AGREEING
