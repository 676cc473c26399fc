"""What is tied to what: before or after, with or without, from or to; the same thing tied the other way is an opposite.

"Settled before trial" and "after trial" differ; "A before B" and "B after A" do not: the thing tied is another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.text.words import behind_in_chinese
from kb.verifying import dates
from kb.verifying.alignment import Unit, comparable, units
from kb.verifying.lexicon import Tie, load_words
from kb.verifying.reading import Reading, read

REACH = 24
"""Characters between a tie and the thing it ties, at most; of Chinese ones a third."""


ROUTE = "route"
"""The axis of from and to."""


@dataclass(frozen=True, slots=True)
class Tied:
    """A thing of a text and the tie that holds it, written text[start:end]."""

    axis: str
    sign: int
    unit: Unit
    start: int
    end: int


@lru_cache(maxsize=2048)
def tied(text: str) -> tuple[Tied, ...]:
    """What a text ties to what, in order."""
    return tuple(_tied(read(text)))


def _tied(reading: Reading) -> Iterator[Tied]:
    words = load_words()
    said = units(reading.text)
    for item in words.tie_lexicon.find(reading.text):
        tie = words.ties[item.id]
        clause = next(((a, b) for a, b in reading.clauses if a <= item.start < b), (item.start, item.end))
        if tie.where and not tie.where.search(reading.text, *clause):
            continue
        after = [unit for unit in said if unit.start >= item.end and unit.start < clause[1]]
        yield from _held(tie, reading, after[:1], item.start, item.end)
    if reading.language == "zh":
        for start, end in behind_in_chinese(reading.text):
            for tie in words.ties.values():
                if reading.text[start:end] in tie.behind:
                    before = [unit for unit in said if unit.end <= start]
                    yield from _held(tie, reading, before[-1:], start, end)


def _held(tie: Tie, reading: Reading, near: Sequence[Unit], start: int, end: int) -> Iterator[Tied]:
    for unit in near:
        gap = unit.start - end if unit.start >= end else start - unit.end
        named = any(key[0] in "en" for key in unit.keys)
        if gap > (REACH if reading.language != "zh" else REACH / 3):
            continue
        if (tie.days and unit.day is None) or (tie.names and not named) or (not tie.days and unit.day is not None):
            continue
        yield Tied(tie.axis, tie.sign, unit, start, end)


def untied(claim: Reading, passages: Sequence[Reading]) -> tuple[str, str] | None:
    """A tie of the claim that a passage has the other way round: (the claim's words, the passage's)."""
    route = {each.sign for each in tied(claim.text) if each.axis == ROUTE}
    for mine in tied(claim.text):
        if mine.axis == ROUTE and len(route) < 2:
            # What comes from somebody went to him in other words: only a way with both its ends can be turned round.
            continue
        same = [
            (each, passage)
            for passage in passages
            for each in tied(passage.text)
            if each.axis == mine.axis and _one_thing(mine.unit, each.unit, claim, passage)
        ]
        if same and all(each.sign != mine.sign for each, _ in same):
            each, passage = same[0]
            return _written(mine, claim), _written(each, passage)
    return None


def _one_thing(one: Unit, other: Unit, claim: Reading, passage: Reading) -> bool:
    if one.day is not None or other.day is not None:
        return one.day is not None and other.day is not None and dates.same(other.day, one.day, passage.days)
    # A name is written alike in English and German, whether or not it can be told from a noun.
    alike = comparable(claim, passage) or "zh" not in (claim.language, passage.language)
    known = "emns" if alike else "emn"
    return any(key[0] in known for key in one.keys & other.keys)


def _written(each: Tied, reading: Reading) -> str:
    start, end = min(each.start, each.unit.start), max(each.end, each.unit.end)
    return re.sub(r"\s+", " ", reading.text[start:end])
